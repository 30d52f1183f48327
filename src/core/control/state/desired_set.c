#include "core/control/state/desired_set.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/control/state/dirty_set.h"
#include "schema/message.h"

static Samoza__V1__Desired *begin(struct control_zhost *z)
{
	if (z->desired == NULL) {
		z->desired = (Samoza__V1__Desired *)schema_message_new(
			&samoza__v1__desired__descriptor);
		vector_push(&z->dirty->ordered, z);
	}
	return z->desired;
}

/* Room for one more: the capacity is the next power of two. */
static void *grow(void *items, size_t count, size_t item_size)
{
	if ((count & (count - 1)) != 0)
		return items;
	return mem_resize(items, count > 0 ? 2 * count : 1, item_size);
}

void desired_set_add(struct control_zhost *z, Samoza__V1__DesiredInstance *take_instance)
{
	Samoza__V1__Desired *m = begin(z);
	m->instances = grow(m->instances, m->n_instances, sizeof(*m->instances));
	m->instances[m->n_instances++] = take_instance;
}

void desired_set_add_list(struct control_zhost *z, Samoza__V1__ProviderList *take_list)
{
	Samoza__V1__Desired *m = begin(z);
	m->lists = grow(m->lists, m->n_lists, sizeof(*m->lists));
	m->lists[m->n_lists++] = take_list;
}

void desired_set_drop_list(struct control_zhost *z, uint64_t id)
{
	Samoza__V1__Desired *m = begin(z);
	m->dropped_lists =
		grow(m->dropped_lists, m->n_dropped_lists, sizeof(*m->dropped_lists));
	m->dropped_lists[m->n_dropped_lists++] = id;
}

Samoza__V1__Desired *desired_set_take(struct control_zhost *z, bool full)
{
	Samoza__V1__Desired *m = begin(z);
	m->version = ++z->desired_version;
	m->full = full;
	z->desired = NULL;
	return m;
}
