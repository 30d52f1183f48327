/* A WebAssembly module of a package: checked, and what is accepted can be rewritten for wasm2c. */
#include <stdlib.h>

#include "adapter/wasm2c/module.h"
#include "base/check.h"
#include "target.h"

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
	uint8_t *rewritten = NULL;
	size_t rewritten_size = 0;
	int r = module_rewrite(data, size, &rewritten, &rewritten_size, &err);
	INVARIANT(r == 0 && rewritten_size > 0);
	/* What wasm2c gets is a module as good as the one that was checked. */
	r = module_check(rewritten, rewritten_size, MEMORY_BYTES, &info, &err);
	INVARIANT(r == 0);
	free(rewritten);
	return 0;
}
