/* The environment of recipes: docs/native-spaces.md, "Environment". */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "zhost/environment/variables.h"

static Samoza__V1__Variable ip = {.name = (char *)"ip", .value = (char *)"10.0.0.1"};
static Samoza__V1__Variable port = {.name = (char *)"http-port", .value = (char *)"20001"};
static Samoza__V1__Variable *exports[] = {&ip, &port};

/* The strings "NAME=VALUE;" one after the other. */
static void expect(variable_vector *v, const char *wanted)
{
	char text[1024] = "";

	vector_for_each (v, i) {
		strcat(text, i->name);
		strcat(text, "=");
		strcat(text, i->value);
		strcat(text, ";");
	}
	assert_string_equal(text, wanted);
	variables_done(v);
}

static void test_identity(void **state)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	variable_vector v = {0};

	(void)state;
	key.topology = (char *)"id-1";
	key.path = (char *)"api-2/cache";
	key.epoch = 7;
	spec.topology_name = (char *)"shop";
	spec.space = (char *)"cache";
	variables_identity(&v, &key, &spec, "edge-1");
	expect(&v, "SAMOZA_TOPOLOGY=shop;SAMOZA_TOPOLOGY_ID=id-1;SAMOZA_SPACE=cache;"
		   "SAMOZA_INSTANCE=api-2/cache;SAMOZA_EPOCH=7;SAMOZA_ZHOST=edge-1;");
}

static void test_exports_get_names_that_a_shell_takes(void **state)
{
	variable_vector v = {0};

	(void)state;
	variables_exports(&v, exports, 2);
	expect(&v, "SAMOZA_EXPORT_ip=10.0.0.1;SAMOZA_EXPORT_http_port=20001;");
}

static void test_ancestors_by_space(void **state)
{
	variable_vector v = {0};

	(void)state;
	variables_ancestor(&v, "app-server", "app-server-2", exports, 2);
	expect(&v, "SAMOZA_ANCESTOR_app_server_PATH=app-server-2;"
		   "SAMOZA_ANCESTOR_app_server_ip=10.0.0.1;"
		   "SAMOZA_ANCESTOR_app_server_http_port=20001;");
}

static void test_providers_of_one_import_follow_each_other(void **state)
{
	Samoza__V1__Provider a = SAMOZA__V1__PROVIDER__INIT, b = a, c = a;
	Samoza__V1__Provider *providers[] = {&a, &b, &c};
	Samoza__V1__Variable *only_ip[] = {&ip};
	variable_vector v = {0};

	(void)state;
	a.import = c.import = (char *)"database";
	b.import = (char *)"cache";
	a.path = (char *)"db-1";
	b.path = (char *)"redis";
	c.path = (char *)"db-2";
	a.variables = exports;
	a.n_variables = 2;
	c.variables = only_ip;
	c.n_variables = 1;
	variables_imports(&v, providers, 3);
	expect(&v, "database db-1 ip=10.0.0.1;database db-1 http-port=20001;"
		   "database db-2 ip=10.0.0.1;cache redis =;");
}

static void expect_text(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	free(text);
}

static void test_only_own_exports_are_replaced(void **state)
{
	(void)state;
	expect_text(variables_replace("http://${ip}:${http-port}/", exports, 2),
		    "http://10.0.0.1:20001/");
	expect_text(variables_replace("a ${HOME} ${ip", exports, 2), "a ${HOME} ${ip");
	expect_text(variables_replace("${${ip}}", exports, 2), "${10.0.0.1}");
	expect_text(variables_replace("", exports, 2), "");
	expect_text(variables_port("http-port", exports, 2), "20001");
	expect_text(variables_port("8080", exports, 2), "8080");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_exports_get_names_that_a_shell_takes),
		cmocka_unit_test(test_ancestors_by_space),
		cmocka_unit_test(test_providers_of_one_import_follow_each_other),
		cmocka_unit_test(test_only_own_exports_are_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
