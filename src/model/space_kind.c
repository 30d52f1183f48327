#include "model/space_kind.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

#define TYPE_MAX 64 /* above all numbers of types */
#define LIST_MAX ((size_t)4096)

static const struct space_kind *const kinds[] = {
#define ENTRY(name) &space_kind_##name,
	SPACE_KINDS(ENTRY)
#undef ENTRY
};

static const struct space_type_name *find(Samoza__V1__SpaceType type,
					  const struct space_kind **ret_kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t k = 0; k < kinds[i]->type_count; k++)
			if (kinds[i]->types[k].type == type) {
				*ret_kind = kinds[i];
				return &kinds[i]->types[k];
			}
	return NULL;
}

const struct space_kind *space_kind_of(Samoza__V1__SpaceType type)
{
	const struct space_kind *kind = NULL;
	(void)find(type, &kind);
	return kind;
}

const char *space_kind_type_name(Samoza__V1__SpaceType type)
{
	const struct space_kind *kind;
	const struct space_type_name *found = find(type, &kind);
	return found != NULL ? found->name : NULL;
}

char *space_kind_type_list(void)
{
	const char *names[TYPE_MAX];
	size_t n = 0;
	for (int type = 0; type < TYPE_MAX; type++) {
		const char *name = space_kind_type_name((Samoza__V1__SpaceType)type);
		if (name != NULL)
			names[n++] = name;
	}
	struct buffer b = BUFFER_INIT(LIST_MAX);
	for (size_t i = 0; i < n; i++)
		(void)!buffer_printf(&b, "%s%s",
				     i == 0	  ? ""
				     : i + 1 == n ? " or "
						  : ", ",
				     names[i]);
	return buffer_steal(&b);
}
