#include "core/control/state/dirty_set.h"

void dirty_set_done(struct dirty_set *set)
{
	vector_done(&set->copies);
	vector_done(&set->slots);
	vector_done(&set->applications);
	vector_done(&set->zhosts);
	heap_done(&set->to_place);
	vector_done(&set->each);
	vector_done(&set->ordered);
}

void mark_copy(struct copy *copy, unsigned marks)
{
	if ((copy->marks & (COPY_RECORD | COPY_ORDER)) == 0)
		vector_push(&copy->unit->application->dirty->copies, copy);
	copy->marks |= marks;
}

void mark_slot(struct slot_control *sc)
{
	if ((sc->marks & SLOT_RECORD) == 0)
		vector_push(&application_of(sc->slot)->dirty->slots, sc);
	sc->marks |= SLOT_RECORD;
}

void mark_application(struct control_application *a, unsigned marks)
{
	if ((a->marks & APPLICATION_LISTED) == 0)
		vector_push(&a->dirty->applications, a);
	a->marks |= marks | APPLICATION_LISTED;
	if ((marks & APPLICATION_PLACE) != 0 && !heap_has(&a->to_place))
		heap_set(&a->dirty->to_place, &a->to_place, (int64_t)a->sequence);
}

uint64_t dirty_set_oldest_to_place(const struct dirty_set *set)
{
	const struct heap_node *first = heap_first(&set->to_place);
	return first != NULL ? (uint64_t)first->key : UINT64_MAX;
}

struct control_application *dirty_set_next_to_place(struct dirty_set *set)
{
	struct heap_node *first = heap_first(&set->to_place);
	if (first == NULL)
		return NULL;
	struct control_application *a =
		container_of(first, struct control_application, to_place);
	heap_remove(&set->to_place, first);
	a->marks &= ~(unsigned)APPLICATION_PLACE;
	return a;
}

void mark_zhost(struct control_zhost *z)
{
	if (!z->record_marked)
		vector_push(&z->dirty->zhosts, z);
	z->record_marked = true;
}

void mark_zhost_each(struct control_zhost *z)
{
	if (!z->each_marked)
		vector_push(&z->dirty->each, z);
	z->each_marked = true;
}

void dirty_set_clear(struct dirty_set *set)
{
	vector_for_each (&set->zhosts, z)
		(*z)->record_marked = false;
	vector_for_each (&set->applications, a)
		(*a)->marks = 0;
	vector_for_each (&set->slots, sc)
		(*sc)->marks &= ~(unsigned)SLOT_RECORD;
	vector_for_each (&set->copies, copy)
		(*copy)->marks &= ~(unsigned)(COPY_RECORD | COPY_ORDER);
	vector_clear(&set->zhosts);
	vector_clear(&set->applications);
	vector_clear(&set->slots);
	vector_clear(&set->copies);
}

/* Removes every `item` of a list for which `gone` holds. */
#define REMOVE_IF(list, item, gone)                               \
	do {                                                      \
		size_t kept_ = 0;                                 \
		vector_for_each (list, item) {                    \
			if (!(gone))                              \
				(list)->items[kept_++] = *(item); \
		}                                                 \
		(list)->count = kept_;                            \
	} while (0)

void dirty_set_forget_zhost(struct dirty_set *set, const struct control_zhost *z)
{
	REMOVE_IF(&set->zhosts, item, *item == z);
	if (z->each_marked) { /* slots that belong to it are found without it */
		REMOVE_IF(&set->each, item, *item == z);
		set->each_all = true;
	}
}

void dirty_set_forget_copy(struct dirty_set *set, struct copy *copy)
{
	if ((copy->marks & (COPY_RECORD | COPY_ORDER)) == 0)
		return;
	REMOVE_IF(&set->copies, item, *item == copy);
	copy->marks = 0;
}

void dirty_set_forget_slot(struct dirty_set *set, struct slot_control *sc)
{
	if ((sc->marks & SLOT_RECORD) != 0)
		REMOVE_IF(&set->slots, item, *item == sc);
	sc->marks &= ~(unsigned)SLOT_RECORD;
}

void dirty_set_forget_slots(struct dirty_set *set, const struct control_application *a)
{
	REMOVE_IF(&set->slots, item, application_of((*item)->slot) == a);
}

void dirty_set_forget(struct dirty_set *set, struct control_application *a)
{
	heap_remove(&set->to_place, &a->to_place);
	dirty_set_forget_slots(set, a);
	REMOVE_IF(&set->copies, item, (*item)->unit->application == a);
	REMOVE_IF(&set->applications, item, *item == a);
}
