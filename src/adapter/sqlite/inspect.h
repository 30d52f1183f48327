/*
 * What is wrong with a store of zrms: rows whose checksum is wrong, records and transactions that are
 * gone, tables and indexes that contradict each other.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_INSPECT_H
#define SAMOZA_ADAPTER_SQLITE_INSPECT_H

#include "adapter/sqlite/database.h"
#include "port/store.h"

/* Of the records: what must be known before a start. PRE: a database with checksums. */
int inspect_records(struct database *db, store_finding_fn *each, void *user,
		    struct error **err) must_check;

/* What there is. */
struct store_inventory {
	int version;
	bool has_sums; /* false: of a version that wrote none; only its shape was looked at */
	uint64_t records, events, values;
};

/* Everything, of a store that no program has open, which stays as it is. `record` is called for each
 * sound record. ERR_NOT_FOUND: no such file; ERR_CONFLICT: it is in use. */
int sqlite_store_check(const char *path, store_finding_fn *each, store_record_fn *record,
		       void *user, struct store_inventory *ret_inventory,
		       struct error **err) must_check;

#endif
