/* A second core that is loaded from a checkpoint continues where the first one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "fixture.h"
#include "schema/message.h"

/* One that starts on n1, and one that finds no place. */
static void set_up(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "T", "shop", "- {name: web, type: DATA}\n");
	assert_int_equal(fixture_try_submit(f, "U", "large",
					    "- {name: big, type: DATA, resources: {cpu: 64}}\n",
					    true),
			 0);
}

static struct control *load(struct fixture *f)
{
	struct control *copy = NULL;
	struct error *err = NULL;
	Samoza__V1__Checkpoint *checkpoint = checkpoint_new(f->control, f->now);
	assert_int_equal(checkpoint_load(checkpoint, &copy, &err), 0);
	schema_message_free(checkpoint);
	return copy;
}

/* In the place of the first one. */
static struct control *load_whole(struct fixture *f)
{
	static const char *const none[] = {NULL};
	struct control *copy = NULL;
	struct error *err = NULL;
	Samoza__V1__Checkpoint *checkpoint = checkpoint_new(f->control, f->now);
	assert_int_equal(checkpoint_load_whole(checkpoint, none, &copy, &err), 0);
	schema_message_free(checkpoint);
	return copy;
}

static void the_copy_has_the_digest_of_the_first_core(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	CLEANUP(freep) char *before = control_digest(f.control, f.now);
	struct control *copy = load_whole(&f);
	CLEANUP(freep) char *after = control_digest(copy, f.now);
	assert_string_equal(before, after);
	assert_non_null(strstr(after, "  waits big"));
	control_free(copy);
	fixture_done(&f);
}

static void writing_a_checkpoint_changes_nothing(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	CLEANUP(freep) char *before = control_digest(f.control, f.now);
	schema_message_free(checkpoint_new(f.control, f.now));
	CLEANUP(freep) char *after = control_digest(f.control, f.now);
	assert_string_equal(before, after);
	fixture_done(&f);
}

static void the_copy_sends_each_zhost_all_that_it_is_to_hold(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	struct control *copy = load(&f);
	struct outbox outbox;
	outbox_init(&outbox);
	control_flush(copy, f.now, &outbox);
	bool found = false;
	vector_for_each (&outbox.messages, m) {
		if (m->type != SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED)
			continue;
		const Samoza__V1__Desired *desired = (const Samoza__V1__Desired *)m->message;
		assert_int_equal(m->link_id, 1);
		assert_true(desired->full);
		assert_int_equal(desired->n_instances, 1);
		assert_non_null(desired->instances[0]->spec);
		found = true;
	}
	assert_true(found);
	outbox_done(&outbox);
	control_free(copy);
	fixture_done(&f);
}

static void one_that_names_what_it_does_not_hold_is_refused(void **state)
{
	struct fixture f;
	struct control *copy = NULL;
	struct error *err = NULL;
	(void)state;
	set_up(&f);
	Samoza__V1__Checkpoint *checkpoint = checkpoint_new(f.control, f.now);
	checkpoint->zhosts[0]->copies[0]->epoch += 1000;
	assert_int_equal(checkpoint_load(checkpoint, &copy, &err), ERR_INVALID);
	assert_null(copy);
	assert_non_null(strstr(err->message, "a copy of zhost n1"));
	error_free(err);
	err = NULL;
	schema_set_string(&checkpoint->zhosts[0]->name, NULL, "n2");
	assert_int_equal(checkpoint_load(checkpoint, &copy, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "zhost n2"));
	error_free(err);
	schema_message_free(checkpoint);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_copy_has_the_digest_of_the_first_core),
		cmocka_unit_test(writing_a_checkpoint_changes_nothing),
		cmocka_unit_test(the_copy_sends_each_zhost_all_that_it_is_to_hold),
		cmocka_unit_test(one_that_names_what_it_does_not_hold_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
