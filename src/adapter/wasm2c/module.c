#include "adapter/wasm2c/module.h"

#include <inttypes.h>
#include <stdio.h>

#include "adapter/wasm2c/imports.h"
#include "adapter/wasm2c/module_private.h"
#include "adapter/wasm2c/module_sections.h"
#include "adapter/wasm2c/module_types.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

static const uint8_t *value_types(struct reader *r, const char *what, uint32_t max,
				  uint32_t *ret_count)
{
	uint32_t count = read_count(r, what, max, 1);
	const uint8_t *first = r->data + r->at;

	for (uint32_t i = 0; i < count; i++)
		if (!read_value_type(r, what))
			return NULL;
	*ret_count = count;
	return first;
}

static void type_section(struct reader *r, struct module *m)
{
	uint32_t count = read_count(r, "types", MODULE_TYPES_MAX, 3);

	if (r->result < 0)
		return;
	m->types = mem_new_array(struct module_type, count + 1);
	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		struct module_type *type = &m->types[i];
		size_t start = r->at;

		if (read_byte(r) != TYPE_FUNCTION) {
			reader_fail(r, ERR_INVALID, start,
				    "type %" PRIu32 " is not a function type", i);
			return;
		}
		type->parameters = value_types(r, "parameters", MODULE_PARAMETERS_MAX,
					       &type->parameter_count);
		type->results =
			value_types(r, "results", MODULE_RESULTS_MAX, &type->result_count);
		m->type_count = i + 1;
	}
}

/* "sys.log has the type (i32) -> (), it must be (i32, i32, i32) -> (i32)". */
static void wrong_import_type(struct reader *r, size_t offset, const struct module_type *type,
			      const struct import_function *import)
{
	uint8_t parameters[16], result[1] = {import->result == 'l' ? VALUE_I64 : VALUE_I32};
	struct module_type wanted = {
		.parameters = parameters,
		.parameter_count = (uint32_t)strlen(import->parameters),
		.results = result,
		.result_count = import->result == 'v' ? 0 : 1,
	};
	char seen_text[256], wanted_text[256];

	for (uint32_t i = 0; i < wanted.parameter_count; i++)
		parameters[i] = import->parameters[i] == 'l' ? VALUE_I64 : VALUE_I32;
	module_type_text(type, seen_text, sizeof(seen_text));
	module_type_text(&wanted, wanted_text, sizeof(wanted_text));
	reader_fail(r, ERR_INVALID, offset, "import %s.%s has the type %s, it must be %s",
		    import->module, import->function, seen_text, wanted_text);
}

struct unknown_imports {
	char text[600];
	size_t at;
	uint32_t count;
	size_t offset;
};

static void unknown_import(struct unknown_imports *u, size_t offset, const char *module,
			   uint32_t module_size, const char *function, uint32_t function_size)
{
	if (u->count++ == 0)
		u->offset = offset;
	if (u->at + 150 < sizeof(u->text))
		u->at += (size_t)snprintf(
			u->text + u->at, sizeof(u->text) - u->at, "%s%.*s.%.*s",
			u->at == 0 ? "" : ", ", (int)(module_size > 60 ? 60 : module_size),
			module, (int)(function_size > 60 ? 60 : function_size), function);
	else if (u->at + 5 < sizeof(u->text) && u->text[u->at - 1] != '.')
		u->at += (size_t)snprintf(u->text + u->at, sizeof(u->text) - u->at, ", ...");
}

static void function_import(struct reader *r, struct module *m, const char *module,
			    uint32_t module_size, const char *function, uint32_t function_size,
			    size_t start, struct unknown_imports *unknown)
{
	uint32_t type = read_u32(r);
	const struct import_function *import =
		import_find(module, module_size, function, function_size);

	if (r->result < 0)
		return;
	if (type >= m->type_count) {
		reader_fail(r, ERR_INVALID, start,
			    "an import has type %" PRIu32 ", there are %" PRIu32, type,
			    m->type_count);
		return;
	}
	m->functions[m->function_count++] = type;
	m->imported_count++;
	if (import == NULL) {
		unknown_import(unknown, start, module, module_size, function, function_size);
		return;
	}
	if (!module_type_equal(&m->types[type], import->parameters, import->result)) {
		wrong_import_type(r, start, &m->types[type], import);
		return;
	}
	m->info.imports[import - import_table] = true;
	m->info.capabilities |= import->capability;
}

static void import_section(struct reader *r, struct module *m)
{
	static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
	uint32_t count = read_count(r, "imports", MODULE_FUNCTIONS_MAX, 4);
	struct unknown_imports unknown = {.text = ""};

	if (r->result < 0)
		return;
	m->functions = mem_new_array(uint32_t, count + 1);
	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		size_t start = r->at;
		uint32_t module_size = 0, function_size = 0;
		const char *module = read_name(r, "an import's module", &module_size);
		const char *function = read_name(r, "an import", &function_size);
		uint8_t kind = read_byte(r);

		if (r->result < 0)
			return;
		if (kind != 0) {
			reader_fail(r, ERR_INVALID, start,
				    "import %.*s.%.*s is a %s; only functions may be imported",
				    (int)(module_size > 60 ? 60 : module_size), module,
				    (int)(function_size > 60 ? 60 : function_size), function,
				    kind < ARRAY_SIZE(kinds) ? kinds[kind]
							     : "thing of an unknown kind");
			return;
		}
		function_import(r, m, module, module_size, function, function_size, start,
				&unknown);
	}
	if (unknown.count > 0)
		reader_fail(r, ERR_INVALID, unknown.offset,
			    "imports what the host does not offer: %s", unknown.text);
}

static void function_section(struct reader *r, struct module *m)
{
	uint32_t count = read_count(r, "functions", MODULE_FUNCTIONS_MAX, 1);

	if (r->result < 0)
		return;
	m->functions = mem_resize(m->functions, (size_t)m->function_count + count + 1,
				  sizeof(m->functions[0]));
	m->info.functions = count;
	for (uint32_t i = 0; i < count; i++) {
		size_t start = r->at;
		uint32_t type = read_u32(r);

		if (r->result == 0 && type >= m->type_count)
			reader_fail(r, ERR_INVALID, start,
				    "function %" PRIu32 " has type %" PRIu32
				    ", there are %" PRIu32,
				    m->function_count, type, m->type_count);
		if (r->result < 0)
			return;
		m->functions[m->function_count++] = type;
	}
}

/* Limits of a memory or a table. */
static uint32_t limits(struct reader *r, const char *what)
{
	size_t start = r->at;
	uint8_t flags = read_byte(r);
	uint32_t initial = read_u32(r);

	if (r->result < 0)
		return 0;
	if (flags > 1) {
		reader_fail(r, ERR_UNSUPPORTED, start, "%s is %s, which is not supported", what,
			    flags == 3 ? "shared (threads)" : "of an unknown kind");
		return 0;
	}
	if (flags == 1 && read_u32(r) < initial)
		reader_fail(r, ERR_INVALID, start, "%s has a maximum below its initial size",
			    what);
	return initial;
}

static void table_section(struct reader *r, struct module *m)
{
	size_t start = r->at;
	uint32_t count = read_count(r, "tables", UINT32_MAX, 3);
	uint32_t initial;

	if (r->result == 0 && count > 1)
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "several tables: reference types are not supported");
	if (r->result < 0 || count == 0)
		return;
	m->table_count = 1;
	start = r->at;
	if (read_byte(r) != TYPE_FUNCREF) {
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "a table of a type other than funcref: reference types are not "
			    "supported");
		return;
	}
	initial = limits(r, "the table");
	if (initial > MODULE_TABLE_MAX)
		reader_fail(r, ERR_LIMIT, start,
			    "the table has %" PRIu32 " elements, at most %d are allowed",
			    initial, MODULE_TABLE_MAX);
}

static void memory_section(struct reader *r, struct module *m)
{
	size_t start = r->at;
	uint32_t count = read_count(r, "memories", UINT32_MAX, 2);
	uint32_t pages;

	if (r->result == 0 && count > 1)
		reader_fail(r, ERR_UNSUPPORTED, start, "several memories are not supported");
	if (r->result < 0 || count == 0)
		return;
	m->memory_count = 1;
	pages = limits(r, "the memory");
	if (r->result == 0 &&
	    (pages > MODULE_PAGES_MAX || (uint64_t)pages * MODULE_PAGE > m->memory_bytes))
		reader_fail(r, ERR_LIMIT, start,
			    "the initial memory is %" PRIu64
			    " KiB, resources.memory allows %" PRIu64 " KiB",
			    (uint64_t)pages * 64, m->memory_bytes / 1024);
	m->info.initial_pages = pages;
}

static void global_section(struct reader *r, struct module *m)
{
	uint32_t count = read_count(r, "globals", MODULE_GLOBALS_MAX, 4);

	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		uint8_t type = r->at < r->end ? r->data[r->at] : 0;
		size_t start;

		if (!read_value_type(r, "a global"))
			return;
		start = r->at;
		if (read_byte(r) > 1)
			reader_fail(r, ERR_INVALID, start,
				    "a global is neither mutable nor not");
		module_check_constant(r, "the value of a global", type);
		m->global_count++;
	}
}

static void start_section(struct reader *r, struct module *m)
{
	size_t start = r->at;
	uint32_t index = read_u32(r);

	if (r->result == 0 && (index >= m->function_count ||
			       !module_type_equal(&m->types[m->functions[index]], "", 'v')))
		reader_fail(r, ERR_INVALID, start,
			    "the start function must have the type () -> ()");
}

static void element_section(struct reader *r, struct module *m)
{
	uint32_t count = read_count(r, "element segments", MODULE_SEGMENTS_MAX, 3);

	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		size_t start = r->at;
		uint32_t flags = read_u32(r), functions;

		if (r->result == 0 && flags > 3)
			reader_fail(r, ERR_UNSUPPORTED, start,
				    "an element segment of expressions: reference types are "
				    "not supported");
		if (flags == 2 && read_u32(r) != 0)
			reader_fail(r, ERR_INVALID, start,
				    "an element segment for a second table");
		if (r->result == 0 && (flags & 1) == 0 && m->table_count == 0)
			reader_fail(r, ERR_INVALID, start,
				    "an element segment without a table");
		if ((flags & 1) == 0)
			module_check_constant(r, "the place of an element segment", VALUE_I32);
		if (flags != 0 && read_byte(r) != 0)
			reader_fail(r, ERR_INVALID, start, "elements of an unknown kind");
		functions = read_count(r, "elements", MODULE_TABLE_MAX - m->info.elements, 1);
		m->info.elements += functions;
		for (uint32_t f = 0; f < functions && r->result == 0; f++) {
			size_t at = r->at;
			uint32_t index = read_u32(r);

			if (r->result == 0 && index >= m->function_count)
				reader_fail(r, ERR_INVALID, at,
					    "function %" PRIu32 " does not exist", index);
		}
		m->element_count++;
	}
}

static void data_section(struct reader *r, struct module *m)
{
	uint32_t count = read_count(r, "data segments", MODULE_FUNCTIONS_MAX, 2);

	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		size_t start = r->at;
		uint32_t flags = read_u32(r), size;

		if (r->result == 0 && flags > 2)
			reader_fail(r, ERR_INVALID, start, "a data segment of an unknown kind");
		if (flags == 2 && read_u32(r) != 0)
			reader_fail(r, ERR_UNSUPPORTED, start,
				    "several memories are not supported");
		if (r->result == 0 && flags != 1 && m->memory_count == 0)
			reader_fail(r, ERR_INVALID, start, "a data segment without a memory");
		if (flags != 1)
			module_check_constant(r, "the place of a data segment", VALUE_I32);
		size = read_u32(r);
		if (read_bytes(r, size) != NULL && flags == 1)
			m->info.passive_bytes += size;
		if (r->result == 0 && m->info.passive_bytes > MODULE_PASSIVE_MAX)
			reader_fail(r, ERR_LIMIT, start,
				    "passive data segments of more than %u bytes",
				    MODULE_PASSIVE_MAX);
		m->data_segments++;
	}
}

/* Sections other than custom ones come once and in this order. */
static const uint8_t section_order[] = {
	[SECTION_TYPE] = 1,   [SECTION_IMPORT] = 2, [SECTION_FUNCTION] = 3,
	[SECTION_TABLE] = 4,  [SECTION_MEMORY] = 5, [SECTION_GLOBAL] = 6,
	[SECTION_EXPORT] = 7, [SECTION_START] = 8,  [SECTION_ELEMENT] = 9,
	[SECTION_CODE] = 11,  [SECTION_DATA] = 12,  [SECTION_DATA_COUNT] = 10,
};

static void section_content(struct reader *r, struct module *m, uint8_t id)
{
	switch ((enum section)id) {
	case SECTION_TYPE:
		type_section(r, m);
		break;
	case SECTION_IMPORT:
		import_section(r, m);
		break;
	case SECTION_FUNCTION:
		function_section(r, m);
		break;
	case SECTION_TABLE:
		table_section(r, m);
		break;
	case SECTION_MEMORY:
		memory_section(r, m);
		break;
	case SECTION_GLOBAL:
		global_section(r, m);
		break;
	case SECTION_EXPORT:
		module_check_exports(r, m);
		break;
	case SECTION_START:
		start_section(r, m);
		break;
	case SECTION_ELEMENT:
		element_section(r, m);
		break;
	case SECTION_CODE:
		module_check_code(r, m);
		break;
	case SECTION_DATA:
		data_section(r, m);
		break;
	case SECTION_DATA_COUNT:
		m->data_count = read_u32(r);
		m->has_data_count = true;
		break;
	case SECTION_CUSTOM:
		break;
	}
}

static void sections(struct reader *r, struct module *m)
{
	size_t module_end = r->end;
	uint8_t last = 0;

	while (r->result == 0 && r->at < module_end) {
		size_t start = r->at;
		uint8_t id = read_byte(r);
		uint32_t size = read_u32(r);

		if (r->result < 0)
			return;
		if (size > module_end - r->at) {
			reader_fail(r, ERR_INVALID, start,
				    "section %u claims %" PRIu32 " byte%s, %zu %s left", id,
				    size, str_plural(size), module_end - r->at,
				    str_are(module_end - r->at));
			return;
		}
		if (id > SECTION_DATA_COUNT) {
			reader_fail(r, ERR_UNSUPPORTED, start, "section %u is not supported",
				    id);
			return;
		}
		if (id == SECTION_CUSTOM) {
			r->at += size;
			continue;
		}
		if (section_order[id] <= last) {
			reader_fail(r, ERR_INVALID, start,
				    "section %u comes twice or in the wrong order", id);
			return;
		}
		last = section_order[id];
		m->seen[id] = true;
		r->end = r->at + size;
		section_content(r, m, id);
		if (r->result == 0 && r->at != r->end)
			reader_fail(r, ERR_INVALID, r->at,
				    "section %u is longer than its content", id);
		r->end = module_end;
	}
}

static void whole(struct reader *r, const struct module *m)
{
	if (r->result < 0)
		return;
	uint32_t missing = m->info.functions - m->body_count;
	if (missing != 0)
		reader_fail(r, ERR_INVALID, r->end, "%" PRIu32 " function%s no body", missing,
			    missing == 1 ? " has" : "s have");
	if (m->has_data_count && m->data_count != m->data_segments)
		reader_fail(r, ERR_INVALID, r->end,
			    "%" PRIu32 " data segment%s %s announced, %" PRIu32 " %s there",
			    m->data_count, str_plural(m->data_count), str_are(m->data_count),
			    m->data_segments, str_are(m->data_segments));
	if ((m->info.exports & (MODULE_EXPORT_ON_PROCESS | MODULE_EXPORT_START)) == 0)
		reader_fail(r, ERR_INVALID, r->end,
			    "exports neither 'on_process' nor '_start'");
}

int module_walk(const uint8_t *data, size_t size, uint64_t memory_bytes, uint8_t *writable,
		struct module_info *ret_info, struct error **err)
{
	static const uint8_t magic[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
	struct module m = {.memory_bytes = memory_bytes, .writable = writable};
	struct reader r = {.data = data, .end = size, .err = err};

	INVARIANT(import_count <= ARRAY_SIZE(m.info.imports));
	if (size > MODULE_BYTES_MAX)
		return error_set(err, ERR_LIMIT,
				 "the module has %zu bytes, at most %u are allowed", size,
				 MODULE_BYTES_MAX);
	if (size < sizeof(magic) || memcmp(data, magic, sizeof(magic)) != 0)
		return error_set(err, ERR_INVALID, "not a WebAssembly module of version 1");
	r.at = sizeof(magic);
	sections(&r, &m);
	whole(&r, &m);
	free(m.types);
	free(m.functions);
	if (r.result < 0)
		return r.result;
	*ret_info = m.info;
	return 0;
}

int module_check(const uint8_t *data, size_t size, uint64_t memory_bytes,
		 struct module_info *ret_info, struct error **err)
{
	return module_walk(data, size, memory_bytes, NULL, ret_info, err);
}
