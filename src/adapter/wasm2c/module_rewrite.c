/*
 * The module that wasm2c gets: see module_rewrite().
 */
#include <string.h>

#include "adapter/wasm2c/module.h"
#include "adapter/wasm2c/module_private.h"
#include "adapter/wasm2c/module_sections.h"
#include "base/check.h"
#include "base/memory.h"

int module_rewrite(const uint8_t *data, size_t size, uint8_t **ret_data, size_t *ret_size,
		   struct error **err)
{
	CLEANUP(freep) uint8_t *normal = mem_calloc(size, 1);
	/* Every section is copied as it is or shrinks, but for the length of its size. */
	CLEANUP(freep) uint8_t *out = mem_calloc(size + 16, 1);
	struct reader r = {.data = normal, .at = 8, .end = size, .err = err};
	struct module_info info;
	size_t at = 8;

	PRE(size >= 8);
	memcpy(normal, data, size);
	if (module_walk(normal, size, UINT64_MAX, normal, &info, err) < 0)
		return (int)ERR_INVALID;
	memcpy(out, data, 8);
	while (r.result == 0 && r.at < size) {
		size_t start = r.at;
		uint8_t id = read_byte(&r);
		uint32_t section = read_u32(&r);
		size_t content = r.at;

		if (read_bytes(&r, section) == NULL)
			break;
		if (id == SECTION_EXPORT) {
			struct reader inner = {
				.data = normal, .at = content, .end = r.at, .err = err};

			at += module_rewrite_exports(&inner, out + at);
			if (inner.result < 0)
				return inner.result;
		} else if (id != SECTION_CUSTOM) {
			memcpy(out + at, normal + start, r.at - start);
			at += r.at - start;
		}
	}
	if (r.result < 0)
		return r.result;
	*ret_data = steal_ptr(&out);
	*ret_size = at;
	return 0;
}
