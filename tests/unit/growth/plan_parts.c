/* What takes its time, in virtual time: a plan of it is made, so the same core does all of it. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/plan/plan.h"
#include "growth.h"
#include "schema/message.h"

#define WEB  "- {name: web, type: CALL}\n"
#define WEBS "- {name: web, type: CALL, count: COUNT, disruption: {max_unavailable: 4}}\n"

static void remember(struct world *w)
{
	w->checkpoint = checkpoint_new(w->fleet.control, w->fleet.now);
}

static void plan(struct world *w, const struct plan_request *request, unsigned moves)
{
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	Samoza__V1__PlanView *plan = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	int r = plan_make(w->checkpoint, request, &limits, &plan, &err);
	if (r < 0 || plan->n_moves < moves || !str_equal(plan->end, "completed"))
		(void)fprintf(stderr, "%s: %s\n", r < 0 ? "refused" : plan->end,
			      r < 0 ? err->message : plan->detail);
	INVARIANT(r == 0 && plan->n_moves >= moves && str_equal(plan->end, "completed"));
	schema_message_free(&plan->base);
}

/* ---- checkpoints, which each plan begins with ---- */

/* Each space imports the one before. */
static void chain(struct world *w)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	(void)buffer_printf(&text, "- {name: s0, type: CALL}\n");
	for (unsigned k = 1; k < w->n; k++)
		(void)buffer_printf(
			&text, "- {name: s%u, type: CALL, imports: [{from: s%u}]}\n", k, k - 1);
	world_cluster(w, 4, 4);
	world_submit(w, "chain", text.data);
	INVARIANT(world_held_by_all(w) == w->n);
	remember(w);
}

static void load_checkpoint(struct world *w)
{
	int r = checkpoint_load(w->checkpoint, &w->control, NULL);
	INVARIANT(r == 0);
	outbox_init(&w->outbox);
}

/* ---- drains ---- */

static void others_come(struct world *w)
{
	for (unsigned z = 0; z < 4; z++)
		INVARIANT(world_held(w, z) == (z == 0 ? world_held_by_all(w) : 0));
	world_join(w, 1, 4);
	remember(w);
}

static void topologies_on_one(struct world *w)
{
	world_cluster(w, 4, 1);
	world_submit_each(w, WEB);
	others_come(w);
}

static void instances_on_one(struct world *w)
{
	world_cluster(w, 4, 1);
	world_submit(w, "shop", WEBS);
	others_come(w);
}

static void drain(struct world *w)
{
	plan(w, &(struct plan_request){.kind = PLAN_DRAIN, .zhost = "bench-1"}, w->n);
}

/* ---- rollouts ---- */

static void instances_on_all(struct world *w)
{
	world_cluster(w, 4, 4);
	world_submit(w, "shop", WEBS);
	remember(w);
}

static void roll_out(struct world *w)
{
	Samoza__V1__RevisionRecord *record = world_record(w, "shop", WEBS);
	plan(w, &(struct plan_request){.kind = PLAN_SUBMIT, .record = record}, w->n);
	schema_message_free(&record->base);
}

/* ---- rebalances ---- */

/* As full with few as with many. */
static void load_on_one(struct world *w)
{
	CLEANUP(freep)
	char *spaces =
		str_printf("- {name: web, type: CALL, resources: {cpu: %u}}\n", 8000 / w->n);
	world_cluster(w, 4, 1);
	world_submit_each(w, spaces);
	others_come(w);
}

static void rebalance(struct world *w)
{
	plan(w, &(struct plan_request){.kind = PLAN_REBALANCE}, w->n);
}

const struct part plan_parts[] = {
	{"checkpoint of n spaces with imports", 200, LINEAR, chain, load_checkpoint},
	{"drain of n topologies", 20, 8, topologies_on_one, drain},
	{"drain of n instances", 20, 8, instances_on_one, drain},
	{"rollout of n instances", 60, 4.4, instances_on_all, roll_out},
	{"rebalance of n topologies", 20, 8, load_on_one, rebalance},
	{0},
};
