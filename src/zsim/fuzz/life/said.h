/*
 * Routes as zrms has said them to each zhost, in the tables of the mesh, as they come (docs/mesh.md).
 *
 *   HELLO_ACK      a link begins: nothing is said on it yet
 *   MESH_TABLE     of a topology: all that there is (`full`), what has changed, or that it is gone
 *   MESH_SYNC      what was not said on this link, nor is in a part that is kept, is not said any longer
 */
#ifndef SAMOZA_ZSIM_FUZZ_SAID_H
#define SAMOZA_ZSIM_FUZZ_SAID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "zsim/world/hooks.h"

struct sim_machine;

/* What zrms said last to a zhost of a slot. */
struct said {
	char *key; /* "MACHINE LIFE APPLICATION/PATH" */
	char *application;
	bool is_confirmed; /* said on the link that there is */
	uint64_t serves;   /* epoch; 0: none */
	bool is_here;	   /* on that zhost itself, which knows whether it runs */
	uint64_t shares;   /* the canary beside it */
	uint64_t apart;	   /* blue-green: of the set that does not serve */
	bool apart_here;   /* that one is on the zhost itself: it may not be open */
	UT_hash_handle hh;
};

/* A frame has come to the zhost of `n`. */
void said_take(struct said **all, const struct sim_machine *n, Samoza__V1__FrameType type,
	       const ProtobufCMessage *message);
/* NULL: nothing is said of it. */
const struct said *said_find(struct said *const *all, const struct sim_machine *n,
			     const char *application, const char *path);
void said_done(struct said **all);

#endif
