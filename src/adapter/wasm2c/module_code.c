/*
 * Function bodies, instruction by instruction: counts of locals, depth of nesting, every
 * index in range, nothing outside the accepted features. Operand types are wasm-validate's.
 */
#include "adapter/wasm2c/module_sections.h"

#include <inttypes.h>
#include <string.h>

#include "adapter/wasm2c/module_private.h"
#include "adapter/wasm2c/module_types.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

#define OPCODE_NOP 0x01

/* What follows an instruction's first byte. */
enum immediate {
	BAD = 0,
	NONE,
	BLOCK,	  /* block, loop, if: a block type; one deeper */
	ELSE,	  /* */
	END,	  /* one shallower */
	LABEL,	  /* br, br_if */
	LABELS,	  /* br_table */
	FUNCTION, /* call */
	INDIRECT, /* call_indirect */
	LOCAL,
	GLOBAL,
	MEMARG, /* loads and stores */
	MEMORY, /* memory.size, memory.grow */
	I32,
	I64,
	F32,
	F64,
	PREFIX_FC,
	REFERENCES, /* refused, with the feature's name */
	SIMD,
	THREADS,
};

static const uint8_t immediates[256] = {
	[0x00 ... 0x01] = NONE,
	[0x02 ... 0x04] = BLOCK,
	[0x05] = ELSE,
	[0x0b] = END,
	[0x0c ... 0x0d] = LABEL,
	[0x0e] = LABELS,
	[0x0f] = NONE,
	[0x10] = FUNCTION,
	[0x11] = INDIRECT,
	[0x1a ... 0x1b] = NONE,
	[0x1c] = REFERENCES, /* select with types */
	[0x20 ... 0x22] = LOCAL,
	[0x23 ... 0x24] = GLOBAL,
	[0x25 ... 0x26] = REFERENCES,
	[0x28 ... 0x3e] = MEMARG,
	[0x3f ... 0x40] = MEMORY,
	[0x41] = I32,
	[0x42] = I64,
	[0x43] = F32,
	[0x44] = F64,
	[0x45 ... 0xc4] = NONE, /* numeric; c0 to c4 sign extension */
	[0xd0 ... 0xd2] = REFERENCES,
	[0xfc] = PREFIX_FC,
	[0xfd] = SIMD,
	[0xfe] = THREADS,
};

/* A number below 128, as it is written: linkers pad indices to five bytes (80 80 80 80 00). */
struct small_number {
	size_t start, end;
	uint8_t value;
};

struct body {
	const struct module *module;
	uint32_t locals; /* parameters included */
	uint32_t depth;
	uint32_t function;   /* index, for messages */
	uint32_t data_named; /* data segments up to the last that it names */
	/* of the present instruction */
	struct small_number small[3];
	unsigned small_count;
};

static uint32_t read_index(struct reader *r, const char *what, uint32_t count)
{
	size_t start = r->at;
	uint32_t index = read_u32(r);

	if (r->result == 0 && index >= count)
		reader_fail(r, ERR_INVALID, start,
			    "%s %" PRIu32 " does not exist, there are %" PRIu32, what, index,
			    count);
	return index;
}

static void note_small(struct body *b, size_t start, size_t end, uint32_t value)
{
	INVARIANT(b->small_count < ARRAY_SIZE(b->small) && value < 0x80);
	b->small[b->small_count++] = (struct small_number){start, end, (uint8_t)value};
}

/* An index that can only be 0. */
static void read_zero(struct reader *r, struct body *b, const char *what)
{
	size_t start = r->at;

	if (read_u32(r) != 0)
		reader_fail(r, ERR_UNSUPPORTED, start, "%s other than 0 is not supported",
			    what);
	note_small(b, start, r->at, 0);
}

static void read_table(struct reader *r, struct body *b)
{
	if (r->result == 0 && b->module->table_count == 0)
		reader_fail(r, ERR_INVALID, r->at, "table 0 does not exist");
	read_zero(r, b, "table");
}

static void read_memory(struct reader *r, struct body *b)
{
	if (r->result == 0 && b->module->memory_count == 0)
		reader_fail(r, ERR_INVALID, r->at, "memory is used, but there is none");
	read_zero(r, b, "memory");
}

/* wasm-validate, which runs without reference types and several memories, accepts indices that can
 * only be 0, and what follows 0xfc, as one byte only. The instruction keeps its length and its
 * meaning: as many `nop`s as bytes are saved, then the instruction with these as one byte. */
static void squeeze(uint8_t *module, const struct body *b, size_t start, size_t end)
{
	uint8_t short_form[32];
	size_t size = 0, from = start;

	for (unsigned i = 0; i < b->small_count; i++) {
		size_t before = b->small[i].start - from;

		INVARIANT(size + before + 1 <= sizeof(short_form));
		memcpy(short_form + size, module + from, before);
		size += before;
		short_form[size++] = b->small[i].value;
		from = b->small[i].end;
	}
	INVARIANT(size + (end - from) <= sizeof(short_form));
	memcpy(short_form + size, module + from, end - from);
	size += end - from;
	memset(module + start, OPCODE_NOP, end - start - size);
	memcpy(module + end - size, short_form, size);
}

static void block_type(struct reader *r, const struct module *m)
{
	size_t start = r->at;
	int64_t type = read_signed(r, 33);

	if (r->result < 0 || type == -0x40 || (type <= -1 && type >= -4))
		return;
	if (type < 0)
		reader_fail(r, ERR_UNSUPPORTED, start, "block of the unknown type 0x%02x",
			    (unsigned)(type & 0x7f));
	else if (type >= m->type_count)
		reader_fail(r, ERR_INVALID, start,
			    "block of type %" PRIi64 ", which does not exist", type);
}

static void deeper(struct reader *r, struct body *b)
{
	if (++b->depth > MODULE_NESTING_MAX + 1) /* the body itself is the first */
		reader_fail(r, ERR_LIMIT, r->at,
			    "function %" PRIu32 " nests blocks deeper than %d", b->function,
			    MODULE_NESTING_MAX);
}

static void prefix_fc(struct reader *r, struct body *b)
{
	const struct module *m = b->module;
	size_t start = r->at;
	uint32_t sub = read_u32(r), index;

	if (sub < 0x80)
		note_small(b, start, r->at, sub);
	switch (sub) {
	case 0 ... 7: /* non-trapping conversions */
		return;
	case 8: /* memory.init */
	case 9: /* data.drop */
		if (!m->has_data_count)
			reader_fail(r, ERR_INVALID, start, "no data count section");
		index = read_index(r, "data segment", m->data_count);
		if (r->result == 0 && index >= MODULE_SEGMENTS_MAX)
			reader_fail(r, ERR_LIMIT, start,
				    "the code names data segment %" PRIu32
				    ", at most the first %d may be named",
				    index, MODULE_SEGMENTS_MAX);
		if (r->result == 0 && index >= b->data_named)
			b->data_named = index + 1;
		if (sub == 8)
			read_memory(r, b);
		return;
	case 10: /* memory.copy */
		read_memory(r, b);
		read_memory(r, b);
		return;
	case 11: /* memory.fill */
		read_memory(r, b);
		return;
	case 12: /* table.init */
		read_index(r, "element segment", m->element_count);
		read_table(r, b);
		return;
	case 13: /* elem.drop */
		read_index(r, "element segment", m->element_count);
		return;
	case 14: /* table.copy */
		read_table(r, b);
		read_table(r, b);
		return;
	case 15 ... 17:
		reader_fail(r, ERR_UNSUPPORTED, start, "reference types are not supported");
		return;
	default:
		reader_fail(r, ERR_INVALID, start, "unknown instruction 0xfc 0x%02" PRIx32,
			    sub);
	}
}

static void mem_argument(struct reader *r, const struct module *m)
{
	size_t start = r->at;
	uint32_t align = read_u32(r);

	(void)read_u32(r);
	if (r->result == 0 && align > 3)
		reader_fail(r, ERR_INVALID, start, "alignment of 2^%" PRIu32 " bytes", align);
	if (r->result == 0 && m->memory_count == 0)
		reader_fail(r, ERR_INVALID, start, "memory is used, but there is none");
}

static void labels(struct reader *r, struct body *b)
{
	uint32_t count = read_count(r, "labels in br_table", UINT32_MAX, 1);

	for (uint32_t i = 0; i <= count && r->result == 0; i++)
		read_index(r, "label", b->depth);
}

static void instruction(struct reader *r, struct body *b)
{
	size_t start = r->at;
	uint8_t opcode = read_byte(r);

	if (r->result < 0)
		return;
	switch ((enum immediate)immediates[opcode]) {
	case NONE:
		return;
	case BLOCK:
		block_type(r, b->module);
		deeper(r, b);
		return;
	case ELSE:
		if (b->depth < 2)
			reader_fail(r, ERR_INVALID, start, "else without if");
		return;
	case END:
		b->depth--;
		return;
	case LABEL:
		read_index(r, "label", b->depth);
		return;
	case LABELS:
		labels(r, b);
		return;
	case FUNCTION:
		read_index(r, "function", b->module->function_count);
		return;
	case INDIRECT:
		read_index(r, "type", b->module->type_count);
		read_table(r, b);
		return;
	case LOCAL:
		read_index(r, "local", b->locals);
		return;
	case GLOBAL:
		read_index(r, "global", b->module->global_count);
		return;
	case MEMARG:
		mem_argument(r, b->module);
		return;
	case MEMORY:
		read_memory(r, b);
		return;
	case I32:
		(void)read_signed(r, 32);
		return;
	case I64:
		(void)read_signed(r, 64);
		return;
	case F32:
		(void)read_bytes(r, 4);
		return;
	case F64:
		(void)read_bytes(r, 8);
		return;
	case PREFIX_FC:
		prefix_fc(r, b);
		return;
	case REFERENCES:
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "reference types are not supported (instruction 0x%02x)", opcode);
		return;
	case SIMD:
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "SIMD is not supported: compile without -msimd128");
		return;
	case THREADS:
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "threads are not supported: compile without -matomics");
		return;
	case BAD:
		break;
	}
	reader_fail(r, ERR_INVALID, start, "unknown instruction 0x%02x", opcode);
}

static void locals(struct reader *r, struct body *b)
{
	uint32_t groups = read_count(r, "groups of locals", UINT32_MAX, 2);
	uint64_t count = b->locals;

	for (uint32_t i = 0; i < groups && r->result == 0; i++) {
		size_t start = r->at;

		count += read_u32(r);
		if (!read_value_type(r, "local"))
			return;
		if (count > MODULE_LOCALS_MAX) {
			reader_fail(r, ERR_LIMIT, start,
				    "function %" PRIu32 " has at least %" PRIu64
				    " locals, at most %d are allowed",
				    b->function, count, MODULE_LOCALS_MAX);
			return;
		}
	}
	b->locals = (uint32_t)count;
}

static void body(struct reader *r, struct module *m, uint32_t index)
{
	size_t start = r->at;
	uint32_t size = read_u32(r);
	size_t outer_end = r->end;
	uint32_t function = m->imported_count + index;
	struct body b = {
		.module = m,
		.locals = m->types[m->functions[function]].parameter_count,
		.depth = 1,
		.function = function,
	};

	if (r->result < 0)
		return;
	if (size > r->end - r->at) {
		reader_fail(r, ERR_INVALID, start,
			    "the body of function %" PRIu32 " ends too late", function);
		return;
	}
	if (size > MODULE_FUNCTION_MAX) {
		reader_fail(r, ERR_LIMIT, start,
			    "function %" PRIu32 " has %" PRIu32
			    " bytes of code, at most %u are allowed",
			    function, size, MODULE_FUNCTION_MAX);
		return;
	}
	r->end = r->at + size;
	locals(r, &b);
	while (r->result == 0 && b.depth > 0) {
		size_t at = r->at;

		b.small_count = 0;
		instruction(r, &b);
		if (r->result == 0 && b.small_count > 0 && m->writable != NULL)
			squeeze(m->writable, &b, at, r->at);
	}
	if (r->result == 0 && r->at != r->end)
		reader_fail(r, ERR_INVALID, r->at, "bytes after the end of function %" PRIu32,
			    function);
	r->end = outer_end;
	if (b.data_named > m->info.data_named)
		m->info.data_named = b.data_named;
}

void module_check_code(struct reader *r, struct module *m)
{
	size_t start = r->at;
	uint32_t count = read_count(r, "function bodies", MODULE_FUNCTIONS_MAX, 2);

	if (r->result < 0)
		return;
	uint32_t functions = m->function_count - m->imported_count;
	if (count != functions) {
		reader_fail(r, ERR_INVALID, start,
			    "%" PRIu32 " bod%s for %" PRIu32 " function%s", count,
			    count == 1 ? "y" : "ies", functions, str_plural(functions));
		return;
	}
	m->body_count = count;
	m->info.code_bytes = (uint32_t)(r->end - start);
	if (m->info.code_bytes > MODULE_CODE_MAX)
		reader_fail(r, ERR_LIMIT, start,
			    "the module has %" PRIu32
			    " bytes of code, at most %u are allowed; data may be larger",
			    m->info.code_bytes, MODULE_CODE_MAX);
	for (uint32_t i = 0; i < count && r->result == 0; i++)
		body(r, m, i);
}

void module_check_constant(struct reader *r, const char *what, uint8_t type)
{
	size_t start = r->at;
	uint8_t opcode = read_byte(r);
	static const uint8_t types[] = {VALUE_I32, VALUE_I64, VALUE_F32, VALUE_F64};

	if (r->result < 0)
		return;
	if (opcode < 0x41 || opcode > 0x44 || types[opcode - 0x41] != type) {
		reader_fail(r, ERR_INVALID, start, "%s is not a constant of its type", what);
		return;
	}
	if (opcode == 0x41)
		(void)read_signed(r, 32);
	else if (opcode == 0x42)
		(void)read_signed(r, 64);
	else
		(void)read_bytes(r, opcode == 0x43 ? 4 : 8);
	start = r->at;
	if (read_byte(r) != 0x0b)
		reader_fail(r, ERR_INVALID, start, "%s is not one constant", what);
}

uint32_t module_read_i32(struct reader *r)
{
	uint32_t value;

	(void)read_byte(r); /* i32.const */
	value = (uint32_t)read_signed(r, 32);
	(void)read_byte(r); /* end */
	return value;
}
