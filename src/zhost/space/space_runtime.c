#include "zhost/space/space_runtime.h"

#include <stddef.h>

#include "base/check.h"
#include "base/memory.h"

static const struct space_runtime *const runtimes[] = {
#define ENTRY(name) &space_runtime_##name,
	SPACE_KINDS(ENTRY)
#undef ENTRY
};

const struct space_runtime *space_runtime_of(Samoza__V1__SpaceType type)
{
	const struct space_kind *kind = space_kind_of(type);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (runtimes[i]->kind == kind)
			return runtimes[i];
	IMPOSSIBLE("a type of space without a kind");
}
