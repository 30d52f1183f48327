#include "zrun/runner/import_set.h"

#include <string.h>

const char *import_value(const struct import_set *set, const char *name, size_t name_size,
			 size_t *ret_size)
{
	const char *at = set->data;

	for (uint32_t n = 0; n < set->count; n++) {
		size_t size = strlen(at);
		const char *value = at + size + 1;

		if (size == name_size && memcmp(at, name, size) == 0) {
			*ret_size = strlen(value);
			return value;
		}
		at = value + strlen(value) + 1;
	}
	return NULL;
}
