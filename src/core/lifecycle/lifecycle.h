/*
 * Instance lifecycle rules: which slots may start, which must stop, and in what order.
 *
 *   struct lifecycle          the queue of slots to look at again, and who observes
 *     └─ struct slot_set      the slots of an application (slot.h)
 *
 * To change a goal, report or placement, call the functions of goal.h, rules.h and slot_set.h, then
 * lifecycle_settle() (rules.h). It applies the rules of docs/spec/lifecycle.md to a fixed point:
 *
 *      change ──► slots that it can affect ──► queue ──► rules ──► move ─┐
 *                           ▲                                            │
 *                           └──── parent, children, importers ◄──────────┘
 *
 * A change queues only the slots that it can affect: the slot itself, its children and parents, and
 * importers when the first provider comes or the last one goes. So the cost of a change is
 * proportional to what depends on it.
 *
 * Rules set states, and say what the zhost is asked for: the target of the copy that serves. A
 * target never changes while an action is running; when the action ends, goal and rules are applied
 * again.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_LIFECYCLE_H
#define SAMOZA_CORE_LIFECYCLE_LIFECYCLE_H

#include "core/instant.h"
#include "core/lifecycle/slot.h"

/* What the zhost is asked for; the values are those of proto/wire.proto. */
enum instance_target { TARGET_NONE, TARGET_DEPLOYED, TARGET_STARTED };

/* All of them may be called from lifecycle_settle() and from the functions of goal.h and rules.h.
 * The lifecycle is embedded by its owner: container_of(l, ...). */
struct lifecycle_observer {
	/* After the move; `cause` is borrowed. */
	void (*on_moved)(struct lifecycle *l, struct slot *s, enum instance_state from,
			 const char *cause);
	/* The copy that serves is to have this target; it may have it already. */
	void (*on_target)(struct lifecycle *l, struct slot *s, enum instance_target target);
	/* The zhost is to try again, with no failure counted. */
	void (*on_retry)(struct lifecycle *l, struct slot *s);
	void (*on_goal_changed)(struct lifecycle *l, struct slot *s, enum instance_goal from);
	/* It is not-deployed, and so it should be: its place may be freed. */
	void (*on_gone)(struct lifecycle *l, struct slot *s);
	/* A provider of what this space (interned) imports came, went or changed. */
	void (*on_imports_changed)(struct lifecycle *l, struct slot_set *set, uint32_t space);
};

struct lifecycle {
	const struct lifecycle_observer *observer;
	struct instant now;	     /* set by the caller before each call */
	struct slot *first, *last;   /* queue, oldest first */
	struct heap patience_timers; /* of provider sets (patience.h) */
	struct heap returned_timers; /* of slots */
	struct slot_set *sets;	     /* by name */
	struct provider_set *shared; /* public ones, by name */
};

void lifecycle_init(struct lifecycle *l, const struct lifecycle_observer *observer);
/* PRE: every slot set is done. */
void lifecycle_done(struct lifecycle *l);

/* Looks at `s` again at the next settle. */
void lifecycle_push(struct slot *s);
/* No slot is to be looked at again. */
static inline bool lifecycle_is_settled(const struct lifecycle *l)
{
	return l->first == NULL;
}
/* The slot that has waited longest, out of the queue; NULL: the queue is empty. */
struct slot *lifecycle_pop(struct lifecycle *l);
/* Takes the slots of `set` out of the queue. */
void lifecycle_forget(const struct slot_set *set);
/* Takes that one out; nothing where it is not in. */
void lifecycle_take(struct slot *s);

#endif
