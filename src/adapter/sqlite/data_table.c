#include "adapter/sqlite/data_table.h"

#include <errno.h>
#include <string.h>

#include "adapter/sqlite/checksum.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"

#define USES_MAX 10000 /* that are remembered at a time */

struct data_use {
	char *owner; /* of a group: "NAME/" */
	uint64_t bytes;
	UT_hash_handle hh;
};

static void uses_clear(struct data_table *table)
{
	struct data_use *use, *next;
	HASH_ITER (hh, table->uses, use, next) {
		HASH_DEL(table->uses, use);
		free(use->owner);
		free(use);
	}
}

int data_table_init(struct data_table *table, struct database *db, struct ledger_rows *rows,
		    struct error **err)
{
	*table = (struct data_table){.db = db, .rows = rows};
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&table->get, "SELECT value, sum FROM data WHERE owner=?1 AND key=?2"},
		{&table->put,
		 "INSERT INTO data(owner,key,value,sum) VALUES(?1,?2,?3,?4) "
		 "ON CONFLICT DO UPDATE SET value=excluded.value, sum=excluded.sum"},
		{&table->remove, "DELETE FROM data WHERE owner=?1 AND key=?2"},
		{&table->row_of, "SELECT length(key)+length(value), sum FROM data "
				 "WHERE owner=?1 AND key=?2"},
		{&table->use_of, "SELECT coalesce(sum(length(key)+length(value)), 0) FROM data "
				 "WHERE owner=?1"},
		/* '0' is the character after '/'. */
		{&table->use_of_group,
		 "SELECT coalesce(sum(length(key)+length(value)), 0) FROM data "
		 "WHERE owner>?1 AND owner<substr(?1, 1, length(?1)-1)||'0'"},
		{&table->sums_of,
		 "SELECT sum FROM data WHERE owner=?1 OR (owner>?1||'/' AND owner<?1||'0')"},
		{&table->list, "SELECT key FROM data WHERE owner=?1 AND key>=?2 ORDER BY key"},
		/* '/' and the character after it: every owner that begins with "?1/". */
		{&table->forget,
		 "DELETE FROM data WHERE owner=?1 OR (owner>?1||'/' AND owner<?1||'0')"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int r = database_prepare(db, all[i].sql, all[i].statement, err);
		if (r < 0) {
			data_table_done(table);
			return r;
		}
	}
	return 0;
}

void data_table_done(struct data_table *table)
{
	(void)sqlite3_finalize(table->get);
	(void)sqlite3_finalize(table->put);
	(void)sqlite3_finalize(table->remove);
	(void)sqlite3_finalize(table->list);
	(void)sqlite3_finalize(table->forget);
	(void)sqlite3_finalize(table->row_of);
	(void)sqlite3_finalize(table->sums_of);
	(void)sqlite3_finalize(table->use_of);
	(void)sqlite3_finalize(table->use_of_group);
	uses_clear(table);
	*table = (struct data_table){0};
}

void data_table_rolled_back(struct data_table *table)
{
	uses_clear(table);
}

bool kv_change_writes(const struct kv_change *change)
{
	return change->operation != KV_GET && change->operation != KV_LIST;
}

/* An empty blob, never NULL. */
static void bind_blob(sqlite3_stmt *statement, int index, const void *data, size_t size)
{
	(void)sqlite3_bind_blob64(statement, index, size > 0 ? data : "", size, SQLITE_STATIC);
}

static void bind_owner_key(sqlite3_stmt *statement, const struct kv_change *change)
{
	(void)sqlite3_bind_text(statement, 1, change->owner, -1, SQLITE_STATIC);
	bind_blob(statement, 2, change->key, change->key_size);
}

static void statement_end(sqlite3_stmt *statement)
{
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
}

int64_t data_sum(const char *owner, const void *key, size_t key_size, const void *value,
		 size_t value_size)
{
	struct checksum c;
	checksum_begin(&c);
	checksum_add_text(&c, owner);
	checksum_add_blob(&c, key, key_size);
	checksum_add_blob(&c, value, value_size);
	return checksum_end(&c);
}

static void take_value(struct data_table *table, const struct kv_change *change,
		       struct data_answer *answer)
{
	const void *value = sqlite3_column_blob(table->get, 0);
	size_t size = (size_t)sqlite3_column_bytes(table->get, 0);
	if (sqlite3_column_int64(table->get, 1) !=
	    data_sum(change->owner, change->key, change->key_size, value, size)) {
		answer->status = -EIO;
		return;
	}
	answer->value_size = size;
	answer->value = mem_memdup(value != NULL ? value : "", size);
}

static int data_get(struct data_table *table, const struct kv_change *change,
		    struct data_answer *answer, struct error **err)
{
	bind_owner_key(table->get, change);
	int r = sqlite3_step(table->get);
	if (r == SQLITE_ROW) {
		take_value(table, change, answer);
		r = 0;
	} else if (r == SQLITE_CORRUPT) {
		answer->status = -EIO;
		r = 0;
	} else if (r == SQLITE_DONE) {
		answer->status = -ENOENT;
		r = 0;
	} else {
		r = database_failed(table->db, "read", err);
	}
	statement_end(table->get);
	return r;
}

static bool key_has_prefix(const void *key, size_t size, const struct kv_change *change)
{
	return size >= change->key_size &&
	       (change->key_size == 0 || memcmp(key, change->key, change->key_size) == 0);
}

static bool key_is(const void *key, size_t size, const void *other, size_t other_size)
{
	return size == other_size && (size == 0 || memcmp(key, other, size) == 0);
}

/* memcmp() order, shorter first. */
static int bytes_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
	size_t n = a_size < b_size ? a_size : b_size;
	int r = n > 0 ? memcmp(a, b, n) : 0;
	if (r != 0)
		return r;
	return a_size < b_size ? -1 : a_size > b_size;
}

static void answer_add_key(struct data_answer *answer, size_t *capacity, const void *key,
			   size_t size)
{
	if (answer->key_count == *capacity) {
		*capacity = *capacity > 0 ? *capacity * 2 : 16;
		answer->keys = mem_resize(answer->keys, *capacity, sizeof(*answer->keys));
	}
	answer->keys[answer->key_count++] = (ProtobufCBinaryData){
		.len = size, .data = mem_memdup(size > 0 ? key : "", size)};
}

static int data_list(struct data_table *table, const struct kv_change *change,
		     struct data_answer *answer, struct error **err)
{
	size_t limit = change->limit_bytes != 0 ? change->limit_bytes : KV_PAGE_BYTES;
	limit = limit < KV_PAGE_MAX ? limit : KV_PAGE_MAX;
	/* The page begins after the cursor, or at the prefix, whichever is later. */
	bool from_cursor =
		change->cursor != NULL && bytes_compare(change->cursor, change->cursor_size,
							change->key, change->key_size) >= 0;
	(void)sqlite3_bind_text(table->list, 1, change->owner, -1, SQLITE_STATIC);
	if (from_cursor)
		bind_blob(table->list, 2, change->cursor, change->cursor_size);
	else
		bind_blob(table->list, 2, change->key, change->key_size);
	size_t used = 0, capacity = 0;
	int r;
	while ((r = sqlite3_step(table->list)) == SQLITE_ROW) {
		const void *key = sqlite3_column_blob(table->list, 0);
		size_t size = (size_t)sqlite3_column_bytes(table->list, 0);
		if (from_cursor && key_is(key, size, change->cursor, change->cursor_size))
			continue;
		if (!key_has_prefix(key, size, change))
			break;
		used += size + 4;
		if (used > limit) {
			answer->more = true;
			answer->status = answer->key_count == 0 ? -EMSGSIZE : 0;
			break;
		}
		answer_add_key(answer, &capacity, key, size);
	}
	r = r == SQLITE_ROW || r == SQLITE_DONE ? 0 : database_failed(table->db, "read", err);
	statement_end(table->list);
	return r;
}

/* ---- how much there is ---- */

/* A row as it is before a change. */
struct data_row {
	bool exists;
	uint64_t bytes;
	int64_t sum;
};

static int row_of(struct data_table *table, const struct kv_change *change,
		  struct data_row *ret_row, struct error **err)
{
	bind_owner_key(table->row_of, change);
	int step = sqlite3_step(table->row_of);
	*ret_row = (struct data_row){.exists = step == SQLITE_ROW};
	if (step == SQLITE_ROW) {
		ret_row->bytes = (uint64_t)sqlite3_column_int64(table->row_of, 0);
		ret_row->sum = sqlite3_column_int64(table->row_of, 1);
	}
	int r = step == SQLITE_ROW || step == SQLITE_DONE
			? 0
			: database_failed(table->db, "read", err);
	statement_end(table->row_of);
	return r;
}

static struct data_use *use_find(struct data_table *table, const char *owner)
{
	struct data_use *use = NULL;
	HASH_FIND_STR(table->uses, owner, use);
	return use;
}

static int use_of(struct data_table *table, sqlite3_stmt *query, const char *owner,
		  uint64_t *ret_bytes, struct error **err)
{
	struct data_use *use = use_find(table, owner);
	if (use != NULL) {
		*ret_bytes = use->bytes;
		return 0;
	}
	(void)sqlite3_bind_text(query, 1, owner, -1, SQLITE_STATIC);
	int r = 0;
	if (sqlite3_step(query) == SQLITE_ROW)
		*ret_bytes = (uint64_t)sqlite3_column_int64(query, 0);
	else
		r = database_failed(table->db, "read", err);
	statement_end(query);
	if (r < 0)
		return r;
	if (HASH_COUNT(table->uses) >= USES_MAX)
		uses_clear(table);
	use = mem_new(struct data_use);
	use->owner = mem_strdup(owner);
	use->bytes = *ret_bytes;
	HASH_ADD_KEYPTR(hh, table->uses, use->owner, strlen(use->owner), use);
	return 0;
}

/* "NAME/" of "NAME/PATH"; the caller frees. */
static char *group_of(const char *owner)
{
	const char *slash = strchr(owner, '/');
	return mem_strndup(owner, slash != NULL ? (size_t)(slash - owner) + 1 : strlen(owner));
}

/* Within the quotas, with `growth` bytes more? */
static int check_quota(struct data_table *table, const struct kv_change *change,
		       uint64_t growth, bool *ret_fits, struct error **err)
{
	CLEANUP(freep) char *group = group_of(change->owner);
	uint64_t own = 0, all = 0;
	int r = 0;
	if (change->quota_bytes > 0)
		r = use_of(table, table->use_of, change->owner, &own, err);
	if (r == 0 && change->group_quota_bytes > 0)
		r = use_of(table, table->use_of_group, group, &all, err);
	*ret_fits =
		(change->quota_bytes == 0 || own + growth <= change->quota_bytes) &&
		(change->group_quota_bytes == 0 || all + growth <= change->group_quota_bytes);
	return r;
}

static void use_changed(struct data_table *table, const char *owner, uint64_t before,
			uint64_t after)
{
	if (table->uses == NULL)
		return;
	CLEANUP(freep) char *group = group_of(owner);
	const char *const keys[] = {owner, group};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct data_use *use = use_find(table, keys[i]);
		if (use != NULL)
			use->bytes = use->bytes - before + after;
	}
}

/* ---- changes ---- */

static void row_changed(struct data_table *table, const char *owner,
			const struct data_row *before, const struct data_row *after)
{
	if (table->rows != NULL && before->exists)
		ledger_rows_remove(table->rows, before->sum);
	if (table->rows != NULL && after->exists)
		ledger_rows_add(table->rows, after->sum);
	use_changed(table, owner, before->bytes, after->bytes);
}

static int data_put(struct data_table *table, const struct kv_change *change,
		    struct data_answer *answer, struct error **err)
{
	const struct data_row after = {.exists = true,
				       .bytes = change->key_size + change->value_size,
				       .sum = data_sum(change->owner, change->key,
						       change->key_size, change->value,
						       change->value_size)};
	struct data_row before;
	bool fits = !table->is_tight || change->owner[0] == KV_OWN;
	int r = row_of(table, change, &before, err);
	if (after.bytes <= before.bytes)
		fits = true;
	else if (r == 0 && fits)
		r = check_quota(table, change, after.bytes - before.bytes, &fits, err);
	if (r < 0)
		return r;
	if (!fits) {
		answer->status = -ENOSPC;
		return 0;
	}
	bind_owner_key(table->put, change);
	bind_blob(table->put, 3, change->value, change->value_size);
	(void)sqlite3_bind_int64(table->put, 4, after.sum);
	r = database_step(table->db, table->put, err);
	if (r == 0)
		row_changed(table, change->owner, &before, &after);
	return r;
}

static int data_remove(struct data_table *table, const struct kv_change *change,
		       struct error **err)
{
	const struct data_row after = {0};
	struct data_row before;
	int r = row_of(table, change, &before, err);
	if (r < 0)
		return r;
	bind_owner_key(table->remove, change);
	r = database_step(table->db, table->remove, err);
	if (r == 0)
		row_changed(table, change->owner, &before, &after);
	return r;
}

static int rows_forget(struct data_table *table, const char *owner, size_t size,
		       struct error **err)
{
	if (table->rows == NULL)
		return 0;
	(void)sqlite3_bind_text64(table->sums_of, 1, owner, size, SQLITE_STATIC, SQLITE_UTF8);
	int step;
	while ((step = sqlite3_step(table->sums_of)) == SQLITE_ROW)
		ledger_rows_remove(table->rows, sqlite3_column_int64(table->sums_of, 0));
	int r = step == SQLITE_DONE ? 0 : database_failed(table->db, "read", err);
	statement_end(table->sums_of);
	return r;
}

int data_table_forget(struct data_table *table, const char *owner, struct error **err)
{
	size_t size = strlen(owner);
	if (size > 0 && owner[size - 1] == '/')
		size--;
	uses_clear(table); /* how much there is is counted again */
	int r = rows_forget(table, owner, size, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text64(table->forget, 1, owner, size, SQLITE_STATIC, SQLITE_UTF8);
	return database_step(table->db, table->forget, err);
}

int data_table_apply(struct data_table *table, const struct kv_change *change,
		     struct data_answer *ret_answer, struct error **err)
{
	*ret_answer = (struct data_answer){0};
	if (change->key_size > KV_KEY_MAX || change->value_size > KV_VALUE_MAX) {
		ret_answer->status = -EINVAL;
		return 0;
	}
	switch (change->operation) {
	case KV_GET:
		return data_get(table, change, ret_answer, err);
	case KV_PUT:
		return data_put(table, change, ret_answer, err);
	case KV_DELETE:
		return data_remove(table, change, err);
	case KV_LIST:
		return data_list(table, change, ret_answer, err);
	case KV_FORGET:
		return data_table_forget(table, change->owner, err);
	}
	IMPOSSIBLE("no such operation");
}
