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

/* What was found, and how much of it is wanted. */
struct search {
	named_zhost_list *found;
	size_t max;
	const char *after; /* NULL: all are */
	const char *last;  /* so many have no greater name; NULL: fewer were found */
};

static bool is_within(const struct search *s, const char *name)
{
	return (s->after == NULL || strcmp(name, s->after) > 0) &&
	       (s->last == NULL || strcmp(name, s->last) < 0);
}

static void keep_first(struct search *s)
{
	if (s->found->count > 1)
		qsort(s->found->items, s->found->count, sizeof(*s->found->items),
		      compare_names);
	if (s->found->count < s->max)
		return;
	s->found->count = s->max;
	s->last = s->max > 0 ? vector_last(s->found)->name : NULL;
}

/* A page costs a look at each name, and sorts no more than twice what it shows at a time. */
static void add(struct search *s, struct named_zhost one)
{
	vector_push(s->found, one);
	if (s->found->count >= 2 * s->max)
		keep_first(s);
}

void view_zhosts_after(const struct control *c, const struct list_filter *filter,
		       const char *name, size_t max, named_zhost_list *ret_list)
{
	*ret_list = (named_zhost_list){0};
	struct search s = {.found = ret_list, .max = max, .after = name};
	zhost_for_each (&c->zhosts, z)
		if (!z->removed && is_within(&s, z->name) &&
		    list_filter_takes_zhost(filter, z, zhost_shown(c, z)))
			add(&s, (struct named_zhost){.name = z->name, .zhost = z});
	made_zhost_for_each(&c->made, m) if (!made_zhost_has_zhost(c, m) &&
					     is_within(&s, m->record->name) &&
					     list_filter_takes_made(filter, m))
		add(&s, (struct named_zhost){.name = m->record->name, .made = m});
	keep_first(&s);
}
