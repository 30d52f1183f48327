/* WebAssembly: a module that zrms translates to native code. */
#include "base/memory.h"
#include "model/space_kind.h"

static const struct space_type_name types[] = {
	{SAMOZA__V1__SPACE_TYPE__IO, "IO"},
	{SAMOZA__V1__SPACE_TYPE__DATA, "DATA"},
	{SAMOZA__V1__SPACE_TYPE__CHAT, "CHAT"},
	{SAMOZA__V1__SPACE_TYPE__CALL, "CALL"},
};

const struct space_kind space_kind_wasm = {
	.name = "wasm",
	.types = types,
	.type_count = ARRAY_SIZE(types),
	.has_process = true,
	.has_module = true,
	.is_in_mesh = true,
};
