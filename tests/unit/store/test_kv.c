/* The contract of port/kv.h, on every medium. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "medium.h"

struct waited {
	bool is_done;
	enum commit_outcome outcome;
	size_t count;
	char *text;
	unsigned *order, number; /* number = ++*order when it is done */
};

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

/* ---- a kv on a medium ---- */

struct fixture {
	const struct medium *medium;
	void *place;
	struct kv *kv;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	f->medium = *state;
	f->place = f->medium->init();
	assert_int_equal(f->medium->open_kv(f->place, &f->kv, NULL), 0);
	*state = f;
	return 0;
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

static void close_kv(struct fixture *f)
{
	bool is_closed = false;
	f->kv->ops->close(f->kv, on_closed, &is_closed);
	f->medium->until(f->place, &is_closed);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close_kv(f);
	f->medium->done(f->place);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	close_kv(f);
	assert_int_equal(f->medium->open_kv(f->place, &f->kv, NULL), 0);
}

static struct kv_change change(enum kv_operation operation, const char *owner, const char *key,
			       const char *value)
{
	return (struct kv_change){.operation = operation,
				  .owner = (char *)(uintptr_t)owner,
				  .key = (char *)(uintptr_t)key,
				  .key_size = key != NULL ? strlen(key) : 0,
				  .value = (char *)(uintptr_t)value,
				  .value_size = value != NULL ? strlen(value) : 0};
}

#define GET(key)	change(KV_GET, "shop/store", key, NULL)
#define PUT(key, value) change(KV_PUT, "shop/store", key, value)
#define DELETE(key)	change(KV_DELETE, "shop/store", key, NULL)
#define LIST(prefix)	change(KV_LIST, "shop/store", prefix, NULL)

static char *commit_all(struct fixture *f, const struct kv_change *changes, size_t count)
{
	struct waited w = {.count = count};
	f->kv->ops->commit(f->kv, changes, count, on_committed, &w);
	assert_false(w.is_done); /* never from within the call */
	f->medium->until(f->place, &w.is_done);
	assert_int_equal(w.outcome, COMMIT_DURABLE);
	return w.text;
}

#define assert_commit(f, expected, ...)                              \
	do {                                                         \
		const struct kv_change all_[] = {__VA_ARGS__};       \
		CLEANUP(freep)                                       \
		char *text_ = commit_all(f, all_, ARRAY_SIZE(all_)); \
		assert_string_equal(text_, expected);                \
	} while (0)

static int on_value(void *user, const void *key, size_t key_size, const void *value,
		    size_t value_size, struct error **err)
{
	(void)err;
	append(user, "%.*s=%.*s ", (int)key_size, (const char *)key, (int)value_size,
	       (const char *)value);
	return 0;
}

static void assert_loaded(struct fixture *f, const char *owner, const char *expected)
{
	CLEANUP(freep) char *text = mem_strdup("");
	assert_int_equal(f->kv->ops->load(f->kv, owner, on_value, &text, NULL), 0);
	assert_string_equal(text, expected);
}

/* ---- values ---- */

static void values_survive_and_are_loaded_in_order_of_keys(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "0;0;0;0;0;", PUT("b", "2"), PUT("", "0"), PUT("a", "1"),
		      PUT("b", "3"), change(KV_PUT, "shop/other", "c", "4"));
	reopen(f);
	assert_loaded(f, "shop/store", "=0 a=1 b=3 ");
	assert_loaded(f, "shop/other", "c=4 ");
	assert_loaded(f, "shop", "");
}

static int refuse_value(void *user, const void *key, size_t key_size, const void *value,
			size_t value_size, struct error **err)
{
	(void)key, (void)key_size, (void)value, (void)value_size;
	++*(unsigned *)user;
	return error_set(err, ERR_UNSUPPORTED, "not this one");
}

static void loading_ends_with_the_error_of_its_caller(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "0;0;", PUT("a", "1"), PUT("b", "2"));
	reopen(f);
	unsigned calls = 0;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(f->kv->ops->load(f->kv, "shop/store", refuse_value, &calls, &err),
			 ERR_UNSUPPORTED);
	assert_string_equal(err->message, "not this one");
	assert_int_equal(calls, 1);
}

static void each_change_sees_the_ones_before_it(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "-2;0;0=one;0;0=two;0 k;0;0;-2;", GET("k"), PUT("k", "one"), GET("k"),
		      PUT("k", "two"), GET("k"), LIST(""), DELETE("k"), DELETE("k"), GET("k"));
	assert_commit(f, "0;0=;0;0=empty key;", PUT("empty", ""), GET("empty"),
		      PUT("", "empty key"), GET(""));
}

static void values_may_hold_any_bytes(void **state)
{
	struct fixture *f = *state;
	struct kv_change put = PUT("k", "v");
	put.key = (char *)(uintptr_t) "a\0b";
	put.key_size = 3;
	put.value = (char *)(uintptr_t) "c\0\xff";
	put.value_size = 3;
	struct kv_change get = put;
	get.operation = KV_GET;
	get.value = NULL;
	get.value_size = 0;
	const struct kv_change all[] = {put, get, GET("a")};
	struct waited w = {.count = 3};
	f->kv->ops->commit(f->kv, all, 3, on_committed, &w);
	f->medium->until(f->place, &w.is_done);
	assert_string_equal(w.text, "0;0=c;-2;"); /* the text ends at the NUL */
	free(w.text);
}

static void keys_are_listed_by_prefix_a_page_at_a_time(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "0;0;0;0;0;0;0;", PUT("a", "v"), PUT("ab/2", "v"), PUT("ab/1", "v"),
		      PUT("ab/\xff", "v"), PUT("abc", "v"), PUT("b", "v"),
		      change(KV_PUT, "shop/zzz", "ab/0", "v"));
	assert_commit(f, "0 ab/1 ab/2 ab/\xff;0 a ab/1 ab/2 ab/\xff abc b;0;", LIST("ab/"),
		      LIST(""), LIST("zz"));
	struct kv_change page = LIST("ab");
	page.limit_bytes = 2 * (4 + 4); /* two keys of four, and their sizes */
	struct kv_change rest = LIST("ab");
	rest.cursor = (char *)(uintptr_t) "ab/2";
	rest.cursor_size = 4;
	struct kv_change narrow = LIST("ab");
	narrow.limit_bytes = 7; /* not even one */
	struct kv_change early = LIST("ab");
	early.cursor = (char *)(uintptr_t) "a"; /* before the prefix */
	early.cursor_size = 1;
	assert_commit(f, "0 ab/1 ab/2...;0 ab/\xff abc;-90...;0 ab/1 ab/2 ab/\xff abc;", page,
		      rest, narrow, early);
}

static void forgetting_an_owner_forgets_the_owners_below_it_and_no_others(void **state)
{
	struct fixture *f = *state;
	static const char *const owners[] = {"shop",	   "shop/api",	   "shop/api/cache",
					     "shop-2/api", "shopping/api", "sho/api"};
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		assert_commit(f, "0;", change(KV_PUT, owners[i], "k", owners[i]));
	/* In its place among the changes: what comes after it stays. */
	assert_commit(f, "0;0;0;", change(KV_PUT, "shop/api", "before", "1"),
		      change(KV_FORGET, "shop", NULL, NULL),
		      change(KV_PUT, "shop/api", "after", "2"));
	reopen(f);
	assert_loaded(f, "shop", "");
	assert_loaded(f, "shop/api", "after=2 ");
	assert_loaded(f, "shop/api/cache", "");
	assert_loaded(f, "shop-2/api", "k=shop-2/api ");
	assert_loaded(f, "shopping/api", "k=shopping/api ");
	assert_loaded(f, "sho/api", "k=sho/api ");
}

static void what_is_too_large_is_refused_and_the_rest_is_kept(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *key = mem_calloc(KV_KEY_MAX + 1, 1);
	CLEANUP(freep) char *value = mem_calloc(KV_VALUE_MAX + 1, 1);
	struct kv_change large_key = PUT("k", "v");
	large_key.key = key;
	large_key.key_size = KV_KEY_MAX + 1;
	struct kv_change large_value = PUT("k", "v");
	large_value.value = value;
	large_value.value_size = KV_VALUE_MAX + 1;
	assert_commit(f, "-22;-22;0;0=v;", large_key, large_value, PUT("k", "v"), GET("k"));
}

/* ---- commits ---- */

static void many_batches_at_once_come_back_in_order(void **state)
{
	struct fixture *f = *state;
	enum { BATCHES = 100 };
	struct kv_change all[BATCHES][2];
	char values[BATCHES][16];
	struct waited waited[BATCHES];
	unsigned order = 0;
	for (int i = 0; i < BATCHES; i++) {
		(void)snprintf(values[i], sizeof(values[i]), "%03d", i);
		all[i][0] = PUT("k", values[i]);
		all[i][1] = GET("k");
		waited[i] = (struct waited){.count = 2, .order = &order};
		f->kv->ops->commit(f->kv, all[i], 2, on_committed, &waited[i]);
	}
	f->medium->until(f->place, &waited[BATCHES - 1].is_done);
	for (int i = 0; i < BATCHES; i++) {
		CLEANUP(freep) char *expected = str_printf("0;0=%03d;", i);
		assert_int_equal(waited[i].number, i + 1);
		assert_string_equal(waited[i].text, expected);
		free(waited[i].text);
	}
}

static void closing_answers_what_was_asked_for(void **state)
{
	struct fixture *f = *state;
	const struct kv_change put = PUT("k", "v");
	struct waited w = {0};
	f->kv->ops->commit(f->kv, &put, 1, on_committed, &w);
	reopen(f);
	assert_true(w.is_done);
	assert_int_equal(w.outcome, COMMIT_DURABLE);
	assert_loaded(f, "shop/store", "k=v ");
}

static void after_a_failed_commit_nothing_is_durable_any_more(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "0;", PUT("kept", "1"));
	const struct kv_change two[] = {PUT("lost", "2"), PUT("lost-too", "3")};
	struct waited w = {.count = 2};
	f->medium->set_full(f->place, true);
	f->kv->ops->commit(f->kv, two, 2, on_committed, &w);
	f->medium->until(f->place, &w.is_done);
	f->medium->set_full(f->place, false);
	assert_int_equal(w.outcome, COMMIT_FAILED);
	w = (struct waited){.count = 2};
	f->kv->ops->commit(f->kv, two, 2, on_committed, &w);
	f->medium->until(f->place, &w.is_done);
	assert_int_equal(w.outcome, COMMIT_FAILED); /* also when there is room again */
	reopen(f);
	CLEANUP(freep) char *found = mem_strdup("");
	assert_int_equal(f->kv->ops->load(f->kv, "shop/store", on_value, &found, NULL), 0);
	/* The batch that failed may be there after all, but not half of it. */
	if (strcmp(found, "kept=1 ") != 0)
		assert_string_equal(found, "kept=1 lost=2 lost-too=3 ");
	assert_commit(f, "0;", PUT("again", "4"));
}

static struct kv_change within(struct kv_change change, uint64_t quota, uint64_t group_quota)
{
	change.quota_bytes = quota;
	change.group_quota_bytes = group_quota;
	return change;
}

static void a_quota_counts_keys_and_values_of_an_owner(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "0;0;-28;0;", within(PUT("a", "123"), 10, 0),
		      within(PUT("b", "12345"), 10, 0), within(PUT("c", ""), 10, 0),
		      change(KV_PUT, "shop/other", "c", "123456789"));
	reopen(f);
	/* What does not grow is taken, also above a quota that has become smaller. */
	assert_commit(f, "-28;0;0;-28;0;-28;0;", within(PUT("c", ""), 10, 0),
		      within(PUT("a", "456"), 5, 0), within(PUT("b", "1234"), 5, 0),
		      within(PUT("b", "12345"), 5, 0), DELETE("a"),
		      within(PUT("c", "123456"), 10, 0), within(PUT("c", "1234"), 10, 0));
	assert_commit(f, "-2;0=1234;0=1234;", GET("a"), GET("b"), GET("c"));
}

static void a_quota_of_a_group_counts_all_owners_with_its_name(void **state)
{
	struct fixture *f = *state;
	assert_commit(f, "0;0;-28;0;0;", within(PUT("a", "123"), 0, 10),
		      within(change(KV_PUT, "shop/other", "b", "12345"), 0, 10),
		      within(change(KV_PUT, "shop/other/below", "c", ""), 0, 10),
		      within(change(KV_PUT, "shop-2/store", "c", "123456789"), 0, 10),
		      within(change(KV_PUT, "sho/store", "c", "123456789"), 0, 10));
	assert_commit(f, "0;0;", change(KV_FORGET, "shop/other", NULL, NULL),
		      within(PUT("b", "12345"), 0, 10));
}

#define TEST(fn) cmocka_unit_test_prestate_setup_teardown(fn, setup, teardown, (void *)medium)

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < medium_count; i++) {
		const struct medium *medium = &media[i];
		if (medium->open_kv == NULL)
			continue; /* a store of zrms only */
		const struct CMUnitTest tests[] = {
			TEST(values_survive_and_are_loaded_in_order_of_keys),
			TEST(loading_ends_with_the_error_of_its_caller),
			TEST(each_change_sees_the_ones_before_it),
			TEST(values_may_hold_any_bytes),
			TEST(keys_are_listed_by_prefix_a_page_at_a_time),
			TEST(forgetting_an_owner_forgets_the_owners_below_it_and_no_others),
			TEST(what_is_too_large_is_refused_and_the_rest_is_kept),
			TEST(a_quota_counts_keys_and_values_of_an_owner),
			TEST(a_quota_of_a_group_counts_all_owners_with_its_name),
			TEST(many_batches_at_once_come_back_in_order),
			TEST(closing_answers_what_was_asked_for),
			TEST(after_a_failed_commit_nothing_is_durable_any_more),
		};
		failed += cmocka_run_group_tests_name(medium->name, tests, NULL, NULL);
	}
	return failed;
}
