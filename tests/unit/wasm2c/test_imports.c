/* What a module may import: [guest-abi.limits] and the table of host functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/wasm2c/imports.h"
#include "adapter/wasm2c/module.h"
#include "builder.h"
#include "verdict.h"

/* One import of a function with this type (parameters, results as value types). */
static void import_function(struct buffer *b, const char *module, const char *name,
			    const char *parameters, const char *results)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(b);
	(void)buffer_add(&c, "\2\x60\0\1\x7f\x60", 6);
	wasm_name(&c, parameters, strlen(parameters));
	wasm_name(&c, results, strlen(results));
	wasm_section(b, 1, &c);
	(void)buffer_add(&c, "\1", 1);
	wasm_name(&c, module, strlen(module));
	wasm_name(&c, name, strlen(name));
	(void)buffer_add(&c, "\0\1", 2);
	wasm_section(b, 2, &c);
	wasm_function(b);
	wasm_export(b, "on_process", 10, 0, 1);
	wasm_code(b, body_zero, sizeof(body_zero));
}

static void to_value_types(const char *letters, char *types)
{
	for (; *letters != '\0'; letters++)
		*types++ = *letters == 'l' ? 0x7e : 0x7f;
	*types = '\0';
}

static void test_every_import(void **state)
{
	for (size_t i = 0; i < import_count; i++) {
		const struct import_function *f = &import_table[i];
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		const char *results = f->result == 'v'	 ? ""
				      : f->result == 'l' ? "\x7e"
							 : "\x7f";
		char parameters[16];
		struct module_info info;

		to_value_types(f->parameters, parameters);
		import_function(&b, f->module, f->function, parameters, results);
		verdict_accepted(&b, &info);
		assert_int_equal(info.capabilities, f->capability);
		for (size_t other = 0; other < import_count; other++)
			assert_int_equal(info.imports[other], other == i);
	}
}

static void test_import_types(void **state)
{
	static const struct {
		const char *parameters, *results, *part;
	} cases[] = {
		{"\x7f\x7f", "\x7f", "sys.log has the type (i32, i32) -> (i32)"},
		{"\x7f\x7f\x7f\x7f", "\x7f", "it must be (i32, i32, i32) -> (i32)"},
		{"\x7f\x7f\x7f", "", "-> ()"},
		{"\x7f\x7f\x7e", "\x7f", "(i32, i32, i64)"},
		{"\x7f\x7f\x7f", "\x7e", "-> (i64)"},
		{"\x7f\x7f\x7f", "\x7f\x7f", "-> (i32, i32)"},
		{"\x7d\x7c\x7f", "\x7f", "(f32, f64, i32)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);

		import_function(&b, "sys", "log", cases[i].parameters, cases[i].results);
		verdict_refused(&b, ERR_INVALID, cases[i].part);
	}
}

static void test_unknown_imports(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	import_function(&b, "env", "system", "\x7f", "\x7f");
	verdict_refused(&b, ERR_INVALID, "does not offer: env.system");
	buffer_clear(&b);
	wasm_begin(&b);
	wasm_types(&b);
	wasm_u32(&c, 500);
	for (int i = 0; i < 500; i++) {
		char name[20];

		(void)snprintf(name, sizeof(name), "missing_%d", i);
		wasm_name(&c, "env", 3);
		wasm_name(&c, name, strlen(name));
		(void)buffer_add(&c, "\0\0", 2);
	}
	wasm_section(&b, 2, &c);
	verdict_refused(&b, ERR_INVALID, "env.missing_0, env.missing_1, env.missing_2");
	verdict_refused(&b, ERR_INVALID, ", ...");
}

static void test_imported_things(void **state)
{
	static const struct {
		const char *what;
		size_t size;
		const char *part;
	} cases[] = {
		{"\1\x70\0\1", 4, "env.m is a table"}, {"\2\0\1", 3, "env.m is a memory"},
		{"\3\x7f\0", 3, "env.m is a global"},  {"\4\0\0", 3, "env.m is a tag"},
		{"\x55\0\0", 3, "unknown kind"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

		wasm_begin(&b);
		wasm_types(&b);
		(void)buffer_add(&c, "\1", 1);
		wasm_name(&c, "env", 3);
		wasm_name(&c, "m", 1);
		(void)buffer_add(&c, cases[i].what, cases[i].size);
		wasm_section(&b, 2, &c);
		verdict_refused(&b, ERR_INVALID, cases[i].part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_import),
		cmocka_unit_test(test_import_types),
		cmocka_unit_test(test_unknown_imports),
		cmocka_unit_test(test_imported_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
