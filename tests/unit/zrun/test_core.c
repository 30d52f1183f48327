/*
 * The meaning of WebAssembly, through the whole way: core/generate.py's module, translated with every
 * compiler that is supported and run in zrun, gives what another implementation gives for it
 * (core/oracle.mjs), and traps where that one traps. And what linkers write that wasm2c's
 * companions do not accept as it stands (core/padded.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "adapter/wasm2c/imports.h"
#include "adapter/wasm2c/object.h"
#include "adapter/wasm2c/translate.h"
#include "base/memory.h"
#include "base/str.h"
#include "harness.h"

#define DIVIDE	    "integer divide by zero"
#define OVERFLOW    "integer overflow"
#define CONVERSION  "invalid conversion to integer"
#define OOB	    "out of bounds memory or table access"
#define INDIRECT    "undefined element or wrong type in an indirect call"
#define UNREACHABLE "unreachable executed"
#include "core.h"

#define FILE_MAX (16u << 20)

static char directory[] = "/tmp/samoza-core-XXXXXX";
static const char *const compilers[] = {"gcc", "clang"};

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	char *data = mem_calloc(1, FILE_MAX);

	assert_non_null(f);
	*ret_size = fread(data, 1, FILE_MAX, f);
	assert_int_equal(fclose(f), 0);
	return data;
}

/* The caller frees it. */
static char *translate(const char *wasm, const char *compiler)
{
	/* A large module, perhaps on a busy machine: how long it takes is not the question. */
	struct translator_options options = {.cache_directory = directory,
					     .compiler = compiler,
					     .cpu_seconds = 200,
					     .wall_seconds = 280};
	struct translator *t = NULL;
	struct error *error = NULL;
	size_t size;
	CLEANUP(freep) char *data = read_file(wasm, &size);
	char *so = NULL;

	if (translator_new(&options, &t, &error) < 0 ||
	    translate_now(t, (uint8_t *)data, size, 64ull << 20, &so, &error) < 0)
		fail_msg("%s: %s", compiler, error->message);
	translator_free(t);
	return so;
}

/* Which result of a group it is that differs. */
static void compare(const char *compiler, size_t group, const uint8_t *seen, size_t seen_size,
		    const uint8_t *expected, size_t expected_size)
{
	if (seen_size != expected_size)
		fail_msg("%s: %s: %zu bytes, expected %zu", compiler, core_groups[group],
			 seen_size, expected_size);
	for (size_t i = 0; i + 8 <= seen_size; i += 8) {
		uint64_t a, b;

		memcpy(&a, seen + i, 8);
		memcpy(&b, expected + i, 8);
		if (a != b)
			fail_msg("%s: %s: result %zu is %016llx, expected %016llx", compiler,
				 core_groups[group], i / 8, (unsigned long long)a,
				 (unsigned long long)b);
	}
}

static void results(const char *compiler, const char *so)
{
	static struct play p;
	size_t expected_size, at = 0;
	CLEANUP(freep) char *expected = read_file(CORE_EXPECTED, &expected_size);

	play_start(&p, &(struct part){.guest = so, .test_case = "run"});
	for (size_t group = 0; group < ARRAY_SIZE(core_groups); group++) {
		uint32_t size;

		play_until(&p, ZRUN_EMIT);
		assert_true(expected_size - at >= sizeof(size));
		memcpy(&size, expected + at, sizeof(size));
		at += sizeof(size);
		assert_true(expected_size - at >= size && size > 0);
		compare(compiler, group, p.emit_payload, p.emit_size,
			(const uint8_t *)expected + at, size);
		at += size;
	}
	assert_int_equal(at, expected_size);
	play_until(&p, 0);
	assert_int_equal(p.stopped.result, 1);
	play_end(&p);
}

static void traps(const char *compiler, const char *so)
{
	static struct play p;

	for (size_t n = 0; n < ARRAY_SIZE(core_traps); n++) {
		char number[8], text[200];

		(void)snprintf(number, sizeof(number), "%04zu", n);
		(void)snprintf(text, sizeof(text), "trap: %s in on_process",
			       core_traps[n].text);
		play_start(&p, &(struct part){.guest = so, .test_case = number});
		play_until(&p, 0);
		if (strcmp(p.failed_text, text) != 0)
			fail_msg("%s: %s: '%s', expected '%s' (%s)", compiler,
				 core_traps[n].name, p.failed_text, text,
				 launch_status_text(p.status));
		play_end(&p);
	}
}

static void test_meaning(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		CLEANUP(freep) char *so = translate(CORE_WASM, compilers[i]);

		results(compilers[i], so);
		traps(compilers[i], so);
	}
}

/* Each kind of index that can only be 0, in five bytes as LLVM writes it; 42 is the sum of what the
 * instructions give. */
static void test_padded_indices(void **state)
{
	static struct play p;

	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		CLEANUP(freep) char *so = translate(PADDED_WASM, compilers[i]);

		play_start(&p, &(struct part){.guest = so});
		play_until(&p, 0);
		if (p.stopped.result != 42)
			fail_msg("%s: result %d, expected 42 (%s)", compilers[i],
				 p.stopped.result, p.failed_text);
		play_end(&p);
	}
}

static void test_data_segments(void **state)
{
	static struct play p;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(compilers); i++) {
		const char *compiler = compilers[i / 2];
		CLEANUP(freep) char *so = translate(DATA_WASM, compiler);

		play_start(&p, &(struct part){.guest = so});
		play_until(&p, 0);
		if (p.stopped.result != 42)
			fail_msg("%s: result %d, expected 42 (%s)", compiler, p.stopped.result,
				 p.failed_text);
		play_end(&p);
	}
}

static void test_data_beyond_the_memory(void **state)
{
	static struct play p;
	CLEANUP(freep) char *so = translate(DATA_TRAP_WASM, "gcc");

	play_start(&p, &(struct part){.guest = so});
	play_until(&p, 0);
	assert_string_equal(p.failed_text, "trap: " OOB " in the start function");
	play_end(&p);
}

/* The start image counts as memory like any other. */
static void test_data_and_limit_of_memory(void **state)
{
	static struct play p;
	CLEANUP(freep) char *so = translate(DATA_WASM, "gcc");

	play_start(&p, &(struct part){.guest = so, .memory_bytes = 1 << 20});
	play_until(&p, 0);
	assert_int_equal(p.failed.kind, ZRUN_FAILED_MEMORY);
	assert_non_null(strstr(p.failed_text, "does not fit resources.memory (1024 KiB)"));
	play_end(&p);
}

/* The layout of version 0.1.0: what was translated then, and is referred to by topologies that were
 * submitted then, is still loaded. */
#define FORMAT_1                                                                       \
	"#include <stdint.h>\n"                                                        \
	"static uint32_t process(void *i) { return 7; }\n"                             \
	"static void init(void) {}\n"                                                  \
	"static void instantiate(void *i, void *h) {}\n"                               \
	"const struct { uint32_t magic, size; uint64_t imports; void (*init)(void);\n" \
	"  void (*instantiate)(void *, void *); void *(*memory)(void *);\n"            \
	"  uint32_t (*on_init)(void *), (*on_process)(void *), (*on_close)(void *),\n" \
	"    (*on_update)(void *); void (*start)(void *), (*initialize)(void *); }\n"  \
	"samoza_guest_module = {0x4d5a4d53u, 8, UINT64_C(%llu), init, instantiate,\n"  \
	"  .on_process = process};\n"

static void test_format_1(void **state)
{
	static struct play p;
	CLEANUP(freep) char *source = str_printf("%s/format1.c", directory);
	CLEANUP(freep) char *so = str_printf("%s/format1.so", directory);
	CLEANUP(freep)
	char *command =
		str_printf("gcc -w -fPIC -shared -nostdlib -Wl,-z,now -o %s %s && chmod 644 %s",
			   so, source, so);
	FILE *f = fopen(source, "w");

	assert_non_null(f);
	fprintf(f, FORMAT_1, (unsigned long long)imports_fingerprint());
	assert_int_equal(fclose(f), 0);
	assert_int_equal(system(command), 0);
	play_start(&p, &(struct part){.guest = so});
	play_until(&p, 0);
	if (p.stopped.result != 7)
		fail_msg("result %d, expected 7 (%s)", p.stopped.result, p.failed_text);
	play_end(&p);
}

/* An object that uses all that object_check() lets pass is loaded. */
static void test_offered_symbols(void **state)
{
	static struct play p;
	CLEANUP(freep) char *source = str_printf("%s/symbols.c", directory);
	CLEANUP(freep) char *so = str_printf("%s/symbols.so", directory);
	CLEANUP(freep)
	char *command = str_printf("gcc -w -fno-builtin -fPIC -shared -nostdlib -Wl,-z,now "
				   "-o %s %s && chmod 755 %s && chmod 644 %s",
				   so, source, directory, so);
	FILE *f = fopen(source, "w");
	struct error *error = NULL;

	assert_non_null(f);
	for (size_t i = 0; object_symbols[i] != NULL; i++)
		fprintf(f, "extern char %s[]; void *p%zu = %s;\n", object_symbols[i], i,
			object_symbols[i]);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(system(command), 0);
	if (object_check(so, &error) < 0)
		fail_msg("%s", error->message);
	play_start(&p, &(struct part){.guest = so});
	play_until(&p, 0);
	if (strstr(p.failed_text, "is not a translated module") == NULL)
		fail_msg("not loaded: %s", p.failed_text);
	play_end(&p);
}

static int set_up(void **state)
{
	return mkdtemp(directory) == NULL ? -1 : play_setup(state);
}

static int tear_down(void **state)
{
	CLEANUP(freep) char *command = str_printf("rm -rf %s", directory);

	return system(command) != 0 ? -1 : play_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_padded_indices),
		cmocka_unit_test(test_data_segments),
		cmocka_unit_test(test_data_beyond_the_memory),
		cmocka_unit_test(test_data_and_limit_of_memory),
		cmocka_unit_test(test_format_1),
		cmocka_unit_test(test_offered_symbols),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
