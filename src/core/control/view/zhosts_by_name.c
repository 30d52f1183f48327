#include <stdlib.h>
#include <string.h>

#include "core/control/state/zhost_event.h"
#include "core/control/view/list_filter.h"
#include "core/control/view/view_parts.h"

static int compare_names(const void *pa, const void *pb)
{
	return strcmp(((const struct named_zhost *)pa)->name,
		      ((const struct named_zhost *)pb)->name);
}

void view_zhosts_after(const struct control *c, const struct list_filter *filter,
		       const char *name, named_zhost_list *ret_list)
{
	named_zhost_list left = {0};
	zhost_for_each (&c->zhosts, z)
		if (!z->removed && (name == NULL || strcmp(z->name, name) > 0) &&
		    list_filter_takes_zhost(filter, z, zhost_shown(c, z)))
			vector_push(&left, ((struct named_zhost){.name = z->name, .zhost = z}));
	made_zhost_for_each(&c->made,
			    m) if (!made_zhost_has_zhost(c, m) &&
				   (name == NULL || strcmp(m->record->name, name) > 0) &&
				   list_filter_takes_made(filter, m))
		vector_push(&left, ((struct named_zhost){.name = m->record->name, .made = m}));
	if (left.count > 1)
		qsort(left.items, left.count, sizeof(*left.items), compare_names);
	*ret_list = left;
}
