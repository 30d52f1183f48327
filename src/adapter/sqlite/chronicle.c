#include "adapter/sqlite/chronicle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapter/sqlite/database.h"
#include "adapter/sqlite/history.h"
#include "adapter/sqlite/store_schema.h"
#include "base/check.h"
#include "base/str.h"

enum {
	APPLICATION_ID = 0x5a484953, /* "ZHIS" */
	EVENT_BYTES_MAX = 1024 * 1024,
	WAL_PAGES = 1000, /* of the log, until it is moved into the file */
};

static const char *const migrations[] = {
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, topology TEXT, data BLOB NOT NULL,"
	" sum INTEGER NOT NULL);"
	"CREATE INDEX event_topology ON event(topology, seq) WHERE topology IS NOT NULL;"
	"CREATE TABLE held(first INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
};

static const struct database_schema schema = {
	.application_id = APPLICATION_ID,
	.migrations = migrations,
	.version = ARRAY_SIZE(migrations),
};

struct chronicle {
	struct database db;
	struct history history;
	struct buffer scratch;
	sqlite3_stmt *newest, *sum, *before, *run, *runs, *join, *held, *drop_events,
		*drop_runs, *cut_run, *drop_old_runs, *cut_old_run, *remove;
	pthread_mutex_t lock;
};

static void lock(struct chronicle *c)
{
	(void)pthread_mutex_lock(&c->lock);
}

static void unlock(struct chronicle *c)
{
	(void)pthread_mutex_unlock(&c->lock);
}

static int64_t bounded(uint64_t seq)
{
	return seq > INT64_MAX ? INT64_MAX : (int64_t)seq;
}

/* One row of two numbers, or none. */
static int row_read(struct chronicle *c, sqlite3_stmt *statement, bool *ret_is_there,
		    uint64_t ret[2], struct error **err)
{
	int r = 0, step = sqlite3_step(statement);
	*ret_is_there = step == SQLITE_ROW;
	if (step == SQLITE_ROW) {
		ret[0] = (uint64_t)sqlite3_column_int64(statement, 0);
		ret[1] = (uint64_t)sqlite3_column_int64(statement, 1);
	} else if (step != SQLITE_DONE) {
		r = database_failed(&c->db, "read", err);
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return r;
}

static int step_with(struct chronicle *c, sqlite3_stmt *statement, uint64_t first,
		     uint64_t last, struct error **err)
{
	(void)sqlite3_bind_int64(statement, 1, bounded(first));
	if (sqlite3_bind_parameter_count(statement) > 1)
		(void)sqlite3_bind_int64(statement, 2, bounded(last));
	return database_step(&c->db, statement, err);
}

/* ---- what it has ---- */

static int list(struct chronicle *c, const struct chronicle_range *range, history_events *found,
		bool *ret_more, struct error **err)
{
	bool more = false; /* past `until`, perhaps */
	int r = history_list(&c->history, range->after, range->topology, range->limit + 1,
			     found, &more, err);
	while (found->count > 0 && found->items[found->count - 1]->seq > range->until)
		samoza__v1__event_record__free_unpacked(found->items[--found->count], NULL);
	*ret_more = found->count > range->limit;
	if (*ret_more)
		samoza__v1__event_record__free_unpacked(found->items[--found->count], NULL);
	return r;
}

int chronicle_list(struct chronicle *c, const struct chronicle_range *range,
		   chronicle_take_fn *take, void *to, bool *ret_more, struct error **err)
{
	history_events found = {0};
	lock(c);
	int r = list(c, range, &found, ret_more, err);
	unlock(c);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		take(to, found.items[i]);
	if (r < 0)
		history_events_clear(&found);
	vector_done(&found);
	return r;
}

static int page_fill(struct chronicle *c, const struct chronicle_range *range, uint64_t first,
		     Samoza__V1__EventPage *page, struct error **err)
{
	history_events found = {0};
	bool more = false;
	int r = list(c, range, &found, &more, err);
	page->events = mem_new_array(Samoza__V1__EventRecord *, found.count + 1);
	for (size_t i = 0; i < found.count; i++)
		page->events[page->n_events++] = found.items[i];
	page->has_first = page->has_last = r == 0 && (!more || found.count > 0);
	page->first = first;
	page->last = more && found.count > 0 ? found.items[found.count - 1]->seq : range->until;
	vector_done(&found);
	return r;
}

int chronicle_page(struct chronicle *c, uint64_t after, uint64_t until, uint32_t limit,
		   Samoza__V1__EventPage **ret_page, struct error **err)
{
	uint64_t run[2] = {0};
	bool is_there = false;
	Samoza__V1__EventPage *page = mem_new(Samoza__V1__EventPage);
	samoza__v1__event_page__init(page);
	lock(c);
	(void)sqlite3_bind_int64(c->run, 1, bounded(after));
	int r = row_read(c, c->run, &is_there, run, err);
	uint64_t first = run[0] > after + 1 ? run[0] : after + 1;
	const struct chronicle_range range = {
		.after = first - 1, .until = run[1] < until ? run[1] : until, .limit = limit};
	if (r == 0 && is_there && first <= range.until)
		r = page_fill(c, &range, first, page, err);
	unlock(c);
	if (r < 0)
		samoza__v1__event_page__free_unpacked(page, NULL);
	else
		*ret_page = page;
	return r;
}

static int newest(struct chronicle *c, uint64_t *ret_seq, struct error **err)
{
	uint64_t run[2] = {0};
	bool is_there = false;
	int r = row_read(c, c->newest, &is_there, run, err);
	*ret_seq = run[1];
	return r;
}

int chronicle_newest(struct chronicle *c, uint64_t *ret_seq, struct error **err)
{
	lock(c);
	int r = newest(c, ret_seq, err);
	unlock(c);
	return r;
}

int chronicle_has(struct chronicle *c, const Samoza__V1__EventRecord *event, bool *ret_has,
		  struct error **err)
{
	size_t size = protobuf_c_message_get_packed_size(&event->base);
	CLEANUP(freep) uint8_t *packed = mem_calloc(1, size + 1);
	uint64_t sum[2] = {0};
	(void)protobuf_c_message_pack(&event->base, packed);
	lock(c);
	(void)sqlite3_bind_int64(c->sum, 1, bounded(event->seq));
	int r = row_read(c, c->sum, ret_has, sum, err);
	unlock(c);
	*ret_has = *ret_has && (int64_t)sum[0] == event_sum((int64_t)event->seq,
							    event->topology, packed, size);
	return r;
}

int chronicle_gap(struct chronicle *c, uint64_t *ret_after, uint64_t *ret_until,
		  bool *ret_is_gap, struct error **err)
{
	uint64_t run[2] = {0}, before[2] = {0};
	bool is_there = false, has_before = false;
	lock(c);
	int r = row_read(c, c->newest, &is_there, run, err);
	(void)sqlite3_bind_int64(c->before, 1, bounded(run[0]));
	if (r == 0)
		r = row_read(c, c->before, &has_before, before, err);
	unlock(c);
	uint64_t oldest = run[1] > HISTORY_KEPT ? run[1] - HISTORY_KEPT : 0;
	*ret_after = before[1] > oldest ? before[1] : oldest;
	*ret_until = run[0];
	*ret_is_gap = is_there && *ret_after + 1 < *ret_until;
	return r;
}

/* ---- what it is given ---- */

/* Runs that touch it become one with it. */
static int run_add(struct chronicle *c, uint64_t first, uint64_t last, struct error **err)
{
	uint64_t joined[2] = {0};
	bool is_there = false;
	(void)sqlite3_bind_int64(c->join, 1, bounded(first));
	(void)sqlite3_bind_int64(c->join, 2, bounded(last));
	int r = row_read(c, c->join, &is_there, joined, err);
	if (r == 0)
		r = step_with(c, c->remove, first, last, err);
	if (is_there && joined[1] > 0) { /* of none it is NULL, which is 0 */
		first = joined[0] < first ? joined[0] : first;
		last = joined[1] > last ? joined[1] : last;
	}
	return r == 0 ? step_with(c, c->held, first, last, err) : r;
}

static int trim(struct chronicle *c, struct error **err)
{
	uint64_t last = 0;
	int64_t before = c->history.trimmed_seq;
	int r = newest(c, &last, err);
	if (r == 0)
		r = history_trim(&c->history, last, err);
	if (r < 0 || c->history.trimmed_seq == before)
		return r;
	r = step_with(c, c->drop_old_runs, (uint64_t)c->history.trimmed_seq, 0, err);
	return r == 0 ? step_with(c, c->cut_old_run, (uint64_t)c->history.trimmed_seq, 0, err)
		      : r;
}

static int put(struct chronicle *c, uint64_t first, uint64_t last,
	       Samoza__V1__EventRecord *const *events, size_t count, struct error **err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = step_with(c, c->drop_events, events[i]->seq, events[i]->seq, err);
		if (r == 0)
			r = history_add(&c->history, events[i], &c->scratch, err);
	}
	if (r == 0)
		r = run_add(c, first, last, err);
	return r == 0 ? trim(c, err) : r;
}

/* A transaction around it; the lock is held. */
static int end(struct chronicle *c, int r, struct error **err)
{
	if (r == 0)
		r = database_exec(&c->db, "COMMIT", err);
	if (r < 0 && sqlite3_get_autocommit(c->db.handle) == 0)
		(void)sqlite3_exec(c->db.handle, "ROLLBACK", NULL, NULL, NULL);
	if (c->db.wal_pages > WAL_PAGES)
		database_checkpoint(&c->db);
	return r;
}

int chronicle_put(struct chronicle *c, uint64_t first, uint64_t last,
		  Samoza__V1__EventRecord *const *events, size_t count, struct error **err)
{
	PRE(first > 0 && first <= last);
	lock(c);
	int64_t trimmed = c->history.trimmed_seq;
	int r = database_exec(&c->db, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = put(c, first, last, events, count, err);
	r = end(c, r, err);
	if (r < 0)
		c->history.trimmed_seq = trimmed;
	unlock(c);
	return r;
}

int chronicle_forget(struct chronicle *c, uint64_t first, struct error **err)
{
	lock(c);
	int r = database_exec(&c->db, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = step_with(c, c->drop_events, first, INT64_MAX, err);
	if (r == 0)
		r = step_with(c, c->drop_runs, first, 0, err);
	if (r == 0)
		r = step_with(c, c->cut_run, first, 0, err);
	r = end(c, r, err);
	unlock(c);
	return r;
}

/* ---- life ---- */

static int statements_prepare(struct chronicle *c, struct error **err)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&c->newest, "SELECT first, last FROM held ORDER BY first DESC LIMIT 1"},
		{&c->sum, "SELECT sum, 0 FROM event WHERE seq=?1"},
		{&c->before, "SELECT first, last FROM held WHERE first<?1 ORDER BY first DESC "
			     "LIMIT 1"},
		{&c->run, "SELECT first, last FROM held WHERE last>?1 ORDER BY first LIMIT 1"},
		{&c->join, "SELECT min(first), max(last) FROM held "
			   "WHERE first<=?2+1 AND last>=?1-1"},
		{&c->remove, "DELETE FROM held WHERE first<=?2+1 AND last>=?1-1"},
		{&c->held, "INSERT INTO held(first,last) VALUES(?1,?2)"},
		{&c->drop_events, "DELETE FROM event WHERE seq>=?1 AND seq<=?2"},
		{&c->drop_runs, "DELETE FROM held WHERE first>=?1"},
		{&c->cut_run, "UPDATE held SET last=?1-1 WHERE last>=?1"},
		{&c->drop_old_runs, "DELETE FROM held WHERE last<=?1"},
		{&c->cut_old_run, "UPDATE held SET first=?1+1 WHERE first<=?1"},
	};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		r = database_prepare(&c->db, all[i].sql, all[i].statement, err);
	return r;
}

void chronicle_close(struct chronicle *c)
{
	if (c == NULL)
		return;
	sqlite3_stmt *const all[] = {c->newest,	 c->sum,	   c->before,
				     c->run,	 c->join,	   c->remove,
				     c->held,	 c->drop_events,   c->drop_runs,
				     c->cut_run, c->drop_old_runs, c->cut_old_run};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)sqlite3_finalize(all[i]);
	if (c->db.handle != NULL) {
		history_done(&c->history);
		database_close(&c->db);
	}
	buffer_done(&c->scratch);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static int open_once(const char *path, struct chronicle **ret_chronicle, struct error **err)
{
	struct chronicle *c = mem_new(struct chronicle);
	(void)pthread_mutex_init(&c->lock, NULL);
	c->scratch = BUFFER_INIT(EVENT_BYTES_MAX);
	int r = database_open(&c->db, path, &schema, err);
	/* What a power cut takes is copied once more. */
	if (r == 0)
		r = database_exec(&c->db, "PRAGMA synchronous=NORMAL", err);
	if (r == 0)
		r = history_init(&c->history, &c->db, err);
	if (r == 0)
		r = statements_prepare(c, err);
	if (r < 0) {
		chronicle_close(c);
		return r;
	}
	*ret_chronicle = c;
	return 0;
}

int chronicle_open(const char *path, struct chronicle **ret_chronicle, bool *ret_damaged,
		   struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = open_once(path, ret_chronicle, &why);
	*ret_damaged = r < 0 && why->code == ERR_INVALID;
	if (r == 0 || !*ret_damaged)
		return r == 0 ? 0 : error_move(err, steal_ptr(&why));
	CLEANUP(freep) char *aside = str_printf("%s.damaged", path);
	CLEANUP(freep) char *log = str_printf("%s-wal", path);
	if (rename(path, aside) < 0)
		return error_errno(err, "cannot rename %s, which is damaged", path);
	(void)unlink(log);
	return open_once(path, ret_chronicle, err);
}
