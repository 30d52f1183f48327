#include "core/control/dirty_set.h"

void dirty_set_done(struct dirty_set *set)
{
	vector_done(&set->copies);
	vector_done(&set->deployments);
	vector_done(&set->zhosts);
}

void mark_copy(struct copy *copy, unsigned marks)
{
	if ((copy->marks & (COPY_RECORD | COPY_ORDER)) == 0)
		vector_push(&deployment_of(copy->slot)->dirty->copies, copy);
	copy->marks |= marks;
}

void mark_deployment(struct deployment *d, unsigned marks)
{
	if ((d->marks & DEPLOYMENT_LISTED) == 0)
		vector_push(&d->dirty->deployments, d);
	d->marks |= marks | DEPLOYMENT_LISTED;
}

void mark_zhost(struct control_zhost *z)
{
	if (!z->record_marked)
		vector_push(&z->dirty->zhosts, z);
	z->record_marked = true;
}

void dirty_set_clear(struct dirty_set *set)
{
	vector_for_each (&set->zhosts, z)
		(*z)->record_marked = false;
	vector_for_each (&set->deployments, d)
		(*d)->marks = 0;
	vector_for_each (&set->copies, copy)
		(*copy)->marks &= ~(unsigned)(COPY_RECORD | COPY_ORDER);
	vector_clear(&set->zhosts);
	vector_clear(&set->deployments);
	vector_clear(&set->copies);
}

void dirty_set_forget(struct dirty_set *set, const struct deployment *d)
{
	size_t kept = 0;
	for (size_t k = 0; k < set->copies.count; k++)
		if (deployment_of(set->copies.items[k]->slot) != d)
			set->copies.items[kept++] = set->copies.items[k];
	set->copies.count = kept;
	kept = 0;
	for (size_t k = 0; k < set->deployments.count; k++)
		if (set->deployments.items[k] != d)
			set->deployments.items[kept++] = set->deployments.items[k];
	set->deployments.count = kept;
}
