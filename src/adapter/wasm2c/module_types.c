#include "adapter/wasm2c/module_types.h"

#include <stdio.h>
#include <string.h>

bool read_value_type(struct reader *r, const char *what)
{
	size_t start = r->at;
	uint8_t type = read_byte(r);

	if (r->result < 0)
		return false;
	if (type >= VALUE_F64 && type <= VALUE_I32)
		return true;
	if (type == 0x7b)
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "SIMD is not supported (%s of type v128)", what);
	else if (type == 0x70 || type == 0x6f)
		reader_fail(r, ERR_UNSUPPORTED, start,
			    "reference types are not supported (%s of type 0x%02x)", what,
			    type);
	else
		reader_fail(r, ERR_INVALID, start, "%s of the unknown type 0x%02x", what, type);
	return false;
}

static const char *value_type_name(uint8_t type)
{
	static const char *const names[] = {"f64", "f32", "i64", "i32"};

	return names[type - VALUE_F64];
}

void module_type_text(const struct module_type *type, char *text, size_t size)
{
	size_t at = 0;
	const char *open = "(", *close = ")";

	for (int part = 0; part < 2; part++) {
		const uint8_t *values = part == 0 ? type->parameters : type->results;
		uint32_t count = part == 0 ? type->parameter_count : type->result_count;

		at += (size_t)snprintf(text + at, size - at, "%s%s", part == 0 ? "" : " -> ",
				       open);
		for (uint32_t i = 0; i < count && at + 24 < size; i++)
			at += (size_t)snprintf(text + at, size - at, "%s%s", i == 0 ? "" : ", ",
					       value_type_name(values[i]));
		at += (size_t)snprintf(text + at, size - at, "%s", close);
	}
}

bool module_type_equal(const struct module_type *type, const char *parameters, char result)
{
	const struct {
		char letter;
		uint8_t type;
	} pairs[] = {{'i', VALUE_I32}, {'l', VALUE_I64}};
	size_t count = strlen(parameters);

	if (type->parameter_count != count || type->result_count != (result == 'v' ? 0 : 1))
		return false;
	for (size_t i = 0; i < count; i++)
		if (type->parameters[i] != pairs[parameters[i] == 'l'].type)
			return false;
	return result == 'v' || type->results[0] == pairs[result == 'l'].type;
}
