/*
 * zrms/commit_driver.h: the core's commit loop on an event loop, with a store that answers when the
 * test lets it, and once with SQLite and its worker thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/sim_store.h"
#include "adapter/sqlite/store.h"
#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "base/str.h"
#include "zrms/commit_driver.h"

enum { FAR_LINK_ID = 100 };

struct stage {
	struct loop loop;
	struct sim_disk disk;
	struct store *store;
	struct control *control;
	struct commit_driver *driver;
	struct loop_timer *socket; /* NULL: nothing is read by time */
	struct loop_task answer;   /* of a store that answers by itself */
	bool answers_itself;
	char *log; /* what left the commit loop, one word each */
	unsigned records, stopped;
	enum commit_outcome outcome;
	bool is_finished; /* the last link got its answer, or the store is closed */
};

/* ---- what the driver delivers ---- */

static void note(struct stage *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void note(struct stage *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *more = str_vprintf(format, args);
	va_end(args);
	char *whole = str_printf("%s%s%s", s->log, s->log[0] != '\0' ? " " : "", more);
	free(s->log);
	s->log = whole;
}

#define assert_log(s, expected)                          \
	do {                                             \
		assert_string_equal((s)->log, expected); \
		(s)->log[0] = '\0';                      \
	} while (0)

static void on_record(void *user, const struct record_change *change)
{
	struct stage *s = user;
	(void)change;
	s->records++;
}

static void on_event(void *user, const Samoza__V1__EventRecord *event)
{
	note(user, "%s:%s", event->subject, event->to);
}

static void on_message(void *user, const struct link_message *message)
{
	struct stage *s = user;
	if (message->type != SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK)
		return;
	const Samoza__V1__HelloAck *ack = (const Samoza__V1__HelloAck *)message->message;
	bool is_accepted = ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	note(s, "%s(%" PRIu64 ")", is_accepted ? "ack" : "refuse", message->link_id);
	s->is_finished |= message->link_id == FAR_LINK_ID;
}

static void on_answer(void *user, const struct data_change *change, struct data_answer *answer)
{
	(void)change;
	(void)answer;
	note(user, "answer");
}

static void on_reply(void *user, const struct reply *reply)
{
	note(user, "reply(%" PRIu64 ")", reply->request);
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct stage *s = user;
	s->stopped++;
	s->outcome = outcome;
	note(s, "stopped(%s)", why->message);
}

static void on_step(void *user, enum commit_step step)
{
	struct stage *s = user;
	commit_driver_step(s->driver, step);
}

static const struct control_loop_listener listener = {
	.on_record = on_record,
	.on_event = on_event,
	.on_message = on_message,
	.on_answer = on_answer,
	.on_reply = on_reply,
	.on_stopped = on_stopped,
	.on_step = on_step,
};

/* ---- a zrms: core, store and driver ---- */

static int load(void *user, enum record_kind kind, const char *id, const void *data,
		size_t size, struct error **err)
{
	struct stage *s = user;
	(void)id;
	return control_load(s->control, kind, data, size, err);
}

static void open_on(struct stage *s, struct store *store)
{
	s->store = store;
	s->control = control_new(&CONTROL_CONFIG_DEFAULT, "cluster");
	assert_int_equal(store->ops->load(store, load, s, NULL), 0);
	s->driver = commit_driver_new(&s->loop, s->control, store, &listener, s);
	assert_int_equal(commit_driver_start(s->driver, NULL), 0);
}

static void answer_all(void *user)
{
	struct stage *s = user;
	while (sim_store_waiting(s->store) > 0)
		sim_store_answer(s->store, COMMIT_DURABLE, true);
}

static void on_asked(void *user)
{
	struct stage *s = user;
	if (s->answers_itself)
		loop_defer(&s->loop, &s->answer);
}

static void open_sim(struct stage *s)
{
	const struct sim_store_hooks hooks = {.asked = on_asked, .user = s};
	open_on(s, sim_store_new(&s->disk, &hooks));
}

static void on_store_closed(void *user)
{
	struct stage *s = user;
	s->is_finished = true;
	s->store = NULL;
}

static void close_sim(struct stage *s)
{
	while (sim_store_waiting(s->store) > 0) /* of a test that has failed */
		sim_store_answer(s->store, COMMIT_FAILED, false);
	commit_driver_free(s->driver);
	control_free(s->control);
	sim_store_crash(s->store, 0);
}

static void turn(struct stage *s)
{
	sim_loop_run(&s->loop, 0);
}

static void answer(struct stage *s, enum commit_outcome outcome)
{
	sim_store_answer(s->store, outcome, outcome == COMMIT_DURABLE);
	turn(s);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	s->log = mem_strdup("");
	s->answer = (struct loop_task){.fn = answer_all, .user = s};
	sim_loop_init(&s->loop);
	open_sim(s);
	turn(s);
	answer(s, COMMIT_DURABLE); /* what a first start writes */
	s->records = 0;
	s->log[0] = '\0';
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	close_sim(s);
	loop_timer_free(s->socket);
	sim_loop_done(&s->loop);
	sim_disk_done(&s->disk);
	free(s->log);
	free(s);
	return 0;
}

/* ---- inputs ---- */

static void hello(struct stage *s, const char *name, uint64_t link_id)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello message = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)(uintptr_t)name;
	message.protocol = 2;
	message.spec = &spec;
	message.identity = (char *)(uintptr_t)name;
	message.incarnation = 1;
	const struct control_input input = {.type = CONTROL_HELLO,
					    .hello = {.link_id = link_id, .message = &message}};
	commit_driver_input(s->driver, &input);
}

/* Refused: changes nothing, so that its batch needs no disk. */
static void ask_for_unknown(struct stage *s, uint64_t request)
{
	const struct control_input input = {.type = CONTROL_ZHOST,
					    .request = request,
					    .zhost = {.name = "none", .action = ZHOST_CORDON}};
	commit_driver_input(s->driver, &input);
}

static double figure(const struct stage *s, const char *name)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	struct metric_registry registry = {0};
	metric_registry_add(&registry, &commit_driver_metrics, s->driver);
	metric_registry_print(&registry, METRIC_FORMAT_TEXT, &text);
	metric_registry_done(&registry);
	CLEANUP(freep) char *line = str_printf("\nzrms_%s ", name);
	const char *found = strstr(text.data, line);
	assert_non_null(found);
	return strtod(found + strlen(line), NULL);
}

static uint64_t metric(const struct stage *s, const char *name)
{
	return (uint64_t)figure(s, name);
}

/* Of one that counts seconds. */
static double metric_us(const struct stage *s, const char *name)
{
	return figure(s, name) * 1e6;
}

/* ---- tests ---- */

static void nothing_leaves_before_it_is_durable(void **state)
{
	struct stage *s = *state;
	hello(s, "n1", 1);
	assert_int_equal(sim_store_waiting(s->store), 0); /* the turn has not ended */
	turn(s);
	assert_int_equal(sim_store_waiting(s->store), 1);
	assert_int_equal(s->records, 0);
	assert_log(s, "");
	assert_false(commit_driver_is_idle(s->driver));
	answer(s, COMMIT_DURABLE);
	assert_true(s->records > 0);
	assert_log(s, "n1:deployed-started ack(1)");
	assert_true(commit_driver_is_idle(s->driver));
}

static void the_inputs_of_one_turn_share_a_batch(void **state)
{
	struct stage *s = *state;
	uint64_t inputs = metric(s, "inputs_total");
	uint64_t batches = metric(s, "batches_total");
	uint64_t durable = metric(s, "durable_batches_total");
	hello(s, "n1", 1);
	hello(s, "n2", 2);
	ask_for_unknown(s, 7);
	turn(s);
	assert_int_equal(sim_store_waiting(s->store), 1);
	answer(s, COMMIT_DURABLE);
	assert_log(s, "n1:deployed-started n2:deployed-started ack(1) ack(2) reply(7)");
	assert_int_equal(metric(s, "inputs_total") - inputs, 3);
	assert_int_equal(metric(s, "batches_total") - batches, 1);
	assert_int_equal(metric(s, "durable_batches_total") - durable, 1);
}

static void batches_in_flight_are_delivered_in_order(void **state)
{
	struct stage *s = *state;
	hello(s, "n1", 1);
	turn(s);
	ask_for_unknown(s, 7);
	turn(s);
	hello(s, "n2", 2);
	turn(s);
	assert_int_equal(sim_store_waiting(s->store), 2);
	assert_log(s, "");
	answer(s, COMMIT_DURABLE);
	assert_log(s, "n1:deployed-started ack(1) reply(7)");
	answer(s, COMMIT_DURABLE);
	assert_log(s, "n2:deployed-started ack(2)");
}

static void a_failed_commit_stops_everything_that_follows(void **state)
{
	struct stage *s = *state;
	hello(s, "n1", 1);
	turn(s);
	hello(s, "n2", 2);
	turn(s);
	answer(s, COMMIT_FAILED);
	answer(s, COMMIT_FAILED);
	assert_log(s, "stopped(the disk is full)");
	assert_int_equal(s->stopped, 1);
	assert_int_equal(s->outcome, COMMIT_FAILED);
	hello(s, "n3", 3);
	turn(s);
	assert_int_equal(sim_store_waiting(s->store), 0);
	assert_int_equal(s->records, 0);
	assert_log(s, "");
}

static void lost_leadership_stops_everything_that_follows(void **state)
{
	struct stage *s = *state;
	hello(s, "n1", 1);
	turn(s);
	ask_for_unknown(s, 7);
	turn(s);
	answer(s, COMMIT_LOST_LEADERSHIP);
	assert_log(s, "stopped(another zrms leads)");
	assert_int_equal(s->outcome, COMMIT_LOST_LEADERSHIP);
	assert_true(commit_driver_is_idle(s->driver));
}

/* The acknowledgement never left, so the zhost connects again and finds itself known. */
static void a_failed_batch_that_is_on_disk_is_found_by_the_next_start(void **state)
{
	struct stage *s = *state;
	hello(s, "n1", 1);
	turn(s);
	hello(s, "n2", 2);
	turn(s);
	sim_store_answer(s->store, COMMIT_FAILED, true);
	answer(s, COMMIT_FAILED);
	assert_log(s, "stopped(the disk is full)");
	close_sim(s);
	assert_non_null(sim_disk_get(&s->disk, RECORD_ZHOST, "n1"));
	assert_null(sim_disk_get(&s->disk, RECORD_ZHOST, "n2"));
	open_sim(s);
	turn(s);
	Samoza__V1__ZhostListView *view = control_view_zhosts(s->control);
	assert_int_equal(view->n_zhosts, 1);
	assert_string_equal(view->zhosts[0]->name, "n1");
	samoza__v1__zhost_list_view__free_unpacked(view, NULL);
}

static void on_after(void *user)
{
	note(user, "after");
}

static void a_reader_waits_for_what_was_decided_before(void **state)
{
	struct stage *s = *state;
	commit_driver_after(s->driver, on_after, s);
	assert_log(s, "after"); /* at once: everything is durable */
	hello(s, "n1", 1);
	commit_driver_after(s->driver, on_after, s);
	turn(s);
	assert_log(s, "");
	answer(s, COMMIT_DURABLE);
	assert_log(s, "n1:deployed-started ack(1) after");
}

/* Nobody but the core's clock notices that a zhost is silent. */
static void the_core_gets_its_ticks(void **state)
{
	struct stage *s = *state;
	s->answers_itself = true;
	hello(s, "n1", 1);
	sim_loop_run(&s->loop, CONTROL_CONFIG_DEFAULT.failure_timeout_ms - 1);
	assert_log(s, "n1:deployed-started ack(1)");
	sim_loop_run(&s->loop, CONTROL_CONFIG_DEFAULT.check_ms + 1);
	assert_log(s, "n1:problem refuse(1)");
}

static void on_heartbeat_read(void *user)
{
	struct stage *s = user;
	Samoza__V1__Heartbeat message = SAMOZA__V1__HEARTBEAT__INIT;
	message.identity = (char *)(uintptr_t) "n1";
	message.incarnation = message.counter = 1;
	const struct control_input input = {.type = CONTROL_HEARTBEAT,
					    .heartbeat = {.link_id = 1, .message = &message}};
	commit_driver_input(s->driver, &input);
}

/* What waits in a socket is read after the timers that are due at the same time: its own timer is the last of them. */
static void what_has_arrived_is_read_before_silence_is_judged(void **state)
{
	struct stage *s = *state;
	s->answers_itself = true;
	s->socket = loop_timer_new(&s->loop, on_heartbeat_read, s);
	hello(s, "n1", 1);
	int64_t said_ms = loop_now(&s->loop).mono_ms;
	sim_loop_run(&s->loop, CONTROL_CONFIG_DEFAULT.failure_timeout_ms);
	loop_timer_at(s->socket, said_ms + CONTROL_CONFIG_DEFAULT.failure_timeout_ms + 1);
	sim_loop_run(&s->loop, CONTROL_CONFIG_DEFAULT.failure_timeout_ms);
	assert_log(s, "n1:deployed-started ack(1)");
	sim_loop_run(&s->loop, 2);
	assert_log(s, "n1:problem refuse(1)");
}

static void an_ending_driver_delivers_what_is_in_flight_and_ticks_no_more(void **state)
{
	struct stage *s = *state;
	hello(s, "n1", 1);
	turn(s);
	commit_driver_end(s->driver);
	hello(s, "n2", 2);
	turn(s);
	assert_false(commit_driver_is_idle(s->driver));
	answer(s, COMMIT_DURABLE);
	assert_false(commit_driver_is_idle(s->driver));
	answer(s, COMMIT_DURABLE);
	assert_log(s, "n1:deployed-started ack(1) n2:deployed-started ack(2)");
	assert_true(commit_driver_is_idle(s->driver));
	uint64_t inputs = metric(s, "inputs_total");
	sim_loop_run(&s->loop, 10 * CONTROL_CONFIG_DEFAULT.failure_timeout_ms);
	assert_int_equal(metric(s, "inputs_total"), inputs);
	assert_log(s, "");
}

/* Each batch adds the time it was in the store, also while another is there. */
static void the_wait_for_commits_is_measured(void **state)
{
	struct stage *s = *state;
	double before = metric_us(s, "commit_wait_seconds_total");
	uint64_t count = metric(s, "commit_seconds_count");
	hello(s, "n1", 1);
	turn(s);
	hello(s, "n2", 2);
	turn(s);
	uint64_t since_ns = uv_hrtime();
	while (uv_hrtime() - since_ns < 100000)
		;
	answer(s, COMMIT_DURABLE);
	answer(s, COMMIT_DURABLE);
	double after = metric_us(s, "commit_wait_seconds_total");
	assert_true(after - before >= 200);
	assert_int_equal(metric(s, "commit_seconds_count"), count + 2);
	assert_true(metric_us(s, "commit_seconds_sum") >= 200);
	hello(s, "n1", 3); /* nothing in flight before it: no time is added */
	assert_true(metric_us(s, "commit_wait_seconds_total") == after);
	turn(s);
	answer(s, COMMIT_DURABLE);
}

/* ---- SQLite: the worker thread answers while further batches are asked for ---- */

static void too_late(void *user)
{
	(void)user;
	fail_msg("nothing happened within ten seconds");
}

static void until_finished(struct stage *s)
{
	struct loop_timer *limit = loop_timer_new(&s->loop, too_late, NULL);
	loop_timer_at(limit, loop_now(&s->loop).mono_ms + 10000);
	while (!s->is_finished)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	s->is_finished = false;
	loop_timer_free(limit);
}

static void open_sqlite(struct stage *s, const char *directory)
{
	struct store *store = NULL;
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	assert_int_equal(sqlite_store_open_dir(&s->loop, directory, &store, NULL), 0);
	open_on(s, store);
}

static void close_sqlite(struct stage *s)
{
	commit_driver_end(s->driver);
	while (!commit_driver_is_idle(s->driver))
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	s->store->ops->close(s->store, on_store_closed, s);
	until_finished(s);
	commit_driver_free(s->driver);
	control_free(s->control);
	loop_done(&s->loop);
}

static void a_worker_thread_keeps_the_order_of_batches(void **state)
{
	(void)state;
	struct stage s = {.log = mem_strdup("")};
	char directory[] = "/tmp/samoza-commits-XXXXXX";
	assert_non_null(mkdtemp(directory));
	open_sqlite(&s, directory);
	uint64_t most = 0;
	for (uint64_t id = 1; id <= FAR_LINK_ID; id++) {
		CLEANUP(freep) char *name = str_printf("n%" PRIu64, id);
		hello(&s, name, id);
		(void)uv_run(loop_uv(&s.loop), UV_RUN_NOWAIT);
		most = most > 1 ? most : (uint64_t)!commit_driver_is_idle(s.driver);
	}
	assert_int_equal(most, 1); /* a batch was in flight when its turn ended */
	until_finished(&s);
	const char *at = s.log;
	for (uint64_t id = 1; id <= FAR_LINK_ID; id++) {
		CLEANUP(freep) char *expected = str_printf("ack(%" PRIu64 ")", id);
		at = strstr(at, expected);
		assert_non_null(at);
	}
	assert_true(metric(&s, "durable_batches_total") > 1);
	close_sqlite(&s);
	open_sqlite(&s, directory);
	Samoza__V1__ZhostListView *view = control_view_zhosts(s.control);
	assert_int_equal(view->n_zhosts, FAR_LINK_ID);
	samoza__v1__zhost_list_view__free_unpacked(view, NULL);
	close_sqlite(&s);
	free(s.log);
	CLEANUP(freep) char *command = str_printf("rm -r %s", directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nothing_leaves_before_it_is_durable),
		TEST(the_inputs_of_one_turn_share_a_batch),
		TEST(batches_in_flight_are_delivered_in_order),
		TEST(a_failed_commit_stops_everything_that_follows),
		TEST(lost_leadership_stops_everything_that_follows),
		TEST(a_failed_batch_that_is_on_disk_is_found_by_the_next_start),
		TEST(a_reader_waits_for_what_was_decided_before),
		TEST(the_core_gets_its_ticks),
		TEST(what_has_arrived_is_read_before_silence_is_judged),
		TEST(an_ending_driver_delivers_what_is_in_flight_and_ticks_no_more),
		TEST(the_wait_for_commits_is_measured),
		cmocka_unit_test(a_worker_thread_keeps_the_order_of_batches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
