/* topology_compile(): what a topology is compiled to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "compile_text.h"
#include "model/compile.h"
#include "schema/message.h"

/* [change.counts.each] */
static void instances_on_each_zhost_have_one_pattern(void **state)
{
	struct topology *t =
		compile_good("- {name: agent, type: CALL, count: each}\n"
			     "- {name: lens, type: CALL, count: 2, inside: agent}\n"
			     "- {name: agent-x, type: CALL}\n");
	assert_int_equal(t->instance_count, 4);
	assert_string_equal(t->instances[0].path, "agent@");
	assert_string_equal(t->instances[2].path, "agent@/lens-2");
	assert_true(t->instances[2].is_pattern && !t->instances[3].is_pattern);
	assert_int_equal(topology_find_instance(t, "agent@n1"), 0);
	assert_int_equal(topology_find_instance(t, "agent@n-2.x/lens-2"), 2);
	assert_int_equal(topology_find_instance(t, "agent@n1/lens-3"), -1);
	assert_int_equal(topology_find_instance(t, "agent"), -1);
	assert_int_equal(topology_find_instance(t, "agent-x"), 3);
	assert_int_equal(topology_find_instance(t, "agent-x@n1"), -1);
	assert_true(t->spaces[0].each && t->spaces[0].offline_start);
	assert_true(t->spaces[1].offline_start);
	CLEANUP(freep) char *zhost = instance_path_zhost("agent@n1/lens-1");
	CLEANUP(freep) char *path = instance_path_on(t->instances[1].path, "n1");
	assert_string_equal(zhost, "n1");
	assert_string_equal(path, "agent@n1/lens-1");
	assert_null(instance_path_zhost("api-1/a@b"));
	topology_unref(t);
}

static void instances_are_expanded_in_preorder(void **state)
{
	struct topology *t =
		compile_good("- {name: store, type: DATA}\n"
			     "- {name: cache, type: DATA, inside: api}\n"
			     "- {name: api, type: CALL, count: 2}\n"
			     "- {name: leaf, type: CALL, inside: cache, count: 2}\n");
	static const struct {
		const char *path, *name;
		int parent;
		unsigned space, ordinal, subtree;
	} expected[] = {
		{"store", "store", -1, 0, 1, 1},
		{"api-1", "api-1", -1, 2, 1, 4},
		{"api-1/cache", "cache", 1, 1, 1, 3},
		{"api-1/cache/leaf-1", "leaf-1", 2, 3, 1, 1},
		{"api-1/cache/leaf-2", "leaf-2", 2, 3, 2, 1},
		{"api-2", "api-2", -1, 2, 2, 4},
		{"api-2/cache", "cache", 5, 1, 1, 3},
		{"api-2/cache/leaf-1", "leaf-1", 6, 3, 1, 1},
		{"api-2/cache/leaf-2", "leaf-2", 6, 3, 2, 1},
	};

	assert_int_equal(t->instance_count, ARRAY_SIZE(expected));
	for (unsigned i = 0; i < t->instance_count; i++) {
		assert_string_equal(t->instances[i].path, expected[i].path);
		assert_string_equal(t->instances[i].name, expected[i].name);
		assert_int_equal(t->instances[i].parent, expected[i].parent);
		assert_int_equal(t->instances[i].space, expected[i].space);
		assert_int_equal(t->instances[i].ordinal, expected[i].ordinal);
		assert_int_equal(t->instances[i].subtree_count, expected[i].subtree);
		assert_int_equal(topology_find_instance(t, expected[i].path), (int)i);
	}
	assert_int_equal(topology_find_instance(t, "api"), -1);
	assert_int_equal(topology_find_instance(t, "api-3"), -1);
	assert_int_equal(t->spaces[3].instance_count, 4);
	assert_int_equal(t->spaces[3].instances[2], 7);
	assert_int_equal(t->spaces[3].depth, 2);
	unsigned children = 0;
	instance_for_each_child (t, 2, child) {
		assert_int_equal(t->instances[child].parent, 2);
		children++;
	}
	assert_int_equal(children, 2);
	topology_unref(t);
}

static void names_are_resolved(void **state)
{
	struct topology *t = compile_good(
		"- name: web\n  type: UI\n  imports: [{from: database, variables: [ip, port]}, "
		"{from: api, optional: true}]\n"
		"- {name: my, type: DATA, provides: [database], exports: {port: \"3306\", ip: "
		"\"\"}}\n"
		"- {name: pg, type: DATA, provides: [store, database], exports: {port: "
		"\"5432\"}}\n"
		"- {name: api, type: CALL}\n"
		"paths:\n- {from: web, to: api, name: queries}\n- {from: api, to: my}\n");
	const struct import_decl *import = &t->spaces[0].imports[0];
	unsigned other = 99;

	assert_true(import->is_facet);
	assert_string_equal(import->from, "database");
	assert_int_equal(import->provider_count, 2);
	assert_int_equal(import->providers[0], 1);
	assert_int_equal(import->providers[1], 2);
	assert_int_equal(import->variable_count, 2);
	assert_false(import->optional);
	assert_true(t->spaces[0].imports[1].optional);
	assert_int_equal(t->spaces[0].imports[1].providers[0], 3);
	assert_int_equal(t->facet_count, 2);
	assert_string_equal(t->spaces[2].provides[0], "database");
	assert_string_equal(t->spaces[1].exports[0].name, "ip");
	assert_string_equal(t->spaces[1].exports[1].value, "3306");
	assert_int_equal(topology_find_path(t, 0, "queries", &other), 0);
	assert_int_equal(other, 3);
	assert_int_equal(topology_find_path(t, 3, "queries", &other), 0);
	assert_int_equal(other, 0);
	assert_int_equal(topology_find_path(t, 1, "api-my", &other), 1);
	assert_int_equal(other, 3);
	assert_int_equal(topology_find_path(t, 1, "queries", &other), -1);
	topology_unref(t);
}

static void defaults_are_filled_in(void **state)
{
	struct topology *t = compile_good("- {name: a, type: NATIVE}\n");
	const struct space *s = &t->spaces[0];

	assert_int_equal(s->count, 1);
	assert_int_equal(s->cpu_millicores, 50);
	assert_int_equal(s->memory_bytes, 32 << 20);
	assert_int_equal(s->restart_attempts, 5);
	assert_int_equal(s->restart_window_ms, 600000);
	assert_int_equal(s->stop_grace_ms, 10000);
	assert_int_equal(s->log_bytes, 10 << 20);
	assert_int_equal(s->log_keep_ms, 7 * 24 * 3600 * 1000);
	assert_int_equal(s->log_rate, 64 << 10);
	assert_int_equal(s->action_timeout_ms, 60000);
	assert_int_equal(s->strategy, STRATEGY_SPREAD);
	assert_int_equal(s->storage, STORAGE_CLUSTER);
	assert_int_equal(s->run_mode, RUN_SERVICE);
	assert_int_equal(s->ready.kind, PROBE_NONE);
	assert_int_equal(s->health.interval_ms, 10000);
	assert_false(s->exclusive);
	assert_string_equal(t->owner, "");
	topology_unref(t);
}

/* The sample of the format's description. */
static void every_field_is_compiled(void **state)
{
	struct topology *t = compile_good(
		"- name: store\n  type: DATA\n  count: 2\n  inside: \"\"\n  provides: "
		"[database]\n"
		"  capabilities: [sys.log, net.emit, data.read, data.write]\n"
		"  resources:\n    cpu: 100m\n    memory: 64MiB\n    devices:\n"
		"      - {kind: gpu, count: 1, share: 500m, model: [V100, T4]}\n"
		"  placement:\n    region: eu-west\n    kind: edge\n"
		"    constraints: [\"rack in (a, b)\", \"zone not in (z3)\", \"arch == "
		"x86_64\", "
		"\"ssd exists\", \"cores > 8\"]\n"
		"    near: {latitude: 48.85, longitude: 2.35, within: 50km}\n"
		"    affinity: [{with: api, scope: zhost, required: false, weight: 70}]\n"
		"    anti_affinity: [{with: self, scope: zhost, required: true}]\n"
		"    spread: [{over: region, max_skew: 2, required: true}]\n    strategy: "
		"pack\n"
		"  exports: {port: \"5432\", ip: \"\"}\n  exclusive: true\n  storage: local\n"
		"  restart: {attempts: 0, window: 1m}\n  stop: {grace: 0s}\n"
		"  logs: {size: 1MiB, keep: 1h, rate: 2KiB}\n"
		"  recipes: {timeout: 5s}\n  run: {mode: foreground}\n  ready: {tcp: port}\n"
		"  health: {http: \"http://127.0.0.1:${port}/\", interval: 1s, timeout: 2s, "
		"failures: 4}\n"
		"- {name: api, type: CALL}\n");
	const struct space *s = &t->spaces[0];

	assert_int_equal(s->cpu_millicores, 100);
	assert_int_equal(s->memory_bytes, 64 << 20);
	assert_int_equal(s->devices[0].share_milli, 500);
	assert_string_equal(s->devices[0].models[0], "T4");
	assert_int_equal(s->constraint_count, 7);
	assert_string_equal(s->constraints[0].text, "region == eu-west");
	assert_string_equal(s->constraints[1].text, "kind == edge");
	assert_int_equal(s->constraints[6].op, CONSTRAINT_GT);
	assert_true(s->near.set);
	assert_true(s->near.within_m == 50000);
	assert_int_equal(s->affinity[0].space_index, 1);
	assert_int_equal(s->affinity[0].weight, 70);
	assert_false(s->affinity[0].required);
	assert_true(s->anti_affinity[0].self);
	assert_int_equal(s->anti_affinity[0].space_index, 0);
	assert_true(s->anti_affinity[0].scope_is_zhost);
	assert_int_equal(s->spread[0].max_skew, 2);
	assert_true(s->spread[0].required);
	assert_int_equal(s->strategy, STRATEGY_PACK);
	assert_true(s->exclusive);
	assert_int_equal(s->storage, STORAGE_LOCAL);
	assert_int_equal(s->restart_attempts, 0);
	assert_int_equal(s->stop_grace_ms, 0);
	assert_int_equal(s->log_bytes, 1 << 20);
	assert_int_equal(s->log_keep_ms, 3600000);
	assert_int_equal(s->log_rate, 2048);
	assert_int_equal(s->action_timeout_ms, 5000);
	assert_int_equal(s->run_mode, RUN_FOREGROUND);
	assert_int_equal(s->ready.kind, PROBE_TCP);
	assert_int_equal(s->health.failures, 4);
	topology_unref(t);
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* `count` spaces, all of one facet that all import. The message is built by hand, so that only the
 * compile is measured, in CPU time. */
static double compile_seconds(unsigned count)
{
	Samoza__V1__Topology in = SAMOZA__V1__TOPOLOGY__INIT;
	Samoza__V1__TopologyMetadata metadata = SAMOZA__V1__TOPOLOGY_METADATA__INIT;
	Samoza__V1__Space *spaces = mem_new_array(Samoza__V1__Space, count);
	Samoza__V1__Space **list = mem_new_array(Samoza__V1__Space *, count);
	Samoza__V1__Import *imports = mem_new_array(Samoza__V1__Import, 2 * count);
	Samoza__V1__Import **import_list = mem_new_array(Samoza__V1__Import *, 2 * count);
	char facet[] = "all", *provides[] = {facet};
	struct timespec start;
	struct topology *t = NULL;

	metadata.name = "big";
	in.metadata = &metadata;
	in.spaces = list;
	in.n_spaces = count;
	for (unsigned i = 0; i < count; i++) {
		samoza__v1__space__init(&spaces[i]);
		list[i] = &spaces[i];
		spaces[i].name = str_printf("s%u", i);
		spaces[i].has_type = 1;
		spaces[i].type = SAMOZA__V1__SPACE_TYPE__CALL;
		spaces[i].n_provides = 1;
		spaces[i].provides = provides;
		spaces[i].has_count = 1;
		spaces[i].count = 10;
		samoza__v1__import__init(&imports[2 * i]);
		samoza__v1__import__init(&imports[2 * i + 1]);
		import_list[2 * i] = &imports[2 * i];
		import_list[2 * i + 1] = &imports[2 * i + 1];
		/* a chain, and everybody from everybody (the first one optionally) */
		imports[2 * i].from = i > 0 ? spaces[i - 1].name : facet;
		imports[2 * i].has_optional = 1;
		imports[2 * i].optional = i == 0;
		imports[2 * i + 1].from = facet;
		spaces[i].n_imports = i > 0 ? 2 : 1;
		spaces[i].imports = &import_list[2 * i];
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	struct error *err = NULL;
	if (topology_compile(&in, NULL, NULL, NULL, &t, &err) < 0)
		fail_msg("%s", err->message);
	double seconds = seconds_since(&start);
	print_message("%u spaces, %u instances: %.3f s\n", count, t->instance_count, seconds);
	assert_int_equal(t->instance_count, 10 * count);
	assert_int_equal(t->spaces[7].imports[1].provider_count, count);
	topology_unref(t);
	for (unsigned i = 0; i < count; i++)
		free(spaces[i].name);
	free(spaces);
	free(list);
	free(imports);
	free(import_list);
	return seconds;
}

/* Nothing may be quadratic: that would make a ratio of 16. */
static void compile_is_linear(void **state)
{
	(void)state;
	double quarter = compile_seconds(TOPOLOGY_MAX_SPACES / 4);
	assert_true(compile_seconds(TOPOLOGY_MAX_SPACES) < 8 * quarter + 0.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_are_expanded_in_preorder),
		cmocka_unit_test(instances_on_each_zhost_have_one_pattern),
		cmocka_unit_test(names_are_resolved),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(every_field_is_compiled),
		cmocka_unit_test(compile_is_linear),
	};
	return cmocka_run_group_tests_name("compiled topology", tests, NULL, NULL);
}
