/*
 * [machines.people.users] Codes and sessions of people.
 *
 * - no session is recorded that was not asked for with a code or a credential; what is recorded stands for that one's
 *   credential, and a code for one session at most: also over crashes of zrms
 * - nothing is recorded of a credential that was replaced or removed, nor does zrms know a session of one
 * - who shows a code that is recorded and not over, where it is for, has a session
 * - what is for a page is good there and nowhere else, and so is what it becomes; what is for zrms opens no page
 * - a code is good for ten minutes at most, a session for twelve hours
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SIGN_INS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SIGN_INS_H

#include "base/vector.h"
#include "core/access/sign_ins.h"
#include "core/outbox.h"

struct fuzz;

/* What somebody asked for: that code `made` or session `made` be there. Secrets are numbers. */
struct sign_in_asked {
	uint64_t made, proof; /* of a credential, or of the code */
	bool is_code;	      /* what was made */
	bool by_code;	      /* what was shown */
	uint64_t session;     /* of a code: that it became; 0: none */
	unsigned page;	      /* of sign_in_pages: where it is to be good */
};

struct sign_in_seen {
	uint64_t number, credential;
	bool is_code;
	int64_t expires_ms;
	unsigned page;
};

/* Of zedge; the first is NULL: zrms itself. */
#define SIGN_IN_PAGES 4
extern const char *const sign_in_pages[SIGN_IN_PAGES];

#define SIGN_IN_PEOPLE 3 /* "u0", … */

struct people {
	VECTOR(struct sign_in_asked) asked;
	VECTOR(struct sign_in_seen) recorded; /* as committed */
	uint64_t credentials[SIGN_IN_PEOPLE]; /* as committed; 0: none */
	uint64_t next;			      /* secret */
};

/* NULL: this life draws none. */
struct people *check_sign_ins_of(struct fuzz *f);
void check_sign_ins_done(struct fuzz *f);
void check_sign_ins_committed(struct fuzz *f, const struct outbox *o);
/* What zrms would let in now. */
void check_sign_ins_known(struct fuzz *f);
/* As committed; NULL. */
const struct sign_in_seen *check_sign_ins_recorded(const struct people *people,
						   uint64_t number);

#endif
