#include "adapter/sqlite/audit_table.h"

#include "adapter/sqlite/store_schema.h"
#include "base/check.h"

enum { TRIM_MAX = 16 }; /* lines that go with one that comes */

int audit_table_add(struct audit_table *t, const Samoza__V1__AuditRecord *line,
		    struct buffer *scratch, struct error **err)
{
	size_t size = protobuf_c_message_get_packed_size(&line->base);
	buffer_clear(scratch);
	uint8_t *to = buffer_reserve(scratch, size);
	INVARIANT(to != NULL);
	(void)protobuf_c_message_pack(&line->base, to);
	(void)sqlite3_bind_int64(t->add, 1, (sqlite3_int64)line->seq);
	(void)sqlite3_bind_int64(t->add, 2, line->time_ms);
	(void)sqlite3_bind_text(t->add, 3, line->user, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(t->add, 4, to, size, SQLITE_STATIC);
	(void)sqlite3_bind_int64(
		t->add, 5, audit_sum((int64_t)line->seq, line->time_ms, line->user, to, size));
	if (t->bytes >= 0)
		t->bytes += (int64_t)size;
	return database_step(t->db, t->add, err);
}

static int count_bytes(struct audit_table *t, struct error **err)
{
	int r = sqlite3_step(t->size) == SQLITE_ROW ? 0 : database_failed(t->db, "read", err);
	if (r == 0)
		t->bytes = sqlite3_column_int64(t->size, 0);
	(void)sqlite3_reset(t->size);
	return r;
}

int audit_table_trim(struct audit_table *t, const Samoza__V1__AuditRecord *newest,
		     const struct audit_kept *kept, struct error **err)
{
	int64_t last = 0, bytes = 0;
	int r = t->bytes < 0 ? count_bytes(t, err) : 0;
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(t->oldest, 1, (int64_t)newest->seq - AUDIT_ALWAYS);
	(void)sqlite3_bind_int(t->oldest, 2, TRIM_MAX);
	int step;
	while ((step = sqlite3_step(t->oldest)) == SQLITE_ROW) {
		bool is_old = kept->age_ms > 0 && sqlite3_column_int64(t->oldest, 1) <
							  newest->time_ms - kept->age_ms;
		bool is_large = kept->bytes > 0 && t->bytes - bytes > (int64_t)kept->bytes;
		if (!is_old && !is_large)
			break;
		last = sqlite3_column_int64(t->oldest, 0);
		bytes += sqlite3_column_int64(t->oldest, 2);
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		r = database_failed(t->db, "read", err);
	(void)sqlite3_reset(t->oldest);
	(void)sqlite3_clear_bindings(t->oldest);
	if (r < 0 || last == 0)
		return r;
	(void)sqlite3_bind_int64(t->trim, 1, last);
	t->bytes -= bytes;
	return database_step(t->db, t->trim, err);
}

void audit_table_rolled_back(struct audit_table *t)
{
	t->bytes = -1;
}

static void line_read(struct audit_table *t, audit_lines *to)
{
	const void *data = sqlite3_column_blob(t->list, 3);
	size_t size = (size_t)sqlite3_column_bytes(t->list, 3);
	int64_t sum =
		audit_sum(sqlite3_column_int64(t->list, 0), sqlite3_column_int64(t->list, 1),
			  (const char *)sqlite3_column_text(t->list, 2), data, size);
	Samoza__V1__AuditRecord *line = NULL;
	if (sum == sqlite3_column_int64(t->list, 4))
		line = samoza__v1__audit_record__unpack(NULL, size, data);
	if (line != NULL)
		vector_push(to, line);
	else
		t->damaged++;
}

int audit_table_list(struct audit_table *t, const struct audit_query *q, audit_lines *ret_lines,
		     bool *ret_more, struct error **err)
{
	uint64_t after = q->after > INT64_MAX ? INT64_MAX : q->after;
	(void)sqlite3_bind_int64(t->list, 1, (int64_t)after);
	(void)sqlite3_bind_int64(t->list, 2, q->since_ms);
	if (q->user != NULL)
		(void)sqlite3_bind_text(t->list, 3, q->user, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(t->list, 4, (sqlite3_int64)q->limit + 1);
	int r = 0, step;
	while (r == 0 && (step = sqlite3_step(t->list)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(t->db, "read", err);
		else if (ret_lines->count == q->limit)
			*ret_more = true;
		else
			line_read(t, ret_lines);
	}
	(void)sqlite3_reset(t->list);
	(void)sqlite3_clear_bindings(t->list);
	return r;
}

void audit_lines_clear(audit_lines *lines)
{
	vector_for_each (lines, line)
		samoza__v1__audit_record__free_unpacked(*line, NULL);
	vector_clear(lines);
}

/* ---- life ---- */

int audit_table_init(struct audit_table *t, struct database *db, struct error **err)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&t->add, "INSERT INTO audit(seq,time,user,data,sum) VALUES(?1,?2,?3,?4,?5)"},
		{&t->size, "SELECT coalesce(sum(length(data)), 0) FROM audit"},
		{&t->oldest, "SELECT seq, time, length(data) FROM audit "
			     "WHERE seq<=?1 ORDER BY seq LIMIT ?2"},
		{&t->trim, "DELETE FROM audit WHERE seq<=?1"},
		{&t->list,
		 "SELECT seq, time, user, data, sum FROM audit WHERE seq>?1 AND time>=?2 "
		 "AND (?3 IS NULL OR user=?3) ORDER BY seq LIMIT ?4"},
	};
	int r = 0;
	t->db = db;
	t->bytes = -1;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		r = database_prepare(db, all[i].sql, all[i].statement, err);
	return r;
}

void audit_table_done(struct audit_table *t)
{
	sqlite3_stmt *const all[] = {t->add, t->size, t->oldest, t->trim, t->list};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)sqlite3_finalize(all[i]);
}
