/*
 * What would follow from a request if nothing else happened: zrms' own core, loaded from a checkpoint, and zhosts
 * that do what they are asked, in virtual time.
 *
 *     checkpoint ──► core ◄──request
 *                     │ ▲
 *        what it asks ▼ │ what they report                    events of the core ──► moves of the plan
 *                    ideal zhosts (ideal_zhost.h)
 *
 * It ends when the request is done, when nothing is left to happen by itself (it waits for room, or for a
 * person), or at its limits. Pure, and apart from the core that decides: it may run in a thread of its own.
 *
 * Source: [change.rollout.cmd-plan], [change.drain.plan], [change.drain.rebalance].
 */
#ifndef SAMOZA_CORE_PLAN_PLAN_H
#define SAMOZA_CORE_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/application/submission_effect.h"
#include "core/plan/ideal_zhost.h"
#include "proto/checkpoint.pb-c.h"
#include "proto/record.pb-c.h"
#include "proto/view.pb-c.h"

enum plan_kind { PLAN_SUBMIT, PLAN_DRAIN, PLAN_REBALANCE };

/* All borrowed. */
struct plan_request {
	enum plan_kind kind;
	const struct principal *principal; /* as of an input */
	const char *actor;		   /* NULL: "operator" */
	/* PLAN_SUBMIT: as struct control_submit has it. */
	const Samoza__V1__RevisionRecord *record;
	struct submission_options options;
	const char *kept;
	/* PLAN_DRAIN */
	const char *zhost;
	int64_t deadline_ms; /* from now on; 0: none */
	bool force;
	/* PLAN_REBALANCE: as in struct control_input */
	uint32_t max_moves;
	char *const *include;
	size_t include_count;
};

struct plan_limits {
	int64_t virtual_ms; /* the plan looks so far ahead */
	size_t inputs;	    /* the core takes at most so many */
	struct ideal_times times;
};
#define PLAN_LIMITS_DEFAULT                                            \
	((struct plan_limits){.virtual_ms = INT64_C(24) * 3600 * 1000, \
			      .inputs = 5000000,                       \
			      .times = {.deploy_ms = 500,              \
					.start_ms = 500,               \
					.update_ms = 100,              \
					.stop_ms = 200,                \
					.undeploy_ms = 100}})

/* The caller frees *ret_plan with schema_message_free(). Refused as the request itself would be; ERR_INVALID
 * also where the checkpoint cannot be read. */
int plan_make(const Samoza__V1__Checkpoint *from, const struct plan_request *request,
	      const struct plan_limits *limits, Samoza__V1__PlanView **ret_plan,
	      struct error **err);

/* What a rebalance would move, as struct control_input has it (`chosen`), without what follows from it. Request,
 * refusal and result as above. */
int plan_choose(const Samoza__V1__Checkpoint *from, const struct plan_request *request,
		Samoza__V1__RebalanceRecord **ret_chosen, struct error **err);

#endif
