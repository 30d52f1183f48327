/*
 * What needs attention, the worst first: what has failed, then what runs only in part, then what waits for a person or for
 * time. Of the same kind the one that is so for longest first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/drain.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/zhost_event.h"
#include "core/control/view/list_filter.h"
#include "core/control/view/view_parts.h"
#include "core/lifecycle/why.h"
#include "schema/message.h"

/* The worst first. */
enum rank {
	RANK_TOPOLOGY_FAILED,
	RANK_ZHOST_PROBLEM,
	RANK_TOPOLOGY_DEGRADED,
	RANK_ROLLOUT_FAILED, /* paused, or on its way back, or has ended without success */
	RANK_ZHOST_FULL,
	RANK_MADE_FAILED,
	RANK_TOPOLOGY_PENDING,
	RANK_ROLLOUT_WAITS,
	RANK_DRAIN,
};

struct concern {
	enum rank rank;
	int64_t since_ms; /* wall clock; 0: not known */
	const char *name; /* borrowed, as all of it */
	const struct control_application *application;
	const struct control_zhost *zhost;
	const struct made_zhost *made;
};
typedef VECTOR(struct concern) concern_list;

static int compare(const void *pa, const void *pb)
{
	const struct concern *a = pa, *b = pb;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->since_ms != b->since_ms)
		return a->since_ms < b->since_ms ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* ---- what there is ---- */

static void find_topology(const struct control_application *a, concern_list *to)
{
	struct concern own = {.name = a->name, .since_ms = a->updated_ms, .application = a};
	if (a->state == TOPOLOGY_FAILED)
		own.rank = RANK_TOPOLOGY_FAILED;
	else if (a->state == TOPOLOGY_DEGRADED)
		own.rank = RANK_TOPOLOGY_DEGRADED;
	else if (a->state == TOPOLOGY_PENDING && a->reason.text != NULL)
		own.rank = RANK_TOPOLOGY_PENDING;
	else
		return;
	vector_push(to, own);
}

static void find_rollout(const struct control_application *a, concern_list *to)
{
	struct concern own = {.name = a->name, .since_ms = a->updated_ms, .application = a};
	if (a->rollout == NULL) {
		own.rank = RANK_ROLLOUT_FAILED;
		own.since_ms = a->last_rollout.time_ms;
		if (str_equal(a->last_rollout.result, "failed"))
			vector_push(to, own);
		return;
	}
	enum rollout_state state = a->rollout->rollout.state;
	own.rank = state == ROLLOUT_WAITING ? RANK_ROLLOUT_WAITS : RANK_ROLLOUT_FAILED;
	if (state == ROLLOUT_WAITING || state == ROLLOUT_PAUSED || state == ROLLOUT_RETURNING)
		vector_push(to, own);
}

static void find_zhosts(const struct control *c, concern_list *to)
{
	zhost_for_each (&c->zhosts, z) {
		struct concern own = {.name = z->name, .since_ms = z->since_ms, .zhost = z};
		if (z->removed)
			continue;
		if (z->state == ZHOST_PROBLEM)
			own.rank = RANK_ZHOST_PROBLEM;
		else if (z->disk_full || z->has_full_data)
			own.rank = RANK_ZHOST_FULL;
		else if (z->drain != NULL && z->drain->state != DRAIN_DRAINED)
			own.rank = RANK_DRAIN;
		else
			continue;
		if (own.rank == RANK_DRAIN)
			own.since_ms = z->drain->began_wall_ms;
		vector_push(to, own);
	}
	made_zhost_for_each(&c->made, m) if (m->state == MADE_FAILED || m->state == MADE_STUCK)
		vector_push(to, ((struct concern){.rank = RANK_MADE_FAILED,
						  .name = m->record->name,
						  .since_ms = m->record->since_ms,
						  .made = m}));
}

/* ---- what is said of it ---- */

/* The first one that is to run and does not: of a failed one it cannot without help. */
static const struct slot_control *first_missing(const struct control_application *a)
{
	const struct slot_control *first = NULL;
	vector_for_each (&a->slot_controls, sc) {
		if ((*sc)->unhealthy)
			return *sc;
		if (first == NULL && slot_is_required((*sc)->slot) &&
		    (*sc)->slot->state != STATE_DEPLOYED_STARTED)
			first = *sc;
	}
	return first;
}

static void say_topology(const struct control_application *a, Samoza__V1__AttentionView *v)
{
	const struct slot_control *missing = first_missing(a);
	v->state = mem_strdup(topology_state_name(a->state));
	v->has_count = v->has_of = true;
	v->count = a->slots.to_start - a->slots.to_start_started;
	v->of = a->slots.to_start;
	if (missing != NULL) {
		v->space = mem_strdup(missing->slot->path);
		v->zhost =
			mem_strdup(slot_is_placed(missing) ? slot_zhost(missing)->name : NULL);
	}
	/* Why there is no place says more than that there is none. */
	struct failure_reason reason = {0};
	if (a->reason.text != NULL && (missing == NULL || !slot_is_placed(missing)))
		reason = failure_copy(&a->reason);
	else if (missing != NULL)
		reason = slot_why(missing->slot);
	if (reason.text == NULL)
		reason = failure_new(FAILURE_INSTANCES, "%u of %u space%s %s not running",
				     v->count, v->of, str_plural(v->of), str_are(v->count));
	failure_show(reason, &v->reason, &v->failure_code);
}

static char *reason_of_rollout(const struct control_application *a,
			       const Samoza__V1__RolloutView *rollout)
{
	const char *why = rollout->cause != NULL ? rollout->cause : rollout->detail;
	return str_printf("to %s%s%s",
			  rollout->version != NULL ? rollout->version : "the new revision",
			  why != NULL ? ": " : "", why != NULL ? why : a->name);
}

static enum failure_code code_of_rollout(const struct control_application *a)
{
	enum rollout_state state = a->rollout->rollout.state;
	return state == ROLLOUT_WAITING	 ? FAILURE_ROLLOUT_WAITING
	       : state == ROLLOUT_PAUSED ? FAILURE_ROLLOUT_PAUSED
					 : FAILURE_ROLLOUT_RETURNING;
}

static void say_rollout(const struct control_application *a, Samoza__V1__AttentionView *v)
{
	Samoza__V1__RolloutView *rollout = view_rollout(a);
	Samoza__V1__LastRolloutView *last = rollout == NULL ? view_last_rollout(a) : NULL;
	if (rollout != NULL) {
		v->state = mem_strdup(rollout->state);
		failure_show(failure_take(code_of_rollout(a), reason_of_rollout(a, rollout)),
			     &v->reason, &v->failure_code);
		samoza__v1__rollout_view__free_unpacked(rollout, NULL);
	} else {
		v->state = mem_strdup(last->result);
		failure_show(
			failure_new(FAILURE_ROLLOUT_FAILED, "the rollout to %s has %s%s%s",
				    last->version != NULL ? last->version : "the new revision",
				    last->result, last->cause != NULL ? ": " : "",
				    last->cause != NULL ? last->cause : ""),
			&v->reason, &v->failure_code);
		samoza__v1__last_rollout_view__free_unpacked(last, NULL);
	}
}

/* How many it served, that serve nowhere else yet. */
static uint32_t left_without_place(const struct control_zhost *z)
{
	uint32_t count = 0;
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		count += !copy_is_retired(copy) && copy_serves(copy);
	return count;
}

static void say_problem(const struct control_zhost *z, Samoza__V1__AttentionView *v)
{
	CLEANUP(freep)
	char *heard = z->heard_wall_ms != 0 ? iso8601_text(z->heard_wall_ms)
					    : mem_strdup("before zrms started");
	v->has_count = true;
	v->count = left_without_place(z);
	failure_show(
		v->count == 0
			? failure_new(FAILURE_ZHOST_SILENT,
				      "no heartbeat since %s: no instance waits for it", heard)
			: failure_new(FAILURE_ZHOST_SILENT,
				      "no heartbeat since %s: %u instance%s that ran there %s "
				      "no other place",
				      heard, v->count, str_plural(v->count),
				      v->count == 1 ? "has" : "have"),
		&v->reason, &v->failure_code);
}

static void say_drain(const struct zhost_drain *d, Samoza__V1__AttentionView *v)
{
	v->has_count = true;
	v->count = (uint32_t)d->left.count;
	failure_show(d->left.count == 0
			     ? failure_new(FAILURE_DRAIN, "everything is leaving it")
			     : failure_new(FAILURE_DRAIN, "%u left: %s: %s", v->count,
					   d->left.items[0].name, d->left.items[0].why),
		     &v->reason, &v->failure_code);
}

static void say_zhost(const struct concern *own, Samoza__V1__AttentionView *v)
{
	const struct control_zhost *z = own->zhost;
	if (own->rank == RANK_ZHOST_PROBLEM) {
		v->state = mem_strdup(state_name(STATE_PROBLEM));
		say_problem(z, v);
	} else if (own->rank == RANK_ZHOST_FULL) {
		v->state = mem_strdup(z->disk_full ? "disk-full" : "data-full");
		failure_show(
			z->disk_full
				? failure_new(FAILURE_DISK_FULL, "its disk is full")
				: failure_new(
					  FAILURE_DATA_FULL,
					  "data of instances there have used up their room"),
			&v->reason, &v->failure_code);
	} else {
		v->state = mem_strdup(drain_state_name(z->drain->state));
		say_drain(z->drain, v);
	}
}

static void say_made(const struct made_zhost *m, Samoza__V1__AttentionView *v)
{
	v->state = mem_strdup(state_machine_state_name(&made_machine, m->state));
	failure_show(failure_new(FAILURE_MACHINE, "%s",
				 !str_is_empty(m->record->error)
					 ? m->record->error
					 : "its driver could not make it"),
		     &v->reason, &v->failure_code);
}

static Samoza__V1__AttentionView *say(const struct concern *own)
{
	Samoza__V1__AttentionView *v = (Samoza__V1__AttentionView *)schema_message_new(
		&samoza__v1__attention_view__descriptor);
	bool is_rollout = own->rank == RANK_ROLLOUT_FAILED || own->rank == RANK_ROLLOUT_WAITS;
	v->kind = mem_strdup(own->application == NULL ? "zhost"
			     : is_rollout	      ? "rollout"
						      : "topology");
	v->name = mem_strdup(own->name);
	v->since = own->since_ms != 0 ? iso8601_text(own->since_ms) : NULL;
	if (own->application != NULL) {
		v->topology = mem_strdup(own->application->id);
		if (is_rollout)
			say_rollout(own->application, v);
		else
			say_topology(own->application, v);
	} else if (own->zhost != NULL) {
		say_zhost(own, v);
	} else {
		say_made(own->made, v);
	}
	return v;
}

void view_attention(const struct control *c, const struct list_filter *filter, size_t max,
		    Samoza__V1__SummaryView *v)
{
	concern_list all = {0};
	application_for_each (&c->applications, a) {
		if (!list_filter_takes_topology(filter, a))
			continue;
		find_topology(a, &all);
		find_rollout(a, &all);
	}
	find_zhosts(c, &all);
	if (all.count > 1)
		qsort(all.items, all.count, sizeof(*all.items), compare);
	size_t count = all.count < max ? all.count : max;
	v->attention_count = (uint32_t)all.count;
	v->attention = mem_new_array(Samoza__V1__AttentionView *, count);
	for (size_t k = 0; k < count; k++)
		v->attention[v->n_attention++] = say(&all.items[k]);
	vector_done(&all);
}
