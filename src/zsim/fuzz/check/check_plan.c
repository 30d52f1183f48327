#include "zsim/fuzz/check/check_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/state.h"
#include "core/plan/plan.h"
#include "schema/message.h"
#include "zsim/fuzz/check/plan_room.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"

struct planned {
	bool is_wanted;
	bool is_planned; /* the request was granted in the plan */
	int64_t asked_ms;
	Samoza__V1__PlanView *plan; /* NULL: it is refused, or there is none */
	plan_events happened;
	VECTOR(char *)
	waited; /* names of topologies of which something had no room since the request */
};

static void events_done(plan_events *all)
{
	vector_for_each (all, e) {
		free(e->subject);
		free(e->from);
		free(e->text);
	}
	vector_done(all);
}

static void planned_free(struct planned *p)
{
	if (p == NULL)
		return;
	events_done(&p->happened);
	vector_for_each (&p->waited, name)
		free(*name);
	vector_done(&p->waited);
	schema_message_free(p->plan != NULL ? &p->plan->base : NULL);
	free(p);
}

/* ---- the plan ---- */

void check_plan_wanted(struct fuzz *f)
{
	planned_free(f->planned);
	f->planned = mem_new(struct planned);
	f->planned->is_wanted = true;
}

static bool request_of(const struct control_input *input, struct plan_request *ret)
{
	if (input->type == CONTROL_SUBMIT && input->submit.options.start) {
		*ret = (struct plan_request){.kind = PLAN_SUBMIT,
					     .actor = input->actor,
					     .record = input->submit.record,
					     .options = input->submit.options,
					     .kept = input->submit.kept};
		return true;
	}
	if (input->type == CONTROL_REBALANCE && !input->rebalance.stop) {
		*ret = (struct plan_request){.kind = PLAN_REBALANCE,
					     .actor = input->actor,
					     .max_moves = input->rebalance.max_moves,
					     .include = input->rebalance.include,
					     .include_count = input->rebalance.include_count};
		return true;
	}
	*ret = (struct plan_request){.kind = PLAN_DRAIN,
				     .actor = input->actor,
				     .zhost = input->zhost.name,
				     .deadline_ms = input->zhost.deadline_ms,
				     .force = input->zhost.force};
	return input->type == CONTROL_ZHOST && input->zhost.action == ZHOST_DRAIN;
}

void check_plan_asked(struct fuzz *f, const struct control_input *input)
{
	struct planned *p = f->planned;
	struct plan_request request;
	int64_t action_ms = f->world.options.recipe_ms;
	struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	limits.times = (struct ideal_times){.deploy_ms = action_ms,
					    .start_ms = action_ms,
					    .update_ms = action_ms,
					    .stop_ms = action_ms,
					    .undeploy_ms = action_ms};
	CLEANUP(error_freep) struct error *err = NULL;
	if (p == NULL || !p->is_wanted || f->world.control == NULL ||
	    control_loop_is_due(f->world.commits) || !request_of(input, &request))
		return;
	p->is_wanted = false;
	p->is_planned = true;
	p->asked_ms = f->world.now_ms;
	Samoza__V1__Checkpoint *now =
		checkpoint_new(f->world.control, world_instant(&f->world));
	(void)!plan_make(now, &request, &limits, &p->plan, &err);
	schema_message_free(&now->base);
	if (err != NULL)
		world_log(&f->world, "  the plan is refused: %s", err->message);
	for (size_t k = 0; p->plan != NULL && k < p->plan->n_moves; k++) {
		const Samoza__V1__PlanMoveView *m = p->plan->moves[k];
		world_log(&f->world, "  plan %u: %s %s %s -> %s: %s", m->step, m->kind,
			  m->subject, m->from, m->to, m->cause);
	}
	draws_happened(f, DRAW_PLANS);
}

int64_t check_plan_until_ms(const struct fuzz *f)
{
	const struct planned *p = f->planned;
	const struct control *c = f->world.control;
	bool keeps = c != NULL && c->kept_set_timers.count > 0;
	return keeps && p != NULL && p->plan != NULL
		       ? p->asked_ms + (int64_t)p->plan->virtual_ms
		       : 0;
}

/* ---- what happens ---- */

/* What an instance waits for on its way, if anything, depends on the time that others take. */
static bool is_on_the_way(const char *state)
{
	return str_equal(state, "unresolved") || str_equal(state, "waiting-for-ancestor") ||
	       str_equal(state, "deployed-stopped");
}

static bool is_wait(const char *state)
{
	return str_equal(state, "unresolved") || str_equal(state, "waiting-for-ancestor");
}

/* [change.drain.plan] A plan promises order and places, not times: how often it starts follows from those of others, where it
 * stops for want of a provider, or of its ancestor; where it waits for them when it is handed over; and where a drain
 * stops it when the last of the others has gone. */
static bool is_reaction(const char *from, const char *state, const char *cause)
{
	bool waits = is_wait(from);
	bool stops = str_equal(state, "stopping") || str_equal(state, "undeploying");
	if (waits && (str_equal(state, "not-deployed") || str_equal(state, "deployed-stopped")))
		return true;
	return (stops && str_has_suffix(cause, " is drained")) ||
	       (str_equal(state, "stopping") &&
		(str_has_prefix(cause, "lost the last provider") ||
		 str_has_prefix(cause, "ancestor ")));
}

/* It need not stop for a handover: it waits, and is no more in its slot until its successor is, or is installed there. */
static bool is_handed_waiting(const char *from, const char *state, const char *cause)
{
	return is_wait(from) && (str_equal(state, "not-deployed") ||
				 (str_equal(state, "deployed-stopped") &&
				  str_equal(cause, "it is being handed over")));
}

/* Copies go, and nobody says when: former ones that are not handed over, a former set that is kept no longer, or what a
 * rollout that is dropped had begun. */
static bool is_unload(const char *kind, const char *target, const char *cause)
{
	return str_equal(kind, "space") ? str_equal(cause, "unloads in the background")
					: str_equal(kind, "rollout") && target[0] == '\0';
}

static void add(plan_events *to, const char *kind, const char *subject, const char *from,
		const char *target, const char *cause)
{
	bool is_space = str_equal(kind, "space"), is_placement = str_equal(kind, "placement");
	bool leaves = !is_placement && str_equal(target, "not-deployed");
	bool reacts = is_space && is_reaction(from, target, cause);
	bool is_hidden = is_space && is_on_the_way(target);
	if (!is_space && !is_placement && !str_equal(kind, "rollout") && !leaves)
		return;
	*vector_add(to) = (struct plan_event){
		.subject = str_printf("%s %s", kind, subject),
		.from = mem_strdup(from),
		.text = mem_strdup(target),
		.is_room = is_placement || leaves,
		.is_unload = is_unload(kind, target, cause),
		.is_reaction = reacts,
		.is_hidden = is_hidden,
		.is_handed = is_space && str_equal(target, "stopping") &&
			     str_equal(cause, "it is being handed over"),
		.is_waiting = is_space && is_handed_waiting(from, target, cause)};
}

static void add_waited(struct planned *p, const char *name)
{
	vector_for_each (&p->waited, known)
		if (str_equal(*known, name))
			return;
	vector_push(&p->waited, mem_strdup(name));
}

static void note_waiting(struct planned *p, const struct control *c)
{
	if (c == NULL)
		return;
	application_for_each (&c->applications, a)
		if (plan_waits_for_room(c, a))
			add_waited(p, a->name);
}

void check_plan_committed(struct fuzz *f, const struct outbox *o)
{
	if (f->planned == NULL || !f->planned->is_planned)
		return;
	note_waiting(f->planned, f->world.control);
	vector_for_each (&o->events, e)
		add(&f->planned->happened, (*e)->kind, (*e)->subject, (*e)->from, (*e)->to,
		    (*e)->cause);
}

/* ---- compared ---- */

/* It stops for want of a provider that comes back: whether it starts in between, and so how it is handed over then,
 * depends on how long the others take. */
static bool reacts(const plan_events *all, const char *subject)
{
	vector_for_each (all, e)
		if (e->is_reaction && str_equal(e->subject, subject))
			return true;
	return false;
}

static bool is_handed_while_it_waits(const plan_events *all, const char *subject)
{
	vector_for_each (all, e)
		if (e->is_waiting && str_equal(e->subject, subject))
			return true;
	return false;
}

/* From a reaction (`*since`: what it was; NULL: none) to its next start, or to what ends that. What waits while it is
 * handed over is deployed again in its slot; where it did not wait in the other of the two (`is_handed`), it stops and
 * starts for that. */
static bool is_in_reaction(const struct plan_event *e, bool is_handed, const char **since)
{
	bool reacts = e->is_reaction || (is_handed && e->is_handed);
	if (reacts)
		*since = e->text;
	bool is_redeployed = *since != NULL && str_equal(*since, "not-deployed") &&
			     str_equal(e->text, "deploying");
	bool goes_on = reacts || e->is_hidden || is_redeployed ||
		       str_equal(e->text, "starting") || str_equal(e->text, "deployed-started");
	bool is_in = *since != NULL && goes_on;
	if (!goes_on || str_equal(e->text, "deployed-started"))
		*since = NULL;
	return is_in;
}

/* Where its last start begins, if that was in vain: it stops for want of a provider, and waits for one at the end. Where the
 * provider stops a moment earlier, it waits without having started. The end: there is no such start. */
static const struct plan_event *start_in_vain(const plan_events *all, const char *subject)
{
	const struct plan_event *start = NULL;
	bool is_in_vain = false;
	vector_for_each (all, e) {
		if (!str_equal(e->subject, subject))
			continue;
		if (str_equal(e->text, "starting")) {
			start = e;
			is_in_vain = false;
		} else if (e->is_reaction) {
			is_in_vain = true;
		}
	}
	return is_in_vain && start != NULL ? start : all->items + all->count;
}

/* Without its reactions, and how it ends. `other` says where it was, where nothing of it is in `all`. */
static char *stations_of(const plan_events *all, const plan_events *other, const char *subject)
{
	struct buffer b = BUFFER_INIT(1024 * 1024);
	const char *ends = NULL;
	const char *since = NULL;
	bool is_handed = is_handed_while_it_waits(all, subject) ||
			 is_handed_while_it_waits(other, subject);
	const struct plan_event *in_vain = start_in_vain(all, subject);
	vector_for_each (all, e) {
		if (!str_equal(e->subject, subject))
			continue;
		bool starts = str_equal(e->text, "starting") ||
			      str_equal(e->text, "deployed-started");
		if (!is_in_reaction(e, is_handed, &since) && !e->is_hidden &&
		    !(starts && e >= in_vain))
			plan_append(&b, e->text);
		ends = e->text;
	}
	for (size_t k = 0; k < other->count && ends == NULL; k++)
		if (str_equal(other->items[k].subject, subject))
			ends = other->items[k].from;
	plan_append(&b, ends);
	return plan_text_of(&b);
}

/* How often that room is taken or left among the first `count`. */
static size_t times_before(const plan_events *all, size_t count, const struct plan_event *what)
{
	size_t times = 0;
	for (size_t k = 0; k < count; k++)
		times += all->items[k].is_room &&
			 str_equal(all->items[k].subject, what->subject) &&
			 str_equal(all->items[k].text, what->text);
	return times;
}

static bool has_all_before(const plan_events *all, size_t count, const plan_events *other,
			   size_t other_count)
{
	for (size_t k = 0; k < count; k++)
		if (all->items[k].is_room &&
		    times_before(all, count, &all->items[k]) !=
			    times_before(other, other_count, &all->items[k]))
			return false;
	return true;
}

static bool has_unload_before(const plan_events *all, size_t count)
{
	for (size_t k = 0; k < count; k++)
		if (all->items[k].is_unload)
			return true;
	return false;
}

/* The next event of the subject from `*at` on, or the end. */
static const struct plan_event *next_of(const plan_events *all, const char *subject, size_t *at)
{
	while (*at < all->count && !str_equal(all->items[*at].subject, subject))
		(*at)++;
	return *at < all->count ? &all->items[(*at)++] : NULL;
}

/* Where its first place that is another one was chosen, others had taken or left room that had not, or not yet, in the
 * plan: how long they take is not known before, and which place is free, or the best, may follow from that. */
static bool had_other_rooms(const plan_events *plan, const plan_events *happened,
			    const char *subject)
{
	size_t k = 0, n = 0;
	for (;;) {
		const struct plan_event *planned = next_of(plan, subject, &k);
		const struct plan_event *came = next_of(happened, subject, &n);
		if (planned == NULL && came == NULL)
			return false;
		if (planned != NULL && came != NULL && str_equal(planned->text, came->text))
			continue;
		size_t before = planned != NULL ? k - 1 : k, seen = came != NULL ? n - 1 : n;
		return has_unload_before(plan, before) || has_unload_before(happened, seen) ||
		       !has_all_before(plan, before, happened, seen) ||
		       !has_all_before(happened, seen, plan, before);
	}
}

/* True: a difference was found, and reported. */
static bool compare(struct fuzz *f, const plan_events *plan, const plan_events *happened,
		    const char *subject)
{
	bool anywhere = str_has_prefix(subject, "placement ") &&
			had_other_rooms(plan, happened, subject);
	CLEANUP(freep) char *planned = plan_moves_of(plan, subject, anywhere);
	CLEANUP(freep) char *came = plan_moves_of(happened, subject, anywhere);
	if (str_equal(planned, came))
		return false;
	if (reacts(plan, subject) || reacts(happened, subject)) {
		CLEANUP(freep) char *stations = stations_of(plan, happened, subject);
		CLEANUP(freep) char *seen = stations_of(happened, plan, subject);
		if (str_equal(stations, seen))
			return false;
	}
	world_violate(&f->world, "the plan of %s is: %s; and then came: %s", subject, planned,
		      came);
	return true;
}

/* Something had no room for a while, and got some, or was to: who waits on says nothing of the others. */
static bool has_waited(const struct planned *p, const plan_events *plan,
		       const plan_events *happened)
{
	vector_for_each (&p->waited, name)
		if (plan_places_some(plan, *name) || plan_places_some(happened, *name))
			return true;
	return false;
}

/* Of one that had no room for a while: others got it in only one of the two, as they were elsewhere before. */
static bool has_lost_its_room(const struct fuzz *f, const plan_events *plan,
			      const plan_events *happened, const char *subject)
{
	const char *name = strchr(subject, ' ') + 1;
	CLEANUP(freep) char *topology = str_printf("%.*s", (int)strcspn(name, "/"), name);
	vector_for_each (&f->planned->waited, waited)
		if (str_equal(*waited, topology))
			return plan_gives_room_to_others(f, plan, happened, topology, subject);
	return false;
}

static bool compare_all(struct fuzz *f, const plan_events *plan, const plan_events *happened)
{
	bool other_room = has_waited(f->planned, plan, happened) &&
			  plan_leaves_other_room(f, plan, happened);
	const plan_events *both[] = {plan, happened};
	for (size_t k = 0; k < ARRAY_SIZE(both); k++)
		vector_for_each (both[k], e)
			if (!(other_room &&
			      plan_is_about_room(f, plan, happened, e->subject)) &&
			    !plan_drains_in_another_order(f, f->planned->plan, plan, happened,
							  e->subject) &&
			    !has_lost_its_room(f, plan, happened, e->subject) &&
			    compare(f, plan, happened, e->subject))
				return true;
	return false;
}

void check_plan_end(struct fuzz *f, bool granted)
{
	struct planned *p = f->planned;
	plan_events plan = {0};
	f->planned = NULL;
	if (p != NULL && p->is_planned && f->world.violation == NULL) {
		if (granted != (p->plan != NULL))
			world_violate(&f->world, "a request is %s, and its plan was not",
				      granted ? "granted" : "refused");
		for (size_t k = 0; granted && p->plan != NULL && k < p->plan->n_moves; k++) {
			const Samoza__V1__PlanMoveView *m = p->plan->moves[k];
			add(&plan, m->kind, m->subject, m->from, m->to, m->cause);
		}
		f->planned = p;
		if (granted && f->world.violation == NULL &&
		    !str_equal(p->plan->end, "unfinished"))
			(void)compare_all(f, &plan, &p->happened);
	}
	events_done(&plan);
	planned_free(p);
	f->planned = NULL;
}
