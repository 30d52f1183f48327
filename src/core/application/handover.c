#include "core/application/handover.h"

#include <stdio.h>

#include "base/check.h"
#include "core/instant.h"

/* ---- the table ---- */

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct handover *h = object;
	snprintf(ret_name, size, "%s", handover_kind_name(h->kind));
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct handover *h = object;
	(void)from;
	bool start_first = to == HANDOVER_RISING || to == HANDOVER_SHARING ||
			   to == HANDOVER_READY || to == HANDOVER_DRAINING;
	bool stop_first = to == HANDOVER_PREPARING || to == HANDOVER_STOPPING ||
			  to == HANDOVER_STARTING || to == HANDOVER_RETURNING;
	if ((start_first && h->kind != HANDOVER_START_FIRST) ||
	    (stop_first && h->kind != HANDOVER_STOP_FIRST))
		return "is in a state of the other kind";
	return NULL;
}

#define TO(state) STATE_MACHINE_BIT(HANDOVER_##state)
static const struct state_machine_state states[HANDOVER_STATE_COUNT] = {
	/* Any of them may be what a record holds. */
	[HANDOVER_PLACING] = {"placing",
			      TO(RISING) | TO(PREPARING) | TO(RETIRING) | TO(REMOVING) |
				      TO(DONE),
			      0, STATE_MACHINE_INITIAL},
	[HANDOVER_RISING] = {"rising", TO(PROVING) | TO(PLACING) | TO(RETIRING) | TO(REMOVING),
			     0, STATE_MACHINE_INITIAL},
	[HANDOVER_PREPARING] = {"preparing",
				TO(STOPPING) | TO(PLACING) | TO(RETIRING) | TO(REMOVING), 0,
				STATE_MACHINE_INITIAL},
	[HANDOVER_STOPPING] = {"stopping",
			       TO(STARTING) | TO(PLACING) | TO(RETIRING) | TO(REMOVING), 0,
			       STATE_MACHINE_INITIAL},
	[HANDOVER_STARTING] = {"starting",
			       TO(PROVING) | TO(RETURNING) | TO(PLACING) | TO(RETIRING), 0,
			       STATE_MACHINE_INITIAL},
	[HANDOVER_PROVING] = {"proving",
			      TO(SHARING) | TO(READY) | TO(DRAINING) | TO(RETURNING) |
				      TO(PLACING) | TO(RETIRING) | TO(REMOVING),
			      0, STATE_MACHINE_INITIAL},
	[HANDOVER_DRAINING] = {"draining", TO(RETIRING), 0, STATE_MACHINE_INITIAL},
	[HANDOVER_RETURNING] = {"returning", TO(REMOVING) | TO(RETIRING), 0,
				STATE_MACHINE_INITIAL},
	[HANDOVER_RETIRING] = {"retiring", TO(DONE), 0, STATE_MACHINE_INITIAL},
	[HANDOVER_REMOVING] = {"removing", TO(DONE), 0, STATE_MACHINE_INITIAL},
	[HANDOVER_SHARING] = {"sharing",
			      TO(DRAINING) | TO(PLACING) | TO(RETIRING) | TO(REMOVING), 0,
			      STATE_MACHINE_INITIAL},
	[HANDOVER_READY] = {"ready", TO(DRAINING) | TO(PLACING) | TO(RETIRING) | TO(REMOVING),
			    0, STATE_MACHINE_INITIAL},
	[HANDOVER_DONE] = {"done", 0, 0, STATE_MACHINE_FINAL},
};

const struct state_machine_type handover_machine = {
	.name = "handover",
	.states = states,
	.count = HANDOVER_STATE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

const char *handover_kind_name(enum handover_kind kind)
{
	return kind == HANDOVER_START_FIRST ? "start-first" : "stop-first";
}

const char *handover_state_name(enum handover_state state)
{
	return states[state].name;
}

const char *handover_state_text(enum handover_state state)
{
	static const char *const texts[HANDOVER_STATE_COUNT] = {
		[HANDOVER_PLACING] = "the new copy waits for a place",
		[HANDOVER_RISING] = "the new copy takes over",
		[HANDOVER_PREPARING] = "the new copy is being deployed",
		[HANDOVER_STOPPING] = "the former copy stops",
		[HANDOVER_STARTING] = "the new copy starts",
		[HANDOVER_PROVING] = "the new copy must stay healthy for a while",
		[HANDOVER_DRAINING] = "the new copy has taken over",
		[HANDOVER_RETURNING] = "the former copy starts again",
		[HANDOVER_RETIRING] = "the former copy goes",
		[HANDOVER_REMOVING] = "the new copy goes",
		[HANDOVER_SHARING] = "the new copy gets its share beside the former one",
		[HANDOVER_READY] = "the new copy is healthy, and takes over with all others",
		[HANDOVER_DONE] = "it has ended",
	};
	return texts[state];
}

/* ---- life ---- */

void handover_begin(struct handover *h)
{
	state_machine_begin(&handover_machine, h, &h->state, HANDOVER_PLACING);
}

void handover_restore(struct handover *h, enum handover_state state,
		      const struct handover_limits *limits, int64_t now_wall_ms, int64_t now_ms,
		      int64_t least_ms)
{
	/* Nothing has been heard of it yet: that is no sign that it is ill. */
	if (state == HANDOVER_PROVING)
		state = h->kind == HANDOVER_START_FIRST ? HANDOVER_RISING : HANDOVER_STARTING;
	state_machine_begin(&handover_machine, h, &h->state, state);
	if (h->placed_wall_ms == 0 || limits->healthy_within_ms == NEVER_MS)
		return;
	int64_t left = h->placed_wall_ms + limits->healthy_within_ms - now_wall_ms;
	int64_t least = limits->healthy_for_ms + least_ms;
	int64_t most = limits->healthy_within_ms > least ? limits->healthy_within_ms : least;
	left = left < least ? least : left > most ? most : left;
	h->late_at_ms = now_ms + left;
}

void handover_continue(struct handover *h, enum handover_state state)
{
	if (state != h->state)
		state_machine_adopt(&handover_machine, h, &h->state, state);
}

void handover_set_drain(struct handover *h, int64_t from_ms, int64_t until_ms)
{
	h->drain_from_ms = from_ms;
	h->drained_at_ms = until_ms;
}

void handover_enter(struct handover *h, enum handover_state to)
{
	if (to == HANDOVER_PLACING)
		h->placed_wall_ms = h->late_at_ms = 0;
	if (to == HANDOVER_PLACING || to == HANDOVER_RETIRING || to == HANDOVER_REMOVING)
		h->healthy_since_ms = 0;
	if (to != HANDOVER_DRAINING)
		h->drain_from_ms = h->drained_at_ms = 0;
	state_machine_move(&handover_machine, h, &h->state, to);
}

bool handover_is_before_switch(const struct handover *h)
{
	return h->state == HANDOVER_PLACING || h->state == HANDOVER_RISING ||
	       h->state == HANDOVER_PREPARING || h->state == HANDOVER_STOPPING ||
	       h->state == HANDOVER_SHARING || h->state == HANDOVER_READY ||
	       (h->state == HANDOVER_PROVING && h->kind == HANDOVER_START_FIRST);
}

bool handover_is_between(const struct handover *h)
{
	return h->kind == HANDOVER_STOP_FIRST &&
	       (h->state == HANDOVER_STARTING || h->state == HANDOVER_PROVING ||
		h->state == HANDOVER_RETURNING);
}

/* ---- what follows ---- */

/* Until the successor serves. */
static enum handover_state before_switch(const struct handover *h,
					 const struct handover_facts *f, bool late)
{
	if (f->cancelled || f->failed || late)
		return HANDOVER_REMOVING;
	if (f->placed_lost || !f->placed)
		return HANDOVER_PLACING;
	/* Nobody serves: whatever there is of the successor does, unless it would be the only one of
	 * its version. */
	if (f->serving_lost)
		return f->joint ? HANDOVER_PLACING : HANDOVER_RETIRING;
	return h->state;
}

static enum handover_state next_while_between(const struct handover *h,
					      const struct handover_facts *f, bool late)
{
	if (f->cancelled || !f->standby)
		return HANDOVER_RETIRING;
	if (h->state == HANDOVER_RETURNING)
		return f->ended ? HANDOVER_REMOVING : h->state;
	if (f->serving_lost)
		return HANDOVER_PLACING;
	if (f->failed || late || (h->state == HANDOVER_PROVING && !f->healthy && !f->starting))
		return HANDOVER_RETURNING;
	return f->healthy ? HANDOVER_PROVING : h->state;
}

static bool is_proven(const struct handover *h, const struct handover_limits *limits,
		      int64_t now_ms)
{
	return h->healthy_since_ms != 0 &&
	       now_ms - h->healthy_since_ms >= limits->healthy_for_ms;
}

static enum handover_state next_of_placing(const struct handover *h,
					   const struct handover_facts *f)
{
	if (f->cancelled)
		return f->placed || f->placed_lost ? HANDOVER_REMOVING : HANDOVER_DONE;
	if (!f->placed)
		return h->state;
	if (!f->active && !f->shares && !f->joint)
		return HANDOVER_RETIRING; /* nothing runs: it changes at once */
	return h->kind == HANDOVER_START_FIRST ? HANDOVER_RISING : HANDOVER_PREPARING;
}

static bool is_drained(struct handover *h, const struct handover_facts *f, int64_t now_ms)
{
	if (now_ms >= h->drain_from_ms)
		h->drain_from_ms = 0;
	return f->cancelled || f->serving_lost || f->gone || now_ms >= h->drained_at_ms ||
	       (f->routes_known && h->drain_from_ms == 0);
}

/* A successor that has been healthy, start-first: it is no longer, and not for want of what it waits for. One that is to
 * be placed again has not failed. */
static bool is_ill(const struct handover_facts *f)
{
	return f->placed && !f->healthy && !f->starting;
}

int64_t handover_late_at_ms(const struct handover_limits *limits, int64_t now_ms)
{
	return limits->healthy_within_ms != NEVER_MS ? now_ms + limits->healthy_within_ms : 0;
}

/* One that was healthy gets the same time again. */
static void note_health(struct handover *h, bool healthy, const struct handover_limits *limits,
			int64_t now_ms)
{
	bool proves = h->kind == HANDOVER_START_FIRST || h->state == HANDOVER_PROVING;
	if (!healthy && h->healthy_since_ms != 0 && proves)
		h->late_at_ms = handover_late_at_ms(limits, now_ms);
	if (!healthy)
		h->healthy_since_ms = 0;
	else if (h->healthy_since_ms == 0)
		h->healthy_since_ms = now_ms;
}

enum handover_state handover_next(struct handover *h, const struct handover_facts *f,
				  const struct handover_limits *limits, int64_t now_ms)
{
	note_health(h, f->healthy, limits, now_ms);
	bool late = h->late_at_ms != 0 && now_ms >= h->late_at_ms;
	bool waits = f->held || (f->shares && !f->serving_exhausted);
	enum handover_state next = h->state;
	switch (h->state) {
	case HANDOVER_PLACING:
		return next_of_placing(h, f);
	case HANDOVER_RISING:
		next = before_switch(h, f, late && !f->healthy);
		return next == h->state && f->healthy ? HANDOVER_PROVING : next;
	case HANDOVER_PREPARING:
		next = before_switch(h, f, late && !f->deployed);
		return next == h->state && f->deployed && !waits ? HANDOVER_STOPPING : next;
	case HANDOVER_STOPPING:
		next = before_switch(h, f, false);
		return next == h->state && f->ended && f->deployed && !f->others_stop
			       ? HANDOVER_STARTING
			       : next;
	case HANDOVER_STARTING:
	case HANDOVER_RETURNING:
		return next_while_between(h, f, late && !f->healthy);
	case HANDOVER_PROVING:
		if (h->kind == HANDOVER_STOP_FIRST) {
			next = next_while_between(h, f, late && !f->healthy);
			return next == h->state && is_proven(h, limits, now_ms)
				       ? HANDOVER_RETIRING
				       : next;
		}
		next = before_switch(h, f, is_ill(f) || (late && !f->healthy));
		if (next != h->state || !is_proven(h, limits, now_ms))
			return next;
		return f->shares  ? HANDOVER_SHARING
		       : f->joint ? HANDOVER_READY
				  : HANDOVER_DRAINING;
	case HANDOVER_READY:
		next = before_switch(h, f, is_ill(f) || (late && !f->healthy));
		return next == h->state && !f->joint && f->healthy ? HANDOVER_DRAINING : next;
	case HANDOVER_SHARING:
		next = before_switch(h, f, is_ill(f) || (late && !f->healthy));
		if (next != h->state || !f->healthy)
			return next;
		if (f->serving_exhausted)
			return HANDOVER_RETIRING;
		return f->shares ? next : HANDOVER_DRAINING;
	case HANDOVER_DRAINING:
		return is_drained(h, f, now_ms) ? HANDOVER_RETIRING : h->state;
	case HANDOVER_RETIRING:
	case HANDOVER_REMOVING:
		return f->gone ? HANDOVER_DONE : h->state;
	case HANDOVER_DONE:
		break;
	}
	IMPOSSIBLE("a handover that is done has no next state");
}

int64_t handover_due_ms(const struct handover *h, const struct handover_limits *limits)
{
	switch (h->state) {
	case HANDOVER_RISING:
	case HANDOVER_PREPARING:
	case HANDOVER_STARTING:
		return h->late_at_ms != 0 ? h->late_at_ms : NEVER_MS;
	case HANDOVER_PROVING:
		if (h->healthy_since_ms != 0)
			return h->healthy_since_ms + limits->healthy_for_ms;
		return h->late_at_ms != 0 ? h->late_at_ms : NEVER_MS;
	case HANDOVER_SHARING:
	case HANDOVER_READY:
		return h->healthy_since_ms == 0 && h->late_at_ms != 0 ? h->late_at_ms
								      : NEVER_MS;
	case HANDOVER_DRAINING:
		return h->drain_from_ms != 0 ? h->drain_from_ms : h->drained_at_ms;
	case HANDOVER_PLACING:
	case HANDOVER_STOPPING:
	case HANDOVER_RETURNING:
	case HANDOVER_RETIRING:
	case HANDOVER_REMOVING:
	case HANDOVER_DONE:
		return NEVER_MS;
	}
	IMPOSSIBLE("no such state");
}
