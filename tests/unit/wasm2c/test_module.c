/* The checker of modules: everything in [guest-abi.limits], and what hostile modules do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/wasm2c/module.h"
#include "base/memory.h"
#include "builder.h"
#include "verdict.h"

static void test_smallest(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	struct module_info info;

	wasm_module(&b, body_zero, sizeof(body_zero));
	verdict_accepted(&b, &info);
	assert_int_equal(info.exports, MODULE_EXPORT_ON_PROCESS);
	assert_int_equal(info.functions, 1);
	assert_int_equal(info.initial_pages, 0);
}

static void test_not_a_module(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);

	verdict_refused(&b, ERR_INVALID, "not a WebAssembly module");
	(void)buffer_add(&b, "\0asm\2\0\0", 8);
	verdict_refused(&b, ERR_INVALID, "not a WebAssembly module");
}

/* Names go into C comments of wasm2c's output as they stand: this one would run at load. */
static void test_code_in_export_name(void **state)
{
	static const char name[] =
		"x*/\n#ifndef P\n#define P\n__attribute__((constructor)) static "
		"void pwn(void){*(volatile int *)0=1;}\n#endif\n/*";
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(&b);
	wasm_types(&b);
	wasm_function(&b);
	(void)buffer_add(&c, "\2", 1);
	wasm_name(&c, "on_process", 10);
	(void)buffer_add(&c, "\0\0", 2);
	wasm_name(&c, name, sizeof(name) - 1);
	(void)buffer_add(&c, "\0\0", 2);
	wasm_section(&b, 7, &c);
	wasm_code(&b, body_zero, sizeof(body_zero));
	verdict_refused(&b, ERR_INVALID, "[A-Za-z0-9_.$-]");
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		enum error_code code;
		const char *part;
	} cases[] = {
		{"a b", 3, ERR_INVALID, "byte 0x20"},
		{"a\nb", 3, ERR_INVALID, "byte 0x0a"},
		{"a\0b", 3, ERR_INVALID, "byte 0x00"},
		{"*/", 2, ERR_INVALID, "byte 0x2a"},
		{"a\\", 2, ERR_INVALID, "byte 0x5c"},
		{"\"", 1, ERR_INVALID, "byte 0x22"},
		{"\xc3\xa9", 2, ERR_INVALID, "byte 0xc3"},
		{"", 0, ERR_INVALID, "name of 0 bytes"},
		{"a%s", 3, ERR_INVALID, "byte 0x25"},
		{"a/b", 3, ERR_INVALID, "byte 0x2f"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);

		wasm_begin(&b);
		wasm_types(&b);
		wasm_function(&b);
		wasm_export(&b, cases[i].name, cases[i].size, 0, 0);
		verdict_refused(&b, cases[i].code, cases[i].part);
	}
}

static void test_long_name(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	char name[MODULE_NAME_MAX + 1];

	memset(name, 'a', sizeof(name));
	wasm_begin(&b);
	wasm_types(&b);
	wasm_function(&b);
	wasm_export(&b, name, sizeof(name), 0, 0);
	verdict_refused(&b, ERR_LIMIT, "name of 4097 bytes");
}

static void locals(struct buffer *body, uint32_t groups, uint32_t each)
{
	wasm_u32(body, groups);
	for (uint32_t i = 0; i < groups; i++) {
		wasm_u32(body, each);
		(void)buffer_add(body, "\x7f", 1);
	}
	(void)buffer_add(body, "\x41\0\x0b", 3);
}

static void test_locals(void **state)
{
	static const struct {
		uint32_t groups, each;
		bool fine;
	} cases[] = {
		{1, 2000, true},	{1, 2001, false},	{1, 1000000, false},
		{1, 50000000, false},	{1, UINT32_MAX, false}, {2000, 1, true},
		{2001, 1, false},	{3, UINT32_MAX, false}, {100000, 0, true},
		{2, 0x80000000, false}, {100000, 1, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(buffer_done) struct buffer body = BUFFER_INIT(BUILDER_MAX);
		struct module_info info;

		locals(&body, cases[i].groups, cases[i].each);
		wasm_module(&b, body.data, body.size);
		if (cases[i].fine)
			verdict_accepted(&b, &info);
		else
			verdict_refused(&b, ERR_LIMIT, "locals, at most 2000");
	}
}

static void test_nesting(void **state)
{
	static const struct {
		uint32_t depth;
		uint8_t opcode;
		bool fine;
	} cases[] = {{1000, 2, true}, {1001, 2, false}, {80000, 2, false}, {80000, 3, false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(buffer_done) struct buffer body = BUFFER_INIT(BUILDER_MAX);
		uint8_t block[2] = {cases[i].opcode, 0x40};
		struct module_info info;

		(void)buffer_add(&body, "\0", 1);
		for (uint32_t d = 0; d < cases[i].depth; d++)
			(void)buffer_add(&body, block, 2);
		for (uint32_t d = 0; d < cases[i].depth; d++)
			(void)buffer_add(&body, "\x0b", 1);
		(void)buffer_add(&body, "\x41\0\x0b", 3);
		wasm_module(&b, body.data, body.size);
		if (cases[i].fine)
			verdict_accepted(&b, &info);
		else
			verdict_refused(&b, ERR_LIMIT, "nests blocks deeper than 1000");
	}
}

static void test_features(void **state)
{
	static const struct {
		const char *body;
		size_t size;
		enum error_code code;
		const char *part;
	} cases[] = {
		{"\0\xfd\x0c", 3, ERR_UNSUPPORTED, "SIMD"},
		{"\0\xfe\x03\0", 4, ERR_UNSUPPORTED, "threads"},
		{"\0\xd0\x70\x0b", 4, ERR_UNSUPPORTED, "reference types"},
		{"\0\x25\0\x0b", 4, ERR_UNSUPPORTED, "reference types"},
		{"\0\xfc\x10\0\x0b", 5, ERR_UNSUPPORTED, "reference types"},
		{"\1\1\x7b\x41\0\x0b", 6, ERR_UNSUPPORTED, "v128"},
		{"\1\1\x70\x41\0\x0b", 6, ERR_UNSUPPORTED, "reference types"},
		{"\0\x06\x40\x0b", 4, ERR_INVALID, "unknown instruction 0x06"},
		{"\0\x12\0\x0b", 4, ERR_INVALID, "unknown instruction 0x12"},
		{"\0\xff\x0b", 3, ERR_INVALID, "unknown instruction 0xff"},
		{"\0\x10\x05\x0b", 4, ERR_INVALID, "function 5 does not exist"},
		{"\0\x20\x05\x0b", 4, ERR_INVALID, "local 5 does not exist"},
		{"\0\x23\x05\x0b", 4, ERR_INVALID, "global 5 does not exist"},
		{"\0\x0c\x05\x0b", 4, ERR_INVALID, "label 5 does not exist"},
		{"\0\x11\0\0\x0b", 5, ERR_INVALID, "table 0 does not exist"},
		{"\0\x28\x02\0\x0b", 5, ERR_INVALID, "there is none"},
		{"\0\x05\x0b", 3, ERR_INVALID, "else without if"},
		{"\0\x41\0", 3, ERR_INVALID, "ends too early"},
		{"\0\x41\0\x0b\x0b", 5, ERR_INVALID, "after the end of function"},
		{"\0\x41\x80\x80\x80\x80\x80\0\x0b", 9, ERR_INVALID, "does not fit 32 bits"},
		{"\0\x41\xff\xff\xff\xff\x4f\x0b", 8, ERR_INVALID, "does not fit 32 bits"},
		{"\0\x0e\xff\xff\xff\xff\x0f\x0b", 8, ERR_INVALID,
		 "labels in br_table: what is left does not hold"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);

		wasm_module(&b, cases[i].body, cases[i].size);
		verdict_refused(&b, cases[i].code, cases[i].part);
	}
}

/* Code may name the first MODULE_SEGMENTS_MAX data segments, however many there are. */
static void test_named_data(void **state)
{
	(void)state;
	for (uint32_t index = MODULE_SEGMENTS_MAX - 1; index <= MODULE_SEGMENTS_MAX; index++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

		wasm_begin(&b);
		wasm_types(&b);
		wasm_function(&b);
		(void)buffer_add(&c, "\1\0\1", 3);
		wasm_section(&b, 5, &c);
		wasm_export(&b, "on_process", 10, 0, 0);
		wasm_u32(&c, 10000);
		wasm_section(&b, 12, &c);
		(void)buffer_add(&c, "\0\xfc\x09", 3);
		wasm_u32(&c, index);
		(void)buffer_add(&c, "\x41\0\x0b", 3);
		wasm_code(&b, c.data, c.size);
		if (index < MODULE_SEGMENTS_MAX)
			verdict_refused(&b, ERR_INVALID, "10000 data segments are announced");
		else
			verdict_refused(&b, ERR_LIMIT, "the code names data segment 5000");
	}
}

/* Type and function section, then one section with this content. */
static void test_sections(void **state)
{
	static const struct {
		uint8_t id;
		const char *content;
		size_t size;
		enum error_code code;
		const char *part;
	} cases[] = {
		{4, "\1\x70\0\xa1\x8d\x06", 6, ERR_LIMIT, "100001 elements"},
		{4, "\1\x6f\0\1", 4, ERR_UNSUPPORTED, "reference types"},
		{6, "\x89\x27", 2, ERR_LIMIT, "5001 globals, at most 5000 are allowed"},
		{6, "\x88\x27", 2, ERR_INVALID, "globals: what is left does not hold 5000"},
		{9, "\x89\x27", 2, ERR_LIMIT,
		 "5001 element segments, at most 5000 are allowed"},
		{9, "\x88\x27", 2, ERR_INVALID,
		 "element segments: what is left does not hold 5000"},
		{4, "\2\x70\0\1\x70\0\1", 7, ERR_UNSUPPORTED, "several tables"},
		{5, "\1\0\x81\x04", 4, ERR_LIMIT, "initial memory is 32832 KiB"},
		{5, "\1\0\x80\x80\x04", 5, ERR_LIMIT, "initial memory is 4194304 KiB"},
		{5, "\1\3\1\1", 4, ERR_UNSUPPORTED, "shared (threads)"},
		{5, "\1\4\1\1", 4, ERR_UNSUPPORTED, "unknown kind"},
		{5, "\1\1\2\1", 4, ERR_INVALID, "maximum below"},
		{5, "\2\0\1\0\1", 5, ERR_UNSUPPORTED, "several memories"},
		{6, "\1\x7b\0\x41\0\x0b", 6, ERR_UNSUPPORTED, "v128"},
		{6, "\1\x7f\0\x23\0\x0b", 6, ERR_INVALID, "not a constant"},
		{6, "\1\x7f\0\x42\0\x0b", 6, ERR_INVALID, "not a constant"},
		{6, "\1\x7f\0\x41\0\x41\0\x6a\x0b", 9, ERR_INVALID, "not one constant"},
		{8, "\0", 1, ERR_INVALID, "the start function"},
		{8, "\x55", 1, ERR_INVALID, "the start function"},
		{9, "\1\0\x41\0\x0b\1\0", 7, ERR_INVALID, "without a table"},
		{9, "\1\4\x41\0\x0b\0", 6, ERR_UNSUPPORTED, "reference types"},
		{11, "\1\0\x41\0\x0b\1x", 7, ERR_INVALID, "without a memory"},
		{13, "\1\0\0", 3, ERR_UNSUPPORTED, "section 13"},
		{200, "", 0, ERR_UNSUPPORTED, "section 200"},
		{3, "\1\0", 2, ERR_INVALID, "twice or in the wrong order"},
		{2, "\0", 1, ERR_INVALID, "twice or in the wrong order"},
		{7, "\xff\xff\xff\xff\x0f", 5, ERR_LIMIT, "4294967295 exports"},
		{10, "\xff\xff\x05", 3, ERR_INVALID,
		 "function bodies: what is left does not hold 98303"},
		{10, "\1", 1, ERR_INVALID, "function bodies: what is left does not hold 1"},
		{10, "\2\2\0\x0b\2\0\x0b", 7, ERR_INVALID, "2 bodies for 1 function"},

		{10, "\0", 1, ERR_INVALID, "0 bodies for 1 function"},
		{5, "\1\0\1\0", 4, ERR_INVALID, "longer than its content"},
		{7, "\1\6memory\0\0", 10, ERR_INVALID, "'memory' must be a memory"},
		{7, "\1\6memory\2\0", 10, ERR_INVALID, "names nothing that exists"},
		{7, "\1\6_start\0\0", 10, ERR_INVALID, "'_start' has the type () -> (i32)"},
		{7, "\2\7on_init\0\0\7on_init\0\0", 21, ERR_INVALID, "exports 'on_init' twice"},
		{7, "\1\7on_init\0\0", 11, ERR_INVALID, "1 function has no body"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
		CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

		wasm_begin(&b);
		wasm_types(&b);
		wasm_function(&b);
		(void)buffer_add(&c, cases[i].content, cases[i].size);
		wasm_section(&b, cases[i].id, &c);
		verdict_refused(&b, cases[i].code, cases[i].part);
	}
}

static void test_claims(void **state)
{
	/* A section that claims 4 GiB, a type section of 10,001 types, a body beyond the end.
	 */
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(&b);
	(void)buffer_add(&b, "\1\xff\xff\xff\xff\x0f", 6);
	verdict_refused(&b, ERR_INVALID, "section 1 claims 4294967295 bytes");
	buffer_clear(&b);
	wasm_begin(&b);
	wasm_u32(&c, 10001);
	for (int i = 0; i < 10001; i++)
		(void)buffer_add(&c, "\x60\0\0", 3);
	wasm_section(&b, 1, &c);
	verdict_refused(&b, ERR_LIMIT, "10001 types");
	buffer_clear(&b);
	wasm_begin(&b);
	wasm_types(&b);
	wasm_function(&b);
	(void)buffer_add(&c, "\1\x7f\0", 3);
	wasm_section(&b, 10, &c);
	verdict_refused(&b, ERR_INVALID, "ends too late");
}

static void test_large(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);
	struct module_info info;
	char *bytes = mem_calloc(31u << 20, 1);

	wasm_module(&b, body_zero, sizeof(body_zero));
	wasm_name(&c, "name", 4);
	(void)buffer_add(&c, bytes, 31u << 20);
	wasm_section(&b, 0, &c);
	verdict_accepted(&b, &info);
	(void)buffer_add(&b, bytes, 2u << 20);
	verdict_refused(&b, ERR_LIMIT, "at most 33554432");
	free(bytes);
}

static void test_no_entry(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(&b);
	wasm_types(&b);
	wasm_function(&b);
	wasm_export(&b, "on_init", 7, 0, 0);
	wasm_code(&b, body_zero, sizeof(body_zero));
	verdict_refused(&b, ERR_INVALID, "neither 'on_process' nor '_start'");
}

/* What costs time to compile has a limit of its own, which is found before anything is compiled. */
static void test_code_limits(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer body = BUFFER_INIT(BUILDER_MAX);
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);
	struct module_info info;

	(void)buffer_add(&body, "\0", 1);
	while (body.size < MODULE_FUNCTION_MAX - 3)
		(void)buffer_add(&body, "\1", 1); /* nop */
	(void)buffer_add(&body, "\x41\0\x0b", 3);
	wasm_module(&b, body.data, body.size);
	verdict_accepted(&b, &info);
	buffer_clear(&b);
	(void)buffer_add(&body, "\x0b", 1);
	wasm_module(&b, body.data, body.size);
	verdict_refused(&b, ERR_LIMIT, "function 0 has 262145 bytes of code, at most 262144");
	buffer_clear(&b);
	wasm_begin(&b);
	wasm_types(&b);
	wasm_u32(&c, 5);
	(void)buffer_add(&c, "\0\0\0\0\0", 5);
	wasm_section(&b, 3, &c);
	wasm_export(&b, "on_process", 10, 0, 0);
	wasm_u32(&c, 5);
	for (int i = 0; i < 5; i++) {
		wasm_u32(&c, (uint32_t)body.size);
		(void)buffer_add(&c, body.data, body.size);
	}
	wasm_section(&b, 10, &c);
	verdict_refused(&b, ERR_LIMIT, "bytes of code, at most 1048576 are allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_not_a_module),
		cmocka_unit_test(test_code_in_export_name),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_locals),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_named_data),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_entry),
		cmocka_unit_test(test_code_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
