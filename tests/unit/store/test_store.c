/* The contract of port/store.h, on every medium. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "content.h"
#include "medium.h"

/* ---- batches ---- */

#define GET(o, owner, key)    add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_GET, owner, key, NULL)
#define PUT(o, owner, key, v) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, key, v)
#define DELETE(o, owner, key) \
	add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_DELETE, owner, key, NULL)
#define LIST(o, owner, prefix) \
	add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_LIST, owner, prefix, NULL)

/* ---- what a store answers, as text ---- */

static void append(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char **text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *more = str_vprintf(format, args);
	va_end(args);
	char *whole = str_printf("%s%s", *text != NULL ? *text : "", more);
	free(*text);
	*text = whole;
}

struct waited {
	bool is_done;
	enum commit_outcome outcome;
	int code;
	size_t count;
	char *text;
	unsigned *order, number; /* number = ++*order when it is done */
};

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct waited *w = user;
	assert_false(w->is_done);
	assert_true((outcome == COMMIT_DURABLE) == (error == NULL));
	for (size_t i = 0; outcome == COMMIT_DURABLE && i < w->count; i++) {
		append(&w->text, "%d", answers[i].status);
		if (answers[i].value != NULL)
			append(&w->text, "=%.*s", (int)answers[i].value_size,
			       (const char *)answers[i].value);
		for (size_t k = 0; k < answers[i].key_count; k++)
			append(&w->text, " %.*s", (int)answers[i].keys[k].len,
			       (const char *)answers[i].keys[k].data);
		append(&w->text, answers[i].more ? "...;" : ";");
	}
	w->outcome = outcome;
	w->is_done = true;
	if (w->order != NULL)
		w->number = ++*w->order;
}

static void on_listed(void *user, int code, const struct error *error,
		      Samoza__V1__EventRecord **events, size_t count, bool more)
{
	struct waited *w = user;
	assert_true((code == 0) == (error == NULL));
	for (size_t i = 0; i < count; i++)
		append(&w->text, "%" PRIu64 " ", events[i]->seq);
	append(&w->text, more ? "more" : "end");
	w->code = code;
	w->is_done = true;
	if (w->order != NULL)
		w->number = ++*w->order;
}

/* ---- a store on a medium ---- */

struct fixture {
	const struct medium *medium;
	void *place;
	struct store *store;
	struct outbox outbox;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	f->medium = *state;
	f->place = f->medium->init();
	assert_int_equal(f->medium->open_store(f->place, &f->store, NULL), 0);
	outbox_init(&f->outbox);
	*state = f;
	return 0;
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

static void close_store(struct fixture *f)
{
	bool is_closed = false;
	f->store->ops->close(f->store, on_closed, &is_closed);
	f->medium->until(f->place, &is_closed);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close_store(f);
	outbox_done(&f->outbox);
	f->medium->done(f->place);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	close_store(f);
	assert_int_equal(f->medium->open_store(f->place, &f->store, NULL), 0);
}

static void commit_batch(struct fixture *f, struct waited *w)
{
	w->count = f->outbox.data.count;
	f->store->ops->commit(f->store, &f->outbox, on_committed, w);
	f->medium->until(f->place, &w->is_done);
	outbox_clear(&f->outbox);
}

/* Commits the fixture's batch; returns what its data operations answered: "0;-2;0=value;" */
static char *commit(struct fixture *f)
{
	struct waited w = {0};
	commit_batch(f, &w);
	assert_int_equal(w.outcome, COMMIT_DURABLE);
	return w.text;
}

static char *events(struct fixture *f, uint64_t after, const char *topology, uint32_t limit)
{
	struct waited w = {0};
	f->store->ops->events(f->store, after, topology, limit, on_listed, &w);
	f->medium->until(f->place, &w.is_done);
	assert_int_equal(w.code, 0);
	return w.text;
}

struct loaded {
	VECTOR(char *) records;
};

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	struct loaded *l = user;
	(void)err;
	vector_push(&l->records,
		    str_printf("%d/%s=%.*s ", (int)kind, id, (int)size, (const char *)data));
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All records, sorted: a store may give them in any order. */
static char *records(struct fixture *f)
{
	struct loaded l = {0};
	char *text = mem_strdup("");
	assert_int_equal(f->store->ops->load(f->store, on_record, &l, NULL), 0);
	if (l.records.count > 0)
		qsort(l.records.items, l.records.count, sizeof(char *), compare_texts);
	vector_for_each (&l.records, r) {
		append(&text, "%s", *r);
		free(*r);
	}
	vector_done(&l.records);
	return text;
}

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_non_null(text_);               \
		assert_string_equal(text_, expected); \
	} while (0)

/* ---- records ---- */

static void records_survive_and_the_last_value_counts(void **state)
{
	struct fixture *f = *state;
	put_record(&f->outbox, RECORD_TOPOLOGY, "b", "1");
	put_record(&f->outbox, RECORD_TOPOLOGY, "a", "2");
	put_record(&f->outbox, RECORD_ZHOST, "a", "3");
	put_record(&f->outbox, RECORD_META, "", "4");
	free(commit(f));
	put_record(&f->outbox, RECORD_TOPOLOGY, "b", "5");
	put_record(&f->outbox, RECORD_TOPOLOGY, "a", NULL);
	put_record(&f->outbox, RECORD_TOPOLOGY, "never", NULL);
	free(commit(f));
	reopen(f);
	assert_text(records(f), "1/=4 2/b=5 4/a=3 ");
}

static int refuse_record(void *user, enum record_kind kind, const char *id, const void *data,
			 size_t size, struct error **err)
{
	(void)kind, (void)id, (void)data, (void)size;
	++*(unsigned *)user;
	return error_set(err, ERR_UNSUPPORTED, "not this one");
}

static void loading_ends_with_the_error_of_its_caller(void **state)
{
	struct fixture *f = *state;
	put_record(&f->outbox, RECORD_TOPOLOGY, "a", "1");
	put_record(&f->outbox, RECORD_TOPOLOGY, "b", "2");
	free(commit(f));
	reopen(f);
	unsigned calls = 0;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(f->store->ops->load(f->store, refuse_record, &calls, &err),
			 ERR_UNSUPPORTED);
	assert_string_equal(err->message, "not this one");
	assert_int_equal(calls, 1);
	assert_text(records(f), "2/a=1 2/b=2 ");
}

/* ---- commits ---- */

static void many_batches_at_once_come_back_in_order(void **state)
{
	struct fixture *f = *state;
	enum { BATCHES = 200 };
	static struct outbox all[BATCHES];
	static struct waited waited[BATCHES];
	unsigned order = 0;
	for (int i = 0; i < BATCHES; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "%03d", i);
		outbox_init(&all[i]);
		put_record(&all[i], RECORD_INSTANCE, id, "x");
		PUT(&all[i], "shop/api", "k", id);
		GET(&all[i], "shop/api", "k");
		waited[i] = (struct waited){.count = 2, .order = &order};
		f->store->ops->commit(f->store, &all[i], on_committed, &waited[i]);
		assert_false(waited[i].is_done); /* never from within the call */
	}
	f->medium->until(f->place, &waited[BATCHES - 1].is_done);
	for (int i = 0; i < BATCHES; i++) {
		CLEANUP(freep) char *expected = str_printf("0;0=%03d;", i);
		assert_true(waited[i].is_done);
		assert_int_equal(waited[i].number, i + 1);
		assert_string_equal(waited[i].text, expected);
		free(waited[i].text);
		outbox_done(&all[i]);
	}
}

static void closing_answers_what_was_asked_for(void **state)
{
	struct fixture *f = *state;
	struct waited w = {0};
	struct waited listed = {0};
	put_record(&f->outbox, RECORD_TOPOLOGY, "a", "1");
	f->store->ops->commit(f->store, &f->outbox, on_committed, &w);
	f->store->ops->events(f->store, 0, NULL, 10, on_listed, &listed);
	reopen(f);
	assert_true(w.is_done);
	assert_int_equal(w.outcome, COMMIT_DURABLE);
	assert_true(listed.is_done);
	free(listed.text);
	assert_text(records(f), "2/a=1 ");
}

static void after_a_failed_commit_nothing_is_durable_any_more(void **state)
{
	struct fixture *f = *state;
	put_record(&f->outbox, RECORD_TOPOLOGY, "kept", "1");
	free(commit(f));
	f->medium->set_full(f->place, true);
	struct waited w = {0};
	put_record(&f->outbox, RECORD_TOPOLOGY, "lost", "2");
	put_record(&f->outbox, RECORD_ZHOST, "lost", "3");
	commit_batch(f, &w);
	assert_int_equal(w.outcome, COMMIT_FAILED);
	f->medium->set_full(f->place, false);
	w = (struct waited){0};
	put_record(&f->outbox, RECORD_TOPOLOGY, "later", "4");
	commit_batch(f, &w);
	assert_int_equal(w.outcome, COMMIT_FAILED); /* also when there is room again */
	struct waited listed = {0};
	f->store->ops->events(f->store, 0, NULL, 10, on_listed, &listed);
	f->medium->until(f->place, &listed.is_done);
	assert_true(listed.code < 0);
	free(listed.text);
	reopen(f);
	CLEANUP(freep) char *found = records(f);
	/* The batch that failed may be there after all, but not half of it. */
	if (strcmp(found, "2/kept=1 ") != 0)
		assert_string_equal(found, "2/kept=1 2/lost=2 4/lost=3 ");
	put_record(&f->outbox, RECORD_TOPOLOGY, "again", "5");
	free(commit(f));
}

/* ---- history ---- */

static void history_is_read_in_pages_and_by_topology(void **state)
{
	struct fixture *f = *state;
	for (uint64_t seq = 1; seq <= 6; seq++)
		add_event(&f->outbox, seq, seq % 2 == 0 ? "even" : NULL);
	free(commit(f));
	reopen(f);
	assert_text(events(f, 0, NULL, 100), "1 2 3 4 5 6 end");
	assert_text(events(f, 2, NULL, 2), "3 4 more");
	assert_text(events(f, 4, NULL, 2), "5 6 end");
	assert_text(events(f, 0, "even", 100), "2 4 6 end");
	assert_text(events(f, 4, "even", 100), "6 end");
	assert_text(events(f, 0, "odd", 100), "end");
	assert_text(events(f, UINT64_MAX, NULL, 100), "end");
}

static void history_sees_every_commit_that_was_asked_for_before(void **state)
{
	struct fixture *f = *state;
	unsigned order = 0;
	struct waited committed = {.order = &order};
	struct waited listed = {.order = &order};
	add_event(&f->outbox, 1, NULL);
	f->store->ops->commit(f->store, &f->outbox, on_committed, &committed);
	f->store->ops->events(f->store, 0, NULL, 10, on_listed, &listed);
	assert_false(listed.is_done);
	f->medium->until(f->place, &listed.is_done);
	assert_int_equal(committed.number, 1);
	assert_int_equal(listed.number, 2);
	assert_string_equal(listed.text, "1 end");
	free(listed.text);
}

/* ---- copies ---- */

/* ---- audit ---- */

static void add_line(struct outbox *o, uint64_t seq, int64_t time_ms, const char *user)
{
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = seq;
	line->time_ms = time_ms;
	line->user = mem_strdup(user);
	line->outcome = mem_strdup("done");
	vector_push(&o->audit, line);
}

static void on_audit(void *user, int code, const struct error *error,
		     Samoza__V1__AuditRecord **lines, size_t count, bool more)
{
	struct waited *w = user;
	(void)error;
	for (size_t i = 0; i < count; i++)
		append(&w->text, "%d:%s ", (int)lines[i]->seq, lines[i]->user);
	append(&w->text, more ? "more" : "end");
	w->code = code;
	w->is_done = true;
}

static char *audit(struct fixture *f, const struct audit_query *query)
{
	struct waited w = {0};
	f->store->ops->audit(f->store, query, on_audit, &w);
	f->medium->until(f->place, &w.is_done);
	assert_int_equal(w.code, 0);
	return w.text;
}

/* [machines.people.audit] */
static void the_audit_is_kept_and_read_by_user_time_and_page(void **state)
{
	struct fixture *f = *state;
	add_line(&f->outbox, 1, 1000, "ann");
	add_line(&f->outbox, 2, 2000, "bob");
	free(commit(f));
	add_line(&f->outbox, 3, 3000, "ann");
	add_line(&f->outbox, 4, 1500, "ann"); /* the clock was set */
	free(commit(f));
	reopen(f);
	assert_text(audit(f, &(struct audit_query){.limit = 9}), "1:ann 2:bob 3:ann 4:ann end");
	assert_text(audit(f, &(struct audit_query){.limit = 1, .after = 1}), "2:bob more");
	assert_text(audit(f, &(struct audit_query){.limit = 9, .user = "ann", .after = 1}),
		    "3:ann 4:ann end");
	assert_text(audit(f, &(struct audit_query){.limit = 9, .since_ms = 1800}),
		    "2:bob 3:ann end");
	assert_text(audit(f, &(struct audit_query){.limit = 9, .user = "' OR 1=1"}), "end");
}

static void a_copy_holds_what_the_store_held(void **state)
{
	struct fixture *f = *state;
	if (f->medium->open_copy == NULL) {
		assert_null(f->store->ops->keep_copy); /* it says so itself */
		return;
	}
	put_record(&f->outbox, RECORD_ZHOST, "a", "1");
	PUT(&f->outbox, "shop/store", "k", "one");
	free(commit(f));
	assert_int_equal(f->store->ops->keep_copy(f->store, ".other", NULL), 0);
	put_record(&f->outbox, RECORD_ZHOST, "a", "2");
	free(commit(f));
	/* The second one replaces the first. */
	assert_int_equal(f->store->ops->keep_copy(f->store, ".before", NULL), 0);
	put_record(&f->outbox, RECORD_ZHOST, "a", "3");
	free(commit(f));
	assert_int_equal(f->store->ops->keep_copy(f->store, ".before", NULL), 0);
	put_record(&f->outbox, RECORD_ZHOST, "a", "4");
	free(commit(f));
	close_store(f);
	assert_int_equal(f->medium->open_copy(f->place, ".before", &f->store, NULL), 0);
	assert_text(records(f), "4/a=3 ");
	GET(&f->outbox, "shop/store", "k");
	assert_text(commit(f), "0=one;");
	reopen(f);
	assert_text(records(f), "4/a=4 ");
}

/* ---- data of spaces: port/kv.h holds the rest of the contract ---- */

static void data_is_kept_by_owner_and_key(void **state)
{
	struct fixture *f = *state;
	PUT(&f->outbox, "shop/store", "k", "one");
	GET(&f->outbox, "shop/store", "k");
	PUT(&f->outbox, "shop/store", "k", "two");
	GET(&f->outbox, "shop/store", "k");
	GET(&f->outbox, "shop/other", "k");
	DELETE(&f->outbox, "shop/store", "k");
	GET(&f->outbox, "shop/store", "k");
	PUT(&f->outbox, "shop/store", "l", "three");
	LIST(&f->outbox, "shop/store", "");
	assert_text(commit(f), "0;0=one;0;0=two;-2;0;-2;0;0 l;");
	reopen(f);
	GET(&f->outbox, "shop/store", "l");
	assert_text(commit(f), "0=three;");
}

static void data_is_forgotten_before_the_changes_of_its_batch(void **state)
{
	struct fixture *f = *state;
	static const char *const owners[] = {"shop/api", "shop/api/cache", "shop-2/api",
					     "shopping/api", "sho/api"};
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		PUT(&f->outbox, owners[i], "k", "v");
	free(commit(f));
	PUT(&f->outbox, "shop/api", "new", "v");
	vector_push(&f->outbox.data_forget, mem_strdup("shop"));
	free(commit(f));
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		GET(&f->outbox, owners[i], "k");
	GET(&f->outbox, "shop/api", "new");
	assert_text(commit(f), "-2;-2;0=v;0=v;0=v;0=v;");
}

#define TEST(fn) cmocka_unit_test_prestate_setup_teardown(fn, setup, teardown, (void *)medium)

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < medium_count; i++) {
		const struct medium *medium = &media[i];
		const struct CMUnitTest tests[] = {
			TEST(records_survive_and_the_last_value_counts),
			TEST(loading_ends_with_the_error_of_its_caller),
			TEST(many_batches_at_once_come_back_in_order),
			TEST(closing_answers_what_was_asked_for),
			TEST(after_a_failed_commit_nothing_is_durable_any_more),
			TEST(history_is_read_in_pages_and_by_topology),
			TEST(history_sees_every_commit_that_was_asked_for_before),
			TEST(the_audit_is_kept_and_read_by_user_time_and_page),
			TEST(a_copy_holds_what_the_store_held),
			TEST(data_is_kept_by_owner_and_key),
			TEST(data_is_forgotten_before_the_changes_of_its_batch),
		};
		failed += cmocka_run_group_tests_name(medium->name, tests, NULL, NULL);
	}
	return failed;
}
