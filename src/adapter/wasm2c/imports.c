#include "adapter/wasm2c/imports.h"

#include <string.h>

/* "v" stands for "no parameters" in the macro table. */
#define HOST(m, f, p, r, c)               \
	{.module = #m,                    \
	 .function = #f,                  \
	 .parameters = &#p[#p[0] == 'v'], \
	 .result = #r[0],                 \
	 .index = IMPORT_##m##_##f,       \
	 .capability = (c)},
#define NOSYS(m, f, p, r)                 \
	{.module = #m,                    \
	 .function = #f,                  \
	 .parameters = &#p[#p[0] == 'v'], \
	 .result = #r[0],                 \
	 .index = -1,                     \
	 .capability = IMPORT_CAP_NONE},
#define IMPORTS_OF(H, N, W) IMPORTS_WASI(H, N, W)

const struct import_function import_table[] = {
	IMPORTS_SAMOZA(HOST) IMPORTS_OF(HOST, NOSYS, wasi_snapshot_preview1)};
const size_t import_count = sizeof(import_table) / sizeof(import_table[0]);

static bool equal(const char *s, const char *bytes, size_t size)
{
	return strlen(s) == size && memcmp(s, bytes, size) == 0;
}

const struct import_function *import_find(const char *module, size_t module_size,
					  const char *function, size_t function_size)
{
	for (size_t i = 0; i < import_count; i++)
		if (equal(import_table[i].function, function, function_size) &&
		    equal(import_table[i].module, module, module_size))
			return &import_table[i];
	return NULL;
}

bool import_module_known(const char *module, size_t module_size)
{
	for (size_t i = 0; i < import_count; i++)
		if (equal(import_table[i].module, module, module_size))
			return true;
	return false;
}

static uint64_t hash_string(uint64_t hash, const char *s)
{
	do
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	while (*s++ != '\0');
	return hash;
}

uint64_t imports_fingerprint(void)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < import_count; i++) {
		const struct import_function *f = &import_table[i];
		const char numbers[] = {f->result, (char)('A' + (f->index + 1)), '\0'};

		hash = hash_string(hash, f->module);
		hash = hash_string(hash, f->function);
		hash = hash_string(hash, f->parameters);
		hash = hash_string(hash, numbers);
	}
	return hash;
}
