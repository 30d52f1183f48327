/* A module that is being checked, as the checks of its sections see it. */
#ifndef SAMOZA_ADAPTER_WASM2C_MODULE_PRIVATE_H
#define SAMOZA_ADAPTER_WASM2C_MODULE_PRIVATE_H

#include "adapter/wasm2c/module.h"
#include "adapter/wasm2c/module_types.h"

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
	/* The module itself where its instructions are to be normalised; NULL: only checked. */
	uint8_t *writable;
	struct module_info info;
};

/* module_check(); `writable`: as above. */
int must_check module_walk(const uint8_t *data, size_t size, uint64_t memory_bytes,
			   uint8_t *writable, struct module_info *ret_info, struct error **err);

#endif
