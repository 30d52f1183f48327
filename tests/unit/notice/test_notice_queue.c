/* The notices that wait for one target: order, attempts, what is dropped, and where it goes on after a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/notice/notice_queue.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

struct bench {
	struct notice_queue q;
	struct instant now;
	uint64_t position, dropped; /* that are durable */
};

static char *failed[] = {(char *)(uintptr_t) "topology.failed"};
static const struct notice_rule rule = {.on = failed, .on_count = 1};

static void begin(struct bench *b, uint32_t room)
{
	const struct notice_limits limits = {
		.room = room, .retry_ms = 1000, .retry_max_ms = 60000, .give_up_ms = DAY_MS};
	notice_queue_init(&b->q, &rule, &limits);
	notice_queue_go_on(&b->q, b->position, b->dropped);
}

static void happens(struct bench *b, uint64_t seq, bool is_failure)
{
	Samoza__V1__EventRecord e = SAMOZA__V1__EVENT_RECORD__INIT;
	e.seq = seq;
	e.time_ms = b->now.wall_ms;
	e.kind = (char *)(uintptr_t) "topology";
	e.subject = (char *)(uintptr_t) "shop";
	e.from = (char *)(uintptr_t) "running";
	e.to = (char *)(uintptr_t)(is_failure ? "failed" : "stopped");
	e.cause = (char *)(uintptr_t) "why";
	notice_queue_take(&b->q, &e, b->now);
}

/* The number of the event that is sent now; 0: none is due. */
static uint64_t sends(struct bench *b)
{
	const struct notice_waiting *w = notice_queue_begin(&b->q, b->now);
	return w != NULL ? w->event->seq : 0;
}

static void notes(struct bench *b)
{
	assert_true(notice_queue_is_to_note(&b->q));
	uint64_t position = notice_queue_position(&b->q);
	uint64_t dropped = b->q.dropped;
	notice_queue_note(&b->q);
	assert_false(notice_queue_is_to_note(&b->q));
	assert_int_equal(sends(b), 0); /* not before it is durable */
	assert_true(position >= b->position);
	b->position = position;
	b->dropped = dropped;
	notice_queue_noted(&b->q, b->now);
}

static void pass(struct bench *b, int64_t ms)
{
	b->now.mono_ms += ms;
	b->now.wall_ms += ms;
}

static void fails(struct bench *b, int64_t after_ms)
{
	notice_queue_failed(&b->q, b->now, "it answered 500", after_ms);
}

static void test_each_is_sent_once_and_in_order(void **state)
{
	(void)state;
	struct bench b = {.now = {1000, 1000000}, .position = 10};
	begin(&b, 10);
	happens(&b, 10, true); /* before it was asked for */
	happens(&b, 11, true);
	happens(&b, 12, false);
	happens(&b, 13, true);
	happens(&b, 13, true);
	assert_int_equal(b.q.count, 2);
	assert_int_equal(sends(&b), 11);
	assert_int_equal(sends(&b), 0); /* one at a time */
	notice_queue_delivered(&b.q);
	notes(&b);
	assert_int_equal(b.position, 12);
	assert_int_equal(sends(&b), 13);
	notice_queue_delivered(&b.q);
	notes(&b);
	assert_int_equal(b.position, 13);
	assert_int_equal(sends(&b), 0);
	assert_int_equal(notice_queue_next_ms(&b.q), NEVER_MS);
	assert_int_equal(b.q.sent_total, 2);
	notice_queue_done(&b.q);
}

static void test_attempts_come_at_ever_longer_times_up_to_a_limit(void **state)
{
	(void)state;
	struct bench b = {.now = {0, 1000000}};
	static const int64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	begin(&b, 10);
	happens(&b, 1, true);
	for (size_t k = 0; k < sizeof(pauses) / sizeof(*pauses); k++) {
		assert_int_equal(sends(&b), 1);
		fails(&b, 0);
		assert_int_equal(notice_queue_next_ms(&b.q), b.now.mono_ms + pauses[k]);
		pass(&b, pauses[k] - 1);
		assert_int_equal(sends(&b), 0);
		pass(&b, 1);
	}
	assert_string_equal(b.q.error, "it answered 500");
	assert_int_equal(sends(&b), 1);
	fails(&b, 90000); /* it asks for more than that */
	assert_int_equal(notice_queue_next_ms(&b.q), b.now.mono_ms + 90000);
	pass(&b, 90000);
	assert_int_equal(sends(&b), 1);
	fails(&b, 7 * DAY_MS); /* and for more than makes sense */
	assert_int_equal(notice_queue_next_ms(&b.q), b.now.mono_ms + 60 * 60 * 1000);
	pass(&b, 60 * 60 * 1000);
	assert_int_equal(sends(&b), 1);
	notice_queue_delivered(&b.q);
	assert_null(b.q.error);
	notes(&b);
	happens(&b, 2, true);
	assert_int_equal(sends(&b), 2);
	fails(&b, 0); /* it begins at the beginning */
	assert_int_equal(notice_queue_next_ms(&b.q), b.now.mono_ms + 1000);
	notice_queue_done(&b.q);
}

static void test_when_there_is_no_room_the_oldest_goes_and_is_counted(void **state)
{
	(void)state;
	struct bench b = {.now = {0, 1000000}};
	begin(&b, 3);
	happens(&b, 1, true);
	assert_int_equal(sends(&b), 1);
	for (uint64_t seq = 2; seq <= 8; seq++)
		happens(&b, seq, true);
	assert_int_equal(b.q.count, 3);
	assert_int_equal(b.q.dropped, 5);
	notice_queue_delivered(
		&b.q); /* the one that was on its way stayed; it could not say so */
	notes(&b);
	assert_int_equal(b.dropped, 5);
	assert_int_equal(sends(&b), 7);
	assert_int_equal(b.q.said, 5);
	happens(&b, 9, true);
	happens(&b, 10, true); /* 8 goes while 7 is sent, and that is for the next one to say */
	notice_queue_delivered(&b.q);
	notes(&b);
	assert_int_equal(b.dropped, 1);
	assert_int_equal(sends(&b), 9);
	assert_int_equal(b.q.said, 1);
	notice_queue_done(&b.q);
}

static void test_with_room_for_one_the_one_that_is_sent_is_kept(void **state)
{
	(void)state;
	struct bench b = {.now = {0, 1000000}};
	begin(&b, 1);
	happens(&b, 1, true);
	assert_int_equal(sends(&b), 1);
	happens(&b, 2, true);
	assert_int_equal(b.q.dropped, 1);
	fails(&b, 0);
	happens(&b, 3, true); /* now it is the older one */
	pass(&b, 1000);
	assert_int_equal(sends(&b), 3);
	assert_int_equal(b.q.said, 2);
	notice_queue_done(&b.q);
}

static void test_what_fails_and_is_old_is_given_up_with_all_that_is_as_old(void **state)
{
	(void)state;
	struct bench b = {.now = {0, 1000000}};
	begin(&b, 10);
	happens(&b, 1, true);
	happens(&b, 2, true);
	assert_int_equal(sends(&b), 1);
	fails(&b, 0);
	pass(&b, DAY_MS);
	happens(&b, 3, true);
	assert_int_equal(sends(&b), 1);
	fails(&b, 0); /* exactly a day: not yet */
	assert_int_equal(b.q.count, 3);
	pass(&b, 2000);
	assert_int_equal(sends(&b), 1);
	fails(&b, 0);
	assert_int_equal(b.q.count, 1);
	notes(&b);
	assert_int_equal(b.position, 2);
	assert_int_equal(b.dropped, 2);
	assert_int_equal(sends(&b), 0); /* the target is still left alone */
	pass(&b, 60000);
	assert_int_equal(sends(&b), 3);
	assert_int_equal(b.q.said, 2);
	notice_queue_delivered(&b.q);
	notes(&b);
	assert_int_equal(b.dropped, 0);
	notice_queue_done(&b.q);
}

/* At every step there is a crash: what was delivered and not noted comes once more, nothing is left out. */
static void test_after_a_crash_it_goes_on_where_it_was_noted(void **state)
{
	(void)state;
	for (unsigned crash = 0; crash < 40; crash++) {
		struct bench b = {.now = {0, 1000000}};
		unsigned came[31] = {0}, step = 0;
		begin(&b, 100);
		for (uint64_t seq = 1; seq <= 30; seq++)
			happens(&b, seq, seq % 3 == 0);
		for (uint64_t last = 0, seq; (seq = sends(&b)) != 0;) {
			assert_true(seq > last || step == crash + 1);
			last = seq;
			came[seq]++;
			if (step++ == crash) {
				notice_queue_done(&b.q);
				begin(&b, 100);
				for (uint64_t again = b.position + 1; again <= 30; again++)
					happens(&b, again, again % 3 == 0);
				continue;
			}
			notice_queue_delivered(&b.q);
			notes(&b);
		}
		for (uint64_t seq = 1; seq <= 30; seq++)
			assert_in_range(came[seq], seq % 3 == 0 ? 1 : 0, seq % 3 == 0 ? 2 : 0);
		assert_int_equal(b.position, 30);
		notice_queue_done(&b.q);
	}
}

static void test_events_without_a_notice_are_noted_now_and_then(void **state)
{
	(void)state;
	struct bench b = {.now = {0, 1000000}};
	begin(&b, 10);
	for (uint64_t seq = 1; seq < 1000; seq++)
		happens(&b, seq, false);
	assert_false(notice_queue_is_to_note(&b.q));
	happens(&b, 1000, false);
	notes(&b);
	assert_int_equal(b.position, 1000);
	happens(&b, 1001, true);
	assert_int_equal(sends(&b), 1001);
	notice_queue_done(&b.q);
}

static void test_a_target_that_is_refused_for_an_hour_costs_few_attempts(void **state)
{
	(void)state;
	struct bench b = {.now = {0, 1000000}};
	unsigned attempts = 0;
	begin(&b, 100);
	for (int64_t second = 0; second < 3600; second++) {
		happens(&b, (uint64_t)second + 1, true);
		if (sends(&b) != 0) {
			fails(&b, 0);
			attempts++;
		}
		assert_in_range(b.q.count, 1, 100);
		pass(&b, 1000);
	}
	assert_in_range(attempts, 60, 70);
	assert_int_equal(b.q.dropped, 3500);
	pass(&b, 60000);
	assert_int_equal(sends(&b), 3501);
	assert_int_equal(b.q.said, 3500);
	notice_queue_done(&b.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_sent_once_and_in_order),
		cmocka_unit_test(test_attempts_come_at_ever_longer_times_up_to_a_limit),
		cmocka_unit_test(test_when_there_is_no_room_the_oldest_goes_and_is_counted),
		cmocka_unit_test(test_with_room_for_one_the_one_that_is_sent_is_kept),
		cmocka_unit_test(
			test_what_fails_and_is_old_is_given_up_with_all_that_is_as_old),
		cmocka_unit_test(test_after_a_crash_it_goes_on_where_it_was_noted),
		cmocka_unit_test(test_events_without_a_notice_are_noted_now_and_then),
		cmocka_unit_test(test_a_target_that_is_refused_for_an_hour_costs_few_attempts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
