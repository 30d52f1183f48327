/*
 * The certificate authorities of the cluster, as files and as what zrms signs with. Which are believed, and which signs, is a
 * record of the core (core/access/authorities.h); the files follow it, one after the other:
 *
 *   rotate ─► authority-next.pem ─► commit: adding ─► authorities.pem
 *             commit: reissuing ─► identity.pem of the new one ─► identity-1.pem for those who believe the old one only
 *             commit: rotated ─► identity-1.pem, for 90 days ─► former.pem ─► authorities.pem
 *                                ─► authority-next.pem becomes authority.pem: the old key is gone
 *
 * authorities_settle() does whatever is left of that, from any state in which a crash has left the files: at each start, after each
 * commit of the record, and again while it fails.
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_ZRMS_AUTHORITIES_H
#define SAMOZA_ZRMS_AUTHORITIES_H

#include "adapter/pki/trust.h"
#include "core/outbox.h"
#include "proto/record.pb-c.h"

struct zrms;

struct authorities {
	Samoza__V1__AuthoritiesRecord *record; /* durable; NULL: never rotated */
	char *passphrase;		       /* of the keys; NULL: they have none */
	bool begins;			       /* a rotation waits for its commit */
	bool unsettled;			       /* files are to follow */
	int64_t settled_wall_ms;	       /* they have followed, at last */
};

/* The state is loaded: takes the record, and lets the files follow. Nothing where zrms init was not run. ERR_DENIED: the
 * key is sealed, and the passphrase is not there or another one. */
int authorities_start(struct zrms *zrms, struct error **err) must_check;
void authorities_free(struct zrms *zrms);
/* It is durable: before anything is sent that follows from it. The files have changed: listening_reload(). */
void authorities_committed(struct zrms *zrms, const struct record_change *change);
/* From time to time: files that could not be written, former ones whose time is over. True: they may have changed. */
bool authorities_look(struct zrms *zrms);
/* Makes the files be as the record says. What cannot be read or written stays for the next time. */
int authorities_settle(struct zrms *zrms, struct error **err) must_check;

/* The one that signs, by the durable record. ERR_NOT_FOUND: its key is not on this machine. */
int authorities_signer(const struct zrms *zrms, struct pki_authority **ret_authority,
		       struct error **err) must_check;
/* All that are believed, by the durable record. */
int authorities_trust(const struct zrms *zrms, struct pki_trust **ret_trust,
		      struct error **err) must_check;
/* Of a cluster that was never rotated: its only one, as a record; schema_message_free(). */
int authorities_first(const struct zrms *zrms, Samoza__V1__AuthorityRecord **ret_record,
		      struct error **err) must_check;
/* Whether the key of the other one is here, so that a rotation can be taken back. */
bool authorities_can_return(const struct zrms *zrms);
/* Makes the next one, stored: to be handed to the core. schema_message_free(). ERR_CONFLICT: another rotation is
 * under way. */
int authorities_make_next(struct zrms *zrms, Samoza__V1__AuthorityRecord **ret_record,
			  struct error **err) must_check;

#endif
