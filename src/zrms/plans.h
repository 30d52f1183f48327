/*
 * Plans (core/plan/plan.h), made beside the commit loop: a child of zrms writes a checkpoint of the core as it is at that
 * moment (adapter/snapshot), a worker thread computes on it. The loop is held for a fork.
 *
 *     plans_make() ──► fork ──► checkpoint, in the child ──► plan_make(), in a thread ──► answer, in the loop
 */
#ifndef SAMOZA_ZRMS_PLANS_H
#define SAMOZA_ZRMS_PLANS_H

#include "adapter/http/http.h"
#include "core/plan/plan.h"

struct plans;
struct zrms;

/* Borrowed. */
struct plans *plans_new(struct zrms *zrms);
/* PRE: idle. NULL is fine. */
void plans_free(struct plans *p);
bool plans_are_idle(const struct plans *p);

/* Hands over what was chosen; borrowed. */
typedef void plans_chosen_fn(struct zrms *zrms, struct http_request *request,
			     const Samoza__V1__RebalanceRecord *chosen);
/* Chooses the moves of a rebalance in the same way: the loop goes on meanwhile. Or answers why it is refused. */
void plans_choose(struct plans *p, struct http_request *request, const struct plan_request *of,
		  plans_chosen_fn *then);
/* Answers the request with a PlanView, or why it is refused. Copies what the plan is of. PRE: no batch of the
 * commit loop is being delivered. */
void plans_make(struct plans *p, struct http_request *request, const struct plan_request *of);

#endif
