#include "core/control/state/path_ends.h"

#include "base/memory.h"
#include "schema/message.h"

Samoza__V1__PathEnd **path_ends(const struct topology *t, const struct space *space,
				size_t *ret_count)
{
	Samoza__V1__PathEnd **ends = mem_new_array(Samoza__V1__PathEnd *, space->path_count);
	for (unsigned k = 0; k < space->path_count; k++) {
		const struct path_decl *path = &t->paths[space->paths[k]];
		unsigned other = path->from == space->index ? path->to : path->from;
		ends[k] = (Samoza__V1__PathEnd *)schema_message_new(
			&samoza__v1__path_end__descriptor);
		ends[k]->name = mem_strdup(path->name);
		ends[k]->space = mem_strdup(t->spaces[other].name);
	}
	*ret_count = space->path_count;
	return ends;
}
