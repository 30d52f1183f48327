#include "adapter/sqlite/data_table.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

int data_table_init(struct data_table *table, struct database *db, struct error **err)
{
	*table = (struct data_table){.db = db};
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&table->get, "SELECT value FROM data WHERE owner=?1 AND key=?2"},
		{&table->put, "INSERT INTO data(owner,key,value) VALUES(?1,?2,?3) "
			      "ON CONFLICT DO UPDATE SET value=excluded.value"},
		{&table->remove, "DELETE FROM data WHERE owner=?1 AND key=?2"},
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
	*table = (struct data_table){0};
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

static int data_get(struct data_table *table, const struct kv_change *change,
		    struct data_answer *answer, struct error **err)
{
	bind_owner_key(table->get, change);
	int r = sqlite3_step(table->get);
	if (r == SQLITE_ROW) {
		answer->value_size = (size_t)sqlite3_column_bytes(table->get, 0);
		answer->value = mem_memdup(sqlite3_column_blob(table->get, 0) != NULL
						   ? sqlite3_column_blob(table->get, 0)
						   : "",
					   answer->value_size);
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

static int data_put(struct data_table *table, const struct kv_change *change,
		    struct error **err)
{
	bind_owner_key(table->put, change);
	bind_blob(table->put, 3, change->value, change->value_size);
	return database_step(table->db, table->put, err);
}

static int data_remove(struct data_table *table, const struct kv_change *change,
		       struct error **err)
{
	bind_owner_key(table->remove, change);
	return database_step(table->db, table->remove, err);
}

int data_table_forget(struct data_table *table, const char *owner, struct error **err)
{
	size_t size = strlen(owner);
	if (size > 0 && owner[size - 1] == '/')
		size--;
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
		return data_put(table, change, err);
	case KV_DELETE:
		return data_remove(table, change, err);
	case KV_LIST:
		return data_list(table, change, ret_answer, err);
	case KV_FORGET:
		return data_table_forget(table, change->owner, err);
	}
	IMPOSSIBLE("no such operation");
}
