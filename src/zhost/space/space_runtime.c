#include "zhost/space/space_runtime.h"

#include <stddef.h>

#include "base/check.h"
#include "base/memory.h"

extern const struct space_runtime space_runtime_wasm, space_runtime_ui, space_runtime_native;

static const struct space_runtime *const runtimes[] = {
	[SAMOZA__V1__SPACE_TYPE__UI] = &space_runtime_ui,
	[SAMOZA__V1__SPACE_TYPE__IO] = &space_runtime_wasm,
	[SAMOZA__V1__SPACE_TYPE__DATA] = &space_runtime_wasm,
	[SAMOZA__V1__SPACE_TYPE__CHAT] = &space_runtime_wasm,
	[SAMOZA__V1__SPACE_TYPE__CALL] = &space_runtime_wasm,
	[SAMOZA__V1__SPACE_TYPE__NATIVE] = &space_runtime_native,
};

const struct space_runtime *space_runtime_of(Samoza__V1__SpaceType type)
{
	size_t index = (size_t)type;
	PRE(index < ARRAY_SIZE(runtimes) && runtimes[index] != NULL);
	return runtimes[index];
}
