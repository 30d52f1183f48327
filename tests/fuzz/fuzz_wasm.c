/* A WebAssembly module of a package: checked, and what is accepted can be rewritten for wasm2c. */
#include <stdlib.h>

#include "adapter/wasm2c/module.h"
#include "base/check.h"
#include "target.h"

/* Zeros that may lie between two bytes of an image, per byte of the module. */
#define GAP	     64
#define MEMORY_BYTES ((uint64_t)32 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct module_info info;
	struct error *err = NULL;
	if (module_check(data, size, MEMORY_BYTES, &info, &err) < 0) {
		INVARIANT(err != NULL && err->message[0] != '\0');
		error_free(err);
		return 0;
	}
	struct module_rewritten rewritten;
	int r = module_rewrite(data, size, &rewritten, &err);
	INVARIANT(r == 0 && rewritten.size > 0);
	/* What wasm2c gets is a module as good as the one that was checked. */
	r = module_check(rewritten.data, rewritten.size, MEMORY_BYTES, &info, &err);
	INVARIANT(r == 0);
	/* The image is within the initial memory and not much larger than what it was made of. */
	vector_for_each (&rewritten.image.runs, run)
		INVARIANT((uint64_t)run->at + run->size <=
				  (uint64_t)info.initial_pages * MODULE_PAGE &&
			  (uint64_t)run->from + run->size <= rewritten.image.size);
	INVARIANT(rewritten.image.size <= (GAP + 1) * size);
	module_rewritten_done(&rewritten);
	return 0;
}
