#include "zsim/fuzz/check/check_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/state.h"
#include "core/plan/plan.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/controller.h"

struct plan_event {
	char *subject;	  /* "space shop/api-1" */
	char *text;	  /* where it goes: a state, a zhost, a version */
	bool is_room;	  /* a place is taken, or left */
	bool is_reaction; /* it depends on how long others take whether it starts before */
	bool is_hidden;	  /* no move to compare */
};

typedef VECTOR(struct plan_event) plan_events;

struct planned {
	bool is_wanted;
	bool is_planned; /* the request was granted in the plan */
	int64_t asked_ms;
	Samoza__V1__PlanView *plan; /* NULL: it is refused, or there is none */
	plan_events happened;
	bool has_waited; /* something for room, since the request */
};

static void planned_free(struct planned *p)
{
	if (p == NULL)
		return;
	vector_for_each (&p->happened, e) {
		free(e->subject);
		free(e->text);
	}
	vector_done(&p->happened);
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
					     .options = input->submit.options};
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

/* [change.drain.plan] A plan promises order and places, not times: how often it starts follows from those of others, where it
 * stops for want of a provider, or of its ancestor; where it waits for them when it is handed over; and where a drain
 * stops it when the last of the others has gone. */
static bool is_reaction(const char *from, const char *state, const char *cause)
{
	bool waits = str_equal(from, "unresolved") || str_equal(from, "waiting-for-ancestor");
	bool stops = str_equal(state, "stopping") || str_equal(state, "undeploying");
	if (waits && (str_equal(state, "not-deployed") || str_equal(state, "deployed-stopped")))
		return true;
	return (stops && str_has_suffix(cause, " is drained")) ||
	       (str_equal(state, "stopping") &&
		(str_has_prefix(cause, "lost the last provider") ||
		 str_has_prefix(cause, "ancestor ")));
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
	if (is_hidden && !reacts)
		return;
	*vector_add(to) = (struct plan_event){.subject = str_printf("%s %s", kind, subject),
					      .text = mem_strdup(target),
					      .is_room = is_placement || leaves,
					      .is_reaction = reacts,
					      .is_hidden = is_hidden};
}

static bool waits_for_room(const struct control *c)
{
	if (c == NULL)
		return false;
	application_for_each (&c->applications, a) {
		uint32_t count = 0;
		(void)place_wait_units(c->place, a->ticket, &count);
		if (count > 0)
			return true;
	}
	return false;
}

/* A drain has not found room for all, or another handover has none: in another order others get what room there
 * is. */
static bool is_short_of_room(const struct control *c)
{
	if (c == NULL)
		return false;
	zhost_for_each (&c->zhosts, z) {
		if (z->drain == NULL || !drain_is_active(z->drain))
			continue;
		vector_for_each (&z->drain->left, left)
			if (str_has_prefix(left->why, "insufficient capacity"))
				return true;
	}
	application_for_each (&c->applications, a)
		for_each_root (a, root)
			if (root->handover != NULL && root->handover->waits != NULL)
				return true;
	return false;
}

void check_plan_committed(struct fuzz *f, const struct outbox *o)
{
	if (f->planned == NULL || !f->planned->is_planned)
		return;
	f->planned->has_waited = f->planned->has_waited || waits_for_room(f->world.control) ||
				 is_short_of_room(f->world.control);
	vector_for_each (&o->events, e)
		add(&f->planned->happened, (*e)->kind, (*e)->subject, (*e)->from, (*e)->to,
		    (*e)->cause);
}

/* ---- compared ---- */

/* The moves of one subject, as one text. `anywhere`: without the names of places; `only_last`: how it ends. */
static char *moves_of(const plan_events *all, const char *subject, bool anywhere,
		      bool only_last)
{
	struct buffer b = BUFFER_INIT(1024 * 1024);
	vector_for_each (all, e) {
		if (!str_equal(e->subject, subject) || e->is_hidden)
			continue;
		const char *text = e->text != NULL ? e->text : "-";
		if (anywhere && str_has_prefix(subject, "placement "))
			text = "somewhere";
		if (only_last)
			buffer_clear(&b);
		(void)buffer_printf(&b, "%s%s", b.size > 0 ? ", " : "", text);
	}
	if (b.size > 0)
		return buffer_steal(&b);
	/* A provider was back before it had to stop: it stayed as it was. */
	return mem_strdup(only_last ? "deployed-started" : "nothing");
}

/* It stops for want of a provider that comes back: whether it starts in between, and so how it is handed over then,
 * depends on how long the others take. */
static bool reacts(const plan_events *all, const char *subject)
{
	vector_for_each (all, e)
		if (e->is_reaction && str_equal(e->subject, subject))
			return true;
	return false;
}

static bool has_moves(const plan_events *all, const char *subject)
{
	vector_for_each (all, e)
		if (str_equal(e->subject, subject))
			return true;
	return false;
}

/* [change.counts.each] It was lost, and is placed there again while a drain has others to hand over, if there is room before
 * the last of them has gone; then the drain stops it. Nothing of it is in `other`. */
static bool came_and_went(const plan_events *all, const plan_events *other, const char *subject)
{
	const char *name = strchr(subject, ' ') + 1, *path = strchr(name, '/');
	if (path == NULL || !instance_path_is_each(path + 1) || has_moves(other, subject))
		return false;
	CLEANUP(freep) char *space = str_printf("space %s", name);
	CLEANUP(freep) char *placement = str_printf("placement %s", name);
	CLEANUP(freep) char *last = moves_of(all, space, false, true);
	return has_moves(all, placement) && reacts(all, space) &&
	       str_equal(last, "not-deployed");
}

static const struct plan_event *next_room(const plan_events *all, size_t *at)
{
	while (*at < all->count && !all->items[*at].is_room)
		(*at)++;
	return *at < all->count ? &all->items[(*at)++] : NULL;
}

/* Places are taken and left in another order, before one is taken elsewhere than planned: how long others take is
 * not known before, and which place is free, or the best, may follow from that. */
static bool has_other_order(const plan_events *plan, const plan_events *happened)
{
	size_t k = 0, n = 0;
	for (;;) {
		const struct plan_event *planned = next_room(plan, &k);
		const struct plan_event *came = next_room(happened, &n);
		if (planned == NULL || came == NULL)
			return planned != came;
		if (!str_equal(planned->subject, came->subject))
			return true;
		if (!str_equal(planned->text, came->text))
			return false;
	}
}

/* True: a difference was found, and reported. */
static bool compare(struct fuzz *f, const plan_events *plan, const plan_events *happened,
		    const char *subject)
{
	/* Former copies leave their room without an event. */
	bool anywhere = f->planned->has_waited || has_other_order(plan, happened);
	bool only_last = reacts(plan, subject) || reacts(happened, subject);
	if (came_and_went(plan, happened, subject) || came_and_went(happened, plan, subject))
		return false;
	for (unsigned strict = 2; strict-- > 0;) {
		bool last = strict == 0 && only_last;
		CLEANUP(freep) char *planned = moves_of(plan, subject, anywhere, last);
		CLEANUP(freep) char *came = moves_of(happened, subject, anywhere, last);
		if (str_equal(planned, came))
			return false;
		if (strict == 0)
			world_violate(&f->world, "the plan of %s is: %s; and then came: %s",
				      subject, planned, came);
	}
	return true;
}

static bool is_in_optional(const struct topology *t, int index)
{
	for (int i = index; i >= 0; i = t->instances[i].parent)
		if (instance_space(t, (unsigned)i)->optional)
			return true;
	return false;
}

/* It is placed by itself: it is optional, or on each zhost. */
static bool is_placed_alone(const struct fuzz *f, const char *subject)
{
	const char *path = strchr(subject, '/');
	if (path != NULL && instance_path_is_each(path + 1))
		return true;
	vector_for_each (&f->submitted, s) {
		size_t length = strlen(s->name);
		if (strncmp(subject, s->name, length) != 0 || subject[length] != '/')
			continue;
		vector_for_each (&s->revisions, t) {
			int index = *t != NULL ? names_find(*t, subject + length + 1) : -1;
			if (index >= 0 && is_in_optional(*t, index))
				return true;
		}
	}
	return false;
}

/* What is optional, and what may start, or not, as that is there: who imports something, and topologies. */
static bool follows_optional(const struct fuzz *f, const char *subject)
{
	const char *name = strchr(subject, ' ') + 1;
	if (str_has_prefix(subject, "topology ") || is_placed_alone(f, name))
		return true;
	if (str_has_prefix(subject, "placement "))
		return false;
	vector_for_each (&f->submitted, s) {
		size_t length = strlen(s->name);
		if (strncmp(name, s->name, length) != 0 || name[length] != '/')
			continue;
		vector_for_each (&s->revisions, t) {
			int index = *t != NULL ? names_find(*t, name + length + 1) : -1;
			for (; index >= 0; index = (*t)->instances[index].parent)
				if (instance_space(*t, (unsigned)index)->import_count > 0)
					return true;
		}
	}
	return false;
}

/* The placements of `all` that `other` has not: of an optional unit (`optional`), or on another zhost. */
static bool has_other_place(const struct fuzz *f, const plan_events *all,
			    const plan_events *other, bool optional)
{
	vector_for_each (all, e) {
		if (!str_has_prefix(e->subject, "placement "))
			continue;
		CLEANUP(freep) char *own = moves_of(all, e->subject, optional, false);
		CLEANUP(freep) char *its = moves_of(other, e->subject, optional, false);
		if (!str_equal(own, its) &&
		    (!optional || is_placed_alone(f, e->subject + strlen("placement "))))
			return true;
	}
	return false;
}

/* [change.optional.optional] [change.counts.each] Optional units are placed after all others, each alone, and what is on each
 * zhost is placed there or nowhere. Where something had to wait for room,
 * and found it elsewhere than planned, it follows from that which of them have a place, and what can start. */
static bool leaves_other_room(const struct fuzz *f, const plan_events *plan,
			      const plan_events *happened)
{
	return f->planned->has_waited && has_other_place(f, plan, happened, false) &&
	       (has_other_place(f, plan, happened, true) ||
		has_other_place(f, happened, plan, true));
}

static bool compare_all(struct fuzz *f, const plan_events *plan, const plan_events *happened)
{
	bool other_room = leaves_other_room(f, plan, happened);
	if (is_short_of_room(f->world.control) && has_other_order(plan, happened))
		return false;
	/* Others may have got what there was. */
	if (other_room && waits_for_room(f->world.control))
		return false;
	vector_for_each (plan, e)
		if (!(other_room && follows_optional(f, e->subject)) &&
		    compare(f, plan, happened, e->subject))
			return true;
	vector_for_each (happened, e)
		if (!(other_room && follows_optional(f, e->subject)) &&
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
	vector_for_each (&plan, e) {
		free(e->subject);
		free(e->text);
	}
	vector_done(&plan);
	planned_free(p);
	f->planned = NULL;
}
