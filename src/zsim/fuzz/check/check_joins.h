/*
 * [machines.identity] Who is let in. Each machine's name has two joiners, the machine itself and another one that
 * wants the name; each keeps what it was answered, and asks again what was not.
 *
 * - no key is recorded that was not shown with the secret of a token that allows it, or for which nobody
 *   asked who had proved a key that was let in
 * - as many joinings follow from a token as are counted in it, in the same commit, and never more than it
 *   allows: also over crashes of zrms
 * - a key that a machine was told is its own lets it in until the name is removed or joins again
 * - who joins again with the same key and token is answered as before
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_JOINS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_JOINS_H

#include "base/vector.h"
#include "core/access/join.h"
#include "core/outbox.h"
#include "zsim/fuzz/check/check_rotation.h"
#include "zsim/world/machine_state.h"

struct fuzz;

/* What somebody asked: to be known under `name` by `key`. */
struct key_asked {
	const char *name;  /* borrowed */
	uint64_t key, own; /* own 0: it joins with `token` */
	uint32_t token;
	bool is_right;	 /* it had the secret, and the name fits */
	int64_t wall_ms; /* when it was asked last */
	bool shown;	 /* in a HELLO */
};

struct token_seen {
	uint32_t number;
	uint32_t uses, joined;
	const char *pattern; /* static, or NULL */
	int64_t expires_ms;
};

struct joiner {
	const char *name;    /* borrowed: of a machine */
	uint64_t key;	     /* that it was told is its own; 0: none */
	bool holds;	     /* since then its name was neither removed nor joined again */
	uint64_t asks_key;   /* 0: it waits for no answer */
	uint32_t asks_token; /* 0: it renews */
	uint64_t generation; /* of the authorities, with `key` (check_rotation.h) */
	bool left_behind;    /* a rotation did not wait for it */
};

struct joins {
	VECTOR(struct key_asked) asked;
	VECTOR(struct token_seen) tokens; /* by number - 1 */
	VECTOR(struct joiner) joiners;
	uint64_t next_key;
	VECTOR(Samoza__V1__IdentityRecord *) identities; /* as committed */
	struct rotations rotations;
};

/* NULL: this life draws none. */
struct joins *check_joins_of(struct fuzz *f);
void check_joins_done(struct fuzz *f);
void check_joins_committed(struct fuzz *f, const struct outbox *o);
/* As committed; NULL. */
const Samoza__V1__IdentityRecord *check_joins_identity(const struct joins *joins,
						       const char *name);
/* A joiner was told that its key is recorded. */
void check_joins_told(struct fuzz *f, struct joiner *joiner);
/* Nothing that zrms would let in was not asked for. */
void check_joins_admitted(struct fuzz *f);
/* Keys and secrets by number. */
void check_joins_bytes(uint64_t number, uint8_t to[IDENTITY_KEY_SIZE]);

#endif
