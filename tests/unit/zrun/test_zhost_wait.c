/* zrun/runner/zhost_wait.c: a guest that waits for its next message does not yield to those who compute. Clock, poll and yield
 * are ours, and what counts is how often it yields. */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "zrun/runner/runner.h"
#include "zrun/runner/stopping.h"
#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_frames.h"
#include "zrun/runner/zhost_wait.h"

enum {
	WAITS = 1000,
	ANSWER_NS = 20000, /* from the beginning of a wait to its message */
	WAKE_NS = 40000,   /* until a sleeping processor runs again */
	TURN_NS = 4000000, /* of one who computes */
};

static uint64_t now_ns, message_ns;
static uint64_t taken_ns; /* by others, in each yield */
static unsigned yields;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	(void)clock;
	now_ns += 100;
	*ret_now = (struct timespec){.tv_sec = (time_t)(now_ns / 1000000000),
				     .tv_nsec = (long)(now_ns % 1000000000)};
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	assert_int_equal(count, 1);
	if (now_ns < message_ns && timeout_ms == 0)
		return 0;
	if (now_ns < message_ns)
		now_ns = message_ns + WAKE_NS;
	fds->revents = POLLIN;
	return 1;
}

int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
	yields++;
	now_ns += taken_ns;
	return 0;
}

/* ---- what it takes from the rest of the runner ---- */

void connection_accept(struct runner *i)
{
	(void)i;
}

void connection_flush(struct runner *i)
{
	(void)i;
}

bool connection_send3(struct runner *i, enum zrun_frame_type type, uint32_t correlation,
		      const void *a, size_t a_size, const void *b, size_t b_size, const void *c,
		      size_t c_size)
{
	(void)i;
	(void)type;
	(void)correlation;
	(void)a;
	(void)a_size;
	(void)b;
	(void)b_size;
	(void)c;
	(void)c_size;
	return false;
}

bool zhost_frames_read(struct runner *i)
{
	(void)i;
	return false;
}

void runner_check_clocks(struct runner *i)
{
	(void)i;
}

void termination_overdue(struct runner *i)
{
	(void)i;
}

/* ---- a conversation ---- */

static unsigned yields_of_a_conversation(void)
{
	struct runner i = {.stop_cause = NOT_STOPPING, .connection = {.fd = 1}};

	now_ns = 1000000000;
	yields = 0;
	for (int n = 0; n < WAITS; n++) {
		message_ns = now_ns + ANSWER_NS;
		connection_wait(&i, UINT64_MAX);
		assert_true(now_ns >= message_ns);
	}
	return yields;
}

static void an_idle_machine_is_polled(void **state)
{
	(void)state;
	taken_ns = 1000;
	assert_in_range(yields_of_a_conversation(), WAITS, UINT32_MAX);
}

/* One look at who wants the processor; the next one would be 100 ms later. */
static void those_who_compute_are_waited_for_once(void **state)
{
	(void)state;
	taken_ns = TURN_NS;
	assert_int_equal(yields_of_a_conversation(), 1);
}

static void eight_of_them_as_well(void **state)
{
	(void)state;
	taken_ns = 8ull * TURN_NS;
	assert_int_equal(yields_of_a_conversation(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_machine_is_polled),
		cmocka_unit_test(those_who_compute_are_waited_for_once),
		cmocka_unit_test(eight_of_them_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
