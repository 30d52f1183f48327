#include "adapter/sqlite/history.h"

#include "adapter/sqlite/store_schema.h"
#include "base/check.h"

enum { TRIM_STEP = 1024 }; /* events that are deleted together */

int history_add(struct history *h, const Samoza__V1__EventRecord *event, struct buffer *scratch,
		struct error **err)
{
	size_t size = protobuf_c_message_get_packed_size(&event->base);
	buffer_clear(scratch);
	uint8_t *to = buffer_reserve(scratch, size);
	INVARIANT(to != NULL);
	(void)protobuf_c_message_pack(&event->base, to);
	(void)sqlite3_bind_int64(h->add, 1, (sqlite3_int64)event->seq);
	(void)sqlite3_bind_text(h->add, 2, event->topology, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(h->add, 3, to, size, SQLITE_STATIC);
	(void)sqlite3_bind_int64(h->add, 4,
				 event_sum((int64_t)event->seq, event->topology, to, size));
	return database_step(h->db, h->add, err);
}

/* No commit pays for many. */
int history_trim(struct history *h, uint64_t newest, struct error **err)
{
	int64_t last = (int64_t)newest - HISTORY_KEPT;
	if (last < h->trimmed_seq + TRIM_STEP)
		return 0;
	(void)sqlite3_bind_int64(h->trim, 1, last);
	int r = database_step(h->db, h->trim, err);
	if (r == 0)
		h->trimmed_seq = last;
	return r;
}

static void event_read(struct history *h, sqlite3_stmt *statement, history_events *to)
{
	const void *data = sqlite3_column_blob(statement, 0);
	size_t size = (size_t)sqlite3_column_bytes(statement, 0);
	int64_t sum = event_sum(sqlite3_column_int64(statement, 2),
				(const char *)sqlite3_column_text(statement, 3), data, size);
	Samoza__V1__EventRecord *event = NULL;
	if (sum == sqlite3_column_int64(statement, 1))
		event = samoza__v1__event_record__unpack(NULL, size, data);
	if (event != NULL)
		vector_push(to, event);
	else
		h->damaged++;
}

int history_list(struct history *h, uint64_t after, const char *topology, uint32_t limit,
		 history_events *ret_events, bool *ret_more, struct error **err)
{
	sqlite3_stmt *statement = topology != NULL ? h->of : h->all;
	(void)sqlite3_bind_int64(statement, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after);
	(void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit + 1);
	if (topology != NULL)
		(void)sqlite3_bind_text(statement, 3, topology, -1, SQLITE_STATIC);
	int r = 0, step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(h->db, "read", err);
		else if (ret_events->count == limit)
			*ret_more = true;
		else
			event_read(h, statement, ret_events);
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return r;
}

void history_events_clear(history_events *events)
{
	vector_for_each (events, event)
		samoza__v1__event_record__free_unpacked(*event, NULL);
	vector_clear(events);
}

/* ---- life ---- */

static int trim_start(struct history *h, struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(h->db, "SELECT coalesce(min(seq), 1) - 1 FROM event",
				 &statement, err);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) == SQLITE_ROW)
		h->trimmed_seq = sqlite3_column_int64(statement, 0);
	else
		r = database_failed(h->db, "read", err);
	(void)sqlite3_finalize(statement);
	return r;
}

int history_init(struct history *h, struct database *db, struct error **err)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&h->add, "INSERT INTO event(seq,topology,data,sum) VALUES(?1,?2,?3,?4)"},
		{&h->trim, "DELETE FROM event WHERE seq<=?1"},
		{&h->all, "SELECT data, sum, seq, topology FROM event "
			  "WHERE seq>?1 ORDER BY seq LIMIT ?2"},
		{&h->of, "SELECT data, sum, seq, topology FROM event "
			 "WHERE topology=?3 AND seq>?1 ORDER BY seq LIMIT ?2"},
	};
	int r = 0;
	h->db = db;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		r = database_prepare(db, all[i].sql, all[i].statement, err);
	return r == 0 ? trim_start(h, err) : r;
}

void history_done(struct history *h)
{
	(void)sqlite3_finalize(h->add);
	(void)sqlite3_finalize(h->trim);
	(void)sqlite3_finalize(h->all);
	(void)sqlite3_finalize(h->of);
}
