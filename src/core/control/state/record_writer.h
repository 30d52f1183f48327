/*
 * Writes what changed since the last flush as records, each once, with its final value.
 */
#ifndef SAMOZA_CORE_CONTROL_RECORD_WRITER_H
#define SAMOZA_CORE_CONTROL_RECORD_WRITER_H

#include "core/control/state/application.h"

struct control;
struct credential;
struct idempotency_key;
struct sign_in;
struct identity;
struct issued_token;
struct made_zhost;

/* Ends a flush: writes what is marked, and clears the marks. An application comes after its slots and
 * copies: a part of them without it means nothing to a reader. */
void records_write(struct control *c);
/* Everything that a store holds of it, whatever is marked; the marks stay. */
void records_write_all(struct control *c);
/* At once: it never changes. */
void records_write_revision(struct control *c, const struct revision *revision);
/* They are about to be freed: delete their records. The application's own record goes first: what is
 * left of the others then means nothing. */
void records_delete_application(struct control *c, const struct control_application *a);
void records_delete_slot(struct control *c, struct slot_control *sc);
void records_delete_slots(struct control *c, const struct control_application *a);
void records_delete_zhost(struct control *c, const struct control_zhost *z);
void records_delete_copy(struct control *c, const struct copy *copy);
/* `control`: struct control. */
void records_delete_revision(void *control, const struct revision *revision);
/* Records of format 1 that were carried over: after the records that replace them. */
void records_delete_converted(struct control *c);
/* A name whose local data zhosts have yet to delete; `epoch` 0: they all have. */
void records_write_forgotten(struct control *c, const char *name, uint64_t epoch);
void records_write_credential(struct control *c, const struct credential *credential);
void records_delete_credential(struct control *c, const struct credential *credential);
void records_write_sign_in(struct control *c, const struct sign_in *one);
void records_delete_sign_in(struct control *c, const struct sign_in *one);
void records_write_idempotency(struct control *c, const struct idempotency_key *one);
void records_delete_idempotency(struct control *c, const struct idempotency_key *one);
void records_write_join_token(struct control *c, const struct issued_token *token);
void records_delete_join_token(struct control *c, const struct issued_token *token);
void records_write_identity(struct control *c, const struct identity *identity);
/* At the end of a flush, where it has changed. */
void records_delete_made_zhost(struct control *c, const struct made_zhost *made);
void records_delete_identity(struct control *c, const struct identity *identity);
/* PRE: there is a record of that key. */
void records_write_signing_key(struct control *c, const uint8_t *key);
void records_write_secret(struct control *c, const Samoza__V1__SecretRecord *record);
void records_delete_secret(struct control *c, const char *name);
/* PRE: there is one. */
void records_write_authorities(struct control *c);
void records_write_notice_target(struct control *c,
				 const Samoza__V1__NoticeTargetRecord *target);
void records_delete_notice_target(struct control *c, const char *name);
void records_write_backup_age(struct control *c);
void records_delete_backup_age(struct control *c);

#endif
