#include "core/control/handover/handovers.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handover_events.h"
#include "core/control/handover/handover_moves.h"
#include "core/control/handover/kept_set.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/handover_facts.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/apart.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/open_roots.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/control/state/topology_state.h"
#include "core/control/state/unit_devices.h"
#include "core/control/state/unit_reload.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/rules.h"

/* Of a move, a drain and a repair of balance [change.words.healthy]. */
static const struct handover_limits moves = {.healthy_for_ms = 0,
					     .healthy_within_ms = INT64_C(300000)};
/* What serves again is not judged. */
static const struct handover_limits returns = {.healthy_for_ms = 0,
					       .healthy_within_ms = NEVER_MS};

static struct handover_limits limits_of(const struct unit_handover *h)
{
	const struct application_rollout *r = application_of(h->root->slot)->rollout;
	if (h->returns)
		return returns;
	if (h->revision == NULL || r == NULL)
		return moves;
	return (struct handover_limits){.healthy_for_ms = r->rollout.spec.healthy_for_ms,
					.healthy_within_ms = r->rollout.spec.healthy_within_ms};
}

/* How long that may take counts from now on. */
static void start_clock(const struct control *c, struct unit_handover *h)
{
	const struct handover_limits limits = limits_of(h);
	h->handover.placed_wall_ms = c->now.wall_ms;
	h->handover.late_at_ms = handover_late_at_ms(&limits, c->now.mono_ms);
}

static void mark(struct slot_control *root)
{
	mark_application(application_of(root->slot), APPLICATION_HANDOVER);
}

/* ---- life ---- */

static struct unit_handover *handover_new(struct slot_control *root, const char *to,
					  const char *cause)
{
	PRE(root->handover == NULL && root->slot->parent == NULL);
	struct unit_handover *h = mem_new(struct unit_handover);
	h->root = root;
	h->to = mem_strdup(to);
	h->cause = mem_strdup(cause);
	root->handover = h;
	open_root(root);
	vector_push(&application_of(root->slot)->handovers, root);
	mark(root);
	return h;
}

static void handover_free(struct control *c, struct slot_control *root)
{
	struct control_application *a = application_of(root->slot);
	struct unit_handover *h = root->handover;
	size_t at = 0;
	while (a->handovers.items[at] != root)
		at++;
	vector_remove_at(&a->handovers, at);
	heap_remove(&c->handover_timers, &h->timer);
	handover_leave(root);
	unit_review_leaving(c, root);
	root->handover = NULL;
	if (root->reload != NULL || h->reloads != 0)
		unit_reload_mark(root);
	apart_joint_changed(root); /* the next one may be of the other kind */
	free(h->to);
	free(h->cause);
	free(h->waits);
	free(h->room_on);
	free(h->error);
	free(h);
	mark_slot(root);
	mark_application(a, APPLICATION_PLACE | APPLICATION_STATE | APPLICATION_ROLLOUT);
	slot_for_each_below (root->slot, s) {
		struct copy *copy = serving_copy(control_of_slot(s));
		/* While it was handed over, nothing was tried elsewhere. What was excluded before that stays so until its time. */
		if (copy != NULL && copy->exhausted && slot_is_placed(copy->sc) &&
		    !exclusion_exists(root, copy_zhost(copy)))
			exclusion_add(c, root, copy);
		topology_state_count(control_of_slot(s));
	}
}

/* Its successor is ready, and waits for others: what has run out of attempts on the way there is tried elsewhere from
 * now on, or again, as if it were not handed over. */
static void exclude_exhausted(struct control *c, struct slot_control *root)
{
	if (!may_leave(root) || root->slot->moving)
		return;
	slot_for_each_below (root->slot, s) {
		struct copy *copy = serving_copy(control_of_slot(s));
		if (copy == NULL || !copy->exhausted || copy_joins(copy) ||
		    s->goal == GOAL_NOT_DEPLOYED || !slot_is_placed(copy->sc) ||
		    exclusion_exists(root, copy_zhost(copy)))
			continue;
		exclusion_add(c, root, copy);
		mark_application(application_of(s), APPLICATION_PLACE);
	}
}

void handover_start(struct control *c, struct slot_control *root, const char *to,
		    const char *cause)
{
	struct unit_handover *h = handover_new(root, to, cause);
	h->handover.kind = handover_kind_of(root->slot, unit_revision_elsewhere(root));
	handover_begin(&h->handover);
	apart_joint_changed(root);
	mark_slot(root);
	mark_application(application_of(root->slot), APPLICATION_PLACE);
}

void handover_start_change(struct control *c, struct slot_control *root,
			   struct revision *revision, enum handover_kind kind, bool is_return,
			   bool held, const char *cause)
{
	PRE(!held || kind == HANDOVER_STOP_FIRST);
	struct unit_handover *h = handover_new(root, NULL, cause);
	h->handover.kind = kind;
	h->revision = revision;
	h->returns = is_return;
	h->held = held;
	handover_begin(&h->handover);
	apart_joint_changed(root);
	mark_slot(root);
	mark_application(application_of(root->slot), APPLICATION_PLACE);
}

void handover_load(struct control *c, struct slot_control *root,
		   const Samoza__V1__HandoverRecord *r)
{
	struct unit_handover *h = handover_new(root, r->to, r->cause);
	h->handover.kind = (enum handover_kind)r->kind;
	h->handover.placed_wall_ms = r->placed_ms;
	h->handover.leaving = r->leaving;
	h->returns = r->returns;
	h->drains = r->drains;
	h->rebalances = r->rebalances;
	h->reloads = r->reloads;
	if (h->reloads != 0)
		unit_reload_mark(root);
	h->held = r->held;
	if (r->has_revision)
		h->revision = application_revision(&application_of(root->slot)->application,
						   r->revision);
	const struct handover_limits limits = limits_of(h);
	handover_restore(&h->handover, (enum handover_state)r->state, &limits, c->now.wall_ms,
			 c->now.mono_ms, c->config.heartbeat_ms);
	handover_resume(c, root);
}

void handover_end(struct control *c, struct slot_control *root)
{
	if (root->handover == NULL)
		return;
	handover_let_go(c, root);
	handover_free(c, root);
}

/* ---- the successor's place ---- */

struct revision *handover_revision(const struct slot_control *root)
{
	PRE(root->handover != NULL);
	return root->handover->revision != NULL ? root->handover->revision
						: unit_revision_elsewhere(root);
}

bool handover_seeks(const struct slot_control *root)
{
	return root->handover != NULL && root->handover->handover.state == HANDOVER_PLACING &&
	       root->of_path->next == NULL && root->slot->goal != GOAL_NOT_DEPLOYED &&
	       !root->slot->moving && slot_is_placed(root);
}

bool handover_moves_at_once(const struct slot_control *root)
{
	if (!handover_seeks(root))
		return false;
	const struct handover_facts facts = handover_facts_of(root);
	return !facts.cancelled && !facts.active && !facts.shares && !facts.joint;
}

void handover_re_placed(struct control *c, struct slot_control *root,
			const struct control_zhost *z)
{
	const struct unit_handover *h = root->handover;
	if (h == NULL || h->handover.state != HANDOVER_PLACING || root->of_path->next != NULL)
		return;
	if (h->to == NULL || str_equal(h->to, z->name))
		handover_end(c, root);
	else
		mark_application(application_of(root->slot), APPLICATION_PLACE);
}

void handover_make_way(struct control *c, struct slot_control *root)
{
	if (root->handover != NULL && root->of_path->next != NULL)
		handover_move(c, root, HANDOVER_PLACING);
}

void handover_set_waits(struct slot_control *root, char *take_reason, char *take_room_on)
{
	free(root->handover->waits);
	free(root->handover->room_on);
	root->handover->waits = take_reason;
	root->handover->room_on = take_room_on;
}

void handover_placed(struct control *c, struct slot_control *root, struct control_zhost *z,
		     uint32_t place_unit)
{
	struct control_application *a = application_of(root->slot);
	struct unit_handover *h = root->handover;
	enum handover_kind before = h->handover.kind;
	CLEANUP(freep) char *cause = handover_choose_kind(root, z);
	if (h->handover.kind != before)
		apart_unit_changed(root);
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, root->slot->path);
	emit_event(&c->emitter, "placement", subject, slot_zhost(root)->name, z->name, a->id,
		   cause);
	struct revision *revision = handover_revision(root);
	struct unit_placement *unit =
		unit_placement_new(a, revision, z, c->next_epoch, place_unit, ROLE_SUCCESSOR);
	slot_for_each_below (root->slot, s) {
		struct slot_control *sc = control_of_slot(s);
		const struct declaration *declared = declarations_of(revision->declared, s);
		if (declared == NULL)
			continue; /* that revision has none */
		struct copy *copy = unit_copy_new(unit, revision, sc->of_path, sc,
						  c->next_epoch++, declared->space->exclusive);
		copy->generation = 1;
		mark_copy(copy, COPY_RECORD);
	}
	start_clock(c, h);
	unit_devices_given(c, unit);
	mark_slot(root);
	mark(root);
}

void handover_adopted(struct control *c, struct slot_control *root)
{
	start_clock(c, root->handover);
	mark_slot(root);
	mark(root);
}

void handover_judge(struct control *c, struct slot_control *root)
{
	struct unit_handover *h = root->handover;
	if (!h->returns)
		return;
	h->returns = false;
	if (h->handover.placed_wall_ms != 0)
		start_clock(c, h);
	apart_unit_changed(root); /* it may take over with all others now */
	mark_slot(root);
}

/* What stands beside the one that serves is asked for what is due. */
static void ask_beside(const struct slot_copy *first)
{
	const struct unit_placement *unit = unit_of(first);
	if (unit == NULL || unit->lost)
		return;
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = container_of(*item, struct copy, of_slot);
		enum instance_target target = handover_target_of(copy);
		copy_want(copy, target);
	}
}

static void set_timer(struct control *c, struct unit_handover *h)
{
	const struct handover_limits limits = limits_of(h);
	int64_t due = handover_due_ms(&h->handover, &limits);
	/* What time has not moved on when it was due waits for something else. */
	if (due == NEVER_MS || due <= c->now.mono_ms)
		heap_remove(&c->handover_timers, &h->timer);
	else
		heap_set(&c->handover_timers, &h->timer, due);
}

/* Of a successor in the revision that the rollout leads to. */
static bool is_failure(const struct unit_handover *h, const struct handover_facts *facts,
		       enum handover_state next)
{
	bool ends = next == HANDOVER_REMOVING || next == HANDOVER_RETURNING;
	return ends && h->revision != NULL && !h->returns && !h->unwanted &&
	       !facts->cancelled && h->handover.state != HANDOVER_RETURNING;
}

static void note_failure(const struct slot_control *root)
{
	struct application_rollout *r = application_of(root->slot)->rollout;
	if (r == NULL || r->failed || r->rollout.state == ROLLOUT_RETURNING)
		return;
	r->failed = true;
	free(r->cause);
	r->cause = handover_failure(root);
}

/* Together with what is left of earlier orders: what waits in one of them goes on waiting. */
static void stop_in_order(struct control_application *a, slot_list *take_active)
{
	if (take_active->count > 0)
		ordered_stop_begin(&a->slots, take_active->items, take_active->count);
	vector_done(take_active);
}

static void add_active(slot_list *active, const struct slot_control *root)
{
	slot_for_each_below (root->slot, s)
		if (state_is_active(s->state))
			vector_push(active, s);
}

/* It yields from this state on. */
static void stop_unit(struct slot_control *root)
{
	slot_list active = {0};
	enum handover_state state = root->handover->handover.state;
	if (state != HANDOVER_STOPPING && state != HANDOVER_RETURNING)
		return;
	add_active(&active, root);
	stop_in_order(application_of(root->slot), &active);
}

/* As far as it goes now. `others_stop`: of what is held, some has still to stop. False: it is done. */
static bool run(struct control *c, struct slot_control *root, bool others_stop)
{
	struct unit_handover *h = root->handover;
	const struct handover_limits limits = limits_of(h);
	for (;;) {
		struct handover_facts facts = handover_facts_of(root);
		facts.others_stop = h->held && others_stop;
		enum handover_state next =
			handover_next(&h->handover, &facts, &limits, c->now.mono_ms);
		if (next == h->handover.state)
			break;
		if (is_failure(h, &facts, next))
			note_failure(root);
		handover_move(c, root, next);
		/* It has waited beside the one that served, or for others to stop. */
		if ((next == HANDOVER_STOPPING && facts.shares) ||
		    (next == HANDOVER_STARTING && h->held))
			start_clock(c, h);
		if (next == HANDOVER_DONE) {
			handover_emit_end(c, root);
			handover_free(c, root);
			return false;
		}
		stop_unit(root);
		ask_beside(root->of_path->next);
		lifecycle_settle(&c->lifecycle);
	}
	ask_beside(root->of_path->next);
	ask_beside(root->of_path->standby);
	exclude_exhausted(c, root);
	set_timer(c, h);
	return true;
}

/* ---- several together ---- */

bool handover_is_healthy(const struct slot_control *root)
{
	return handover_facts_of(root).healthy;
}

bool handover_is_deployed(const struct slot_control *root)
{
	return handover_facts_of(root).deployed;
}

static bool stops_now(const struct unit_handover *h, bool unwanted)
{
	if (h->unwanted != unwanted || h->revision == NULL)
		return false;
	return unwanted ? h->handover.state == HANDOVER_STARTING ||
				  (h->handover.state == HANDOVER_PROVING &&
				   h->handover.kind == HANDOVER_STOP_FIRST)
			: h->handover.state == HANDOVER_PREPARING;
}

void handovers_stop(struct control *c, struct control_application *a, bool unwanted)
{
	slot_list active = {0};
	vector_for_each (&a->handovers, item) {
		struct slot_control *root = *item;
		struct unit_handover *h = root->handover;
		if (!stops_now(h, unwanted))
			continue;
		if (unwanted && unit_of(root->of_path->standby) == NULL)
			continue; /* nothing to return to */
		handover_move(c, root, unwanted ? HANDOVER_RETURNING : HANDOVER_STOPPING);
		/* It has waited for others. */
		start_clock(c, h);
		add_active(&active, root);
	}
	stop_in_order(a, &active);
	lifecycle_settle(&c->lifecycle);
	mark_application(a, APPLICATION_HANDOVER);
}

/* One that was lost just now does not serve: it is handed over when its zhost is back. */
static bool switches(const struct slot_control *root)
{
	const struct unit_placement *next = unit_of(root->of_path->next);
	return handover_is_joint(root) && root->handover->handover.state == HANDOVER_READY &&
	       next != NULL && !next->lost;
}

void handovers_switch(struct control *c, struct control_application *a, bool keeps)
{
	vector_for_each (&a->handovers, item) {
		struct unit_handover *h = (*item)->handover;
		if (!switches(*item))
			continue;
		h->keeps = keeps;
		handover_move(c, *item, keeps ? HANDOVER_RETIRING : HANDOVER_DRAINING);
	}
	handovers_stop(c, a, false);
}

void handovers_begin_step(struct control *c, struct control_application *a)
{
	vector_for_each (&a->handovers, root) {
		struct unit_handover *h = (*root)->handover;
		if (h->handover.state != HANDOVER_PREPARING || !handover_is_deployed(*root))
			continue;
		start_clock(c, h);
		mark_slot(*root);
	}
}

/* One of those that take over together has no place yet: until it has, time counts for none of them. */
static void wait_for_places(const struct control *c, struct control_application *a)
{
	bool waits = false;
	vector_for_each (&a->handovers, root)
		waits = waits || (handover_is_joint(*root) &&
				  (*root)->handover->handover.state == HANDOVER_PLACING);
	if (!waits)
		return;
	vector_for_each (&a->handovers, root) {
		struct unit_handover *h = (*root)->handover;
		bool counts = h->handover.late_at_ms > c->now.mono_ms &&
			      h->handover.state != HANDOVER_PLACING &&
			      handover_is_before_switch(&h->handover);
		if (!counts || !handover_is_joint(*root))
			continue;
		start_clock(c, h);
		mark_slot(*root);
	}
}

/* [change.rollout.replace] Of those that stop in one order some has not ended: no successor of them starts before. */
static bool stops_together(const struct control_application *a)
{
	vector_for_each (&a->handovers, root) {
		const struct unit_handover *h = (*root)->handover;
		if (h->held && h->handover.state == HANDOVER_STOPPING && !(*root)->lost &&
		    !handover_facts_of(*root).ended)
			return true;
	}
	return false;
}

static void run_all(struct control *c, struct control_application *a)
{
	bool others_stop = stops_together(a);
	for (size_t n = 0; n < a->handovers.count;)
		n += run(c, a->handovers.items[n], others_stop);
	/* What has waited for them goes on. */
	if (others_stop && !stops_together(a))
		mark_application(a, APPLICATION_HANDOVER);
}

static bool is_due(const struct control_application *a)
{
	return (a->marks & APPLICATION_HANDOVER) != 0 &&
	       (a->handovers.count > 0 || a->kept.revision != NULL);
}

bool handovers_are_due(const struct control *c)
{
	vector_for_each (&c->dirty.applications, a)
		if (is_due(*a))
			return true;
	return false;
}

bool handovers_run(struct control *c)
{
	bool any = handovers_are_due(c);
	for (size_t k = 0; any && k < c->dirty.applications.count; k++) {
		struct control_application *a = c->dirty.applications.items[k];
		if ((a->marks & APPLICATION_HANDOVER) == 0)
			continue;
		a->marks &= ~(unsigned)APPLICATION_HANDOVER;
		wait_for_places(c, a);
		kept_set_run(c, a);
		run_all(c, a);
	}
	return any;
}

/* ---- time ---- */

void handovers_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->handover_timers)) != NULL && n->key <= c->now.mono_ms;) {
		struct unit_handover *h = container_of(n, struct unit_handover, timer);
		heap_remove(&c->handover_timers, n);
		mark(h->root);
	}
}

int64_t handovers_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->handover_timers);
	return n != NULL ? n->key : NEVER_MS;
}

const struct unit_handover *handovers_first_timed(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->handover_timers);
	return n != NULL ? container_of(n, struct unit_handover, timer) : NULL;
}
