#include "adapter/sqlite/store_schema.h"

#include "adapter/sqlite/data_table.h"
#include "adapter/sqlite/ledger.h"
#include "base/check.h"

enum { APPLICATION_ID = 0x5a524d53 }; /* "ZRMS" */

static const char *const migrations[] = {
	"CREATE TABLE record(kind INTEGER NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL,"
	" PRIMARY KEY(kind, id)) WITHOUT ROWID;"
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, topology TEXT, data BLOB NOT NULL);"
	"CREATE INDEX event_topology ON event(topology, seq) WHERE topology IS NOT "
	"NULL;" DATA_TABLE_SQL,
	"ALTER TABLE record ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
	"UPDATE record SET sum=checksum(kind, id, data);"
	"ALTER TABLE event ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
	"UPDATE event SET sum=checksum(seq, topology, data);" DATA_TABLE_SUM_SQL LEDGER_SQL,
	("CREATE TABLE audit(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, user TEXT NOT "
	 "NULL,"
	 " data BLOB NOT NULL, sum INTEGER NOT NULL);"),
};

const struct database_schema store_schema = {
	.application_id = APPLICATION_ID,
	.migrations = migrations,
	.version = ARRAY_SIZE(migrations),
	.may_be_aside = true,
};

const struct database_downgrade store_downgrade = {
	.sql = "DROP TABLE audit; DROP TABLE ledger; ALTER TABLE record DROP COLUMN sum;"
	       "ALTER TABLE event DROP COLUMN sum;" DATA_TABLE_NO_SUM_SQL,
	.version = 1,
};

int64_t record_sum(int kind, const char *id, const void *data, size_t size)
{
	struct checksum c;
	checksum_begin(&c);
	checksum_add_int(&c, kind);
	checksum_add_text(&c, id);
	checksum_add_blob(&c, data, size);
	return checksum_end(&c);
}

int64_t event_sum(int64_t seq, const char *topology, const void *data, size_t size)
{
	struct checksum c;
	checksum_begin(&c);
	checksum_add_int(&c, seq);
	checksum_add_text(&c, topology);
	checksum_add_blob(&c, data, size);
	return checksum_end(&c);
}

int64_t audit_sum(int64_t seq, int64_t time_ms, const char *user, const void *data, size_t size)
{
	struct checksum c;
	checksum_begin(&c);
	checksum_add_int(&c, seq);
	checksum_add_int(&c, time_ms);
	checksum_add_text(&c, user);
	checksum_add_blob(&c, data, size);
	return checksum_end(&c);
}
