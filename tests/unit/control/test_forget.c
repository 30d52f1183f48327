/* What zrms remembers of data that is to be forgotten, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "fixture.h"

static size_t remembered(const struct fixture *f)
{
	size_t records = 0;
	vector_for_each (&f->records, r)
		records += r->kind == RECORD_FORGOTTEN;
	assert_int_equal(f->control->forgotten.count, records);
	return records;
}

/* A topology that never runs, and is removed with its data. */
static void remove_with_data(struct fixture *f, const char *id, const char *name)
{
	assert_int_equal(fixture_try_submit(f, id, name, "- {name: web, type: CALL}\n", false),
			 0);
	struct control_input input = {
		.type = CONTROL_TOPOLOGY,
		.topology = {.id = id, .action = TOPOLOGY_REMOVE, .data = true}};
	const struct reply *reply = fixture_handle(f, &input);
	assert_non_null(reply);
	assert_int_equal(reply->code, 0);
}

/* That zhost has deleted all that it was asked to. */
static void acknowledge(struct fixture *f, uint64_t link_id)
{
	Samoza__V1__DataForgotten message = SAMOZA__V1__DATA_FORGOTTEN__INIT;
	message.epoch = f->control->next_epoch - 1;
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_FORGOTTEN,
							.forgotten = {.link_id = link_id,
								      .message = &message}});
}

static void what_every_zhost_has_deleted_is_not_remembered(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_hello(&f, "n2", 2, NULL, 0);
	for (unsigned n = 0; n < 20; n++) {
		CLEANUP(freep) char *id = str_printf("id-%u", n);
		CLEANUP(freep) char *name = str_printf("shop-%u", n);
		remove_with_data(&f, id, name);
	}
	assert_int_equal(remembered(&f), 20);
	acknowledge(&f, 1);
	assert_int_equal(remembered(&f), 20);
	fixture_restart(&f);
	assert_int_equal(remembered(&f), 20);
	fixture_hello(&f, "n1", 3, NULL, 0);
	fixture_hello(&f, "n2", 4, NULL, 0);
	acknowledge(&f, 4);
	assert_int_equal(remembered(&f), 0);
	fixture_done(&f);
}

static void a_name_is_remembered_once(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	for (unsigned n = 0; n < 20; n++) {
		CLEANUP(freep) char *id = str_printf("id-%u", n);
		remove_with_data(&f, id, "shop");
	}
	assert_int_equal(remembered(&f), 1);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_every_zhost_has_deleted_is_not_remembered),
		cmocka_unit_test(a_name_is_remembered_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
