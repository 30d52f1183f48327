/* Slots that come and go while others run, and revisions that are past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/provider_set.h"
#include "stage.h"

static const char before[] = "  - {name: db, type: NATIVE, provides: [storage]}\n"
			     "  - {name: api, type: CALL, count: 2,\n"
			     "     imports: [{from: storage}]}\n"
			     "  - {name: cache, type: CALL, inside: api}\n";
static const char after[] = "  - {name: db, type: NATIVE}\n"
			    "  - {name: other, type: NATIVE, provides: [storage]}\n"
			    "  - {name: api, type: CALL, count: 3,\n"
			    "     imports: [{from: storage}]}\n";

static const struct declarations *declare(struct stage *stage, const char *spaces)
{
	CLEANUP(topology_unrefp) struct topology *topology = stage_compile(spaces);
	return slot_set_declare(&stage->slots, topology);
}

/* As a copy of that revision serves it. */
static void serve(struct stage *stage, const char *path, const struct declarations *d)
{
	struct slot *s = stage_slot(stage, path);
	struct serving_facts facts = s->serving;
	facts.declared = declarations_of(d, s);
	facts.placed = true;
	slot_set_serving(s, &facts);
}

static void end(struct stage *stage, const char *path, slot_list *gone)
{
	struct slot *s = stage_slot(stage, path);
	goal_request(s, GOAL_NOT_DEPLOYED, "removed");
	slot_move(s, STATE_NOT_DEPLOYED, false, "removed");
	s->serving.placed = false;
	vector_push(gone, s);
}

static void check_paths(struct stage *stage, const char *expected)
{
	CLEANUP(buffer_done) struct buffer paths = BUFFER_INIT(4096);
	uint32_t id = 0;
	vector_for_each (&stage->slots.slots, s) {
		assert_int_equal((*s)->id, id++);
		assert_int_equal(buffer_printf(&paths, " %s", (*s)->path), 0);
	}
	assert_string_equal(paths.data, expected);
}

static void count(void *user, struct slot *provider)
{
	(void)provider;
	++*(unsigned *)user;
}

static unsigned started_providers(struct stage *stage, const char *name)
{
	struct provider_set *set = NULL;
	unsigned found = 0;
	HASH_FIND_STR(stage->slots.providers, name, set);
	provider_set_each_started(set, count, &found);
	assert_int_equal(found, set->started);
	return found;
}

static void slots_come_while_others_run(void **state)
{
	(void)state;
	struct stage stage;
	stage_set_up(&stage, before, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	const struct slot *api = stage_slot(&stage, "api-2");
	(void)declare(&stage, after);
	check_paths(&stage, " db api-1 api-1/cache api-2 api-2/cache other api-3");
	assert_ptr_equal(stage_slot(&stage, "api-2"), api);
	assert_int_equal(api->state, STATE_DEPLOYED_STARTED);
	assert_int_equal(stage_slot(&stage, "api-3")->state, STATE_NOT_DEPLOYED);
	stage_tear_down(&stage);
}

static void slots_go_while_others_run(void **state)
{
	(void)state;
	struct stage stage;
	slot_list gone = {0};
	stage_set_up(&stage, before, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	const struct declarations *second = declare(&stage, after);
	uint32_t serial = stage_slot(&stage, "api-2")->serial;
	end(&stage, "api-1/cache", &gone);
	slot_set_remove(&stage.slots, &gone);
	check_paths(&stage, " db api-1 api-2 api-2/cache other api-3");
	assert_int_equal(stage_slot(&stage, "api-2")->serial, serial);
	assert_int_equal(slot_set_from_serial(&stage.slots, serial),
			 stage_slot(&stage, "api-2")->id);
	assert_null(stage_slot(&stage, "api-1")->first_child);
	assert_int_equal(stage_slot(&stage, "api-2")->active_below, 1);
	/* Both revisions still find each slot that is left. */
	assert_ptr_equal(
		declarations_of(second, stage_slot(&stage, "api-2"))->space,
		&second->topology->spaces[topology_find_space(second->topology, "api")]);
	assert_int_equal(lifecycle_pop(&stage.lifecycle) == NULL, 0);
	lifecycle_settle(&stage.lifecycle);
	vector_done(&gone);
	stage_tear_down(&stage);
}

static void a_slot_that_was_removed_may_come_again(void **state)
{
	(void)state;
	struct stage stage;
	slot_list gone = {0};
	stage_set_up(&stage, before, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	const struct declarations *first = stage.slots.declarations.items[0];
	end(&stage, "api-2/cache", &gone);
	slot_set_remove(&stage.slots, &gone);
	assert_null(slot_find(&stage.slots, "api-2/cache"));
	(void)declare(&stage, before);
	struct slot *again = stage_slot(&stage, "api-2/cache");
	assert_ptr_equal(again->parent, stage_slot(&stage, "api-2"));
	assert_non_null(declarations_of(first, again));
	vector_done(&gone);
	stage_tear_down(&stage);
}

static void what_a_slot_is_served_in_says_what_it_provides(void **state)
{
	(void)state;
	struct stage stage;
	stage_set_up(&stage, before, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	const struct declarations *second = declare(&stage, after);
	assert_int_equal(started_providers(&stage, "storage"), 1);
	serve(&stage, "db", second);
	assert_int_equal(started_providers(&stage, "storage"), 0);
	serve(&stage, "other", second);
	slot_restore(stage_slot(&stage, "other"), GOAL_DEPLOYED_STARTED,
		     STATE_DEPLOYED_STARTED);
	assert_int_equal(started_providers(&stage, "storage"), 1);
	lifecycle_settle(&stage.lifecycle);
	stage_tear_down(&stage);
}

static void a_revision_that_is_past_leaves_names_and_paths_behind(void **state)
{
	(void)state;
	struct stage stage;
	stage_set_up(&stage, before, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	const struct declarations *second = declare(&stage, before);
	const struct declarations *first = stage.slots.declarations.items[0];
	vector_for_each (&stage.slots.slots, s)
		serve(&stage, (*s)->path, second);
	slot_set_withdraw(&stage.slots, first); /* the last reference of its topology */
	check_paths(&stage, " db api-1 api-1/cache api-2 api-2/cache");
	assert_int_equal(started_providers(&stage, "storage"), 1);
	goal_request(stage_slot(&stage, "db"), GOAL_NOT_DEPLOYED, "stopped");
	stage_run(&stage);
	assert_int_equal(stage_slot(&stage, "api-1")->state, STATE_UNRESOLVED);
	stage_tear_down(&stage);
}

/* CPU time of `count` applications that come and go. */
static double seconds_of(unsigned count)
{
	static const struct lifecycle_observer observer;
	struct lifecycle l;
	struct slot_set *sets = mem_new_array(struct slot_set, count);
	char **names = mem_new_array(char *, count);
	clock_t from = clock();
	lifecycle_init(&l, &observer);
	for (unsigned n = 0; n < count; n++) {
		names[n] = str_printf("application-%u", n);
		slot_set_init(&sets[n], &l, names[n]);
	}
	for (unsigned n = 0; n < count; n++) {
		assert_ptr_equal(lifecycle_slot_set(&l, names[n]), &sets[n]);
		slot_set_done(&sets[n]);
		free(names[n]);
	}
	lifecycle_done(&l);
	free(sets);
	free(names);
	return (double)(clock() - from) / CLOCKS_PER_SEC;
}

/* Eight times as many take some eight times as long, or a little more where they do not fit into the
 * processor's cache; a search through all would take 64 times. */
static void many_applications_are_found_as_fast_as_few(void **state)
{
	(void)state;
	double few = 0, many = 0;
	for (int run = 0; run == 0 || (run < 4 && many > 30 * few); run++) {
		few = seconds_of(5000);
		many = seconds_of(40000);
	}
	print_message("5,000: %.3f s, 40,000: %.3f s\n", few, many);
	assert_true(many <= 30 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_come_while_others_run),
		cmocka_unit_test(slots_go_while_others_run),
		cmocka_unit_test(a_slot_that_was_removed_may_come_again),
		cmocka_unit_test(what_a_slot_is_served_in_says_what_it_provides),
		cmocka_unit_test(a_revision_that_is_past_leaves_names_and_paths_behind),
		cmocka_unit_test(many_applications_are_found_as_fast_as_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
