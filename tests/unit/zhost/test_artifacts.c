/* zhost/artifact/artifact.h: the cache and its downloads. */
#include "artifact_stage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/sim/loop.h"
#include "base/str.h"

static void what_is_missing_is_fetched_once(void **state)
{
	struct stage *s = *state;
	struct want first, second;
	want(s, &first, "first", "hello");
	assert_non_null(first.wait);
	assert_int_equal(s->call_count, 1);
	CLEANUP(freep)
	char *line = str_printf("GET /v1/artifacts/sha256/%s HTTP/1.1\r\n", digest_of("hello"));
	assert_true(str_has_prefix(s->calls[0].head, line));
	assert_answers(s, "");
	answer(s, 0, "hello");
	assert_answers(s, "first=hello\n");
	want(s, &second, "second", "hello");
	assert_null(second.wait);
	assert_answers(s, "second=hello\n");
	assert_int_equal(s->call_count, 1);
	struct artifact_counters c = artifacts_counters(s->artifacts);
	assert_int_equal(c.fetched, 1);
	assert_int_equal(c.bytes, 5);
	assert_int_equal(c.hits, 1);
}

static void waits_for_one_artifact_share_a_download(void **state)
{
	struct stage *s = *state;
	struct want a, b, c, other;
	want(s, &a, "a", "hello");
	want(s, &b, "b", "hello");
	want(s, &other, "other", "world");
	want(s, &c, "c", "hello");
	assert_int_equal(s->call_count, 2);
	answer(s, 0, "hello");
	assert_answers(s, "a=hello\nb=hello\nc=hello\n");
	answer(s, 1, "world");
	assert_answers(s, "other=world\n");
}

static void a_cancelled_wait_is_not_answered_and_the_download_continues(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want(s, &a, "a", "hello");
	artifact_cancel(a.wait);
	want(s, &b, "b", "hello");
	assert_int_equal(s->call_count, 1);
	answer(s, 0, "hello");
	assert_answers(s, "b=hello\n");
}

static void an_aborted_wait_is_answered_alone(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want(s, &a, "a", "hello");
	want(s, &b, "b", "hello");
	artifact_abort(b.wait, "took too long");
	assert_answers(s, "b!took too long\n");
	answer(s, 0, "hello");
	assert_answers(s, "a=hello\n");
}

static void content_of_another_digest_is_not_kept(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want(s, &a, "a", "hello");
	want(s, &b, "b", "hello");
	answer(s, 0, "HELLO");
	CLEANUP(freep)
	char *why = str_printf("artifact %.12s has a different digest, %.12s: not accepted",
			       digest_of("hello"), digest_of("HELLO"));
	CLEANUP(freep) char *expected = str_printf("a!%s\nb!%s\n", why, why);
	assert_answers(s, expected);
	assert_int_equal(cache_files(s), 0);
	assert_int_equal(artifacts_counters(s->artifacts).fetched, 0);
	fetch(s, "hello"); /* the next one asks again */
}

static void content_of_another_size_is_not_kept(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want_sized(s, &a, "short", "hello", 6);
	answer(s, 0, "hello");
	CLEANUP(freep)
	char *expected = str_printf("short!artifact %.12s has 5 bytes instead of 6\n",
				    digest_of("hello"));
	assert_answers(s, expected);
	want_sized(s, &b, "long", "hello", 4); /* refused by its Content-Length */
	answer_raw(s, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_true(str_has_prefix(s->answers, "long!cannot fetch artifact "));
	assert_null(s->calls[1].stream);
	assert_int_equal(cache_files(s), 0);
}

static void an_answer_without_an_artifact_is_an_error(void **state)
{
	static const struct {
		const char *answer, *why;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		 "zrms answered with HTTP status 404: it has lost it, or found it damaged; "
		 "submit its package again"},
		{"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
		 "zrms answered with HTTP status 503"},
		{"HTTP/1.1 200 OK\r\n\r\nhello", "the answer has no Content-Length"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct want w;
		want(s, &w, "w", "hello");
		answer_raw(s, i, cases[i].answer);
		CLEANUP(freep)
		char *expected = str_printf("w!cannot fetch artifact %.12s: %s\n",
					    digest_of("hello"), cases[i].why);
		assert_answers(s, expected);
		assert_int_equal(cache_files(s), 0);
	}
}

static void a_download_that_breaks_off_leaves_nothing_and_can_be_repeated(void **state)
{
	struct stage *s = *state;
	struct want w;
	want(s, &w, "w", "hello");
	answer_raw(s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
	assert_int_equal(cache_files(s), 1);
	hang_up(s, 0);
	assert_true(str_has_prefix(s->answers, "w!cannot fetch artifact "));
	s->answers[0] = '\0';
	assert_int_equal(cache_files(s), 0);
	fetch(s, "hello");
}

static void a_zrms_that_falls_silent_is_an_error(void **state)
{
	struct stage *s = *state;
	struct want w;
	want(s, &w, "w", "hello");
	answer_raw(s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
	sim_loop_run(&s->loop, 29999);
	assert_answers(s, "");
	sim_loop_run(&s->loop, 1);
	CLEANUP(freep)
	char *expected = str_printf("w!cannot fetch artifact %.12s: no data from zrms:7331\n",
				    digest_of("hello"));
	assert_answers(s, expected);
	assert_int_equal(cache_files(s), 0);
}

static void a_zrms_that_cannot_be_reached_is_an_error(void **state)
{
	struct stage *s = *state;
	struct want w;
	sim_network_cut(s->net, "zrms", "alpha");
	want(s, &w, "w", "hello");
	sim_loop_run(&s->loop, 60000);
	assert_true(str_has_prefix(s->answers, "w!cannot fetch artifact "));
	s->answers[0] = '\0';
	assert_int_equal(cache_files(s), 0);
	sim_network_heal(s->net, "zrms", "alpha");
	fetch(s, "hello");
}

static int write_to_full_disk(struct artifact_writer *writer, const void *data, size_t size,
			      struct error **err)
{
	(void)writer;
	(void)data;
	(void)size;
	return error_set(err, ERR_IO, "No space left on device");
}

static void a_full_disk_fails_the_download_until_there_is_space(void **state)
{
	struct stage *s = *state;
	const struct artifact_store_ops *ops = s->store->ops;
	struct want w;
	s->full_ops = *ops;
	s->full_ops.write = write_to_full_disk;
	s->store->ops = &s->full_ops;
	want(s, &w, "w", "hello");
	answer(s, 0, "hello");
	CLEANUP(freep)
	char *expected = str_printf("w!cannot fetch artifact %.12s: No space left on device\n",
				    digest_of("hello"));
	assert_answers(s, expected);
	assert_int_equal(cache_files(s), 0);
	s->store->ops = ops;
	fetch(s, "hello");
}

static void a_cache_without_a_directory_refuses_at_once(void **state)
{
	struct stage *s = *state;
	struct want w;
	assert_int_equal(rmdir(s->directory), 0);
	want(s, &w, "w", "hello");
	assert_null(w.wait);
	assert_true(str_has_prefix(s->answers, "w!cannot make a file in "));
	assert_int_equal(s->call_count, 0);
}

static void a_restart_keeps_whole_files_and_drops_halves(void **state)
{
	struct stage *s = *state;
	struct want w, again;
	fetch(s, "hello");
	want(s, &w, "w", "world");
	answer_raw(s, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwor");
	/* What kill -9 leaves: the half file is not removed by its writer. */
	CLEANUP(freep) char *half = str_printf("%s/new-half", s->directory);
	FILE *f = fopen(half, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite("wor", 1, 3, f), 3);
	assert_int_equal(fclose(f), 0);
	close_cache(s);
	assert_answers(s, ""); /* no wait is answered any more */
	open_cache(s, 1 << 20);
	assert_int_equal(cache_files(s), 1);
	want(s, &again, "again", "hello");
	assert_answers(s, "again=hello\n");
	fetch(s, "world");
}

static void a_file_that_was_removed_by_hand_is_fetched_again(void **state)
{
	struct stage *s = *state;
	fetch(s, "hello");
	assert_true(artifact_remove(s->store, digest_of("hello")));
	fetch(s, "hello");
	assert_int_equal(artifacts_counters(s->artifacts).hits, 0);
}

/* Down to nine tenths of its size. */
static void a_full_cache_removes_the_longest_unused(void **state)
{
	struct stage *s = *state;
	struct want w;
	close_cache(s);
	open_cache(s, 22);
	fetch(s, "first..");
	sim_loop_run(&s->loop, 1000);
	fetch(s, "second.");
	sim_loop_run(&s->loop, 1000);
	fetch(s, "third..");
	sim_loop_run(&s->loop, HOUR_MS + 1);
	want(s, &w, "w", "first..");
	assert_answers(s, "w=first..\n");
	sim_loop_run(&s->loop, 1000);
	fetch(s, "fourth.");
	assert_true(is_cached(s, "first.."));
	assert_false(is_cached(s, "second."));
	assert_false(is_cached(s, "third..")); /* 21 of 22 bytes are more than nine tenths */
	assert_true(is_cached(s, "fourth."));
	fetch(s, "second."); /* it is known to be gone */
}

static void a_cache_that_is_too_large_at_start_is_trimmed(void **state)
{
	struct stage *s = *state;
	fetch(s, "first..");
	fetch(s, "second.");
	fetch(s, "third..");
	close_cache(s);
	open_cache(s, 10);
	assert_int_equal(cache_files(s), 3); /* until it is known what is needed */
	artifacts_keep(s->artifacts, NULL, NULL);
	assert_int_equal(cache_files(s), 1);
}

static void need_the_first(void *user)
{
	struct stage *s = user;
	artifact_needed(s->artifacts, digest_of("first.."));
	artifact_needed(s->artifacts, digest_of("of what is not here"));
	artifact_needed(s->artifacts, "../../etc/passwd");
}

static void what_is_needed_is_not_trimmed(void **state)
{
	struct stage *s = *state;
	close_cache(s);
	open_cache(s, 15);
	artifacts_keep(s->artifacts, need_the_first, s);
	const char *const contents[] = {"first..", "second.", "third..", "fourth.", "fifth.."};
	for (size_t k = 0; k < ARRAY_SIZE(contents); k++) {
		fetch(s, contents[k]);
		sim_loop_run(&s->loop, HOUR_MS + 1);
	}
	assert_true(is_cached(s, "first.."));
	assert_false(is_cached(s, "second."));
	/* No longer: it is the oldest. */
	artifacts_keep(s->artifacts, NULL, NULL);
	fetch(s, "sixth..");
	fetch(s, "seventh");
	assert_false(is_cached(s, "first.."));
}

static void an_invalid_digest_is_refused_at_once(void **state)
{
	struct stage *s = *state;
	struct want w = {.stage = s, .name = "w"};
	assert_null(artifact_fetch(s->artifacts, "../../etc/passwd", 0, cache_on_done, &w));
	assert_answers(s, "w!'../../etc/passwd' is not a digest\n");
	assert_int_equal(s->call_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, cache_begin, cache_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_missing_is_fetched_once),
		TEST(waits_for_one_artifact_share_a_download),
		TEST(a_cancelled_wait_is_not_answered_and_the_download_continues),
		TEST(an_aborted_wait_is_answered_alone),
		TEST(content_of_another_digest_is_not_kept),
		TEST(content_of_another_size_is_not_kept),
		TEST(an_answer_without_an_artifact_is_an_error),
		TEST(a_download_that_breaks_off_leaves_nothing_and_can_be_repeated),
		TEST(a_zrms_that_falls_silent_is_an_error),
		TEST(a_zrms_that_cannot_be_reached_is_an_error),
		TEST(a_full_disk_fails_the_download_until_there_is_space),
		TEST(a_cache_without_a_directory_refuses_at_once),
		TEST(a_restart_keeps_whole_files_and_drops_halves),
		TEST(a_file_that_was_removed_by_hand_is_fetched_again),
		TEST(a_full_cache_removes_the_longest_unused),
		TEST(a_cache_that_is_too_large_at_start_is_trimmed),
		TEST(what_is_needed_is_not_trimmed),
		TEST(an_invalid_digest_is_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
