/*
 * Value types and function types of a module.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_MODULE_TYPES_H
#define SAMOZA_ADAPTER_WASM2C_MODULE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/wasm2c/reader.h"

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

/* Checks one value type (numeric ones only). */
bool read_value_type(struct reader *r, const char *what);
/* Parameters and result as in imports.h: "iil", 'v'. */
bool module_type_equal(const struct module_type *type, const char *parameters, char result);
/* "type 3" as "(i32, i64) -> i32", cut to fit. */
void module_type_text(const struct module_type *type, char *text, size_t size);

#endif
