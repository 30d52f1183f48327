/*
 * Whom the cluster believes: a set of certificate authorities, one of which signs. A rotation puts another one in the
 * place of the one that signs, and nobody is without one whom they believe on the way:
 *
 *            begin            all believe both          all have a certificate of the new one
 *   {1} 1 ─────────► {1, 2} 1 ───────────────► {1, 2} 2 ─────────────────────────────────────► {2} 2, former 1
 *        ◄──────────── adding                 reissuing
 *             abort                               │ abort: the same with 1 and 2 exchanged
 *                                                 └─► {1, 2} 1, reissuing ─► {1} 1, former 2
 *
 * Each arrow is a new generation. A zhost has what a generation says when it uses a key whose certificate was issued in it: the
 * set comes with the certificate. So nothing that it claims is believed, and a renewal is all that it needs to know.
 *
 * Of a former one the certificates still prove those whose key is known, for as long as an expired one does: who was
 * away for the whole rotation comes back.
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_CORE_ACCESS_AUTHORITIES_H
#define SAMOZA_CORE_ACCESS_AUTHORITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/record.pb-c.h"

#define AUTHORITY_PIN_SIZE     32
#define AUTHORITIES_FORMER_MAX 4 /* of which zrms keeps a certificate of its own, too */
/* As an expired certificate (adapter/pki/authority.h). */
#define AUTHORITY_FORMER_MS (INT64_C(90) * 24 * 60 * 60 * 1000)

/* Values are in files on disk: append only. */
enum authority_phase {
	AUTHORITY_STABLE,
	AUTHORITY_ADDING, /* the next one is told */
	AUTHORITY_REISSUING, /* the signer's certificates take the place of those of the other one */
};

/* For which zhosts a rotation waits. */
enum authority_waits {
	AUTHORITY_FOR_ALL,
	AUTHORITY_FOR_CONNECTED, /* one that is away comes back as from a former one */
	AUTHORITY_FOR_NOBODY,
};

/* ERR_INVALID: no state that a cluster can be in. */
int authorities_check(const Samoza__V1__AuthoritiesRecord *record,
		      struct error **err) must_check;
/* The one that signs; the other one that is believed, or NULL. */
const Samoza__V1__AuthorityRecord *
authorities_signer_record(const Samoza__V1__AuthoritiesRecord *record);
const Samoza__V1__AuthorityRecord *
authorities_other(const Samoza__V1__AuthoritiesRecord *record);

/* The state of a cluster that was never rotated, whose one is `first`. schema_message_free(). */
Samoza__V1__AuthoritiesRecord *authorities_new(const Samoza__V1__AuthorityRecord *first);
/* Each is one arrow. ERR_CONFLICT: not from here. */
int authorities_begin(Samoza__V1__AuthoritiesRecord *record,
		      const Samoza__V1__AuthorityRecord *next, int64_t wall_ms,
		      struct error **err) must_check;
int authorities_abort(Samoza__V1__AuthoritiesRecord *record, int64_t wall_ms,
		      struct error **err) must_check;
int authorities_wait_less(Samoza__V1__AuthoritiesRecord *record, bool for_nobody,
			  struct error **err) must_check;
/* What was seen of the servers of the store; `missing`: those that do not follow, and why. False: it is known already, or is of
 * another generation. */
bool authorities_store_seen(Samoza__V1__AuthoritiesRecord *record, uint64_t generation,
			    char *const *missing, size_t count);
/* They hold the rotation up, also where it waits for connected zhosts alone: without them nothing is durable. */
bool authorities_wait_for_store(const Samoza__V1__AuthoritiesRecord *record);
/* PRE: a rotation is under way, and nobody holds it up. */
void authorities_advance(Samoza__V1__AuthoritiesRecord *record, int64_t wall_ms);

#endif
