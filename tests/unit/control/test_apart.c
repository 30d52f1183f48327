/*
 * What is apart in a blue-green change: until the switch the copies of the new version, afterwards those of the
 * former one, and who provides to them.
 *
 *     web ──imports──► store ──imports──► db        web and store change, db does not
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/apart.h"
#include "core/control/state/state.h"
#include "fixture.h"

#define DEPLOYED SAMOZA__V1__PHASE__PHASE_DEPLOYED
#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED

static const char ID[] = "0123456789abcdef";

static char *spaces(unsigned version)
{
	return str_printf(
		"- {name: db, type: CALL}\n"
		"- {name: store, type: CALL, exports: {v: \"%u\"}, imports: [{from: db}]}\n"
		"- {name: web, type: CALL, exports: {v: \"%u\"}, imports: [{from: store}]}\n",
		version, version);
}

static struct slot_control *slot(const struct fixture *f, const char *path)
{
	const struct control_application *a = application_by_id(&f->control->applications, ID);
	assert_non_null(a);
	const struct slot *s = slot_find(&a->slots, path);
	assert_non_null(s);
	return control_of_slot(s);
}

static struct copy *next_of(const struct fixture *f, const char *path)
{
	struct slot_copy *next = slot(f, path)->of_path->next;
	return next != NULL ? container_of(next, struct copy, of_slot) : NULL;
}

static void report(struct fixture *f, const struct copy *copy, Samoza__V1__Phase phase)
{
	assert_non_null(copy);
	const struct reported r = {ID, copy_path(copy), copy->of_slot.epoch, phase, NULL};
	fixture_report(f, 1, &r);
}

static void start(struct fixture *f, const char *path)
{
	const struct copy *copy = serving_copy(slot(f, path));
	report(f, copy, DEPLOYED);
	report(f, copy, STARTED);
}

/* 1.0.0 runs; then 1.1.0 is submitted. */
static void begin(struct fixture *f, Samoza__V1__Rollout *rollout)
{
	samoza__v1__rollout__init(rollout);
	rollout->has_policy = true;
	rollout->policy = SAMOZA__V1__ROLLOUT_POLICY__BLUE_GREEN;
	fixture_init(f);
	fixture_start(f);
	f->protocol = 5; /* two copies at a time */
	fixture_hello(f, "n1", 1, NULL, 0);
	f->rollout = rollout;
	f->version = "1.0.0";
	CLEANUP(freep) char *first = spaces(1);
	CLEANUP(freep) char *second = spaces(2);
	fixture_submit(f, ID, "shop", first);
	start(f, "db");
	start(f, "store");
	start(f, "web");
	f->version = "1.1.0";
	fixture_submit(f, ID, "shop", second);
}

/* "db store", in the order in which they are named. */
static void add_name(void *user, const struct copy *provider)
{
	char **text = user;
	CLEANUP(freep) char *before = *text;
	*text = str_printf("%s%s%s@%s", before, before[0] != '\0' ? " " : "",
			   copy_path(provider), copy_is_apart(provider) ? "apart" : "serving");
}

static void expect_providers(const struct copy *importer, const char *expected)
{
	char *text = mem_strdup("");
	apart_each_provider(importer->unit->application, importer->declared->imports[0],
			    add_name, &text);
	assert_string_equal(text, expected);
	free(text);
}

static void nothing_is_apart_without_a_change(void **state)
{
	struct fixture f;
	Samoza__V1__Rollout rollout;
	(void)state;
	begin(&f, &rollout);
	assert_null(apart_copy(slot(&f, "db")));
	assert_false(handover_is_joint(slot(&f, "db")));
	assert_false(copy_is_apart(serving_copy(slot(&f, "db"))));
	assert_false(copy_is_apart(serving_copy(slot(&f, "web"))));
	fixture_done(&f);
}

static void what_is_apart_waits_for_providers_apart(void **state)
{
	struct fixture f;
	Samoza__V1__Rollout rollout;
	(void)state;
	begin(&f, &rollout);
	struct copy *store = next_of(&f, "store"), *web = next_of(&f, "web");
	assert_non_null(store);
	assert_non_null(web);
	assert_true(handover_is_joint(slot(&f, "web")));
	assert_true(copy_is_apart(store) && copy_is_apart(web));
	assert_ptr_equal(apart_copy(slot(&f, "web")), web);

	/* db has no copy apart, and stands for itself; the store that serves does not count here. */
	assert_null(apart_missing_import(store));
	expect_providers(store, "db@serving");
	assert_non_null(apart_missing_import(web));
	assert_string_equal(apart_missing_import(web)->from, "store");
	expect_providers(web, "");

	report(&f, store, DEPLOYED);
	assert_non_null(apart_missing_import(web));
	report(&f, store, STARTED);
	assert_null(apart_missing_import(web));
	expect_providers(web, "store@apart");
	fixture_done(&f);
}

static void the_former_set_is_apart_after_the_switch(void **state)
{
	struct fixture f;
	Samoza__V1__Rollout rollout;
	(void)state;
	begin(&f, &rollout);
	const struct copy *blue = serving_copy(slot(&f, "web"));
	struct copy *store = next_of(&f, "store"), *web = next_of(&f, "web");
	report(&f, store, DEPLOYED);
	report(&f, store, STARTED);
	report(&f, web, DEPLOYED);
	report(&f, web, STARTED);
	fixture_advance(&f, 6000); /* healthy for as long as is asked */
	assert_ptr_equal(serving_copy(slot(&f, "web")), web);
	assert_false(copy_is_apart(web));
	assert_ptr_equal(apart_copy(slot(&f, "web")), blue);
	assert_true(copy_is_apart(blue));
	assert_null(apart_missing_import(blue));
	expect_providers(blue, "store@apart");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_apart_without_a_change),
		cmocka_unit_test(what_is_apart_waits_for_providers_apart),
		cmocka_unit_test(the_former_set_is_apart_after_the_switch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
