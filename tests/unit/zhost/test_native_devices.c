/* What NATIVE instances get of the machine (docs/howto/devices.md). The nodes are those that every machine has. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "zhost/native/native_devices.h"

static Samoza__V1__ZhostSpec *zhost(const char *text)
{
	ProtobufCMessage *message = NULL;
	struct error *err = NULL;
	assert_int_equal(schema_read_yaml(&samoza__v1__zhost_spec__descriptor, "zhost", text,
					  strlen(text), SCHEMA_PARTIAL, NULL, &message, NULL,
					  &err),
			 0);
	return (Samoza__V1__ZhostSpec *)message;
}

static const char *value_of(const variable_vector *v, const char *name)
{
	vector_for_each (v, i)
		if (strcmp(i->name, name) == 0)
			return i->value;
	return "";
}

struct given {
	variable_vector settings, environment;
	struct error *err;
	int result;
};

static struct given give(const char *text, const Samoza__V1__InstanceSpec *spec,
			 bool must_be_there)
{
	struct given g = {0};
	Samoza__V1__ZhostSpec *z = zhost(text);
	g.result =
		native_devices_add(z, spec, must_be_there, &g.settings, &g.environment, &g.err);
	schema_message_free(&z->base);
	return g;
}

static void given_done(struct given *g)
{
	variables_done(&g->settings);
	variables_done(&g->environment);
	error_free(g->err);
}

#define CARDS                                                                               \
	"{name: n1, devices: [{kind: tty, model: A, count: 2, nodes: [\"/dev/null\"]}, "    \
	"{kind: tty, model: B, count: 9, nodes: [\"/dev/{index}\", /dev/null, /dev/zero], " \
	"env: {NUMBERS: \"<{indices}>\"}}, {kind: tty, model: B, count: 1, nodes: "         \
	"[/dev/full], env: {OTHER: \"{indices}\"}}]}"

static void test_a_device_gives_the_nodes_of_its_entry_and_its_number_there(void **state)
{
	Samoza__V1__DeviceChoice three = SAMOZA__V1__DEVICE_CHOICE__INIT, ten = three;
	Samoza__V1__DeviceChoice *list[] = {&three, &ten};
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;

	(void)state;
	three.kind = ten.kind = (char *)"tty";
	three.model = ten.model = (char *)"B";
	three.index = 3;
	ten.index = 9;
	spec.devices = list;
	spec.n_devices = 2;
	/* /dev/3 is missing: left out where nothing is started. */
	struct given g = give(CARDS, &spec, false);
	assert_int_equal(g.result, 0);
	assert_string_equal(value_of(&g.settings, "devices"), "/dev/null /dev/zero /dev/full");
	assert_string_equal(value_of(&g.settings, "device_groups"), "");
	assert_string_equal(value_of(&g.environment, "NUMBERS"), "<3>");
	assert_string_equal(value_of(&g.environment, "OTHER"), "0");
	given_done(&g);
	g = give(CARDS, &spec, true);
	assert_int_equal(g.result, ERR_NOT_FOUND);
	assert_non_null(strstr(g.err->message, "device node /dev/3 of tty is missing"));
	given_done(&g);
	ten.index = 10;
	spec.devices = list + 1;
	spec.n_devices = 1;
	g = give(CARDS, &spec, true);
	assert_non_null(strstr(g.err->message, "no tty B of number 10 any longer"));
	given_done(&g);
}

static void
test_a_capability_gives_nodes_and_groups_once_and_one_that_is_no_node_nothing(void **state)
{
	char *capabilities[] = {(char *)"a", (char *)"b", (char *)"none"};
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;

	(void)state;
	spec.capabilities = capabilities;
	spec.n_capabilities = 3;
	struct given g =
		give("{name: n1, capabilities: [{name: a, devices: [/dev/zero], groups: "
		     "[root]}, {name: b, devices: [/dev/zero, /dev/null], groups: "
		     "[root]}, {name: c, devices: [/dev/full]}]}",
		     &spec, true);
	assert_int_equal(g.result, 0);
	assert_string_equal(value_of(&g.settings, "devices"), "/dev/zero /dev/null");
	assert_string_equal(value_of(&g.settings, "device_groups"), "0");
	given_done(&g);
	/* A directory. */
	g = give("{name: n1, capabilities: [{name: a, devices: [/dev/fd]}]}", &spec, true);
	assert_non_null(strstr(g.err->message, "/dev/fd of a is missing"));
	given_done(&g);
	g = give("{name: n1, capabilities: [{name: a, groups: [no-such-group]}]}", &spec, true);
	assert_non_null(strstr(g.err->message, "group no-such-group of a is not there"));
	given_done(&g);
}

static void test_names_are_those_that_are_offered_and_there(void **state)
{
	(void)state;
	Samoza__V1__ZhostSpec *z =
		zhost("{name: n1, capabilities: [b, {name: a, exclusive: true}]}");
	zhost_spec_name_capabilities(z);
	assert_int_equal(z->n_capabilities, 2);
	assert_string_equal(z->capabilities[0], "a");
	z->offers[1]->missing = mem_strdup("/dev/a");
	zhost_spec_name_capabilities(z);
	assert_int_equal(z->n_capabilities, 1);
	assert_string_equal(z->capabilities[0], "b");
	struct zhost_spec compiled;
	assert_int_equal(zhost_spec_compile(z, NULL, NULL, NULL, &compiled, NULL), 0);
	assert_false(zhost_spec_offers(&compiled, "a"));
	assert_int_equal(compiled.device_count, 0);
	zhost_spec_done(&compiled);
	schema_message_free(&z->base);
}

/* Another name of /dev/null for each number of 11 bits. */
static char *name_of_null(unsigned number)
{
	char text[64] = "/dev";
	for (unsigned bit = 0; bit < 11; bit++)
		strcat(text, (number >> bit & 1) != 0 ? "/." : "/");
	strcat(text, "/null");
	return mem_strdup(text);
}

static void test_more_nodes_than_an_instance_can_have_are_refused_with_what_to_do(void **state)
{
	Samoza__V1__DeviceChoice first = SAMOZA__V1__DEVICE_CHOICE__INIT;
	Samoza__V1__DeviceChoice *list[] = {&first};
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__DeviceOffer card = SAMOZA__V1__DEVICE_OFFER__INIT;
	Samoza__V1__DeviceOffer *cards[] = {&card};
	Samoza__V1__ZhostSpec z = SAMOZA__V1__ZHOST_SPEC__INIT;
	char *nodes[1025];

	(void)state;
	for (unsigned k = 0; k < 1025; k++)
		nodes[k] = name_of_null(k);
	card.kind = first.kind = (char *)"gpu";
	card.count = 1;
	card.nodes = nodes;
	z.devices = cards;
	z.n_devices = 1;
	spec.devices = list;
	spec.n_devices = 1;
	for (size_t count = 1024; count <= 1025; count++) {
		struct given g = {0};
		card.n_nodes = count;
		g.result = native_devices_add(&z, &spec, true, &g.settings, &g.environment,
					      &g.err);
		assert_int_equal(g.result == 0, count == 1024);
		if (g.err != NULL)
			assert_non_null(strstr(g.err->message,
					       "more than 1024 device nodes, or more than 64 "
					       "KiB of their names: let the space ask for "
					       "fewer"));
		given_done(&g);
	}
	struct given less = {0}; /* at the end what fits is enough */
	assert_int_equal(native_devices_add(&z, &spec, false, &less.settings, &less.environment,
					    &less.err),
			 0);
	given_done(&less);
	for (unsigned k = 0; k < 1025; k++)
		free(nodes[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_device_gives_the_nodes_of_its_entry_and_its_number_there),
		cmocka_unit_test(
			test_a_capability_gives_nodes_and_groups_once_and_one_that_is_no_node_nothing),
		cmocka_unit_test(
			test_more_nodes_than_an_instance_can_have_are_refused_with_what_to_do),
		cmocka_unit_test(test_names_are_those_that_are_offered_and_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
