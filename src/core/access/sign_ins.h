/*
 * How people come to a page without handing their token to it: a code, which is good once and for minutes, becomes a
 * session, which is good for hours. Here are the hashes of both.
 *
 *   credential ──► code ──once──► session ──► over
 *        │           └─────────────────────────► over: after CODE_MS
 *        └──────────────────────► session ──► over: signed out, ended, or after SESSION_MS
 *
 * One that is for a page of zedge ("shop/web") is good there and nowhere else, and the others are not good there.
 *
 * Each stands for the credential with which it was made, and for what that one may do now: when it is removed,
 * replaced or over, so are they.
 *
 * Source: [machines.people.users], [machines.anonymous.loopback].
 */
#ifndef SAMOZA_CORE_ACCESS_SIGN_INS_H
#define SAMOZA_CORE_ACCESS_SIGN_INS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "core/access/credentials.h"
#include "proto/record.pb-c.h"

#define SIGN_IN_CODE_MS	   (INT64_C(10) * 60 * 1000)
#define SIGN_IN_SESSION_MS (INT64_C(12) * 60 * 60 * 1000)
/* Of one credential; one more ends the oldest. */
#define SIGN_IN_CODES_MAX    10
#define SIGN_IN_SESSIONS_MAX 50

struct sign_in {
	UT_hash_handle hh;
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	Samoza__V1__SignInRecord *record; /* what is kept on disk */
};

struct sign_ins {
	struct sign_in *by_hash;
};

void sign_ins_done(struct sign_ins *all);
/* Copies. ERR_INVALID for a record that is none; ERR_CONFLICT: there is one with its hash. */
int sign_ins_put(struct sign_ins *all, const Samoza__V1__SignInRecord *record,
		 struct error **err) must_check;
void sign_ins_remove(struct sign_ins *all, struct sign_in *one);
/* The code or session whose secret has that hash, unless it is over at `wall_ms`; NULL. */
struct sign_in *sign_ins_find(const struct sign_ins *all,
			      const uint8_t hash[CREDENTIAL_HASH_SIZE], bool is_code,
			      int64_t wall_ms);
/* Whether it is for that page; NULL: for zrms. */
bool sign_in_is_for(const struct sign_in *one, const char *page);
/* NULL: there is none. */
struct sign_in *sign_ins_find_id(const struct sign_ins *all, const char *id);
/* The oldest code or session of that credential, and how many there are. NULL: there is none. */
struct sign_in *sign_ins_oldest(const struct sign_ins *all,
				const uint8_t credential[CREDENTIAL_HASH_SIZE], bool is_code,
				unsigned *ret_count);
/* The oldest first; ends with NULL. The caller frees the list. */
struct sign_in **sign_ins_sorted(const struct sign_ins *all);

#endif
