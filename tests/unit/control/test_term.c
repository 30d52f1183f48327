/* The term of a zrms, and until when it acknowledges heartbeats [machines.replicated.standby]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "fixture.h"

static Samoza__V1__MetaRecord *meta_of(const struct fixture *f)
{
	const struct stored_record *r = fixture_record(f, RECORD_META, "");
	assert_non_null(r);
	return samoza__v1__meta_record__unpack(NULL, r->size, r->data);
}

static uint64_t durable_term(const struct fixture *f)
{
	Samoza__V1__MetaRecord *meta = meta_of(f);
	uint64_t term = meta->term;
	samoza__v1__meta_record__free_unpacked(meta, NULL);
	return term;
}

/* As a version without terms writes it. */
static void drop_term(struct fixture *f)
{
	Samoza__V1__MetaRecord *meta = meta_of(f);
	meta->has_term = false;
	uint8_t data[256];
	size_t size = samoza__v1__meta_record__pack(meta, data);
	fixture_put(f, RECORD_META, "", data, size);
	samoza__v1__meta_record__free_unpacked(meta, NULL);
}

static void each_start_begins_the_next_term(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(control_term(f.control), 1);
	assert_int_equal(durable_term(&f), 1); /* before anything is asked */
	fixture_restart(&f);
	assert_int_equal(control_term(f.control), 2);
	assert_int_equal(durable_term(&f), 2);
	fixture_done(&f);
}

static void hello_is_answered_with_the_term(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_restart(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	const Samoza__V1__HelloAck *ack = (const Samoza__V1__HelloAck *)fixture_message(
		&f, 1, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK);
	assert_true(ack->has_term);
	assert_int_equal(ack->term, 2);
	fixture_done(&f);
}

static void start_elected(struct fixture *f, uint64_t elected)
{
	struct error *err = NULL;
	fixture_stop(f);
	f->control = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	vector_for_each (&f->records, r)
		assert_int_equal(control_load(f->control, r->kind, r->data, r->size, &err), 0);
	control_set_term(f->control, elected);
	assert_int_equal(control_start(f->control, f->now, &f->outbox, &err), 0);
	outbox_clear(&f->outbox);
}

/* After a migration, the election may count from below. */
static void an_election_raises_the_term_and_never_lowers_it(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	start_elected(&f, 9);
	assert_int_equal(control_term(f.control), 9);
	fixture_flush(&f);
	start_elected(&f, 3);
	assert_int_equal(control_term(f.control), 10);
	fixture_done(&f);
}

static void a_store_that_may_be_older_begins_with_the_wall_clock(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_stop(&f);
	fixture_start_without(&f, RECORD_IDENTITY, "nothing"); /* control_load_gap() */
	assert_int_equal(control_term(f.control), f.now.wall_ms);
	fixture_restart(&f);
	assert_int_equal(control_term(f.control), f.now.wall_ms + 1);
	fixture_done(&f);
}

/* It was written by a version without terms: those of before are forgotten. */
static void a_store_without_a_term_begins_with_the_wall_clock(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_stop(&f);
	drop_term(&f);
	fixture_start(&f);
	assert_int_equal(control_term(f.control), f.now.wall_ms);
	fixture_done(&f);
}

static bool is_acknowledged(struct fixture *f)
{
	fixture_heartbeat(f, "n1", 1);
	return fixture_message(f, 1, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK) != NULL;
}

static void heartbeats_are_acknowledged_within_the_promise(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	assert_true(is_acknowledged(&f));
	control_set_promise(f.control, f.now.mono_ms + 1);
	assert_true(is_acknowledged(&f));
	control_set_promise(f.control, f.now.mono_ms);
	assert_false(is_acknowledged(&f));
	/* It is heard all the same. */
	fixture_advance(&f, 20000);
	assert_false(is_acknowledged(&f));
	fixture_advance(&f, 20000);
	CLEANUP(freep) char *events = fixture_events(&f, "zhost");
	assert_null(strstr(events, "problem"));
	control_set_promise(f.control, NEVER_MS);
	assert_true(is_acknowledged(&f));
	fixture_done(&f);
}

static void what_a_zhost_refused_is_an_event(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)"n1";
	hello.spec = &spec;
	hello.identity = (char *)"identity of n1";
	hello.protocol = 4;
	hello.incarnation = 9;
	hello.has_refused_term = hello.has_term = true;
	hello.refused_term = 5;
	hello.term = 6;
	fixture_clear_events(&f);
	(void)fixture_handle(
		&f, &(struct control_input){.type = CONTROL_HELLO,
					    .hello = {.link_id = 2, .message = &hello}});
	bool is_said = false;
	vector_for_each (&f.events, e)
		is_said |= strstr((*e)->cause, "refused a zrms of term 5, as it had followed "
					       "one of term 6") != NULL;
	assert_true(is_said);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_start_begins_the_next_term),
		cmocka_unit_test(hello_is_answered_with_the_term),
		cmocka_unit_test(an_election_raises_the_term_and_never_lowers_it),
		cmocka_unit_test(a_store_that_may_be_older_begins_with_the_wall_clock),
		cmocka_unit_test(a_store_without_a_term_begins_with_the_wall_clock),
		cmocka_unit_test(heartbeats_are_acknowledged_within_the_promise),
		cmocka_unit_test(what_a_zhost_refused_is_an_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
