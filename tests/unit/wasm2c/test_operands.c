/* Operand types, which module_check() does not know: wasm-validate refuses what is wrong with them, and so does wasm2c where
 * that one did not. In the C text an address of 64 bits would reach all of the process. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/wasm2c/translate.h"
#include "base/memory.h"
#include "builder.h"

#define MEMORY (32ull << 20)

static char directory[] = "/tmp/samoza-operands-XXXXXX";

#define CASE(name, body)                     \
	{                                    \
		name, body, sizeof(body) - 1 \
	}

/* Local 0 is an i64, local 1 an f64; type 0 is () -> i32, type 1 is (i32) -> i32; function 1 has type 1; global 0 is a variable
 * i32, global 1 a constant one. */
#define I64 "\x20\0"
#define F64 "\x20\1"
#define I32 "\x41\0"
static const struct {
	const char *name, *body;
	size_t size;
} cases[] = {
	CASE("a load from an i64", I64 "\x28\2\0"),
	CASE("a load from an f64", F64 "\x28\2\0"),
	CASE("a narrow load from an i64", I64 "\x2d\0\0"),
	CASE("a store to an i64", I64 I32 "\x36\2\0" I32),
	CASE("a store of an i64", I32 I64 "\x36\2\0" I32),
	CASE("a load from an i64 after unreachable", "\0" I64 "\x28\2\0"),
	CASE("a load from an i64 after br", "\2\x40\x0c\0" I64 "\x28\2\0\x1a\x0b" I32),
	CASE("a load from an i64 after return", I32 "\x0f" I64 "\x28\2\0"),
	CASE("a load from an i64 that is left by a block", "\2\x7e" I64 "\x0b\x28\2\0"),
	CASE("a load from an i64 that br leaves", "\2\x7f" I64 "\x0c\0\x0b\x28\2\0"),
	CASE("a load from an i64 that br_if leaves", "\2\x7f" I64 I32 "\x0d\0\x0b\x28\2\0"),
	CASE("a load from an i64 that br_table leaves",
	     "\2\x7f\2\x7e" I64 I32 "\x0e\1\0\1\x0b\x1a" I32 "\x0b\x28\2\0"),
	CASE("a load from one arm's i64", I32 "\4\x7f" I32 "\5" I64 "\x0b\x28\2\0"),
	CASE("a load from an arm that is not there", I32 "\4\x7f" I32 "\x0b\x28\2\0"),
	CASE("a load from a selected i64", I64 I64 I32 "\x1b\x28\2\0"),
	CASE("a load from a select of two types", I32 I64 I32 "\x1b\x28\2\0"),
	CASE("a load from a tee of another type", I32 "\x22\0\x28\2\0"),
	CASE("a load from nothing", "\x28\2\0"),
	CASE("a load from below its block", I32 "\2\x7f\x28\2\0\x0b"),
	CASE("an i64 in a global of i32", I64 "\x24\0" I32),
	CASE("a constant global", I32 "\x24\1" I32),
	CASE("memory.grow by an i64", I64 "\x40\0"),
	CASE("memory.fill of an i64", I32 I32 I64 "\xfc\x0b\0" I32),
	CASE("memory.copy to an i64", I64 I32 I32 "\xfc\x0a\0\0" I32),
	CASE("table.copy to an i64", I64 I32 I32 "\xfc\x0e\0\0" I32),
	CASE("an indirect call of an i64", I64 "\x11\0\0"),
	CASE("an indirect call with an i64", I64 I32 "\x11\1\0"),
	CASE("an indirect call without its argument", I32 "\x11\1\0"),
	CASE("a call with an i64", I64 "\x10\1"),
	CASE("an i64 as the result", I64),
	CASE("no result", ""),
	CASE("two results", I32 I32),
	CASE("an alignment beyond the size", I32 "\x28\3\0"),
};

static void make_module(struct buffer *b, const char *body, size_t size)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(b);
	(void)buffer_add(&c, "\2\x60\0\1\x7f\x60\1\x7f\1\x7f", 10);
	wasm_section(b, 1, &c);
	(void)buffer_add(&c, "\2\0\1", 3);
	wasm_section(b, 3, &c);
	(void)buffer_add(&c, "\1\x70\0\1", 4);
	wasm_section(b, 4, &c);
	(void)buffer_add(&c, "\1\0\1", 3);
	wasm_section(b, 5, &c);
	(void)buffer_add(&c, "\2\x7f\1\x41\0\x0b\x7f\0\x41\0\x0b", 11);
	wasm_section(b, 6, &c);
	wasm_export(b, "on_process", 10, 0, 0);
	(void)buffer_add(&c, "\2", 1);
	wasm_u32(&c, (uint32_t)size + 6);
	(void)buffer_add(&c, "\2\1\x7e\1\x7c", 5);
	(void)buffer_add(&c, body, size);
	(void)buffer_add(&c, "\x0b\4\0\x20\0\x0b", 6);
	wasm_section(b, 10, &c);
}

static struct translator *new_translator(const char *wasm_validate)
{
	struct translator *t = NULL;
	struct error *error = NULL;

	if (translator_new(&(struct translator_options){.cache_directory = directory,
							.wasm_validate = wasm_validate},
			   &t, &error) < 0)
		fail_msg("no translator: %s", error->message);
	return t;
}

static void refused(const char *wasm_validate, const char *by)
{
	struct translator *t = new_translator(wasm_validate);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		struct error *error = NULL;
		char *path = NULL;

		make_module(&b, cases[i].body, cases[i].size);
		if (translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, &error) >=
		    0)
			fail_msg("%s: translated", cases[i].name);
		if (strncmp(error->message, by, strlen(by)) != 0)
			fail_msg("%s: '%s', expected '%s'", cases[i].name, error->message, by);
		error_free(error);
	}
	translator_free(t);
}

static void test_wasm_validate(void **state)
{
	refused(NULL, "module refused by wasm-validate: ");
}

static void test_wasm2c(void **state)
{
	refused("true", "module refused by wasm2c: ");
}

/* All else in these modules is as it should be. */
static void test_good_operands(void **state)
{
	static const char body[] = I32 "\x28\2\0";
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	struct translator *t = new_translator(NULL);
	struct error *error = NULL;
	char *path = NULL;

	make_module(&b, body, sizeof(body) - 1);
	if (translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, &error) < 0)
		fail_msg("%s", error->message);
	free(path);
	translator_free(t);
}

static int make_directory(void **state)
{
	return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wasm_validate),
		cmocka_unit_test(test_wasm2c),
		cmocka_unit_test(test_good_operands),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
