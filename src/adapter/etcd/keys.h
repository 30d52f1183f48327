/*
 * What lies where in etcd. Everything is below one prefix; an etcd is of one cluster, whose certificates no other has.
 *
 *   samoza/ledger                what there should be; compared and written by every transaction (ledger.h)
 *   samoza/leader                who leads, under its lease; its creation is the fence (election.h)
 *   samoza/member/NAME           who stands by
 *   samoza/term                  of the last win
 *   samoza/p/SEQ             a part of a transaction that is too large for one of etcd's (parts.h)
 *   samoza/r/KIND/ID             records; KIND has two digits
 *   samoza/e/SEQ                 events; SEQ has 20 digits, so that the order of keys is that of numbers
 *   samoza/a/SEQ                 lines of the audit
 *   samoza/d/OWNER 0 KEY         data of spaces. In OWNER each '/' is a byte 1, so that an owner and those below it are
 *   samoza/u/OWNER               one range; and how much each owner has
 *
 * Values of r, e, a, d and p begin with a checksum over key and value, of 8 bytes. It shows damage, not malice.
 */
#ifndef SAMOZA_ADAPTER_ETCD_KEYS_H
#define SAMOZA_ADAPTER_ETCD_KEYS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/outbox.h"

typedef ProtobufCBinaryData bytes; /* who owns it is said where it is used */

#define KEY_LEDGER "samoza/ledger"
#define KEY_LEADER "samoza/leader"
#define KEY_TERM   "samoza/term"
/* Everybody that was ever announced, by name: without a lease. A majority of the zrms is one of these. */
#define KEY_KNOWN  "samoza/known/"
#define KEY_MEMBER "samoza/member/"
#define KEY_PART   "samoza/p/"
#define KEY_RECORD "samoza/r/"
#define KEY_EVENT  "samoza/e/"
#define KEY_AUDIT  "samoza/a/"
#define KEY_DATA   "samoza/d/"
#define KEY_USE	   "samoza/u/"

#define SUM_BYTES  8

/* All of these are new: the caller frees `data`. */
bytes etcd_key_text(const char *text);
bytes key_record(enum record_kind kind, const char *id);
bytes key_seq(const char *prefix, uint64_t seq); /* KEY_EVENT, KEY_AUDIT, KEY_PART */
bytes key_data(const char *owner, const void *key, size_t size);
bytes key_use(const char *owner);
bytes key_copy(bytes key);
/* The first key after it. */
bytes key_after(bytes key);
/* The end of the range of all keys that begin with it. */
bytes key_end(bytes prefix);
/* Ranges of an owner and of all below it ("OWNER/…"): `prefix` KEY_DATA or KEY_USE. A '/' at the end is passed
 * over. */
void key_owners(const char *prefix, const char *owner, bytes *ret_from, bytes *ret_to);

/* What a key says. Parts are borrowed from it, but for owners, which the caller frees. */
bool key_is_record(bytes key, enum record_kind *ret_kind, char **ret_id);
bool key_is_seq(bytes key, const char *prefix, uint64_t *ret_seq);
bool key_is_data(bytes key, char **ret_owner, bytes *ret_key);
char *key_owner_of_use(bytes key);

int key_compare(bytes a, bytes b);

/* Sum and value together, new; and apart again, where the sum is right. */
bytes value_pack(bytes key, const void *data, size_t size, uint64_t *ret_sum);
bool value_unpack(bytes key, bytes packed, bytes *ret_value, uint64_t *ret_sum);

static inline void bytes_freep(bytes *b)
{
	free(b->data);
}

#endif
