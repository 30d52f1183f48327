/* Web pages, served by zedge. */
#include "base/memory.h"
#include "model/space_kind.h"

static const struct space_type_name types[] = {{SAMOZA__V1__SPACE_TYPE__UI, "UI"}};

const struct space_kind space_kind_ui = {
	.name = "ui",
	.types = types,
	.type_count = ARRAY_SIZE(types),
	.has_pages = true,
	.is_in_mesh = true,
	.required_file = "index.html",
};
