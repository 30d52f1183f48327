/* core/commit/commit.h: nothing is delivered before it is durable, and everything in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/commit/commit.h"

/* ---- a side: its core turns each input into one item, small letters are not durable ---- */

#define ITEMS_MAX 16

struct test_batch {
	struct commit_batch base; /* first */
	char items[ITEMS_MAX];
};

struct side {
	struct commit_loop loop;
	char *log; /* what happened, one word each */
	VECTOR(struct commit_batch *) asked;
	int steps_left; /* until it stops the loop; negative: never */
	char echo;	/* delivering this item is followed by the input `echo_as` */
	char echo_as;
	unsigned new_batches;
};

static void note(struct side *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct side *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *more = str_vprintf(format, args);
	va_end(args);
	char *whole = str_printf("%s%s%s", s->log, s->log[0] != '\0' ? " " : "", more);
	free(s->log);
	s->log = whole;
}

static struct test_batch *batch_of(struct commit_batch *base)
{
	return (struct test_batch *)base;
}

static struct commit_batch *batch_new(void *user)
{
	struct side *s = user;
	s->new_batches++;
	return &mem_new(struct test_batch)->base;
}

static void batch_clear(struct commit_batch *base)
{
	memset(batch_of(base)->items, 0, ITEMS_MAX);
}

static void batch_free(struct commit_batch *base)
{
	free(base);
}

static const char *items_of(const struct commit_batch *base)
{
	return ((const struct test_batch *)base)->items;
}

static bool batch_is_empty(const struct commit_batch *base)
{
	return items_of(base)[0] == '\0';
}

static bool batch_is_durable(const struct commit_batch *base)
{
	return strpbrk(items_of(base), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}

static struct batch_size batch_size(const struct commit_batch *base)
{
	size_t count = strlen(items_of(base));
	return (struct batch_size){.bytes = count * 10, .operations = count};
}

static void flush(void *user, struct commit_batch *base)
{
	(void)base;
	note(user, "flush");
}

static void commit(void *user, struct commit_batch *base)
{
	struct side *s = user;
	note(s, "ask(%s)", items_of(base));
	vector_push(&s->asked, base);
}

static void input(struct side *s, char item);

static bool deliver(void *user, struct commit_batch *base, size_t n)
{
	struct side *s = user;
	if (n >= strlen(items_of(base)))
		return false;
	note(s, "%c!", items_of(base)[n]);
	if (items_of(base)[n] == s->echo)
		input(s, s->echo_as);
	return true;
}

static void stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	note(user, "stopped(%s: %s)",
	     outcome == COMMIT_LOST_LEADERSHIP ? "leadership" : "failed", why->message);
}

static void on_step(void *user, enum commit_step step)
{
	struct side *s = user;
	(void)step;
	if (s->steps_left > 0 && --s->steps_left == 0) {
		note(s, "kill");
		commit_loop_stop(&s->loop);
	}
}

static const struct commit_ops ops = {
	.batch_new = batch_new,
	.batch_clear = batch_clear,
	.batch_free = batch_free,
	.is_empty = batch_is_empty,
	.is_durable = batch_is_durable,
	.size = batch_size,
	.flush = flush,
	.commit = commit,
	.deliver = deliver,
	.stopped = stopped,
	.step = on_step,
};

static void begin_with_limits(struct side *s, size_t bytes, size_t operations)
{
	*s = (struct side){.log = mem_strdup(""), .steps_left = -1};
	commit_loop_init(&s->loop, &ops,
			 &(struct batch_size){.bytes = bytes, .operations = operations}, s);
}

static void begin(struct side *s)
{
	begin_with_limits(s, 0, 0);
}

static void end(struct side *s)
{
	commit_loop_done(&s->loop);
	vector_done(&s->asked);
	free(s->log);
}

static void input(struct side *s, char item)
{
	struct commit_batch *batch = commit_filling(&s->loop);
	if (batch == NULL)
		return;
	char *items = batch_of(batch)->items;
	assert_true(strlen(items) + 1 < ITEMS_MAX);
	items[strlen(items)] = item;
	commit_handled(&s->loop);
}

static void inputs(struct side *s, const char *items)
{
	for (; *items != '\0'; items++)
		input(s, *items);
}

/* The store answers the oldest that it was asked for. */
static void answer(struct side *s, enum commit_outcome outcome, const char *why)
{
	CLEANUP(error_freep) struct error *err = NULL;
	assert_true(s->asked.count > 0);
	struct commit_batch *batch = s->asked.items[0];
	vector_remove_at(&s->asked, 0);
	if (why != NULL)
		(void)error_set(&err, ERR_IO, "%s", why);
	commit_answered(batch, outcome, err);
}

#define assert_log(s, expected)                          \
	do {                                             \
		assert_string_equal((s)->log, expected); \
		(s)->log[0] = '\0';                      \
	} while (0)

/* ---- order ---- */

static void a_batch_is_delivered_once_it_is_durable(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	inputs(&s, "AbC");
	assert_true(commit_turn(&s.loop));
	assert_log(&s, "flush ask(AbC)");
	assert_false(commit_is_idle(&s.loop));
	assert_false(commit_turn(&s.loop));
	answer(&s, COMMIT_DURABLE, NULL);
	assert_log(&s, "A! b! C!");
	assert_true(commit_is_idle(&s.loop));
	end(&s);
}

static void a_batch_without_durable_content_is_delivered_at_once(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	inputs(&s, "ab");
	assert_true(commit_turn(&s.loop));
	assert_log(&s, "flush a! b!");
	assert_int_equal(s.loop.counters.batches, 1);
	assert_int_equal(s.loop.counters.durable_batches, 0);
	end(&s);
}

static void a_batch_without_durable_content_waits_for_the_older_ones(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	input(&s, 'A');
	(void)commit_turn(&s.loop);
	input(&s, 'b');
	(void)commit_turn(&s.loop);
	assert_log(&s, "flush ask(A) flush");
	assert_int_equal(commit_in_flight(&s.loop), 2);
	answer(&s, COMMIT_DURABLE, NULL);
	assert_log(&s, "A! b!");
	end(&s);
}

static void several_batches_in_flight_are_delivered_in_order(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	for (char item = 'A'; item <= 'C'; item++) {
		input(&s, item);
		(void)commit_turn(&s.loop);
	}
	assert_log(&s, "flush ask(A) flush ask(B) flush ask(C)");
	answer(&s, COMMIT_DURABLE, NULL);
	assert_log(&s, "A!");
	answer(&s, COMMIT_DURABLE, NULL);
	answer(&s, COMMIT_DURABLE, NULL);
	assert_log(&s, "B! C!");
	end(&s);
}

static void an_input_that_follows_a_delivery_is_in_the_next_batch(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	s.echo = 'A';
	s.echo_as = 'c';
	inputs(&s, "Ab");
	(void)commit_turn(&s.loop);
	answer(&s, COMMIT_DURABLE, NULL);
	assert_log(&s, "flush ask(Ab) A! b!");
	assert_true(commit_is_due(&s.loop));
	assert_true(commit_turn(&s.loop));
	assert_log(&s, "flush c!");
	end(&s);
}

static void a_turn_without_input_does_nothing(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	assert_false(commit_is_due(&s.loop));
	assert_false(commit_turn(&s.loop));
	assert_log(&s, "");
	end(&s);
}

static void batches_are_used_again(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	for (int i = 0; i < 100; i++) {
		input(&s, 'A');
		(void)commit_turn(&s.loop);
		answer(&s, COMMIT_DURABLE, NULL);
		input(&s, 'a');
		(void)commit_turn(&s.loop);
	}
	assert_in_range(s.new_batches, 1, 2);
	assert_int_equal(s.loop.counters.inputs, 200);
	end(&s);
}

/* ---- after ---- */

static void waited(void *user)
{
	note(user, "after");
}

static void what_waits_is_called_after_all_that_was_decided_before(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	commit_after(&s.loop, waited, &s);
	assert_log(&s, "after"); /* at once: nothing is in flight */
	input(&s, 'A');
	commit_after(&s.loop, waited, &s);
	(void)commit_turn(&s.loop);
	commit_after(&s.loop, waited, &s); /* in a batch of its own */
	(void)commit_turn(&s.loop);
	assert_log(&s, "flush ask(A)");
	answer(&s, COMMIT_DURABLE, NULL);
	assert_log(&s, "A! after after");
	end(&s);
}

/* ---- stop ---- */

static void a_failed_commit_stops_the_loop(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	for (char item = 'A'; item <= 'C'; item++) {
		input(&s, item);
		(void)commit_turn(&s.loop);
	}
	answer(&s, COMMIT_DURABLE, NULL);
	answer(&s, COMMIT_FAILED, "the disk is full");
	answer(&s, COMMIT_FAILED, "the disk is full"); /* reported once */
	assert_log(&s, "flush ask(A) flush ask(B) flush ask(C) A! "
		       "stopped(failed: the disk is full)");
	input(&s, 'D');
	commit_after(&s.loop, waited, &s);
	assert_false(commit_turn(&s.loop));
	assert_log(&s, "");
	assert_true(commit_is_idle(&s.loop));
	end(&s);
}

static void a_leader_that_was_deposed_delivers_nothing_more(void **state)
{
	(void)state;
	struct side s;
	begin(&s);
	input(&s, 'A');
	(void)commit_turn(&s.loop);
	input(&s, 'b');
	(void)commit_turn(&s.loop);
	answer(&s, COMMIT_LOST_LEADERSHIP, "n2 leads");
	assert_log(&s, "flush ask(A) flush stopped(leadership: n2 leads)");
	end(&s);
}

static void live(struct side *s)
{
	inputs(s, "Ab");
	(void)commit_turn(&s->loop);
	input(s, 'C');
	(void)commit_turn(&s->loop);
	input(s, 'd');
	(void)commit_turn(&s->loop);
	while (s->asked.count > 0)
		answer(s, COMMIT_DURABLE, NULL);
	commit_after(&s->loop, waited, s);
}

static void killed_between_any_two_steps_it_does_nothing_more(void **state)
{
	(void)state;
	struct side whole;
	begin(&whole);
	live(&whole);
	unsigned kills = 0;
	for (bool killed = true; killed; kills++) {
		struct side s;
		begin(&s);
		s.steps_left = (int)kills + 1;
		live(&s);
		char *kill = strstr(s.log, "kill");
		killed = kill != NULL;
		if (killed) {
			assert_string_equal(kill, "kill"); /* the last word */
			*kill = '\0';
		}
		if (strncmp(whole.log, s.log, strlen(s.log)) != 0)
			fail_msg("'%s' does not begin as '%s'", s.log, whole.log);
		end(&s);
	}
	/* 4 inputs, 3 flushes, 2 questions, 2 answers, 4 deliveries; and once without a kill. */
	assert_int_equal(kills, 4 + 3 + 2 + 2 + 4 + 1);
	end(&whole);
}

/* ---- limits ---- */

static void a_store_with_limits_gets_one_batch_for_each_input(void **state)
{
	(void)state;
	struct side s;
	begin_with_limits(&s, 0, 1);
	s.echo = 'A';
	s.echo_as = 'c';
	inputs(&s, "ABa");
	assert_log(&s, "flush ask(A) flush ask(B) flush");
	answer(&s, COMMIT_DURABLE, NULL);
	answer(&s, COMMIT_DURABLE, NULL);
	/* `c` follows from A, and is delivered after what was decided before it. */
	assert_log(&s, "A! flush B! a! c!");
	end(&s);
}

static void a_batch_above_the_limits_stops_the_loop(void **state)
{
	(void)state;
	const struct batch_size limits[] = {{.operations = 2}, {.bytes = 29}};
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct side s;
		begin_with_limits(&s, limits[i].bytes, limits[i].operations);
		memcpy(batch_of(commit_filling(&s.loop))->items, "AB", 2);
		input(&s, 'C');
		if (strstr(s.log, "flush stopped(failed: a decision of 30 bytes in 3 "
				  "operations is larger than the store takes") != s.log)
			fail_msg("seen: %s", s.log);
		assert_int_equal(s.asked.count, 0);
		end(&s);
	}
}

static void the_table_of_states_is_sound(void **state)
{
	(void)state;
	CLEANUP(freep) char *wrong = state_machine_check_table(&batch_machine);
	assert_null(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_delivered_once_it_is_durable),
		cmocka_unit_test(a_batch_without_durable_content_is_delivered_at_once),
		cmocka_unit_test(a_batch_without_durable_content_waits_for_the_older_ones),
		cmocka_unit_test(several_batches_in_flight_are_delivered_in_order),
		cmocka_unit_test(an_input_that_follows_a_delivery_is_in_the_next_batch),
		cmocka_unit_test(a_turn_without_input_does_nothing),
		cmocka_unit_test(batches_are_used_again),
		cmocka_unit_test(what_waits_is_called_after_all_that_was_decided_before),
		cmocka_unit_test(a_failed_commit_stops_the_loop),
		cmocka_unit_test(a_leader_that_was_deposed_delivers_nothing_more),
		cmocka_unit_test(killed_between_any_two_steps_it_does_nothing_more),
		cmocka_unit_test(a_store_with_limits_gets_one_batch_for_each_input),
		cmocka_unit_test(a_batch_above_the_limits_stops_the_loop),
		cmocka_unit_test(the_table_of_states_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
