/*
 * What is known of a unit whose processes have, or may have, other values of `env`, `config` and secrets than they would start with
 * now. A unit without one has what it would start with. relocate/reloads.h goes by it.
 *
 *   (none) ──unit_reload_mark()──► due ──looked at──► equal ──► (none), once no reload of it counts any longer
 *                                   ▲                 differs: a new copy is to take over
 *                                   │                 lacks: one of the values is missing; what runs stays
 *                                   └── marked again
 */
#ifndef SAMOZA_CORE_CONTROL_UNIT_RELOAD_H
#define SAMOZA_CORE_CONTROL_UNIT_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

struct application_list;
struct copy;
struct slot_control;

/* The values are those of VolatileReload. */
enum __attribute__((packed)) reload_need {
	RELOAD_EQUAL,
	RELOAD_DIFFERS,
	RELOAD_LACKS,
	RELOAD_UNHEARD, /* equal as far as its zhost has said */
};

struct unit_reload {
	struct slot_control *root;	 /* borrowed */
	struct application_list *all;	 /* borrowed */
	struct unit_reload *prev, *next; /* of them */
	bool due; /* it may be another one than it was: it is looked at */
	enum reload_need need;
	uint64_t
		wanted; /* all values that its copies would start with, as a number; 0: not looked at */
	int64_t since_ms; /* monotonic: these */
	uint32_t count;	  /* reloads that have begun, each not long after the one before */
	int64_t begun_ms; /* monotonic: the last of them */
	int64_t room_ms; /* monotonic: there was no place; it is looked for again from then on */
	bool room_due;	 /* something has changed since */
};

/* What a copy of the unit has, or what it would start with, may be another value. PRE: it is a root. */
void unit_reload_mark(struct slot_control *root);
/* The same of the unit of a copy that serves or is to, where its space has settings. */
void unit_reload_mark_copy(const struct copy *copy);
/* PRE: there is none. */
struct unit_reload *unit_reload_new(struct slot_control *root);
void unit_reload_free(struct slot_control *root);
/* In the order of applications and paths from now on. */
void unit_reloads_sort(struct application_list *all);

#endif
