/*
 * How many messages went between one end and others, by the names of those: for `mesh peers` and `mesh routes`.
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_TALLY_H
#define SAMOZA_ZHOST_MESH_MESH_TALLY_H

#include <stdint.h>

#include "base/hash.h"
#include "base/histogram.h"
#include "port/mesh.h"

enum { MESH_TALLIES_MAX = 1024 }; /* of one end; further ones are not counted */

struct mesh_tally {
	char *name;			     /* of the other end */
	char *zhost;			     /* where that was last; NULL: not known */
	enum mesh_by by;		     /* the last one that was sent to another zhost */
	bool is_here;			     /* the last one stayed on this zhost */
	uint64_t direct, hub, here, refused; /* sent */
	uint64_t received, dropped;
	int64_t asked_us; /* when the first message left since one has come; 0: none has left */
	UT_hash_handle hh;
};

/* All zero at first. */
struct mesh_tallies {
	struct mesh_tally *all;
};

/* Made where there is none. NULL: there are too many, or `tallies` is NULL. */
struct mesh_tally *mesh_tally_of(struct mesh_tallies *tallies, const char *name);
void mesh_tallies_done(struct mesh_tallies *tallies);

/* What became of a message to the other end; it was sent by that way, where `r` is 0. */
void mesh_tally_sent(struct mesh_tally *tally, const char *zhost, enum mesh_by by, int r);
/* The same, on one zhost. */
void mesh_tally_sent_here(struct mesh_tally *tally, const char *zhost, int r);
/* Something is sent to the other end; then something has come from it: a request and its answer, as far as can be
 * told from outside. An answer counts within MESH_ANSWER_MAX_US. `tally` NULL is fine. */
#define MESH_ANSWER_MAX_US ((int64_t)60 * 1000 * 1000)
void mesh_tally_asks(struct mesh_tally *tally, int64_t now_us);
void mesh_tally_answered(struct mesh_tally *tally, int64_t now_us, struct histogram *to);
void mesh_tally_received(struct mesh_tally *tally, const char *zhost, int r);

#endif
