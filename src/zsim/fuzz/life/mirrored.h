/*
 * What was committed, by name.
 */
#ifndef SAMOZA_ZSIM_FUZZ_MIRRORED_H
#define SAMOZA_ZSIM_FUZZ_MIRRORED_H

#include "base/hash.h"
#include "model/zhost.h"
#include "zsim/fuzz/life/fuzz.h"

struct sim_machine;

/* The last committed record of a slot, and where its events led. */
struct mirrored {
	char *id;			/* "APPLICATION-ID/PATH" */
	Samoza__V1__SlotRecord *record; /* NULL: deleted */
	char *state;			/* after the last event; NULL: none */
	int64_t since_ms;		/* of that event */
	uint64_t moved;			/* number of the commit that brought it */
	uint64_t moved_by;		/* and of its event */
	bool began_before; /* of its next start: zrms had decided it when it heard that another copy there has gone */
	/* It has no place, or has to give it up: it is placed with others like it. And so it was
	 * before the commit `taken`. */
	bool is_first, was_first;
	int64_t lost_ms; /* when it was lost for the last time */
	bool was_moving; /* before the commit `taken`: it was leaving its zhost, or handed over */
	uint64_t taken; /* number of the commit that brought the record */
	uint64_t
		drain_began; /* number of the commit in which a drain or a rebalance began to hand it over */
	uint64_t
		served; /* epoch of the copy that served before the commit `taken`; 0: none did */
	Samoza__V1__Goal goal_before; /* before the commit `taken` */
	uint32_t
		waited; /* before the commit `taken` its successor, of that revision, waited for a place, or
			    to be installed; 0: none did */
	uint32_t reloads; /* that have begun since it was left alone (check_settings_alone()) */
	bool was_placing; /* before the commit `taken` its successor had no place */
	bool was_stopping; /* before the commit `taken` it was to stop for its successor */
	struct {
		int64_t at_ms; /* wall clock of zrms */
		uint64_t seq;  /* of the event; 0: never */
		bool asked;    /* it was to stop */
		bool unclear;  /* whether it was */
	} left;		       /* deployed-started, the last time: check_patience.h */
	/* Of the copy that serves, or did last; 0: none has. */
	uint32_t served_revision;
	int64_t served_since_ms; /* wall clock: when that was committed */
	/* It is handed over to that revision at the switch; between which two that was found out last; 0. */
	uint32_t changes_to, compared[2];
	/* A rollout to that revision has added it, as its zhost did not fit the version before; 0: none. */
	uint32_t added_to;
	int64_t came_ms;     /* to deployed-started, the last time; 0: never */
	int64_t returned_ms; /* wall clock: its zhost was back, and so it was started; 0: no */
	uint64_t wrote;	     /* the epoch whose write was accepted last */
	UT_hash_handle hh;
};

/* The last committed record of a copy. */
struct mirrored_copy {
	char *id;			/* "APPLICATION-ID/PATH#EPOCH" */
	Samoza__V1__CopyRecord *record; /* NULL: deleted */
	int64_t asked_ms;		/* when its target last changed, or it was deleted */
	uint64_t left; /* number of the commit in which it was retired, or lost */
	UT_hash_handle hh;
};

#define ROOM_KINDS 3

struct mirrored_zhost {
	char *name;
	Samoza__V1__ZhostRecord *record; /* NULL: deleted */
	struct zhost_spec spec;
	char *state;
	char *joined;	   /* identity of the machine that has joined */
	bool was_cordoned; /* before the commit `taken`, which brought the record */
	uint64_t taken;
	/* Room that is taken there, in millicores, bytes and devices; with what is lost, which may be back, now and at
	 * the end of the commit before. */
	uint64_t holds[ROOM_KINDS], with_lost[ROOM_KINDS], had[ROOM_KINDS];
	bool changed, told;  /* in this commit: its settings, and an event has said so */
	bool left, rejoined; /* in this commit: it was removed, and has joined after that */
	uint64_t drained_by; /* the event that says that it is to be drained */
	UT_hash_handle hh;
};

/* Adds it when there is none. */
struct mirrored *mirrored_instance(struct fuzz *f, const char *id);
struct mirrored_copy *mirrored_copy(struct fuzz *f, const char *id);
struct mirrored_zhost *mirrored_zhost(struct fuzz *f, const char *name);
/* NULL when there is none. */
const struct mirrored *mirror_find(const struct fuzz *f, const char *topology,
				   const char *path);
const struct mirrored_copy *mirror_copy(const struct fuzz *f, const char *topology,
					const char *path, uint64_t epoch);
/* The record of the copy that serves; NULL: none does. */
const Samoza__V1__CopyRecord *mirror_serving(const struct fuzz *f, const struct mirrored *m);
/* The machine that is the zhost of that name: of twins and copies, the one that has joined; NULL. */
struct sim_machine *mirror_machine(const struct fuzz *f, const char *name);
struct submitted *fuzz_submitted(const struct fuzz *f, const char *id);
/* The content of that revision of it. PRE: its record was committed. */
const struct topology *fuzz_revision(const struct submitted *s, uint32_t number);
/* Number of the revision of whose needs the room of its placement is. */
static inline uint32_t mirrored_room(const Samoza__V1__CopyRecord *r)
{
	uint32_t own = r->has_unit_revision ? r->unit_revision : r->revision;
	return r->has_room ? r->room : own;
}
/* There are, or are to be, other instances than those of the revision that is served: it is being changed,
 * or what the change has removed is not gone. */
bool fuzz_has_other_members(const struct fuzz *f, const struct submitted *s);
void mirrored_done(struct fuzz *f);

#endif
