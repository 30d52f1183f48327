#include "core/control/state/setting_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/control/state/state.h"

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct setting_list setting_list_of(const struct copy *copy)
{
	const struct space *space = copy->declared->space;
	const Samoza__V1__SpaceArtifacts *files = copy->revision->artifacts[space->index];
	size_t files_count = files != NULL ? files->n_config_references : 0, a = 0, b = 0;
	struct setting_list list = {
		.items = mem_new_array(char *, space->reference_count + files_count +
						       space->secret_reference_count + 1)};
	while (a < space->reference_count || b < files_count) {
		int order = a == space->reference_count ? 1
			    : b == files_count
				    ? -1
				    : strcmp(space->references[a], files->config_references[b]);
		list.items[list.count++] = order <= 0 ? (char *)(uintptr_t)space->references[a]
						      : files->config_references[b];
		a += order <= 0;
		b += order >= 0;
	}
	for (unsigned k = 0; k < space->secret_reference_count; k++)
		list.items[list.count++] = (char *)(uintptr_t)space->secret_references[k];
	if (space->secret_reference_count > 0)
		qsort(list.items, list.count, sizeof(list.items[0]), compare_names);
	return list;
}

void setting_list_done(struct setting_list *list)
{
	free(list->items);
	*list = (struct setting_list){0};
}
