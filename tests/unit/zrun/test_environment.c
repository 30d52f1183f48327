/* The environment of recipes: docs/native-spaces.md, "Environment". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "zrun/native/environment.h"

#define SET(text) text, sizeof(text) - 1 /* ends with the NUL of its last value */

/* The strings, each followed by ';'. */
static void expect(struct strings *s, unsigned count, const char *wanted)
{
	for (size_t n = 0; n < s->size; n++)
		if (s->data[n] == '\0')
			s->data[n] = ';';
	strings_add_text(s, "", 0);
	assert_string_equal(s->data, wanted);
	assert_int_equal(s->count, count + 1);
	strings_done(s);
}

static void test_imports_by_name_and_index(void **state)
{
	struct strings s = {0};

	(void)state;
	environment_imports(&s, "SAMOZA",
			    SET("database db-1 ip\0"
				"10.0.0.1\0database db-1 port\0"
				"1\0database db-2 ip\0"
				"10.0.0.2\0my-cache redis \0\0"));
	expect(&s, 8,
	       "SAMOZA_IMPORT_database_0_PATH=db-1;SAMOZA_IMPORT_database_0_ip=10.0.0.1;"
	       "SAMOZA_IMPORT_database_0_port=1;SAMOZA_IMPORT_database_1_PATH=db-2;"
	       "SAMOZA_IMPORT_database_1_ip=10.0.0.2;SAMOZA_IMPORT_database_COUNT=2;"
	       "SAMOZA_IMPORT_my_cache_0_PATH=redis;SAMOZA_IMPORT_my_cache_COUNT=1;");
}

static void test_env_is_of_the_instance_and_gives_way_to_what_is_there(void **state)
{
	static const char set[] = "db db-1 ip\0"
				  "1\0@ env TERM\0"
				  "dumb\0@ env A\0"
				  "b\0@ config a.conf\0"
				  "c";
	struct strings s = {0};

	(void)state;
	environment_settings(&s, set, sizeof(set));
	expect(&s, 2, "TERM=dumb;A=b;");
	strings_add(&s, "TERM", "xterm");
	environment_settings(&s, set, sizeof(set));
	expect(&s, 2, "TERM=xterm;A=b;");
}

static void test_nothing_is_imported(void **state)
{
	struct strings s = {0};

	(void)state;
	environment_imports(&s, "SAMOZA", "", 0);
	expect(&s, 0, "");
}

static void test_changes(void **state)
{
	struct strings s = {0};

	(void)state;
	environment_changes(&s,
			    SET("d a ip\0"
				"1\0d b ip\0"
				"2\0c x ip\0"
				"3\0"),
			    SET("d b ip\0"
				"2\0d e ip\0"
				"9\0d f ip\0"
				"8\0c x ip\0"
				"4\0"));
	expect(&s, 3,
	       "SAMOZA_UPDATE_ADDED=d:e "
	       "d:f;SAMOZA_UPDATE_REMOVED=d:a;SAMOZA_UPDATE_CHANGED=c:x;");
}

static void test_an_added_or_removed_variable_is_a_change(void **state)
{
	struct strings s = {0};

	(void)state;
	environment_changes(&s,
			    SET("d a ip\0"
				"1\0"),
			    SET("d a ip\0"
				"1\0d a port\0"
				"2\0"));
	expect(&s, 3, "SAMOZA_UPDATE_ADDED=;SAMOZA_UPDATE_REMOVED=;SAMOZA_UPDATE_CHANGED=d:a;");
}

static void test_a_malformed_set_ends_at_the_malformed_entry(void **state)
{
	struct strings s = {0};

	(void)state;
	environment_imports(&s, "SAMOZA",
			    SET("d a ip\0"
				"1\0nonsense\0"
				"2\0"));
	expect(&s, 3,
	       "SAMOZA_IMPORT_d_0_PATH=a;SAMOZA_IMPORT_d_0_ip=1;SAMOZA_IMPORT_d_COUNT=1;");
}

static void test_find(void **state)
{
	const char text[] = "ab=1\0a=2\0abc=\0";

	(void)state;
	assert_string_equal(strings_find(text, sizeof(text) - 1, "a"), "2");
	assert_string_equal(strings_find(text, sizeof(text) - 1, "abc"), "");
	assert_null(strings_find(text, sizeof(text) - 1, "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_imports_by_name_and_index),
		cmocka_unit_test(test_env_is_of_the_instance_and_gives_way_to_what_is_there),
		cmocka_unit_test(test_nothing_is_imported),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_an_added_or_removed_variable_is_a_change),
		cmocka_unit_test(test_a_malformed_set_ends_at_the_malformed_entry),
		cmocka_unit_test(test_find),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
