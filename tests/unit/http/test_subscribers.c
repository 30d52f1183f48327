/* zrms/subscribers.h: every subscriber gets each event once and in order, wherever it begins,
 * whatever is published meanwhile, and however slowly it reads. On a real store and server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "core/outbox.h"
#include "event_reader.h"
#include "serving.h"
#include "zrms/access_watch.h"
#include "zrms/subscribers.h"

enum { EVENTS_EACH = 5 }; /* of one commit */

static struct store *store;
static struct subscribers *subscribers;
static uint64_t published;   /* the newest that was asked to be committed */
static uint64_t publish_end; /* the last one to publish */
static uint64_t publish_next_end;
static atomic_int newest; /* the newest that is durable */
static size_t cause_size; /* how long an event is */
static bool store_is_closed;
static struct serving *serving;

/* ---- as zrms: commits, and publishes what is durable ---- */

static void publish(void);

static void committed(void *user, enum commit_outcome outcome, const struct error *error,
		      struct data_answer *answers)
{
	(void)error;
	(void)answers;
	struct outbox *o = user;
	assert_int_equal(outcome, COMMIT_DURABLE);
	vector_for_each (&o->events, event) {
		subscribers_event(subscribers, *event);
		atomic_store(&newest, (int)(*event)->seq);
	}
	outbox_done(o);
	free(o);
	if (published < publish_end)
		publish();
}

static void publish(void)
{
	struct outbox *o = mem_new(struct outbox);
	for (int i = 0; i < EVENTS_EACH; i++) {
		Samoza__V1__EventRecord *e = mem_new(Samoza__V1__EventRecord);
		samoza__v1__event_record__init(e);
		e->seq = ++published;
		e->kind = mem_strdup("space");
		e->subject = mem_strdup("shop/api");
		e->topology = mem_strdup(e->seq % 2 == 0 ? "even" : "odd");
		e->cause = mem_calloc(cause_size + 1, 1);
		memset(e->cause, 'c', cause_size);
		vector_push(&o->events, e);
	}
	store->ops->commit(store, o, committed, o);
}

/* On the loop: the commit before may still be looking whether there is more to publish. */
static void publish_start(struct serving *s)
{
	(void)s;
	publish_end = publish_next_end;
	publish();
}

static void publish_until(uint64_t end)
{
	publish_next_end = end;
	serving_do(serving, publish_start);
}

static void handle_events(void *context, struct http_request *request)
{
	(void)context;
	uint64_t after = 0;
	assert_int_equal(str_to_u64(http_query(request, "after"), &after), 0);
	subscribers_add(subscribers, request, NULL, NULL, after,
			http_query(request, "topology"));
}

static const struct http_query events_query[] = {{.name = "after"}, {.name = "topology"}, {0}};

static const struct http_route routes[] = {
	{"GET", "/events", handle_events, .query = events_query}};

/* ---- a subscriber ---- */

static void follow(struct event_reader *reader, uint64_t after, const char *topology)
{
	int fd = client_connect(serving);
	CLEANUP(freep)
	char *request = str_printf("GET /events?after=%" PRIu64 "%s%s HTTP/1.1\r\n"
				   "Host: 127.0.0.1\r\n\r\n",
				   after, topology != NULL ? "&topology=" : "",
				   topology != NULL ? topology : "");
	client_send(fd, request);
	event_reader_init(reader, fd);
}

/* Reads to the event `last`: each seq must be `step` more than the one before. */
static void expect_events(struct event_reader *reader, uint64_t first, uint64_t last,
			  uint64_t step)
{
	for (uint64_t expected = first; expected <= last; expected += step) {
		uint64_t seq = event_reader_next(reader);
		if (seq != expected)
			fail_msg("event %" PRIu64 ", expected %" PRIu64, seq, expected);
	}
}

/* ---- fixture ---- */

static char *directory;

static void parts_open(struct serving *s)
{
	CLEANUP(freep) char *path = str_printf("%s/store.db", directory);
	assert_int_equal(sqlite_store_open(&s->loop, path, &store, NULL), 0);
	static struct access_watches none; /* nobody has a credential */
	subscribers = subscribers_new(store, &none, NULL, NULL);
}

static void closed(void *user)
{
	(void)user;
	store_is_closed = true;
}

static void store_end(struct serving *s)
{
	(void)s;
	store->ops->close(store, closed, NULL);
}

static int setup(void **state)
{
	directory = mem_strdup("/tmp/samoza-subscribers-XXXXXX");
	assert_non_null(mkdtemp(directory));
	published = publish_end = 0;
	cause_size = 10;
	store_is_closed = false;
	atomic_store(&newest, 0);
	const struct http_options options = {.routes = routes,
					     .route_count = ARRAY_SIZE(routes)};
	serving = serving_new(&options);
	serving_do(serving, parts_open);
	return 0;
}

static int teardown(void **state)
{
	serving_do(serving, store_end);
	serving_free(serving); /* runs the loop until the store has closed, too */
	assert_true(store_is_closed);
	subscribers_free(subscribers);
	CLEANUP(freep) char *path = str_printf("%s/store.db", directory);
	CLEANUP(freep) char *witness = str_printf("%s-acknowledged", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(witness), 0);
	CLEANUP(freep) char *reserve = str_printf("%s-reserve", path);
	(void)unlink(reserve); /* where the disk has room for one */
	assert_int_equal(rmdir(directory), 0);
	free(directory);
	return 0;
}

/* ---- tests ---- */

static void history_and_live_events_join_without_gap_or_repetition(void **state)
{
	publish_until(20000);
	struct event_reader readers[8];
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		/* Each joins at another moment of the publishing, and from another point. */
		serving_wait(&newest, (int)(1 + 2000 * i));
		follow(&readers[i], 100 * i, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		expect_events(&readers[i], 100 * i + 1, 20000, 1);
		event_reader_done(&readers[i]);
	}
}

static void a_subscriber_of_one_topology_gets_only_its_events(void **state)
{
	publish_until(2000);
	struct event_reader reader;
	follow(&reader, 0, "even");
	expect_events(&reader, 2, 2000, 2);
	event_reader_done(&reader);
}

static void a_client_that_returns_continues_where_it_was(void **state)
{
	publish_until(1000);
	struct event_reader reader;
	follow(&reader, 0, NULL);
	expect_events(&reader, 1, 600, 1);
	event_reader_done(&reader);
	serving_wait(&newest, 1000);
	follow(&reader, 600, NULL);
	expect_events(&reader, 601, 1000, 1);
	publish_until(1500); /* and live again */
	expect_events(&reader, 1001, 1500, 1);
	event_reader_done(&reader);
}

static void a_slow_client_is_served_from_the_history(void **state)
{
	struct event_reader reader;
	follow(&reader, 0, NULL);
	cause_size = 20000; /* 40 MB in all: no buffer between us holds that */
	publish_until(2000);
	serving_wait(&newest, 2000); /* no client has read anything yet */
	expect_events(&reader, 1, 2000, 1);
	publish_until(2100);
	expect_events(&reader, 2001, 2100, 1);
	event_reader_done(&reader);
}

/* The server fills chunk after chunk from a page of the history, whatever ends there. Events to
 * 300 are a byte longer than the later ones, so that each `after` moves the cuts in the later ones
 * by a byte. Continues until a chunk has ended at each place in an id's line. */
static void an_event_that_chunks_cut_arrives_whole(void **state)
{
	enum { EVENTS_READ = 490 };	  /* in several chunks, and less than a page */
	const uint32_t everywhere = 0xfe; /* after each of the seven characters of "id: 500" */
	cause_size = 11;
	publish_until(300);
	serving_wait(&newest, 300);
	cause_size = 10;
	publish_until(800);
	serving_wait(&newest, 800);
	uint32_t cuts = 0;
	for (uint64_t after = 100; after < 300 && cuts != everywhere; after++) {
		struct event_reader reader;
		follow(&reader, after, NULL);
		expect_events(&reader, after + 1, after + EVENTS_READ, 1);
		cuts |= reader.id_cuts;
		event_reader_done(&reader);
	}
	assert_int_equal(cuts, everywhere);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(history_and_live_events_join_without_gap_or_repetition),
		TEST(a_subscriber_of_one_topology_gets_only_its_events),
		TEST(a_client_that_returns_continues_where_it_was),
		TEST(a_slow_client_is_served_from_the_history),
		TEST(an_event_that_chunks_cut_arrives_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
