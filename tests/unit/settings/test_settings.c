/* The language of env and of templates, and the sums that say whether a process has the values of now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/settings/settings.h"
#include "model/setting.h"

#define VARIABLE(n, v)                                                                 \
	(&(Samoza__V1__Variable){.base.descriptor = &samoza__v1__variable__descriptor, \
				 .name = (char *)(uintptr_t)(n),                       \
				 .value = (char *)(uintptr_t)(v)})

/* "text:a import:db.ip export:port wrong:${" */
static char *pieces_of(const char *text)
{
	static const char *const names[] = {[SETTING_TEXT] = "text",
					    [SETTING_EXPORT] = "export",
					    [SETTING_IMPORT] = "import",
					    [SETTING_WRONG] = "wrong"};
	struct buffer b = BUFFER_INIT(4096);
	struct setting_piece piece;
	(void)!buffer_add_string(&b, "");
	while ((piece = setting_next(&text)).kind != SETTING_END)
		(void)!buffer_printf(&b, "%s%s:%.*s", b.size > 0 ? " " : "", names[piece.kind],
				     (int)piece.size, piece.text);
	return buffer_steal(&b);
}

static void check_pieces(const char *text, const char *wanted)
{
	CLEANUP(freep) char *seen = pieces_of(text);
	assert_string_equal(seen != NULL ? seen : "", wanted);
}

static void test_the_language(void **state)
{
	(void)state;
	check_pieces("", "");
	check_pieces("plain $x $ {y}", "text:plain $x $ {y}");
	check_pieces("a${port}b", "text:a export:port text:b");
	check_pieces("${imports.db.ip}:${imports.shop/store-1.http_port}",
		     "import:db.ip text:: import:shop/store-1.http_port");
	check_pieces("${imports}", "export:imports");
	check_pieces("$${imports.db.ip}", "text:${ text:imports.db.ip}");
	check_pieces("$$${port}", "text:$ text:${ text:port}");
	check_pieces("${$}${port}", "text:$ export:port");
	check_pieces("a${$}{port}", "text:a text:$ text:{port}");
	check_pieces("a${", "text:a wrong:${");
	check_pieces("${}", "wrong:${}");
	check_pieces("${1a}", "wrong:${1a}");
	check_pieces("${imports.db}", "wrong:${imports.db}");
	check_pieces("${imports.DB.ip}", "wrong:${imports.DB.ip}");
	check_pieces("${imports.db.}", "wrong:${imports.db.}");
	check_pieces("${a b}c", "wrong:${a b}");
}

static Samoza__V1__Provider provider_of(const char *import, Samoza__V1__Variable **variables,
					size_t count)
{
	Samoza__V1__Provider p = SAMOZA__V1__PROVIDER__INIT;
	p.import = (char *)(uintptr_t)import;
	p.path = (char *)(uintptr_t) "db-1";
	p.variables = variables;
	p.n_variables = count;
	return p;
}

static void test_values_are_of_the_first_provider_that_has_them(void **state)
{
	(void)state;
	Samoza__V1__Variable *one[] = {VARIABLE("ip", "10.0.0.1")};
	Samoza__V1__Variable *two[] = {VARIABLE("ip", "10.0.0.2"), VARIABLE("port", "5432")};
	Samoza__V1__Variable *exports[] = {VARIABLE("name", "web")};
	Samoza__V1__Provider first = provider_of("db", one, 1),
			     second = provider_of("db", two, 2);
	Samoza__V1__Provider *providers[] = {&first, &second};
	CLEANUP(freep) char *text = NULL;
	assert_int_equal(settings_fill("${name} ${imports.db.ip}:${imports.db.port} "
				       "${imports.db.gone}. $${x}",
				       exports, 1, providers, 2, &text, NULL),
			 0);
	assert_string_equal(text, "web 10.0.0.1:5432 . ${x}");
	assert_null(settings_value(providers, 2, "other.ip"));
	assert_string_equal(settings_value(providers, 2, "db.port"), "5432");
}

/* [workloads.configuration] A value of a parameter is a value, whatever stands in it and around it. */
static void test_a_quoted_value_is_text(void **state)
{
	(void)state;
	static const char *const values[] = {
		"",   "plain $x", "${name}",	     "$${name}", "a$",	    "$",
		"$$", "${$}",	  "${imports.db.ip", "{name}",	 "$$${$${", "$}{"};
	static const char *const around[][2] = {
		{"", ""}, {"", "{name}"}, {"", "${name}"}, {"", "$${name}"}, {"x", "$"}};
	static const char *const filled[][2] = {
		{"", ""}, {"", "{name}"}, {"", "web"}, {"", "${name}"}, {"x", "$"}};
	Samoza__V1__Variable *exports[] = {VARIABLE("name", "web")};
	for (size_t k = 0; k < ARRAY_SIZE(values); k++)
		for (size_t n = 0; n < ARRAY_SIZE(around); n++) {
			CLEANUP(freep) char *quoted = setting_quote(values[k]);
			CLEANUP(freep)
			char *twice = str_printf("%s%s%s%s", around[n][0], quoted, quoted,
						 around[n][1]);
			CLEANUP(freep)
			char *wanted = str_printf("%s%s%s%s", filled[n][0], values[k],
						  values[k], filled[n][1]);
			CLEANUP(freep) char *text = NULL;
			assert_int_equal(settings_fill(twice, exports, 1, NULL, 0, &text, NULL),
					 0);
			assert_string_equal(text, wanted);
		}
	CLEANUP(freep) char *ordinary = setting_quote("cost: 3$ {a} $x");
	assert_string_equal(ordinary, "cost: 3$ {a} $x");
}

static void check_lines(const char *text, const char *wanted)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(freep) char *filled = NULL;
	Samoza__V1__Variable *exports[] = {VARIABLE("one", "1")};
	Samoza__V1__Variable *variables[] = {VARIABLE("ca", "-----\nabc\n-----"),
					     VARIABLE("old", "a\rb")};
	Samoza__V1__Provider provider = provider_of("db", variables, 2),
			     *providers[] = {&provider};
	int r = settings_fill(text, exports, 1, providers, 1, &filled, &err);
	assert_int_equal(r, wanted != NULL ? 0 : ERR_INVALID);
	if (wanted != NULL)
		assert_string_equal(filled, wanted);
	else
		assert_non_null(
			strstr(err->message, "has several lines: put it alone on a line"));
}

/* Who exports a value does not write lines of its importers' files. */
static void test_a_value_of_several_lines_is_no_part_of_a_line(void **state)
{
	(void)state;
	check_lines("${imports.db.ca}", "-----\nabc\n-----");
	check_lines("x\n${imports.db.ca}\ny", "x\n-----\nabc\n-----\ny");
	check_lines("${imports.db.ca}\r\ny", "-----\nabc\n-----\r\ny");
	check_lines("ca = ${imports.db.ca}", NULL);
	check_lines("${imports.db.ca} ", NULL);
	check_lines("${one}${imports.db.ca}", NULL);
	check_lines("${imports.db.ca}${one}", NULL);
	check_lines("x${imports.db.old}", NULL);
	check_lines("x ${one} y", "x 1 y");
}

static void test_what_is_too_large_is_refused(void **state)
{
	(void)state;
	struct error *err = NULL;
	char *text = NULL;
	CLEANUP(freep) char *large = mem_calloc(1, SETTING_FILLED_MAX_BYTES + 1);
	memset(large, 'x', SETTING_FILLED_MAX_BYTES);
	Samoza__V1__Variable *exports[] = {VARIABLE("a", large)};
	assert_int_equal(settings_fill("${a}", exports, 1, NULL, 0, &text, NULL), 0);
	free(text);
	assert_int_equal(settings_fill("${a}!", exports, 1, NULL, 0, &text, &err), ERR_LIMIT);
	error_free(err);
}

static void test_a_sum_differs_where_a_value_does(void **state)
{
	(void)state;
	Samoza__V1__Variable *one[] = {VARIABLE("ip", "1"), VARIABLE("port", "2")};
	Samoza__V1__Variable *two[] = {VARIABLE("ip", "1"), VARIABLE("port", "3")};
	Samoza__V1__Provider a = provider_of("db", one, 2), b = provider_of("db", two, 2);
	Samoza__V1__Provider *before[] = {&a}, *after[] = {&b};
	char *references[] = {(char *)(uintptr_t) "db.ip", (char *)(uintptr_t) "db.port"};
	Samoza__V1__Variable *env[] = {VARIABLE("A", "${imports.db.port}")};
	Samoza__V1__Variable *other[] = {VARIABLE("A", "x${imports.db.port}")};
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	assert_int_equal(settings_of(&spec, before, 1).sum, 0);
	spec.env = env;
	spec.n_env = 1;
	spec.references = references;
	spec.n_references = 2;
	uint64_t sum = settings_of(&spec, before, 1).sum;
	assert_int_not_equal(sum, 0);
	assert_int_not_equal(sum, settings_of(&spec, after, 1).sum);
	/* A copy with other literals is another one: what it is compared with has the same. */
	spec.env = other;
	assert_int_equal(sum, settings_of(&spec, before, 1).sum);
	/* In place, how it is written counts, too. */
	spec.has_reload = true;
	spec.reload = SAMOZA__V1__RELOAD__RELOAD_UPDATE;
	uint64_t in_place = settings_of(&spec, before, 1).sum;
	spec.env = env;
	assert_int_not_equal(in_place, settings_of(&spec, before, 1).sum);
	/* Versions compare sums: this one is never another. */
	spec.has_reload = false;
	assert_true(sum == UINT64_C(6120011580750168740));
}

static void test_a_value_that_is_missing_is_lost_where_it_was_there(void **state)
{
	(void)state;
	Samoza__V1__Variable *ip[] = {VARIABLE("ip", "1")};
	Samoza__V1__Variable *both[] = {VARIABLE("ip", "1"), VARIABLE("port", "")};
	Samoza__V1__Provider some = provider_of("db", ip, 1), all = provider_of("db", both, 2);
	Samoza__V1__Provider *one[] = {&some}, *two[] = {&all};
	char *references[] = {(char *)(uintptr_t) "db.ip", (char *)(uintptr_t) "db.port"};
	char *more[] = {(char *)(uintptr_t) "aa.ip", (char *)(uintptr_t) "db.ip",
			(char *)(uintptr_t) "db.port"};
	Samoza__V1__Variable *env[] = {VARIABLE("A", "${imports.db.port}")};
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT, next = spec;
	spec.env = next.env = env;
	spec.n_env = next.n_env = 1;
	spec.references = references;
	spec.n_references = 2;
	next.references = more;
	next.n_references = 3;
	struct settings_sum without = settings_of(&spec, one, 1);
	struct settings_sum with = settings_of(&spec, two, 1);
	struct settings_sum none = settings_of(&spec, NULL, 0);
	assert_int_equal(without.unset, settings_bit(1));
	assert_int_equal(with.unset, 0);
	assert_true(settings_lose(&with, &without) && settings_lose(&without, &none));
	assert_false(settings_lose(&without, &with) || settings_lose(&none, &none));
	/* An empty text is a value; a process with the one has the other. */
	assert_int_equal(with.sum, without.sum);
	/* Of a reference that is new nothing is lost. */
	assert_int_equal(settings_unset_of(without.unset, &spec, &next),
			 settings_bit(0) | settings_bit(2));
	assert_int_equal(settings_unset_of(settings_bit(0), &next, &spec), 0);
	assert_int_equal(settings_bit(63), settings_bit(200));
}

static void test_another_version_of_a_secret_is_another_sum(void **state)
{
	(void)state;
	Samoza__V1__SecretGrant grant = SAMOZA__V1__SECRET_GRANT__INIT, *grants[] = {&grant};
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	char name[] = "tls", file[] = "tls.key", variable[] = "KEY", reference[] = "secret:tls";
	char *references[] = {reference};
	grant.name = name;
	grant.file = file;
	grant.has_version = true;
	grant.version = 1;
	spec.secrets = grants;
	spec.n_secrets = 1;
	spec.references = references;
	spec.n_references = 1;
	assert_true(settings_any(&spec));
	uint64_t sum = settings_of(&spec, NULL, 0).sum;
	assert_null(settings_missing_secret(&spec));
	grant.version = 2;
	assert_int_not_equal(sum, settings_of(&spec, NULL, 0).sum);
	grant.has_version = false;
	assert_string_equal(settings_missing_secret(&spec), "tls");
	/* In place, as what it is given counts, too. */
	grant.has_version = spec.has_reload = true;
	spec.reload = SAMOZA__V1__RELOAD__RELOAD_UPDATE;
	sum = settings_of(&spec, NULL, 0).sum;
	grant.file = NULL;
	grant.variable = variable;
	assert_int_not_equal(sum, settings_of(&spec, NULL, 0).sum);
	/* Versions compare sums: this one is never another. */
	assert_true(sum == UINT64_C(7666335782054958201));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_language),
		cmocka_unit_test(test_values_are_of_the_first_provider_that_has_them),
		cmocka_unit_test(test_a_quoted_value_is_text),
		cmocka_unit_test(test_a_value_of_several_lines_is_no_part_of_a_line),
		cmocka_unit_test(test_what_is_too_large_is_refused),
		cmocka_unit_test(test_a_sum_differs_where_a_value_does),
		cmocka_unit_test(test_a_value_that_is_missing_is_lost_where_it_was_there),
		cmocka_unit_test(test_another_version_of_a_secret_is_another_sum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
