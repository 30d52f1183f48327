/*
 * Ordered stops, without a daemon: who may stop before whom. Each case is a topology, all of it
 * started, and the order in which the rules let its instances go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "core/lifecycle/lifecycle.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"

struct stage {
	struct lifecycle lifecycle;
	struct application *app;
	struct buffer order; /* "b a c": as they entered stopping; '|' between two rounds */
};

static void on_moved(void *user, struct instance *i, enum instance_state from,
		     const char *cause)
{
	struct stage *stage = user;
	(void)from;
	(void)cause;
	if (i->state == STATE_STOPPING)
		assert_int_equal(buffer_printf(&stage->order, "%s%s",
					       stage->order.size > 0 ? " " : "",
					       instance_decl(i)->path),
				 0);
}

static void on_instance(void *user, struct instance *i)
{
	(void)user;
	(void)i;
}

static void on_goal_changed(void *user, struct instance *i, enum instance_goal from)
{
	(void)user;
	(void)i;
	(void)from;
}

static void on_imports_changed(void *user, struct application *app, unsigned space)
{
	(void)user;
	(void)app;
	(void)space;
}

static const struct lifecycle_listener listener = {
	.moved = on_moved,
	.ordered = on_instance,
	.goal_changed = on_goal_changed,
	.gone = on_instance,
	.imports_changed = on_imports_changed,
};

static void set_up(struct stage *stage, const char *spaces)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	struct diagnostics findings = {0};
	struct buffer yaml = BUFFER_INIT(64 * 1024);
	assert_int_equal(buffer_printf(&yaml,
				       "apiVersion: samoza/v1\nkind: Topology\n"
				       "metadata: {name: t}\nspaces:\n%s",
				       spaces),
			 0);
	text = buffer_steal(&yaml);
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text,
				 strlen(text), 0, &findings, &message, NULL, &err);
	if (r < 0)
		fail_msg("%s", err->message);
	r = topology_compile((Samoza__V1__Topology *)message, NULL, NULL, &findings, &topology,
			     &err);
	if (r < 0)
		fail_msg("%s", err->message);
	diagnostics_done(&findings);
	lifecycle_init(&stage->lifecycle, &listener, stage);
	stage->order = BUFFER_INIT(64 * 1024);
	stage->app = application_new(&stage->lifecycle, topology, NULL);
	for (uint32_t k = 0; k < topology->instance_count; k++) {
		struct instance *i = &stage->app->instances[k];
		i->zhost = stage; /* somewhere */
		instance_restore(i, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
		i->target = TARGET_STARTED;
	}
}

static void tear_down(struct stage *stage)
{
	application_free(stage->app);
	lifecycle_done(&stage->lifecycle);
	buffer_done(&stage->order);
}

/* Stops end in rounds: all that are stopping, then the rules, and so on. */
static char *stop_all(struct stage *stage)
{
	struct application *app = stage->app;
	assert_int_equal(group_request(app, NULL, GROUP_STOP_ALL, "stopped", NULL), 0);
	lifecycle_settle(&stage->lifecycle);
	for (bool any = true; any;) {
		any = false;
		assert_int_equal(buffer_add_string(&stage->order, " |"), 0);
		for (uint32_t k = 0; k < app->topology->instance_count; k++) {
			if (app->instances[k].state != STATE_STOPPING)
				continue;
			instance_stopped(&app->instances[k], "stopped");
			any = true;
		}
		lifecycle_settle(&stage->lifecycle);
	}
	for (uint32_t k = 0; k < app->topology->instance_count; k++)
		assert_int_equal(app->instances[k].state, STATE_DEPLOYED_STOPPED);
	return buffer_steal(&stage->order);
}

static void check(const char *spaces, const char *expected)
{
	struct stage stage = {0};
	set_up(&stage, spaces);
	CLEANUP(freep) char *seen = stop_all(&stage);
	assert_string_equal(seen, expected);
	tear_down(&stage);
}

static void importers_stop_before_providers(void **state)
{
	(void)state;
	check("- {name: db, type: DATA}\n"
	      "- {name: api, type: CALL, imports: [{from: db}]}\n"
	      "- {name: web, type: CALL, imports: [{from: api}]}\n",
	      "web | api | db | |");
}

static void children_stop_before_parents(void **state)
{
	(void)state;
	check("- {name: host, type: DATA}\n"
	      "- {name: inner, type: CALL, inside: host}\n"
	      "- {name: leaf, type: CALL, inside: inner, count: 2}\n",
	      "host/inner/leaf-1 host/inner/leaf-2 | host/inner | host | |");
}

static void a_child_that_provides_waits_for_its_importer_though_its_parent_stops(void **state)
{
	(void)state;
	check("- {name: host, type: DATA}\n"
	      "- {name: db, type: DATA, inside: host}\n"
	      "- {name: web, type: CALL, imports: [{from: db}]}\n",
	      "web | host/db | host | |");
}

static void all_importers_stop_before_any_provider(void **state)
{
	(void)state;
	check("- {name: db, type: DATA, count: 2}\n"
	      "- {name: web, type: CALL, count: 3, imports: [{from: db}]}\n",
	      "web-1 web-2 web-3 | db-1 db-2 | |");
}

static void an_optional_import_orders_too(void **state)
{
	(void)state;
	check("- {name: cache, type: DATA}\n"
	      "- {name: web, type: CALL, imports: [{from: cache, optional: true}]}\n",
	      "web | cache | |");
}

/* b needs a; a likes to have b: the optional one gives way, so b stops first. */
static void in_a_cycle_the_optional_import_gives_way(void **state)
{
	(void)state;
	check("- {name: a, type: CALL, imports: [{from: b, optional: true}]}\n"
	      "- {name: b, type: CALL, imports: [{from: a}]}\n",
	      "b | a | |");
}

static void among_equal_constraints_the_smallest_path_gives_way(void **state)
{
	(void)state;
	check("- {name: y, type: CALL, imports: [{from: x, optional: true}]}\n"
	      "- {name: x, type: CALL, imports: [{from: y, optional: true}]}\n",
	      "x | y | |");
}

/* z hangs on the cycle but is not part of it: its own constraint is kept. */
static void what_waits_for_a_cycle_is_not_what_gives_way(void **state)
{
	(void)state;
	check("- {name: a, type: DATA}\n"
	      "- {name: m, type: CALL, imports: [{from: n, optional: true}, {from: a}]}\n"
	      "- {name: n, type: CALL, imports: [{from: m, optional: true}]}\n",
	      "m | a n | |");
}

static void peers_that_import_each_other_stop_one_by_one(void **state)
{
	(void)state;
	check("- {name: node, type: DATA, count: 3, imports: [{from: node, optional: true}]}\n",
	      "node-1 | node-2 | node-3 | |");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(importers_stop_before_providers),
		cmocka_unit_test(children_stop_before_parents),
		cmocka_unit_test(
			a_child_that_provides_waits_for_its_importer_though_its_parent_stops),
		cmocka_unit_test(all_importers_stop_before_any_provider),
		cmocka_unit_test(an_optional_import_orders_too),
		cmocka_unit_test(in_a_cycle_the_optional_import_gives_way),
		cmocka_unit_test(among_equal_constraints_the_smallest_path_gives_way),
		cmocka_unit_test(what_waits_for_a_cycle_is_not_what_gives_way),
		cmocka_unit_test(peers_that_import_each_other_stop_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
