/* A native process, driven by the package's recipes. */
#include "base/memory.h"
#include "model/space_kind.h"

static const struct space_type_name types[] = {{SAMOZA__V1__SPACE_TYPE__NATIVE, "NATIVE"}};

const struct space_kind space_kind_native = {
	.name = "native",
	.types = types,
	.type_count = ARRAY_SIZE(types),
	.has_process = true,
	.has_recipes = true,
	.has_signals = true,
	.update_can_be_ended = true,
};
