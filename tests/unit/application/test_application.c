/* Applications: what goes by the name, over all revisions and copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/application/application.h"
#include "core/application/revision_values.h"
#include "core/application/submission_effect.h"
#include "core/instant.h"
#include "schema/message.h"

/* ---- names and ids ---- */

static void every_id_of_an_application_finds_it(void **state)
{
	struct application_registry r = {0};
	struct application shop, other;
	(void)state;
	application_init(&r, &shop, "shop", "id-2");
	application_init(&r, &other, "other", "id-3");
	application_add_alias(&r, &shop, "id-1");
	application_add_alias(&r, &shop, "id-3"); /* taken */
	assert_ptr_equal(application_find_name(&r, "shop"), &shop);
	assert_ptr_equal(application_find_id(&r, "id-2"), &shop);
	assert_ptr_equal(application_find_id(&r, "id-1"), &shop);
	assert_ptr_equal(application_find_id(&r, "id-3"), &other);
	assert_string_equal(application_id(&shop), "id-2");
	assert_null(application_find_id(&r, "id-4"));
	assert_null(application_find_id(&r, NULL));
	application_done(&r, &shop);
	assert_null(application_find_id(&r, "id-1"));
	application_done(&r, &other);
	applications_done(&r);
}

static struct revision *revision_of(uint32_t number)
{
	Samoza__V1__RevisionRecord *record = calloc(1, sizeof(*record));
	samoza__v1__revision_record__init(record);
	record->number = number;
	return revision_new(record);
}

static void revisions_are_kept_by_their_numbers(void **state)
{
	struct application_registry r = {0};
	struct application shop;
	(void)state;
	application_init(&r, &shop, "shop", "id-1");
	application_add_revision(&shop, revision_of(2));
	application_add_revision(&shop, revision_of(1)); /* records are loaded in any order */
	assert_int_equal(shop.newest, 2);
	assert_int_equal(shop.revisions.items[0]->number, 1);
	assert_int_equal(application_revision(&shop, 2)->number, 2);
	assert_null(application_revision(&shop, 3));
	application_done(&r, &shop);
	applications_done(&r);
}

/* ---- copies ---- */

/* One that still unloads, and its successor, which serves: two copies of one slot. */
struct two_copies {
	struct application_registry registry;
	struct application shop;
	struct application_slot *slot;
	struct placement older, newer;
	struct slot_copy old_copy, new_copy;
};

static void set_up(struct two_copies *t)
{
	*t = (struct two_copies){0};
	application_init(&t->registry, &t->shop, "shop", "id-1");
	t->slot = application_slot(&t->shop, "api-1");
	placement_begin(&t->older, ROLE_SERVING);
	slot_copy_join(&t->older, &t->old_copy, t->slot, 41);
	slot_copy_set_writer(&t->old_copy);
	t->old_copy.active = t->old_copy.exclusive = true;
	placement_set_role(&t->older, ROLE_RETIRED);
	placement_begin(&t->newer, ROLE_SERVING);
	slot_copy_join(&t->newer, &t->new_copy, t->slot, 57);
}

static void tear_down(struct two_copies *t)
{
	slot_copy_leave(&t->old_copy);
	slot_copy_leave(&t->new_copy);
	placement_end(&t->older);
	placement_end(&t->newer);
	application_done(&t->registry, &t->shop);
	applications_done(&t->registry);
}

static void one_copy_of_a_slot_serves_it(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	assert_ptr_equal(t.slot->serving, &t.new_copy);
	assert_ptr_equal(slot_copy_find(t.slot, 41), &t.old_copy);
	assert_ptr_equal(slot_copy_find(t.slot, 57), &t.new_copy);
	assert_null(slot_copy_find(t.slot, 58));
	placement_set_role(&t.newer, ROLE_RETIRED);
	assert_null(t.slot->serving);
	tear_down(&t);
}

static void the_copy_that_was_placed_last_writes(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	assert_true(slot_copy_writes(&t.old_copy)); /* it may still write while it closes */
	assert_false(slot_copy_writes(&t.new_copy));
	slot_copy_set_writer(&t.new_copy);
	assert_false(slot_copy_writes(&t.old_copy));
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

static void without_an_exclusive_copy_none_waits(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	t.old_copy.exclusive = false;
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 1000), 0);
	t.new_copy.exclusive = true; /* of a later revision */
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 1000), NEVER_MS);
	tear_down(&t);
}

static void slots_of_other_paths_do_not_count(void **state)
{
	struct two_copies t;
	struct slot_copy other = {0};
	(void)state;
	set_up(&t);
	slot_copy_join(&t.newer, &other, application_slot(&t.shop, "api-2"), 58);
	assert_int_equal(slot_copy_alone_at_ms(&other, 1000), 0);
	slot_copy_leave(&other);
	tear_down(&t);
}

/* ---- submissions under its name ---- */

/* What submitting version and digest `to` means where `from` is the newest; or the refusal. */
static const char *effect_with(struct submission_options options, const char *from_version,
			       const char *from_digest, bool is_stopped, const char *to_version,
			       const char *to_digest)
{
	static char refusal[200];
	struct revision *newest = revision_of(1);
	Samoza__V1__RevisionRecord package = SAMOZA__V1__REVISION_RECORD__INIT;
	enum submission_effect seen = SUBMISSION_NONE;
	struct error *err = NULL;
	schema_set_string(&newest->record->version, NULL, from_version);
	schema_set_string(&newest->record->package_digest, NULL, from_digest);
	package.version = (char *)to_version;
	package.package_digest = (char *)to_digest;
	if (submission_judge(newest, &package, is_stopped, &options, &seen, &err) < 0)
		(void)snprintf(refusal, sizeof(refusal), "%s", err->message);
	error_free(err);
	revision_free(newest);
	return seen != SUBMISSION_NONE ? submission_effect_name(seen) : refusal;
}

static const char *effect(const char *from_version, const char *from_digest, bool is_stopped,
			  const char *to_version, const char *to_digest)
{
	return effect_with((struct submission_options){0}, from_version, from_digest,
			   is_stopped, to_version, to_digest);
}

static void other_values_alone_are_another_content(void **state)
{
	(void)state;
	struct revision *newest = revision_of(1);
	Samoza__V1__RevisionRecord package = SAMOZA__V1__REVISION_RECORD__INIT;
	Samoza__V1__RevisionValue given = SAMOZA__V1__REVISION_VALUE__INIT, by_default = given;
	Samoza__V1__RevisionValue *values[] = {&by_default, &given};
	const struct submission_options none = {0};
	enum submission_effect seen = SUBMISSION_NONE;
	schema_set_string(&newest->record->version, NULL, "1.2.0");
	schema_set_string(&newest->record->package_digest, NULL, "a");
	package.version = (char *)"1.2.0";
	package.package_digest = (char *)"a";
	by_default.name = (char *)"region";
	by_default.value = (char *)"eu";
	by_default.has_is_default = by_default.is_default = true;
	given.name = (char *)"replicas";
	given.value = (char *)"3";
	package.values = values;
	/* What a package has by default is nobody's value. */
	package.n_values = 1;
	assert_int_equal(submission_judge(newest, &package, false, &none, &seen, NULL), 0);
	assert_int_equal(seen, SUBMISSION_UNCHANGED);
	package.n_values = 2;
	assert_int_equal(submission_judge(newest, &package, false, &none, &seen, NULL), 0);
	assert_int_equal(seen, SUBMISSION_UPDATED);
	CLEANUP(freep) char *text = revision_values_text(&package);
	assert_string_equal(text, "replicas 1 3\n");
	revision_free(newest);
}

static void values_that_differ_are_named_with_defaults(void **state)
{
	(void)state;
	Samoza__V1__RevisionRecord before = SAMOZA__V1__REVISION_RECORD__INIT, after = before;
	Samoza__V1__RevisionValue none = SAMOZA__V1__REVISION_VALUE__INIT;
	Samoza__V1__RevisionValue a = none, b = none, c = none, other_b = none;
	Samoza__V1__RevisionValue *former[] = {&a, &b}, *present[] = {&other_b, &c};
	a.name = (char *)"a";
	b.name = other_b.name = (char *)"b";
	c.name = (char *)"c";
	a.value = b.value = c.value = (char *)"1";
	other_b.value = (char *)"2";
	c.has_is_default = c.is_default = true;
	before.values = former;
	after.values = present;
	before.n_values = after.n_values = 2;
	Samoza__V1__PlanView view = SAMOZA__V1__PLAN_VIEW__INIT;
	view.n_values = revision_values_diff(&before, &after, &view.values);
	assert_int_equal(view.n_values, 3);
	assert_string_equal(view.values[0]->name, "b");
	assert_string_equal(view.values[0]->from, "1");
	assert_string_equal(view.values[0]->to, "2");
	assert_string_equal(view.values[1]->name, "c");
	assert_null(view.values[1]->from);
	assert_string_equal(view.values[2]->name, "a");
	assert_null(view.values[2]->to);
	for (size_t k = 0; k < view.n_values; k++)
		schema_message_free(view.values[k]);
	free(view.values);
	Samoza__V1__PlanValueView **same;
	assert_int_equal(revision_values_diff(&after, &after, &same), 0);
	free(same);
}

static void a_submission_is_judged_by_version_and_package(void **state)
{
	(void)state;
	assert_string_equal(effect("1.2.0", "a", false, "1.2.0", "a"), "unchanged");
	assert_string_equal(effect("1.2.0", "a", true, "1.2.0", "a"), "unchanged");
	assert_string_equal(effect(NULL, "a", false, NULL, "a"), "unchanged");
	assert_string_equal(effect("1.2.0", "a", false, "1.2.1", "b"), "updated");
	assert_string_equal(effect("1.2.0-rc.1", "a", false, "1.2.0", "b"), "updated");
	assert_string_equal(effect(NULL, "a", false, "0.0.1", "b"), "updated");
	assert_string_equal(effect("1.2.0", "a", false, "1.2.0", "b"),
			    "1.2.0 is deployed with other contents: raise the version");
	assert_string_equal(effect("1.2.0", "a", false, "1.2.0+build", "b"),
			    "1.2.0+build is deployed with other contents: raise the version");
	assert_string_equal(effect("1.10.0", "a", false, "1.9.0", "b"),
			    "1.9.0 is lower than 1.10.0: use topo rollback or "
			    "--allow-downgrade");
	const struct submission_options lower = {.downgrades = true};
	assert_string_equal(effect_with(lower, "1.10.0", "a", false, "1.9.0", "b"), "updated");
	assert_string_equal(effect_with(lower, "1.2.0", "a", false, "1.2.0", "b"),
			    "1.2.0 is deployed with other contents: raise the version");
	/* Nothing runs: anything may follow. */
	assert_string_equal(effect("1.2.0", "a", true, "1.2.0", "b"), "updated");
	assert_string_equal(effect("1.2.0", "a", true, "0.1.0", "b"), "updated");
}

/* ---- names and data ---- */

static void a_slot_is_found_by_each_of_its_names(void **state)
{
	struct application_registry r = {0};
	struct application shop;
	(void)state;
	application_init(&r, &shop, "shop", "id-1");
	struct application_slot *slot = application_slot(&shop, "api");
	application_name_slot(slot, "api-1");
	assert_string_equal(slot->path, "api-1");
	assert_ptr_equal(application_find_slot(&shop, "api"), slot);
	assert_ptr_equal(application_slot(&shop, "api-1"), slot);
	application_name_slot(slot, "api"); /* taken back */
	assert_ptr_equal(application_find_slot(&shop, "api"), slot);
	assert_ptr_equal(application_find_slot(&shop, "api-1"), slot);
	assert_null(application_find_slot(&shop, "api-2"));
	application_trim_slots(&shop);
	assert_null(application_find_slot(&shop, "api-1"));
	application_done(&r, &shop);
	applications_done(&r);
}

static void what_retires_under_a_former_name_is_of_the_slot_that_gets_it(void **state)
{
	struct two_copies t;
	(void)state;
	set_up(&t);
	struct application_slot *other = application_slot(&t.shop, "api");
	struct placement left = {0};
	struct slot_copy copy = {.active = true, .exclusive = true};
	placement_begin(&left, ROLE_RETIRED);
	slot_copy_join(&left, &copy, other, 12);
	t.old_copy.active = false;
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 1000), 0);
	application_merge_slot(t.slot, "api");
	assert_ptr_equal(copy.slot, t.slot);
	assert_ptr_equal(slot_copy_find(t.slot, 12), &copy);
	assert_ptr_equal(application_find_slot(&t.shop, "api"), t.slot);
	assert_int_equal(slot_copy_alone_at_ms(&t.new_copy, 1000), NEVER_MS);
	slot_copy_leave(&copy);
	placement_end(&left);
	tear_down(&t);
}

static void assert_owner(const struct application *a, const char *path, const char *owner)
{
	char *found = application_data_owner(a, path);
	assert_string_equal(found, owner);
	free(found);
}

static void data_keeps_the_name_that_it_had_first(void **state)
{
	struct application_registry r = {0};
	struct application shop;
	(void)state;
	application_init(&r, &shop, "shop", "id-1");
	application_share_data(&shop, "api", "api"); /* nothing */
	assert_int_equal(shop.owners.count, 0);
	application_share_data(&shop, "api-1", "api");
	assert_owner(&shop, "api-1", "shop/api");
	assert_owner(&shop, "api", "shop/api");
	assert_owner(&shop, "api-2", "shop/api-2");
	assert_owner(&shop, "api-10", "shop/api-10");
	/* What is inside of it follows, also with another name of its own. */
	assert_owner(&shop, "api-1/cache", "shop/api/cache");
	application_share_data(&shop, "api-1/cache-1", "api/cache");
	assert_owner(&shop, "api-1/cache-1", "shop/api/cache");
	assert_owner(&shop, "api/cache-1", "shop/api/cache");
	/* Back again: that is known. */
	application_share_data(&shop, "api", "api-1");
	assert_int_equal(shop.owners.count, 2);
	application_done(&r, &shop);
	applications_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_id_of_an_application_finds_it),
		cmocka_unit_test(revisions_are_kept_by_their_numbers),
		cmocka_unit_test(one_copy_of_a_slot_serves_it),
		cmocka_unit_test(the_copy_that_was_placed_last_writes),
		cmocka_unit_test(a_copy_is_alone_when_all_others_have_ended),
		cmocka_unit_test(without_an_exclusive_copy_none_waits),
		cmocka_unit_test(slots_of_other_paths_do_not_count),
		cmocka_unit_test(a_slot_is_found_by_each_of_its_names),
		cmocka_unit_test(what_retires_under_a_former_name_is_of_the_slot_that_gets_it),
		cmocka_unit_test(data_keeps_the_name_that_it_had_first),
		cmocka_unit_test(other_values_alone_are_another_content),
		cmocka_unit_test(values_that_differ_are_named_with_defaults),
		cmocka_unit_test(a_submission_is_judged_by_version_and_package),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
