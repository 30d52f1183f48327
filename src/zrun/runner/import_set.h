/*
 * The imports of an instance.
 */
#ifndef SAMOZA_ZRUN_RUNNER_IMPORT_SET_H
#define SAMOZA_ZRUN_RUNNER_IMPORT_SET_H

#include <stddef.h>
#include <stdint.h>

/* The values of imports: name, NUL, value, NUL, ... in one block. */
struct import_set {
	char *data;
	size_t size;
	uint32_t count;
};
/* Value and size, or NULL. */
const char *import_value(const struct import_set *set, const char *name, size_t name_size,
			 size_t *ret_size);

#endif
