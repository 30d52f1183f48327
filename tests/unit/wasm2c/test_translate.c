/* Translation: what comes out, what is refused, what is cached, what is left over. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/wasm2c/translate.h"
#include "base/memory.h"
#include "base/str.h"
#include "builder.h"

#define MEMORY (32ull << 20)

static char directory[] = "/tmp/samoza-translate-XXXXXX";

static struct translator *new_translator(struct translator_options options)
{
	struct translator *t = NULL;
	struct error *error = NULL;

	options.cache_directory = directory;
	if (translator_new(&options, &t, &error) < 0)
		fail_msg("no translator: %s", error->message);
	return t;
}

/* Entries of the cache directory; *ret_leftovers: those that are not results. */
static unsigned entries(unsigned *ret_leftovers)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	unsigned count = 0;

	*ret_leftovers = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		*ret_leftovers += !str_has_suffix(entry->d_name, ".so");
	}
	closedir(dir);
	return count;
}

static void assert_nothing_left(void)
{
	unsigned leftovers;

	(void)entries(&leftovers);
	assert_int_equal(leftovers, 0);
}

static void guest(struct buffer *b)
{
	FILE *f = fopen(GUEST_MODULE, "rb");
	char part[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		assert_int_equal(buffer_add(b, part, n), 0);
	fclose(f);
}

static void refuse(struct translator *t, const struct buffer *b, enum error_code code,
		   const char *part)
{
	struct error *error = NULL;
	char *path = NULL;
	int r = translate_now(t, (const uint8_t *)b->data, b->size, MEMORY, &path, &error);

	if (r >= 0)
		fail_msg("translated; expected a refusal with '%s'", part);
	if (r != (int)code || strstr(error->message, part) == NULL)
		fail_msg("refused with '%s', expected '%s'", error->message, part);
	error_free(error);
	assert_nothing_left();
}

static void test_guest(void **state)
{
	struct translator *t = new_translator((struct translator_options){0});
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	struct translation *tr = NULL;
	struct error *error = NULL;
	char *path = NULL, *again = NULL;
	struct stat st;
	int r;

	guest(&b);
	r = translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, &error);
	if (r < 0)
		fail_msg("refused: %s", error->message);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 1000);
	assert_nothing_left();
	/* The second time it is there at once. */
	assert_int_equal(
		translation_start(t, (const uint8_t *)b.data, b.size, MEMORY, &tr, &error), 0);
	assert_string_equal(translation_path(tr), path);
	again = translator_cached(t, translation_key(tr));
	assert_string_equal(again, path);
	translation_free(tr);
	/* No library, no code that runs at load: every symbol is missing here. */
	assert_null(dlopen(path, RTLD_NOW | RTLD_LOCAL));
	assert_non_null(strstr(dlerror(), "undefined symbol"));
	free(path);
	free(again);
	translator_free(t);
}

/* A bit in the code, the end of the file, all of it. */
static void test_damaged(void **state)
{
	struct translator *t = new_translator((struct translator_options){0});
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	char *path = NULL;
	struct stat sound, st;

	guest(&b);
	assert_int_equal(translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, NULL),
			 0);
	assert_int_equal(stat(path, &sound), 0);
	for (int damage = 0; damage < 3; damage++) {
		struct translation *tr = NULL;
		int fd = open(path, O_RDWR | O_CLOEXEC);
		char *again = NULL;
		char byte;

		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, sound.st_size / 2), 1);
		byte ^= 1;
		if (damage == 0)
			assert_int_equal(pwrite(fd, &byte, 1, sound.st_size / 2), 1);
		else
			assert_int_equal(ftruncate(fd, damage == 1 ? sound.st_size - 1 : 0), 0);
		(void)close(fd);
		/* It is made anew. */
		assert_int_equal(translation_start(t, (const uint8_t *)b.data, b.size, MEMORY,
						   &tr, NULL),
				 1);
		translation_free(tr);
		assert_int_equal(
			translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &again, NULL),
			0);
		assert_string_equal(again, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, sound.st_size);
		free(again);
	}
	free(path);
	translator_free(t);
}

/* The same bytes from another translator in another directory, without the cache. */
static void test_reproducible(void **state)
{
	struct translator *t = new_translator((struct translator_options){0});
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	char *content[2];
	size_t size[2];

	guest(&b);
	for (int i = 0; i < 2; i++) {
		char *path = NULL;
		FILE *f;

		assert_int_equal(
			translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, NULL),
			0);
		f = fopen(path, "rb");
		content[i] = mem_calloc(4, 1024 * 1024);
		size[i] = fread(content[i], 1, 4u << 20, f);
		fclose(f);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(content[0], content[1], size[0]);
	free(content[0]);
	free(content[1]);
	translator_free(t);
}

static void key_of(struct translator *t, const char *body, size_t size, const char *custom,
		   char key[TRANSLATE_KEY_SIZE])
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);
	struct translation *tr = NULL;
	struct error *error = NULL;

	wasm_module(&b, body, size);
	if (custom != NULL) {
		wasm_name(&c, custom, strlen(custom));
		wasm_section(&b, 0, &c);
	}
	if (translation_start(t, (const uint8_t *)b.data, b.size, MEMORY, &tr, &error) < 0)
		fail_msg("refused: %s", error->message);
	memcpy(key, translation_key(tr), TRANSLATE_KEY_SIZE);
	translation_free(tr);
}

static void test_key_depends_on_what_is_compiled(void **state)
{
	struct translator *t = new_translator((struct translator_options){0});
	struct translator *other =
		new_translator((struct translator_options){.compiler = "clang"});
	char a[TRANSLATE_KEY_SIZE], b[TRANSLATE_KEY_SIZE], c[TRANSLATE_KEY_SIZE];
	char d[TRANSLATE_KEY_SIZE];

	key_of(t, "\0\x41\0\x0b", 4, NULL, a);
	key_of(t, "\0\x41\1\x0b", 4, NULL, b);
	key_of(t, "\0\x41\0\x0b", 4, "producers", c);
	key_of(other, "\0\x41\0\x0b", 4, NULL, d);
	assert_string_not_equal(a, b);
	assert_string_equal(a, c);
	assert_string_not_equal(a, d);
	assert_int_equal(strlen(a), 64);
	translator_free(t);
	translator_free(other);
}

static double seconds_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1000000;
}

/* Of this process and its children. */
static double processor_seconds(void)
{
	struct rusage own, children;

	assert_int_equal(getrusage(RUSAGE_SELF, &own), 0);
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &children), 0);
	return seconds_of(&own) + seconds_of(&children);
}

/* Data is not compiled: a module of the largest size takes seconds, in one segment or in as many as
 * compilers make of sparse data [guest-abi.limits.data]. By processor time, which other programs do
 * not lengthen much. */
static void test_large_data(void **state)
{
	static const uint32_t segments[] = {1, 1000, 50000};
	struct translator *t = new_translator((struct translator_options){0});

	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(freep) char *path = NULL;
		struct error *error = NULL;
		double before, taken;

		/* Each has at most 13 bytes beside its data. */
		wasm_data_module(&b, segments[i],
				 (MODULE_BYTES_MAX - 200 - 13 * segments[i]) / segments[i]);
		before = processor_seconds();
		if (translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, &error) <
		    0)
			fail_msg("%u segments: refused: %s", segments[i], error->message);
		taken = processor_seconds() - before;
		print_message("%zu bytes in %u segments: %.2f s\n", b.size, segments[i], taken);
		if (taken > 10)
			fail_msg("%u segments: %.1f s of processor time", segments[i], taken);
		assert_int_equal(unlink(path), 0);
	}
	translator_free(t);
}

enum many { GLOBALS, ELEMENT_SEGMENTS, DATA_SEGMENTS };

/* A module with as many of them as there may be, each of which the compiler sees. */
static void module_of_many(struct buffer *b, enum many kind)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer body = BUFFER_INIT(BUILDER_MAX);
	const uint32_t count = kind == GLOBALS ? MODULE_GLOBALS_MAX : MODULE_SEGMENTS_MAX;

	wasm_begin(b);
	wasm_types(b);
	wasm_function(b);
	if (kind == ELEMENT_SEGMENTS) {
		(void)buffer_add(&c, "\1\x70\0", 3);
		wasm_u32(&c, count);
		wasm_section(b, 4, &c);
	}
	(void)buffer_add(&c, "\1\0\1", 3);
	wasm_section(b, 5, &c);
	if (kind == GLOBALS) {
		wasm_u32(&c, count);
		for (uint32_t i = 0; i < count; i++) {
			(void)buffer_add(&c, "\x7f\1\x41", 3);
			wasm_i32(&c, i);
			(void)buffer_add(&c, "\x0b", 1);
		}
		wasm_section(b, 6, &c);
	}
	wasm_export(b, "on_process", 10, 0, 0);
	if (kind == ELEMENT_SEGMENTS) {
		wasm_u32(&c, count);
		for (uint32_t i = 0; i < count; i++) {
			(void)buffer_add(&c, "\0\x41", 2);
			wasm_i32(&c, i);
			(void)buffer_add(&c, "\x0b\1\0", 3);
		}
		wasm_section(b, 9, &c);
	}
	if (kind == DATA_SEGMENTS) {
		wasm_u32(&c, count);
		wasm_section(b, 12, &c);
	}
	(void)buffer_add(&body, "\0\x41\0", 3);
	for (uint32_t i = 0; kind == GLOBALS && i < count; i++) {
		(void)buffer_add(&body, "\x23", 1);
		wasm_u32(&body, i);
		(void)buffer_add(&body, "\x6a", 1);
	}
	if (kind == DATA_SEGMENTS) {
		(void)buffer_add(&body, "\xfc\x09", 2);
		wasm_u32(&body, count - 1);
	}
	(void)buffer_add(&body, "\x0b", 1);
	wasm_code(b, body.data, body.size);
	if (kind == DATA_SEGMENTS) {
		wasm_u32(&c, count);
		for (uint32_t i = 0; i < count; i++)
			(void)buffer_add(&c, "\1\1x", 3);
		wasm_section(b, 11, &c);
	}
}

/* What is at a limit of [guest-abi.limits.module] is translated in less than the limit of processor time. */
static void test_many(void **state)
{
	struct translator *t = new_translator((struct translator_options){0});

	(void)state;
	for (enum many kind = GLOBALS; kind <= DATA_SEGMENTS; kind++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(freep) char *path = NULL;
		struct error *error = NULL;
		double before = processor_seconds();

		module_of_many(&b, kind);
		if (translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &path, &error) <
		    0)
			fail_msg("%d: refused: %s", (int)kind, error->message);
		print_message("%d: %.2f s\n", (int)kind, processor_seconds() - before);
		assert_true(processor_seconds() - before < 15);
		assert_int_equal(unlink(path), 0);
	}
	translator_free(t);
}

/* The cache has a limit: what was not used for longest goes first, the latest result stays. */
static void test_cache_limit(void **state)
{
	struct translator *t = new_translator((struct translator_options){.cache_bytes = 1});
	CLEANUP(buffer_done) struct buffer a = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *second = NULL;
	CLEANUP(freep) char *again = NULL;
	struct stat st;

	wasm_module(&a, "\0\x41\7\x0b", 4);
	wasm_module(&b, "\0\x41\x8\x0b", 4);
	assert_int_equal(
		translate_now(t, (const uint8_t *)a.data, a.size, MEMORY, &first, NULL), 0);
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(
		translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &second, NULL), 0);
	assert_int_equal(access(first, F_OK), -1);
	assert_int_equal(access(second, F_OK), 0);
	translator_free(t);
	/* Room for two: a use of the older one makes the other one go. */
	t = new_translator(
		(struct translator_options){.cache_bytes = (uint64_t)st.st_size * 5 / 2});
	assert_int_equal(
		translate_now(t, (const uint8_t *)a.data, a.size, MEMORY, &again, NULL), 0);
	free(steal_ptr(&again));
	assert_int_equal(
		translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &again, NULL), 0);
	buffer_clear(&a);
	wasm_module(&a, "\0\x41\x9\x0b", 4);
	free(steal_ptr(&again));
	assert_int_equal(
		translate_now(t, (const uint8_t *)a.data, a.size, MEMORY, &again, NULL), 0);
	assert_int_equal(access(first, F_OK), -1);
	assert_int_equal(access(second, F_OK), 0);
	assert_int_equal(access(again, F_OK), 0);
	translator_free(t);
}

/* A program in its own directory that stands for wasm2c, so that the limits can be seen. */
static char *script(const char *name, const char *body)
{
	char *path = str_printf("%s-%s", directory, name);
	FILE *f = fopen(path, "w");

	fprintf(f, "#!/bin/sh\ntest \"$1\" = --version && { echo 1.0.32; exit 0; }\n%s\n",
		body);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

/* As a program does on a machine where others have nearly all of the processors: a little in each part of
 * a second, in a child as the compiler's driver has one. */
#define WORK_SLOWLY                                                    \
	"slowly() { (n=$1; while [ $n -gt 0 ]; do n=$((n - 1)); i=0; " \
	"while [ $i -lt 10000 ]; do i=$((i + 1)); done; sleep 0.3; done); }\n"

/* The time without work counts, not the time. */
static void test_busy_machine(void **state)
{
	char *path = script("busy", WORK_SLOWLY "slowly 14; exec wasm2c \"$@\"");
	struct translator *t =
		new_translator((struct translator_options){.wasm2c = path, .stall_seconds = 3});
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(freep) char *native = NULL;
	struct error *error = NULL;

	(void)state;
	wasm_module(&b, "\0\x41\5\x0b", 4);
	if (translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &native, &error) < 0)
		fail_msg("refused: %s", error->message);
	translator_free(t);
	unlink(path);
	free(path);
}

static void test_limits(void **state)
{
	static const struct {
		const char *name, *body, *part;
		unsigned stall, wall;
	} cases[] = {
		{"crash", "kill -SEGV $$", "killed by signal 11", 0, 0},
		{"spin", "while :; do :; done", "killed by signal", 0, 0},
		{"hang", "sleep 60", "wasm2c did nothing for 1 s", 1, 0},
		{"stopped", "kill -STOP $$", "wasm2c did nothing for 1 s", 1, 0},
		{"slow", WORK_SLOWLY "slowly 100", "takes longer than 2 s", 1, 2},
		{"fail", "echo no such luck; exit 3", "no such luck", 0, 0},
		{"full", "echo 'x: No space left on device'; exit 1", "no space left", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = script(cases[i].name, cases[i].body);
		struct translator *t = new_translator(
			(struct translator_options){.wasm2c = path,
						    .cpu_seconds = 1,
						    .stall_seconds = cases[i].stall,
						    .wall_seconds = cases[i].wall});
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		bool full = strcmp(cases[i].name, "full") == 0;

		wasm_module(&b, "\0\x41\0\x0b", 4);
		refuse(t, &b, full ? ERR_IO : ERR_INVALID, cases[i].part);
		translator_free(t);
		unlink(path);
		free(path);
	}
}

/* What a compiler adds by itself is found after linking, not when an instance starts. */
static void test_objects(void **state)
{
	static const struct {
		const char *name, *body, *part;
	} cases[] = {
		{"calls", "exec gcc -finstrument-functions \"$@\"",
		 "functions that zrun does not have: __cyg_profile_func_e"},
		{"constructor",
		 "echo 'static volatile int n; __attribute__((constructor)) static void f(void)"
		 "{n = 1;}' >first.h\n"
		 "exec gcc -include first.h \"$@\"",
		 "runs code when it is loaded"},
		{"library", "exec gcc \"$@\" -Wl,--no-as-needed -lm", "needs a library"},
		{"text", "echo text >space.so", "is not a shared object"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = script(cases[i].name, cases[i].body);
		struct translator *t =
			new_translator((struct translator_options){.compiler = path});
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);

		wasm_module(&b, "\0\x41\0\x0b", 4);
		refuse(t, &b, ERR_UNSUPPORTED, cases[i].part);
		translator_free(t);
		unlink(path);
		free(path);
	}
}

/* A product and a sum are rounded one after the other, with every compiler and machine: on one that has an instruction for both
 * the compiler would use it. Here none has, so what counts is what the compiler is asked. */
static void test_no_contraction(void **state)
{
	char *path = script("contracts",
			    "case \" $* \" in *' -ffp-contract=off '*) exec gcc \"$@\";; esac\n"
			    "echo 'it may contract' >&2; exit 1");
	struct translator *t = new_translator((struct translator_options){.compiler = path});
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(freep) char *native = NULL;
	struct error *error = NULL;

	(void)state;
	wasm_module(&b, "\0\x41\7\x0b", 4);
	if (translate_now(t, (const uint8_t *)b.data, b.size, MEMORY, &native, &error) < 0)
		fail_msg("refused: %s", error->message);
	translator_free(t);
	unlink(path);
	free(path);
}

/* A description names the version of what is compiled around a module, before the machine. */
static void test_current(void **state)
{
	struct translator *t = new_translator((struct translator_options){0});
	CLEANUP(freep) char *own = str_printf("a, glue %s, x86_64", translate_version());
	CLEANUP(freep) char *longer = str_printf("a, glue %s0, x86_64", translate_version());

	(void)state;
	assert_int_equal(strlen(translate_version()), 8);
	assert_true(translate_is_current(translator_description(t)));
	assert_true(translate_is_current(own));
	assert_false(translate_is_current(longer));
	assert_false(translate_is_current("wasm2c 1.0.32, gcc 12.2.0, x86_64"));
	assert_false(translate_is_current("wasm2c 1.0.32, gcc 12.2.0, glue 00000000, x86_64"));
	translator_free(t);
}

static void test_versions(void **state)
{
	char *path = str_printf("%s-old", directory);
	struct translator_options options = {.cache_directory = directory, .wasm2c = path};
	struct translator *t = NULL;
	struct error *error = NULL;
	FILE *f = fopen(path, "w");

	fprintf(f, "#!/bin/sh\necho 1.0.20\n");
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(translator_new(&options, &t, &error), ERR_UNSUPPORTED);
	assert_non_null(strstr(error->message, "version 1.0.20"));
	error_free(error);
	error = NULL;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(translator_new(&options, &t, &error), ERR_UNAVAILABLE);
	assert_non_null(strstr(error->message, "install the package wabt"));
	error_free(error);
	free(path);
	assert_nothing_left();
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
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_busy_machine),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_no_contraction),
		cmocka_unit_test(test_cache_limit),
		cmocka_unit_test(test_large_data),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_key_depends_on_what_is_compiled),
		cmocka_unit_test(test_current),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
