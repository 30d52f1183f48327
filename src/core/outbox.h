/*
 * What a decision results in: records to persist, events and lines of the audit to append, in one durable
 * commit, and the messages and replies that may go out once that commit is on disk.
 *
 *   outbox_init(&o) ... control_handle(..., &o) ... control_flush(..., &o)
 *   store: o.records, o.events, o.audit, o.data      then: o.messages, o.replies, o.calls
 *   outbox_clear(&o)                         keeps the memory for the next batch
 */
#ifndef SAMOZA_CORE_OUTBOX_H
#define SAMOZA_CORE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vector.h"
#include "proto/record.pb-c.h"
#include "proto/wire.pb-c.h"

/* Values are in files on disk: append only. */
enum record_kind {
	RECORD_META = 1,	   /* id "" */
	RECORD_TOPOLOGY = 2,	   /* format 1, read only; id: topology id */
	RECORD_INSTANCE = 3,	   /* format 1, read only; id: "TOPOLOGY-ID/PATH" */
	RECORD_ZHOST = 4,	   /* id: name */
	RECORD_FORGOTTEN = 5,	   /* id: topology name */
	RECORD_APPLICATION = 6,	   /* id: application id */
	RECORD_REVISION = 7,	   /* id: "APPLICATION-ID/0000000007" */
	RECORD_SLOT = 8,	   /* id: "APPLICATION-ID/PATH" */
	RECORD_COPY = 9,	   /* id: "APPLICATION-ID/PATH#EPOCH" */
	RECORD_REBALANCE = 10,	   /* id "" */
	RECORD_CREDENTIAL = 11,	   /* id: "user/NAME", "zhost/NAME" */
	RECORD_JOIN_TOKEN = 12,	   /* id: of the token */
	RECORD_IDENTITY = 13,	   /* id: name of the zhost */
	RECORD_SIGN_IN = 14,	   /* id: of the code or session */
	RECORD_AUTHORITIES = 15,   /* id "" */
	RECORD_MACHINE = 16,	   /* id: name of the zhost that a driver makes */
	RECORD_SIGNING_KEY = 20,   /* id: the key, in hexadecimal digits */
	RECORD_IDEMPOTENCY = 21,   /* id: "PRINCIPAL/KEY" */
	RECORD_NOTICE_TARGET = 30, /* id: its name */
	RECORD_BACKUP_AGE = 31,	   /* id "" */
	RECORD_SECRET = 40,	   /* id: its name */
};

struct record_change {
	enum record_kind kind;
	char *id;
	void *data; /* NULL: delete */
	size_t size;
};

/* A change or a reading of a space's data; `owner` is "TOPOLOGY-NAME/INSTANCE-PATH". Changes
 * are part of the commit; readings are made after it, in order. The answer goes to `link`. */
struct data_change {
	uint64_t link_id;
	uint64_t request;
	char *owner;
	Samoza__V1__DataOperation operation;
	void *key; /* list: prefix */
	size_t key_size;
	void *value;
	size_t value_size;
	void *cursor;
	size_t cursor_size;
	uint32_t limit_bytes;
	uint64_t quota_bytes, group_quota_bytes; /* put: as in port/kv.h */
};

struct link_message {
	uint64_t link_id;
	Samoza__V1__FrameType type;
	ProtobufCMessage *message; /* owned, or NULL */
	bool is_shared;		   /* an entry before it owns the message */
	bool close;		   /* the link is closed after it */
};

struct reply {
	uint64_t request;
	int code;	/* 0 or an enum error_code */
	char *message;	/* refusal, or what an operator should know; may be NULL */
	char *topology; /* id it is about, or NULL */
	char *path;	/* instance it is about, or NULL */
	struct error *error;
	ProtobufCMessage *view; /* a ready answer (dry run), or NULL */
	const char *effect;	/* of a submission: created, updated, unchanged; NULL. Static */
};

enum driver_operation {
	DRIVER_CREATE,
	DRIVER_STATUS,
	DRIVER_DESTROY,
	DRIVER_LIST,
};

/* A driver is to be asked; the outcome comes back as an input (CONTROL_DRIVER). */
struct driver_call {
	uint64_t id; /* in this life of zrms */
	enum driver_operation operation;
	char *driver;
	Samoza__V1__MachineRecord *machine; /* as it is known; NULL: list */
	char *token;			    /* create: id of the token that goes with it */
};

struct outbox {
	VECTOR(struct record_change) records;
	VECTOR(Samoza__V1__EventRecord *) events;
	VECTOR(Samoza__V1__AuditRecord *) audit; /* of what was asked in it */
	VECTOR(struct data_change) data;
	/* owners whose data is forgotten: every owner "NAME/..." (topo rm --data) */
	VECTOR(char *) data_forget;
	VECTOR(struct link_message) messages;
	VECTOR(struct reply) replies;
	VECTOR(struct driver_call) calls;
};

void outbox_init(struct outbox *o);
void outbox_done(struct outbox *o);
void outbox_clear(struct outbox *o);
/* Nothing to persist, send or answer. */
bool outbox_is_empty(const struct outbox *o);
/* Something that needs a commit. */
bool outbox_is_durable(const struct outbox *o);

#endif
