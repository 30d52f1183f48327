/* What wasm2c gets to read in place of a module, and the image of its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../base/random_cases.h"
#include "adapter/wasm2c/module.h"
#include "base/memory.h"
#include "builder.h"
#include "verdict.h"

static void test_rewrite(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(module_rewritten_done) struct module_rewritten m = {0};
	struct module_info before, after;
	struct error *error = NULL;

	wasm_begin(&b);
	wasm_name(&c, "name", 4);
	(void)buffer_add(&c, "*/ evil /*", 10);
	wasm_section(&b, 0, &c);
	wasm_types(&b);
	wasm_function(&b);
	(void)buffer_add(&c, "\3", 1);
	wasm_name(&c, "secret_helper", 13);
	(void)buffer_add(&c, "\0\0", 2);
	wasm_name(&c, "on_process", 10);
	(void)buffer_add(&c, "\0\0", 2);
	wasm_name(&c, "other", 5);
	(void)buffer_add(&c, "\0\0", 2);
	wasm_section(&b, 7, &c);
	wasm_code(&b, body_zero, sizeof(body_zero));
	verdict_accepted(&b, &before);
	assert_int_equal(module_rewrite((const uint8_t *)b.data, b.size, &m, &error), 0);
	const uint8_t *out = m.data;
	size_t size = m.size;
	assert_int_equal(module_check(out, size, MEMORY, &after, &error), 0);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_null(memmem(out, size, "evil", 4));
	assert_null(memmem(out, size, "secret", 6));
	assert_null(memmem(out, size, "other", 5));
	assert_non_null(memmem(out, size, "on_process", 10));
	assert_true(size < b.size);
}

/* A module with this memory and these segments, each `size` bytes of 'd'. */
static void with_data(struct buffer *b, uint32_t pages, const uint32_t (*segments)[3],
		      size_t count)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(b);
	wasm_types(b);
	wasm_function(b);
	(void)buffer_add(&c, "\1\0", 2);
	wasm_u32(&c, pages);
	wasm_section(b, 5, &c);
	wasm_export(b, "on_process", 10, 0, 0);
	wasm_code(b, body_zero, sizeof(body_zero));
	wasm_u32(&c, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		wasm_u32(&c, segments[i][0]); /* flags: 0 active, 1 passive */
		if (segments[i][0] == 0) {
			(void)buffer_add(&c, "\x41", 1);
			wasm_i32(&c, segments[i][1]);
			(void)buffer_add(&c, "\x0b", 1);
		}
		wasm_u32(&c, segments[i][2]);
		for (uint32_t n = 0; n < segments[i][2]; n++)
			(void)buffer_add(&c, "d", 1);
	}
	wasm_section(b, 11, &c);
}

static void test_image(void **state)
{
	static const uint32_t segments[][3] = {
		{0, 8, 4}, {0, 10, 4},	    {1, 0, 3},	     {0, 20, 2},      {0, 32, 70000},
		{0, 0, 0}, {0, 0x40000, 1}, {0, 0x4ffff, 1}, {0, 0x4ffff, 2}, /* traps */
	};
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(module_rewritten_done) struct module_rewritten m = {0};
	struct error *error = NULL;
	struct module_info info;

	with_data(&b, 5, segments, ARRAY_SIZE(segments));
	verdict_accepted(&b, &info);
	assert_int_equal(info.passive_bytes, 3);
	assert_int_equal(module_rewrite((const uint8_t *)b.data, b.size, &m, &error), 0);
	assert_true(m.size < 200);
	assert_int_equal(m.image.runs.count, 3);
	assert_int_equal(m.image.size, 2 * IMAGE_PAGE + 2);
	const struct image_run *run = m.image.runs.items;
	assert_true(run[0].at == 0 && run[0].size == 2 * IMAGE_PAGE && run[0].is_mapped);
	assert_true(run[1].at == 0x40000 && run[1].size == 1 && !run[1].is_mapped);
	assert_true(run[2].at == 0x4ffff && run[2].size == 1 && !run[2].is_mapped);
	assert_memory_equal(m.image.data, "\0\0\0\0\0\0\0\0dddddd\0\0\0\0\0\0dd\0", 23);
	assert_int_equal(m.image.data[32 + 69999], 'd');
	assert_int_equal(m.image.data[32 + 70000], 0);
}

/* Many segments are left out where no code names them; one beyond the memory still traps. */
static void test_many_segments(void **state)
{
	static uint32_t segments[1000][3];
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(module_rewritten_done) struct module_rewritten m = {0};
	struct error *error = NULL;
	struct module_info info;

	for (uint32_t i = 0; i < ARRAY_SIZE(segments); i++) {
		segments[i][0] = i % 100 == 99; /* passive */
		segments[i][1] = i * 100;
		segments[i][2] = 50;
	}
	segments[500][1] = segments[700][1] = 0x7fffffff;
	with_data(&b, 2, segments, ARRAY_SIZE(segments));
	verdict_accepted(&b, &info);
	assert_int_equal(module_rewrite((const uint8_t *)b.data, b.size, &m, &error), 0);
	assert_true(m.size < 1000);
	assert_null(memmem(m.data, m.size, "dd", 2));
	/* "nothing" 64 times, and one that traps. */
	const uint8_t trapping[] = {0, 0x41, 0x7f, 0x0b, 1, 0};
	const uint8_t *at = memmem(m.data, m.size, trapping, sizeof(trapping));
	assert_non_null(at);
	assert_ptr_equal(at + sizeof(trapping), m.data + m.size);
	size_t written = 0;
	for (size_t n = 0; n < m.image.size; n++)
		written += m.image.data[n] == 'd';
	assert_int_equal(written, (ARRAY_SIZE(segments) - 10 - 2) * 50);
}

/* Code that names a segment keeps all up to it where they are. */
static void test_named_segments(void **state)
{
	/* i32.const 0, 0, 1; memory.init 299; i32.const 0; end */
	static const uint8_t code[] = "\0\x41\0\x41\0\x41\1\xfc\x08\xab\2\0\x41\0\x0b";
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(module_rewritten_done) struct module_rewritten m = {0};
	struct error *error = NULL;
	struct module_info info, after;

	wasm_begin(&b);
	wasm_types(&b);
	wasm_function(&b);
	(void)buffer_add(&c, "\1\0\1", 3);
	wasm_section(&b, 5, &c);
	wasm_export(&b, "on_process", 10, 0, 0);
	wasm_u32(&c, 1000);
	wasm_section(&b, 12, &c);
	wasm_code(&b, code, sizeof(code) - 1);
	wasm_u32(&c, 1000);
	for (unsigned i = 0; i < 1000; i++)
		(void)buffer_add(&c, i == 299 ? "\1\1n" : "\0\x41\0\x0b\1d", i == 299 ? 3 : 6);
	wasm_section(&b, 11, &c);
	verdict_accepted(&b, &info);
	assert_int_equal(info.data_named, 300);
	assert_int_equal(module_rewrite((const uint8_t *)b.data, b.size, &m, &error), 0);
	assert_int_equal(module_check(m.data, m.size, MEMORY, &after, &error), 0);
	assert_int_equal(after.data_named, 300);
	assert_int_equal(after.passive_bytes, 1);
	assert_int_equal(m.data[m.size - 1], 'n'); /* the last that is left */
}

/* Small segments far apart stay small, and do not become gigabytes of zeros. */
static void test_sparse_image(void **state)
{
	static uint32_t segments[400][3];
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(module_rewritten_done) struct module_rewritten m = {0};
	struct error *error = NULL;
	struct module_info info;

	for (uint32_t i = 0; i < ARRAY_SIZE(segments); i++) {
		segments[i][1] = i == 0 ? 0 : 0x100000 + i * 0x10000;
		segments[i][2] = i == 0 ? 500000 : 1;
	}
	with_data(&b, 500, segments, ARRAY_SIZE(segments));
	verdict_accepted(&b, &info);
	assert_int_equal(module_rewrite((const uint8_t *)b.data, b.size, &m, &error), 0);
	assert_int_equal(m.image.runs.count, 400);
	assert_int_equal(m.image.size, 8 * IMAGE_PAGE + 399);
}

static void test_passive_limit(void **state)
{
	static const uint32_t most[][3] = {{1, 0, MODULE_PASSIVE_MAX}};
	static const uint32_t more[][3] = {{1, 0, MODULE_PASSIVE_MAX}, {1, 0, 1}};
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	struct module_info info;

	with_data(&b, 1, most, 1);
	verdict_accepted(&b, &info);
	buffer_clear(&b);
	with_data(&b, 1, more, 2);
	verdict_refused(&b, ERR_LIMIT, "passive data segments of more than 1048576 bytes");
}

/* No mutation of a real module crashes the checker or the rewriter (run under asan as well),
 * and whatever is accepted stays accepted, with the same facts, once rewritten. */
static void mutated(const struct buffer *b, size_t at, uint8_t value)
{
	struct module_info before, after;
	struct module_rewritten m;

	if (module_check((const uint8_t *)b->data, b->size, MEMORY, &before, NULL) < 0)
		return;
	if (module_rewrite((const uint8_t *)b->data, b->size, &m, NULL) < 0)
		fail_msg("byte %zu = 0x%02x: accepted, but cannot be rewritten", at, value);
	if (module_check(m.data, m.size, MEMORY, &after, NULL) < 0)
		fail_msg("byte %zu = 0x%02x: refused once rewritten", at, value);
	assert_memory_equal(&before, &after, sizeof(after));
	module_rewritten_done(&m);
}

static void read_guest(struct buffer *b)
{
	FILE *f = fopen(GUEST_MODULE, "rb");
	char part[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		assert_int_equal(buffer_add(b, part, n), 0);
	fclose(f);
}

static void test_mutations(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x2a};
	CLEANUP(buffer_done) struct buffer original = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	struct module_info info;

	read_guest(&original);
	verdict_accepted(&original, &info);
	/* Every byte of the sections before the code, then a sample of the rest. */
	size_t cases = RANDOM_CASES(1500), step = 1500 / cases;
	for (size_t at = 0; at < original.size; at += at < 1500 ? step : 23) {
		buffer_clear(&b);
		(void)buffer_add(&b, original.data, original.size);
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			b.data[at] = (char)values[v];
			mutated(&b, at, values[v]);
		}
		b.size = at; /* truncated here */
		mutated(&b, at, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrite),	      cmocka_unit_test(test_image),
		cmocka_unit_test(test_many_segments), cmocka_unit_test(test_named_segments),
		cmocka_unit_test(test_sparse_image),  cmocka_unit_test(test_passive_limit),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
