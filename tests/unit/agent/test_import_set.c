/* Providers are shared by the lists of zrms and the orders that were made with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/agent/import_set.h"

enum { IMPORTERS = 2, PROVIDERS = 3 };

/* An agent whose outbox the test keeps. */
struct importers {
	struct agent *agent;
	struct agent_outbox outbox;
	uint64_t sets;
};

static void take(struct importers *s, const struct agent_input *input)
{
	agent_outbox_clear(&s->outbox);
	agent_handle(s->agent, (struct instant){.mono_ms = 1000, .wall_ms = 1000}, input,
		     &s->outbox);
}

/* All importers of one list, whose providers export this port. */
static void ask(struct importers *s, const char *port, uint64_t list_version)
{
	char paths[PROVIDERS][8], keys[IMPORTERS][8];
	Samoza__V1__Variable variable = SAMOZA__V1__VARIABLE__INIT, *variables = &variable;
	Samoza__V1__Provider provider[PROVIDERS], *providers[PROVIDERS];
	Samoza__V1__ProviderList list = SAMOZA__V1__PROVIDER_LIST__INIT, *lists = &list;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__InstanceKey key[IMPORTERS];
	Samoza__V1__DesiredInstance entry[IMPORTERS], *entries[IMPORTERS];
	Samoza__V1__Desired desired = SAMOZA__V1__DESIRED__INIT;
	uint64_t id = 1;
	variable.name = (char *)"port";
	variable.value = (char *)port;
	for (int k = 0; k < PROVIDERS; k++) {
		samoza__v1__provider__init(&provider[k]);
		(void)snprintf(paths[k], sizeof paths[k], "db-%d", k + 1);
		provider[k].import = (char *)"db";
		provider[k].path = paths[k];
		provider[k].variables = &variables;
		provider[k].n_variables = 1;
		providers[k] = &provider[k];
	}
	list.id = id;
	list.version = list_version;
	list.full = s->sets == 0;
	list.providers = providers;
	list.n_providers = PROVIDERS;
	spec.topology_name = (char *)"app";
	spec.space = (char *)"web";
	for (int k = 0; k < IMPORTERS; k++) {
		(void)snprintf(keys[k], sizeof keys[k], "web-%d", k + 1);
		samoza__v1__instance_key__init(&key[k]);
		key[k].topology = (char *)"T";
		key[k].path = keys[k];
		key[k].epoch = (uint64_t)k + 1;
		samoza__v1__desired_instance__init(&entry[k]);
		entry[k].key = &key[k];
		entry[k].spec = &spec;
		entry[k].generation = entry[k].imports_version = s->sets + 1;
		entry[k].has_imports_version = true;
		entry[k].target = SAMOZA__V1__TARGET__TARGET_STARTED;
		entry[k].import_lists = &id;
		entry[k].n_import_lists = 1;
		entries[k] = &entry[k];
	}
	desired.full = s->sets == 0;
	desired.version = ++s->sets;
	desired.lists = &lists;
	desired.n_lists = 1;
	desired.instances = entries;
	desired.n_instances = IMPORTERS;
	take(s, &(struct agent_input){.type = AGENT_DESIRED, .desired = &desired});
}

static void begin(struct importers *s)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	spec.name = (char *)"n1";
	*s = (struct importers){
		.agent = agent_new(&(struct agent_config){.identity = "i",
							  .incarnation = 1,
							  .spec = &spec,
							  .heartbeat_ms = 10000,
							  .failure_timeout_ms = 30000})};
	agent_outbox_init(&s->outbox);
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	take(s, &(struct agent_input){.type = AGENT_LINK_UP});
	take(s, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
	ask(s, "80", 1);
}

/* The start of the importer that was deployed by this action; the caller has a reference. */
static struct import_set *start(struct importers *s, uint64_t deployed)
{
	take(s, &(struct agent_input){.type = AGENT_ACTION_DONE, .done = {.action = deployed}});
	assert_int_equal(s->outbox.orders.count, 1);
	const struct agent_order *order = &s->outbox.orders.items[0];
	assert_int_equal(order->kind, ACTION_START);
	assert_int_equal(order->n_imports, PROVIDERS);
	assert_ptr_equal(order->imports, order->import_set->providers);
	return import_set_ref(order->import_set);
}

static void orders_share_providers_and_keep_them_as_they_were(void **state)
{
	(void)state;
	struct importers s;
	begin(&s);
	struct import_set *first = start(&s, 1), *second = start(&s, 2);
	for (size_t k = 0; k < PROVIDERS; k++)
		assert_ptr_equal(first->providers[k], second->providers[k]);
	ask(&s, "81", 2);
	assert_string_equal(first->providers[0]->variables[0]->value, "80");
	agent_outbox_done(&s.outbox);
	agent_free(s.agent); /* an order outlives it */
	assert_string_equal(second->providers[2]->path, "db-3");
	import_set_unref(first);
	import_set_unref(second);
}

/* Records of all versions have it. */
static void a_hash_is_that_of_all_words_one_after_the_other(void **state)
{
	(void)state;
	Samoza__V1__Provider from = SAMOZA__V1__PROVIDER__INIT;
	Samoza__V1__Variable variable = SAMOZA__V1__VARIABLE__INIT, *variables = &variable;
	from.import = (char *)"db";
	from.path = (char *)"db-1";
	variable.name = (char *)"port";
	variable.value = (char *)"80";
	from.variables = &variables;
	from.n_variables = 1;
	struct agent_provider *p = agent_provider_new(&from);
	uint64_t expected = 17;
	const char *words[] = {"db", "db-1", "port", "80"};
	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		expected = expected * 31 + str_hash(words[k]);
	assert_true(agent_provider_hash(p, 17) == expected);
	agent_provider_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_share_providers_and_keep_them_as_they_were),
		cmocka_unit_test(a_hash_is_that_of_all_words_one_after_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
