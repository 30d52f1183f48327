/*
 * [machines.identity.renewal] Rotations of the certificate authority. What a machine believes, and of whom its certificate is, is what
 * was committed when it was told its key.
 *
 * - every machine believes the authority that signs, and its own certificate is of one that is believed: but those for
 *   which somebody has said not to wait
 * - a rotation that nobody holds up goes on
 * - it does not go on before all servers of the store follow, where it asks them
 * - nobody is missing without a reason, and generations only grow
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ROTATION_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/outbox.h"

struct fuzz;

/* As committed. */
struct rotation_seen {
	uint64_t generation;
	uint32_t believed[2], signer; /* believed: 0: none */
	bool is_stable, waits_for_all;
	bool waits_for_store; /* its servers were not all seen to follow */
};

struct rotations {
	VECTOR(struct rotation_seen) all; /* the first one: before any */
	bool aborts;			  /* somebody took it back, since the last one began */
	bool forced; /* somebody has said not to wait for all, since the last one began */
};

/* The one that is committed. */
const struct rotation_seen *check_rotation_now(struct rotations *rotations);
void check_rotation_committed(struct fuzz *f, const struct outbox *o);
/* Between two steps. */
void check_rotation_goes_on(struct fuzz *f);

#endif
