#include "zsim/fuzz/check/family.h"

#include "base/memory.h"
#include "zsim/fuzz/life/mirrored.h"

struct family family_of(const struct fuzz *f, const struct submitted *s)
{
	struct family y = {
		.fuzz = f,
		.name = s->name,
		.id = s->id,
		.topology = s->topology,
		.members = mem_new_array(const struct mirrored *, s->topology->instance_count),
	};
	for (unsigned i = 0; i < s->topology->instance_count; i++)
		y.members[i] = mirror_find(f, s->id, s->topology->instances[i].path);
	return y;
}
