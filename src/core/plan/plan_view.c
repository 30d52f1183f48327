#include "core/plan/plan_view.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/placement/placement.h"
#include "core/control/slot/wants.h"
#include "core/control/state/state.h"
#include "model/diff.h"
#include "schema/message.h"

#define STARTED "deployed-started"

#define NEW(type, name) \
	((Samoza__V1__##type *)schema_message_new(&samoza__v1__##name##__descriptor))

/* Room for one more: the capacity is the next power of two. */
#define APPEND(message, field, item)                                                         \
	do {                                                                                 \
		size_t n_ = (message)->n_##field;                                            \
		if ((n_ & (n_ - 1)) == 0)                                                    \
			(message)->field = mem_resize((message)->field, n_ > 0 ? 2 * n_ : 1, \
						      sizeof(*(message)->field));            \
		(message)->field[(message)->n_##field++] = (item);                           \
	} while (0)

/* ---- spaces ---- */

static const char *space_of(const struct slot *s)
{
	return s->set->spaces.items[s->space]->name;
}

static struct plan_space *find_space(const struct plan_writer *w, const char *id,
				     const char *space)
{
	struct plan_space *found = NULL;
	CLEANUP(freep) char *key = str_printf("%s/%s", id, space);
	HASH_FIND_STR(w->spaces, key, found);
	return found;
}

static struct plan_space *space_new(struct plan_writer *w, const struct control_application *a,
				    const char *name)
{
	struct plan_space *space = mem_new(struct plan_space);
	space->key = str_printf("%s/%s", a->id, name);
	space->name = mem_strdup(name);
	space->topology = mem_strdup(a->name);
	HASH_ADD_KEYPTR(hh, w->spaces, space->key, strlen(space->key), space);
	return space;
}

/* NULL: the instance is there no longer. */
static struct plan_space *space_of_subject(struct plan_writer *w, const struct control *c,
					   const Samoza__V1__EventRecord *event)
{
	const struct control_application *a =
		event->topology != NULL ? application_by_id(&c->applications, event->topology)
					: NULL;
	const char *path = strchr(event->subject, '/');
	const struct slot *s =
		a != NULL && path != NULL ? slot_find(&a->slots, path + 1) : NULL;
	if (s == NULL)
		return NULL;
	struct plan_space *known = find_space(w, a->id, space_of(s));
	return known != NULL ? known : space_new(w, a, space_of(s));
}

void plan_writer_init(struct plan_writer *w, const struct control *c, const char *subject)
{
	*w = (struct plan_writer){.view = NEW(PlanView, plan_view)};
	w->view->subject = mem_strdup(subject);
	application_for_each (&c->applications, a)
		vector_for_each (&a->slots.slots, s) {
			struct plan_space *space = find_space(w, a->id, space_of(*s));
			if (space == NULL)
				space = space_new(w, a, space_of(*s));
			space->started += (*s)->state == STATE_DEPLOYED_STARTED;
			space->was_started = space->started > 0;
		}
}

void plan_writer_done(struct plan_writer *w)
{
	for (struct plan_space *s = w->spaces, *next; s != NULL; s = next) {
		next = s->hh.next;
		HASH_DEL(w->spaces, s);
		free(s->key);
		free(s->name);
		free(s->topology);
		free(s);
	}
	schema_message_free(w->view != NULL ? &w->view->base : NULL);
}

/* ---- moves ---- */

static void count_move(struct plan_space *space, const Samoza__V1__EventRecord *event,
		       bool is_later)
{
	bool was = str_equal(event->from, STARTED), is = str_equal(event->to, STARTED);
	if (was && !is && space->started > 0 && --space->started == 0) {
		space->gaps++;
		space->later_gaps += is_later;
	}
	if (is && !was)
		space->started++;
}

static void write_move(struct plan_writer *w, int64_t now_ms,
		       const Samoza__V1__EventRecord *event)
{
	Samoza__V1__PlanMoveView *move = NEW(PlanMoveView, plan_move_view);
	if (w->step == 0 || now_ms != w->step_ms)
		w->step++;
	w->step_ms = now_ms;
	move->step = w->step;
	move->kind = mem_strdup(event->kind);
	move->subject = mem_strdup(event->subject);
	move->from = mem_strdup(event->from);
	move->to = mem_strdup(event->to);
	move->cause = mem_strdup(event->cause);
	APPEND(w->view, moves, move);
}

static void touch(struct plan_space *space, const Samoza__V1__EventRecord *event, bool is_later)
{
	bool is_placed = str_equal(event->kind, "placement");
	space->is_touched = space->is_touched || !is_later;
	space->is_touched_later = space->is_touched_later || is_later;
	space->is_placed_again = space->is_placed_again || is_placed;
	if (str_equal(event->kind, "space"))
		count_move(space, event, is_later);
}

void plan_write_event(struct plan_writer *w, const struct control *c, int64_t now_ms,
		      const Samoza__V1__EventRecord *event)
{
	struct plan_space *space = space_of_subject(w, c, event);
	if (!w->is_later)
		write_move(w, now_ms, event);
	if (space != NULL)
		touch(space, event, w->is_later);
}

/* ---- what it means ---- */

/* For what a successor of one of its instances waits; the caller frees. NULL: for nothing. */
static char *waits_of(const struct control_application *a, const char *space)
{
	for_each_root (a, root)
		if (root->handover != NULL && root->handover->waits != NULL)
			slot_for_each_below (root->slot, s)
				if (str_equal(space_of(s), space))
					return placement_waits_text_of_successor(root);
	return NULL;
}

static char *gaps_text(uint32_t gaps)
{
	return gaps == 1 ? mem_strdup("one stop and start")
			 : str_printf("%u stops and starts", gaps);
}

static char *effect_of(const struct plan_space *space, const struct control_application *a,
		       enum space_verdict verdict)
{
	if (verdict == SPACE_REMOVED)
		return mem_strdup("is stopped and undeployed, its data is kept");
	char *waits = waits_of(a, space->name);
	if (waits != NULL)
		return waits;
	if (!space->was_started && space->started == 0)
		return mem_strdup(space->is_touched ? "does not start" : "does not run");
	if (!space->was_started)
		return mem_strdup("starts");
	if (space->started == 0)
		return mem_strdup("stops");
	if (space->gaps == 0)
		return mem_strdup("stays available");
	return gaps_text(space->gaps);
}

static Samoza__V1__PlanSpaceView *space_view(const struct plan_space *space,
					     const struct control_application *a,
					     enum space_verdict verdict)
{
	Samoza__V1__PlanSpaceView *v = NEW(PlanSpaceView, plan_space_view);
	v->effect = effect_of(space, a, verdict);
	v->gaps = space->gaps;
	return v;
}

/* The rules of its place are adjusted, and its instances go elsewhere. */
static const char *verdict_name(const struct space_diff *d, const struct plan_space *space)
{
	bool moves = space->is_placed_again && space->was_started && !d->count_differs;
	if (d->names_differ && d->verdict == SPACE_ADJUSTED)
		return space_verdict_name(SPACE_REPLACED); /* of the first instance */
	if (moves && (d->verdict == SPACE_ADJUSTED || d->verdict == SPACE_UNCHANGED))
		return "moved";
	return space_verdict_name(d->verdict);
}

/* [change.rollout.blue-green] What stops first at the switch does so once more with a step back. */
static bool can_step_back(const Samoza__V1__RevisionRecord *after)
{
	struct rollout_spec spec;
	return rollout_spec_read(after->rollout, &spec, NULL) >= 0 &&
	       spec.policy == ROLLOUT_BLUE_GREEN && spec.keep_ms > 0;
}

static void add_step_back(Samoza__V1__PlanSpaceView *v, const struct plan_space *space)
{
	if (!space->was_started || space->started == 0 || space->gaps == 0)
		return;
	CLEANUP(freep) char *effect = v->effect;
	v->effect = str_printf("%s; a step back has its gap, too", effect);
}

static void write_verdict(struct plan_writer *w, const struct control_application *a,
			  const struct space_diff *d, bool steps_back)
{
	struct plan_space *space = find_space(w, a->id, d->name);
	if (space == NULL)
		space = space_new(w, a, d->name);
	Samoza__V1__PlanSpaceView *v = space_view(space, a, d->verdict);
	if (steps_back)
		add_step_back(v, space);
	v->space = mem_strdup(d->name);
	v->verdict = mem_strdup(verdict_name(d, space));
	vector_for_each (&d->fields, field)
		APPEND(v, fields, mem_strdup(*field));
	APPEND(w->view, spaces, v);
}

void plan_write_verdicts(struct plan_writer *w, const struct control_application *a,
			 const Samoza__V1__RevisionRecord *before,
			 const Samoza__V1__RevisionRecord *after)
{
	Samoza__V1__Topology nothing = *after->topology;
	nothing.n_spaces = 0;
	CLEANUP(topology_diff_done) struct topology_diff diff = {0};
	const struct topology_version from = {
		.topology = before != NULL ? before->topology : &nothing,
		.artifacts =
			before != NULL && before->n_artifacts > 0 ? before->artifacts : NULL};
	const struct topology_version to = {
		.topology = after->topology,
		.artifacts = after->n_artifacts > 0 ? after->artifacts : NULL};
	topology_diff(&from, &to, &diff);
	vector_for_each (&diff.spaces, d)
		write_verdict(w, a, d, before != NULL && can_step_back(after));
}

void plan_write_promotion(struct plan_writer *w)
{
	w->is_later = true;
}

/* What the last promotion is to it; NULL: nothing that is noticed. */
static char *later_effect(const struct plan_space *space, const struct control_application *a)
{
	char *waits = waits_of(a, space->name);
	if (waits != NULL)
		return waits;
	if (space->later_gaps == 0)
		return NULL;
	return space->started == 0 ? mem_strdup("stops") : gaps_text(space->later_gaps);
}

/* [change.rollout.canary] The promotions before the last one hand over what starts first: they stop nothing. */
static void add_later(Samoza__V1__PlanSpaceView *v, const struct plan_space *space,
		      const struct control_application *a)
{
	CLEANUP(freep) char *effect = later_effect(space, a);
	bool changes = str_equal(v->verdict, space_verdict_name(SPACE_REPLACED)) &&
		       !space->is_touched && space->is_touched_later;
	if (!changes && space->later_gaps == 0)
		return;
	CLEANUP(freep) char *before = v->effect;
	v->effect = str_printf(
		"%s%s%sat the last promotion%s%s", changes && space->was_started ? "" : before,
		changes && space->was_started ? "" : "; ", changes ? "changes " : "",
		effect != NULL ? ": " : "", effect != NULL ? effect : "");
	v->gaps = space->gaps;
}

void plan_write_later(struct plan_writer *w, const struct control_application *a)
{
	for (size_t k = 0; k < w->view->n_spaces; k++) {
		const struct plan_space *space =
			find_space(w, a->id, w->view->spaces[k]->space);
		if (space != NULL)
			add_later(w->view->spaces[k], space, a);
	}
}

void plan_write_touched(struct plan_writer *w, const struct control *c)
{
	for (const struct plan_space *space = w->spaces; space != NULL;
	     space = space->hh.next) {
		const struct control_application *a =
			application_by_name(&c->applications, space->topology);
		if (!space->is_touched || a == NULL)
			continue;
		Samoza__V1__PlanSpaceView *v = space_view(space, a, SPACE_UNCHANGED);
		v->space = str_printf("%s/%s", space->topology, space->name);
		APPEND(w->view, spaces, v);
	}
}

void plan_write_left(struct plan_writer *w, const char *name, const char *why)
{
	Samoza__V1__PlanLeftView *v = NEW(PlanLeftView, plan_left_view);
	v->name = mem_strdup(name);
	v->why = mem_strdup(why);
	APPEND(w->view, left, v);
}

/* In the words of the placement explanation; of one that waits for others, why those have none. */
static void write_reason(struct plan_writer *w, const struct control *c,
			 const struct slot_control *root, const char *name)
{
	const struct control_application *a = application_of(root->slot);
	const char *reason = a->reason.text != NULL ? a->reason.text : "it has no place";
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ExplainView *v = NULL;
	if (control_view_explain(c, a->id, root->slot->path, false, &v, &err) < 0) {
		plan_write_left(w, name, reason);
		return;
	}
	const Samoza__V1__ExplainSpaceView *own = v->n_spaces > 0 ? v->spaces[0] : NULL;
	if (own != NULL && own->reason != NULL)
		reason = own->reason;
	CLEANUP(freep)
	char *text =
		own != NULL && own->smallest_change != NULL
			? str_printf("%s; it would fit with %s", reason, own->smallest_change)
			: mem_strdup(reason);
	plan_write_left(w, name, text);
	schema_message_free(&v->base);
}

void plan_write_unplaced(struct plan_writer *w, const struct control *c,
			 const struct control_application *a)
{
	for_each_root (a, root) {
		CLEANUP(freep) char *name = str_printf("%s/%s", a->name, root->slot->path);
		if (root->handover != NULL && root->handover->waits != NULL)
			plan_write_left(w, name, root->handover->waits);
		else if (root->slot->goal == GOAL_DEPLOYED_STARTED && !slot_is_placed(root))
			write_reason(w, c, root, name);
	}
}
