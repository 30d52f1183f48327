/*
 * [machines.people.roles] [change.rollout.cmd-rollback] Keys that sign packages, as they were committed.
 *
 * - no revision is recorded that was submitted, or gone back to, with a key that was removed, or that is limited to other
 *   names, or that was neither recorded nor in a file: also over crashes of zrms
 * - a revision keeps the key with which its content came, also by a rollback and other counts
 * - what is signed by a key that is recorded and trusted is not refused for that
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SIGNERS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SIGNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access/signing_keys.h"
#include "core/outbox.h"

struct fuzz;

#define SIGNER_KEYS 5 /* "k0", …; key and number are the same */

struct signer_key {
	bool recorded, removed, was_in_file; /* was_in_file: told to zrms once */
	char *only; /* name of the one topology that it may sign; NULL: all */
	uint8_t bytes[SIGNING_KEY_SIZE];
};

struct signers {
	struct signer_key keys[SIGNER_KEYS];
};

/* NULL: this life draws none. */
struct signers *check_signers_of(struct fuzz *f);
void check_signers_done(struct fuzz *f);
void check_signers_committed(struct fuzz *f, const struct outbox *o);
/* A submission was refused, signed by that key (NULL: by none). */
void check_signers_refused(struct fuzz *f, const ProtobufCBinaryData *signer,
			   const char *topology, const char *message);
/* So was a rollback of that application. */
void check_signers_rollback_refused(struct fuzz *f, const char *id, uint32_t to,
				    const char *message);

#endif
