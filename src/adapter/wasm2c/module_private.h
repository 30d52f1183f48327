/* What the files of the checker share. */
#ifndef SAMOZA_ADAPTER_WASM2C_MODULE_PRIVATE_H
#define SAMOZA_ADAPTER_WASM2C_MODULE_PRIVATE_H

#include "adapter/wasm2c/module.h"
#include "adapter/wasm2c/reader.h"

enum section {
	SECTION_CUSTOM = 0,
	SECTION_TYPE = 1,
	SECTION_IMPORT = 2,
	SECTION_FUNCTION = 3,
	SECTION_TABLE = 4,
	SECTION_MEMORY = 5,
	SECTION_GLOBAL = 6,
	SECTION_EXPORT = 7,
	SECTION_START = 8,
	SECTION_ELEMENT = 9,
	SECTION_CODE = 10,
	SECTION_DATA = 11,
	SECTION_DATA_COUNT = 12,
};

enum value_type {
	VALUE_I32 = 0x7f,
	VALUE_I64 = 0x7e,
	VALUE_F32 = 0x7d,
	VALUE_F64 = 0x7c,
	TYPE_EMPTY = 0x40,
	TYPE_FUNCTION = 0x60,
	TYPE_FUNCREF = 0x70,
};

struct module_type {
	const uint8_t *parameters; /* borrowed: value types */
	const uint8_t *results;
	uint32_t parameter_count;
	uint32_t result_count;
};

struct module {
	struct module_type *types;
	uint32_t type_count;
	uint32_t *functions; /* type of each: imported ones, then defined ones */
	uint32_t function_count;
	uint32_t imported_count;
	uint32_t table_count;
	uint32_t memory_count;
	uint32_t global_count;
	uint32_t element_count; /* segments */
	uint32_t data_count;	/* from the data count section */
	bool has_data_count;
	uint32_t data_segments;
	uint32_t body_count;
	bool seen[SECTION_DATA_COUNT + 1];
	uint64_t memory_bytes;
	struct module_info info;
};

/* Checks one value type (numeric ones only). */
bool read_value_type(struct reader *r, const char *what);
/* The code section's content. */
void module_check_code(struct reader *r, struct module *m);
/* One instruction sequence of a constant: T.const and end. */
void module_check_constant(struct reader *r, const char *what, uint8_t type);
/* The export section's content. */
void module_check_exports(struct reader *r, struct module *m);
/* Parameters and result as in imports.h: "iil", 'v'. */
bool module_type_equal(const struct module_type *type, const char *parameters, char result);
/* "type 3" as "(i32, i64) -> i32", cut to fit. */
void module_type_text(const struct module_type *type, char *text, size_t size);

#endif
