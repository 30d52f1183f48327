/* Applications: what goes by the name, over all deployments of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/application/application.h"
#include "core/instant.h"

static void the_current_deployment_gives_the_application_its_id(void **state)
{
	struct application_registry r = {0};
	struct application_member a = {0}, b = {0};
	(void)state;
	application_join(&r, &a, "shop", "id-a");
	application_join(&r, &b, "shop", "id-b");
	const struct application *shop = application_find(&r, "shop");
	assert_string_equal(application_id(shop), "id-b"); /* the newest that is not stopped */
	assert_ptr_equal(application_holder(&a), &b);
	b.stopped = true;
	assert_string_equal(application_id(shop), "id-a"); /* the one that is not stopped */
	assert_null(application_holder(&a));
	a.stopped = true;
	assert_string_equal(application_id(shop), "id-b"); /* all are: the newest */
	assert_null(application_holder(&a));
	application_leave(&r, &b);
	assert_string_equal(application_id(shop), "id-a");
	application_leave(&r, &a);
	assert_null(application_find(&r, "shop"));
	applications_done(&r);
}

struct two_copies {
	struct application_registry registry;
	struct application_member older, newer;
	struct slot_copy old_copy, new_copy;
};

/* A deployment that unloads, and its successor: two copies of one slot. */
static void set_up(struct two_copies *t)
{
	*t = (struct two_copies){0};
	application_join(&t->registry, &t->older, "shop", "id-a");
	slot_copy_join(t->older.application, &t->old_copy, "api-1");
	slot_copy_placed(&t->old_copy, 41);
	t->old_copy.active = true;
	t->older.stopped = true;
	application_join(&t->registry, &t->newer, "shop", "id-b");
	slot_copy_join(t->newer.application, &t->new_copy, "api-1");
}

static void tear_down(struct two_copies *t)
{
	slot_copy_leave(&t->old_copy);
	slot_copy_leave(&t->new_copy);
	application_leave(&t->registry, &t->older);
	application_leave(&t->registry, &t->newer);
	applications_done(&t->registry);
}

static void the_copy_that_was_placed_last_writes(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	assert_true(slot_copy_writes(&t.old_copy));
	assert_false(slot_copy_writes(&t.new_copy)); /* it has no place yet */
	slot_copy_placed(&t.new_copy, 57);
	assert_false(slot_copy_writes(&t.old_copy));
	assert_true(slot_copy_writes(&t.new_copy));
	tear_down(&t);
}

static void an_older_record_that_is_loaded_later_does_not_write(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	slot_copy_placed(&t.new_copy, 57);
	slot_copy_placed(&t.old_copy, 41);
	assert_true(slot_copy_writes(&t.new_copy));
	tear_down(&t);
}

static void a_copy_is_alone_when_all_others_have_ended(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 1000), NEVER_MS);
	t.old_copy.active = false; /* its zhost has fallen silent */
	t.old_copy.ends_by_ms = 5000;
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 1000), 5000);
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 5000), 0);
	assert_int_equal(slot_copy_alone_at_ms(&t.old_copy, 1000), 0); /* not for itself */
	tear_down(&t);
}

static void slots_of_other_paths_do_not_count(void **state)
{
	struct two_copies t;
	struct slot_copy other = {0};
	(void)state;
	set_up(&t);
	slot_copy_join(t.newer.application, &other, "api-2");
	assert_int_equal(slot_copy_alone_at_ms(&other, 1000), 0);
	slot_copy_leave(&other);
	tear_down(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_current_deployment_gives_the_application_its_id),
		cmocka_unit_test(the_copy_that_was_placed_last_writes),
		cmocka_unit_test(an_older_record_that_is_loaded_later_does_not_write),
		cmocka_unit_test(a_copy_is_alone_when_all_others_have_ended),
		cmocka_unit_test(slots_of_other_paths_do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
