/* adapter/sqlite/chronicle.h: what it has, what it lacks, and what it gives to another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "adapter/sqlite/chronicle.h"
#include "base/str.h"
#include "base/vector.h"
#include "directory.h"

struct stage {
	char *directory, *path;
	struct chronicle *chronicle;
};

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	bool is_damaged = true;
	s->directory = directory_new();
	s->path = directory_file(s->directory, "history.db");
	assert_int_equal(chronicle_open(s->path, &s->chronicle, &is_damaged, NULL), 0);
	assert_false(is_damaged);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;
	chronicle_close(s->chronicle);
	directory_delete(s->directory);
	free(s->path);
	free(s->directory);
	free(s);
	return 0;
}

static Samoza__V1__EventRecord event(uint64_t seq, const char *topology, const char *cause)
{
	Samoza__V1__EventRecord e = SAMOZA__V1__EVENT_RECORD__INIT;
	e.seq = seq;
	e.kind = e.subject = (char *)(uintptr_t) "space";
	e.cause = (char *)(uintptr_t)cause;
	e.topology = (char *)(uintptr_t)topology;
	return e;
}

/* All from `first` to `last`, of topologies "odd" and "even", but for every tenth number. */
static void put_as(struct stage *s, uint64_t first, uint64_t last, const char *cause)
{
	VECTOR(Samoza__V1__EventRecord *) all = {0};
	for (uint64_t seq = first; seq <= last; seq++) {
		if (seq % 10 == 0)
			continue;
		Samoza__V1__EventRecord *e = mem_new(Samoza__V1__EventRecord);
		*e = event(seq, seq % 2 == 1 ? "odd" : "even", cause);
		vector_push(&all, e);
	}
	assert_int_equal(chronicle_put(s->chronicle, first, last, all.items, all.count, NULL),
			 0);
	vector_for_each (&all, e)
		free(*e);
	vector_done(&all);
}

static void put(struct stage *s, uint64_t first, uint64_t last)
{
	put_as(s, first, last, "as it was");
}

static void take(void *to, Samoza__V1__EventRecord *e)
{
	char **text = to;
	char *more = str_printf("%s%" PRIu64 " ", *text != NULL ? *text : "", e->seq);
	free(*text);
	*text = more;
	samoza__v1__event_record__free_unpacked(e, NULL);
}

static void assert_listed(struct stage *s, struct chronicle_range range, const char *expected,
			  bool expects_more)
{
	CLEANUP(freep) char *text = mem_strdup("");
	bool more = false;
	assert_int_equal(chronicle_list(s->chronicle, &range, take, &text, &more, NULL), 0);
	assert_string_equal(text, expected);
	assert_int_equal(more, expects_more);
}

static void assert_gap(struct stage *s, uint64_t after, uint64_t until)
{
	uint64_t seen[2];
	bool is_gap = false;
	assert_int_equal(chronicle_gap(s->chronicle, &seen[0], &seen[1], &is_gap, NULL), 0);
	assert_int_equal(is_gap, until > 0);
	if (is_gap) {
		assert_int_equal(seen[0], after);
		assert_int_equal(seen[1], until);
	}
}

/* "FIRST-LAST: numbers" */
static void assert_page(struct stage *s, uint64_t after, uint64_t until, uint32_t limit,
			const char *expected)
{
	Samoza__V1__EventPage *page = NULL;
	assert_int_equal(chronicle_page(s->chronicle, after, until, limit, &page, NULL), 0);
	char *text = page->has_first
			     ? str_printf("%" PRIu64 "-%" PRIu64 ":", page->first, page->last)
			     : mem_strdup("none");
	for (size_t i = 0; i < page->n_events; i++) {
		char *more = str_printf("%s %" PRIu64, text, page->events[i]->seq);
		free(text);
		text = more;
	}
	assert_string_equal(text, expected);
	free(text);
	samoza__v1__event_page__free_unpacked(page, NULL);
}

static void reopen(struct stage *s, bool expects_damage)
{
	bool is_damaged = false;
	chronicle_close(s->chronicle);
	s->chronicle = NULL;
	assert_int_equal(chronicle_open(s->path, &s->chronicle, &is_damaged, NULL), 0);
	assert_int_equal(is_damaged, expects_damage);
}

static void numbers_that_were_skipped_are_no_gap(void **state)
{
	struct stage *s = *state;
	put(s, 1, 10);
	put(s, 11, 25);
	assert_gap(s, 0, 0);
	reopen(s, false);
	assert_gap(s, 0, 0);
	assert_listed(s, (struct chronicle_range){8, 22, NULL, 100},
		      "9 11 12 13 14 15 16 17 18 19 21 22 ", false);
	assert_listed(s, (struct chronicle_range){8, 100, "even", 3}, "12 14 16 ", true);
	assert_listed(s, (struct chronicle_range){8, 16, "even", 3}, "12 14 16 ", false);
}

static void what_was_missed_is_a_gap_until_it_is_given(void **state)
{
	struct stage *s = *state;
	assert_gap(s, 0, 0);
	put(s, 31, 35);
	assert_gap(s, 0, 31);
	put(s, 1, 4);
	assert_gap(s, 4, 31);
	put(s, 21, 25); /* of one that has not got all of it either */
	assert_gap(s, 25, 31);
	put(s, 26, 30);
	assert_gap(s, 4, 21);
	put(s, 5, 20);
	assert_gap(s, 0, 0);
	put(s, 36, 36);
	assert_listed(s, (struct chronicle_range){0, 100, "odd", 100},
		      "1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31 33 35 ", false);
}

static void a_page_says_what_it_is_sure_of(void **state)
{
	struct stage *s = *state;
	assert_page(s, 0, 100, 10, "none");
	put(s, 5, 12);
	put(s, 21, 31);
	assert_page(s, 0, 100, 10, "5-12: 5 6 7 8 9 11 12");
	assert_page(s, 0, 100, 3, "5-7: 5 6 7");
	assert_page(s, 7, 9, 3, "8-9: 8 9");
	assert_page(s, 8, 10, 3, "9-10: 9");
	assert_page(s, 12, 20, 3, "none");
	assert_page(s, 12, 22, 3, "21-22: 21 22");
	assert_page(s, 29, 30, 3, "30-30:");
	assert_page(s, 31, 100, 3, "none");
}

static void what_was_undone_is_forgotten(void **state)
{
	struct stage *s = *state;
	bool has = false;
	Samoza__V1__EventRecord old = event(8, "even", "as it was"),
				other = event(8, "even", "as it came");
	put(s, 1, 12);
	assert_int_equal(chronicle_has(s->chronicle, &old, &has, NULL), 0);
	assert_true(has);
	assert_int_equal(chronicle_has(s->chronicle, &other, &has, NULL), 0);
	assert_false(has);
	assert_int_equal(chronicle_forget(s->chronicle, 7, NULL), 0);
	uint64_t newest = 0;
	assert_int_equal(chronicle_newest(s->chronicle, &newest, NULL), 0);
	assert_int_equal(newest, 6);
	put_as(s, 7, 9, "as it came");
	assert_int_equal(chronicle_has(s->chronicle, &other, &has, NULL), 0);
	assert_true(has);
	assert_listed(s, (struct chronicle_range){4, 100, NULL, 100}, "5 6 7 8 9 ", false);
	assert_gap(s, 0, 0);
}

static void the_oldest_go(void **state)
{
	struct stage *s = *state;
	put(s, 1, 2000);
	put(s, 1001001, 1001030);
	assert_gap(s, 2000, 1001001);
	assert_page(s, 0, 2000, 3, "1031-1033: 1031 1032 1033");
	put(s, 1003001, 1003030);
	assert_gap(s, 1001030, 1003001);
	assert_page(s, 0, INT64_MAX, 3, "1001001-1001003: 1001001 1001002 1001003");
	assert_listed(s, (struct chronicle_range){0, 1001002, NULL, 3}, "1001001 1001002 ",
		      false);
	put(s, 1001031, 1003000);
	assert_gap(s, 3030, 1001001);
}

static void a_damaged_file_is_put_aside(void **state)
{
	struct stage *s = *state;
	put(s, 1, 12);
	chronicle_close(s->chronicle);
	FILE *file = fopen(s->path, "r+");
	assert_non_null(file);
	assert_int_equal(fputs("this is no database any more", file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
	s->chronicle = NULL;
	reopen(s, true);
	put(s, 1, 3);
	assert_page(s, 0, 100, 10, "1-3: 1 2 3");
	CLEANUP(freep) char *aside = directory_file(s->directory, "history.db.damaged");
	assert_int_equal(access(aside, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_that_were_skipped_are_no_gap, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_missed_is_a_gap_until_it_is_given,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_says_what_it_is_sure_of, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_undone_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(the_oldest_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_put_aside, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
