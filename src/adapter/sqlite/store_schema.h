/*
 * The tables of the store of zrms (store.h), by version, and the way back.
 *
 *   1   records, events, data
 *   2   the same with a checksum for each row, and the ledger
 *   3   the same with the audit
 */
#ifndef SAMOZA_ADAPTER_SQLITE_STORE_SCHEMA_H
#define SAMOZA_ADAPTER_SQLITE_STORE_SCHEMA_H

#include "adapter/sqlite/checksum.h"
#include "adapter/sqlite/database.h"

#define STORE_VERSION_SUMS  2 /* the first with checksums */
#define STORE_VERSION_AUDIT 3 /* the first with an audit */

extern const struct database_schema store_schema;
/* To version 1: what 0.1.0 reads. */
extern const struct database_downgrade store_downgrade;

int64_t record_sum(int kind, const char *id, const void *data, size_t size);
int64_t event_sum(int64_t seq, const char *topology, const void *data, size_t size);
int64_t audit_sum(int64_t seq, int64_t time_ms, const char *user, const void *data,
		  size_t size);

#endif
