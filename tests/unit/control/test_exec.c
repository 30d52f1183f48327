/* Commands in instances: where they may run, and the event that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"

#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED
#define DEPLOYED SAMOZA__V1__PHASE__PHASE_DEPLOYED

static int find(const struct fixture *f, const char *path, struct control_exec *ret,
		const char *why)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r = control_exec_find(f->control, "T", path, ret, &err);
	if (r < 0)
		assert_non_null(strstr(err->message, why));
	return r;
}

static void only_a_started_native_instance_whose_zhost_is_there_takes_commands(void **state)
{
	struct fixture f;
	struct control_exec found;
	struct reported web = {.topology = "T", .path = "web", .phase = DEPLOYED};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop",
		       "- {name: web, type: NATIVE}\n- {name: page, type: UI}\n");
	web.epoch = fixture_desired(&f, 1, "web")->key->epoch;
	assert_int_equal(find(&f, "nothing", &found, "nothing"), ERR_NOT_FOUND);
	assert_int_equal(find(&f, "page", &found, "it is a UI space"), ERR_UNSUPPORTED);
	assert_int_equal(find(&f, "web", &found, "it is deploying, not deployed-started"),
			 ERR_CONFLICT);
	fixture_report(&f, 1, &web);
	web.phase = STARTED;
	fixture_report(&f, 1, &web);
	assert_int_equal(find(&f, "web", &found, ""), 0);
	assert_int_equal(found.link_id, 1);
	assert_int_equal(found.epoch, web.epoch);
	assert_string_equal(found.zhost, "n1");
	struct control_input closed = {.type = CONTROL_CLOSED, .closed = {.link_id = 1}};
	(void)fixture_handle(&f, &closed);
	assert_int_equal(find(&f, "web", &found, "its zhost n1 cannot be reached"),
			 ERR_UNAVAILABLE);
	fixture_done(&f);
}

static void a_command_is_one_event_with_its_first_word_and_a_refused_one_is_none(void **state)
{
	struct fixture f;
	struct reported web = {.topology = "T", .path = "web", .phase = DEPLOYED};
	struct control_input input = {.type = CONTROL_EXEC,
				      .exec = {.id = "T", .path = "web", .program = "psql"}};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop", "- {name: web, type: NATIVE}");
	web.epoch = fixture_desired(&f, 1, "web")->key->epoch;
	assert_int_equal(fixture_handle(&f, &input)->code, ERR_CONFLICT);
	fixture_report(&f, 1, &web);
	web.phase = STARTED;
	fixture_report(&f, 1, &web);
	assert_int_equal(fixture_handle(&f, &input)->code, 0);
	CLEANUP(freep) char *events = fixture_events(&f, "exec");
	assert_string_equal(events, "shop/web:  -> n1\n");
	const Samoza__V1__EventRecord *last = *vector_last(&f.events);
	assert_string_equal(last->cause, "'psql' run by operator");
	assert_string_equal(last->topology, "T");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			only_a_started_native_instance_whose_zhost_is_there_takes_commands),
		cmocka_unit_test(
			a_command_is_one_event_with_its_first_word_and_a_refused_one_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
