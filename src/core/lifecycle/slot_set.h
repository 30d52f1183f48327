/*
 * Builds slot sets out of compiled topologies, and takes them down.
 *
 *     slot_set_init(&set, lifecycle, "shop")
 *     declarations = slot_set_declare(&set, topology)     once per revision; its instances get slots
 *     slot_set_add_each(&set, paths, count)               on zhosts that fit now
 *     slot_set_withdraw(&set, declarations)               that revision is past
 *     slot_set_remove(&set, &slots)                       those slots are in no revision that is wanted
 *     ...
 *     slot_set_done(&set)
 */
#ifndef SAMOZA_CORE_LIFECYCLE_SLOT_SET_H
#define SAMOZA_CORE_LIFECYCLE_SLOT_SET_H

#include "core/lifecycle/slot.h"

/* `name` is that of its application, under which others import from it; borrowed. PRE: no other set of that
 * lifecycle has it. */
void slot_set_init(struct slot_set *set, struct lifecycle *l, const char *name);
/* Leaves the queue and ordered stops. Frees slots and declarations. */
void slot_set_done(struct slot_set *set);
/* Adds what the revision declares: slots of paths that are new (goal and state not-deployed, served
 * by this declaration), and which spaces import from which. Takes a reference of the topology. The result
 * belongs to the set. */
const struct declarations *slot_set_declare(struct slot_set *set, struct topology *topology);
/* The slot that an instance of that topology is, which is of a revision that may not be declared yet: that of
 * its path or, where a count was written or is written no longer, the same one of its space, which has another
 * name now. NULL: it would be new. */
struct slot *slot_set_slot_of(const struct slot_set *set, const struct topology *t,
			      unsigned instance);
/* As the revision that it is served in, or is to be placed in, calls it. */
void slot_set_name(struct slot *s, const char *path);
/* Adds instances of spaces with `count: each`, as roots ("agent@n1"), with what is inside of them in any of the
 * revisions. Those that there are already stay. */
void slot_set_add_each(struct slot_set *set, const char *const *paths, size_t count);
/* Nothing of that revision counts any longer; slots stay. PRE: no slot is served by it. */
void slot_set_withdraw(struct slot_set *set, const struct declarations *declared);
/* Ends these slots: the others keep their order, and get ids without gaps. Revisions that declare them know
 * them no longer. PRE: by id, with all that are inside of them; goals and states are not-deployed, none
 * has a place. */
void slot_set_remove(struct slot_set *set, const slot_list *gone);
/* As it came to be, which the order of declarations tells no longer once slots were removed: for a second core that
 * continues from the state of a first one. */
struct slot_order {
	VECTOR(const char *) spaces; /* by id; borrowed, as all of it */
	VECTOR(const struct declarations *) declarations;
	VECTOR(struct slot *) slots; /* by id: parents before their children */
	VECTOR(uint32_t) serials;    /* of those */
	uint32_t next_serial;
};
void slot_order_done(struct slot_order *order);
/* PRE: declarations and slots are those of the set, each once; serials grow. */
void slot_set_arrange(struct slot_set *set, const struct slot_order *order);
/* The id of the first slot with that serial number, or a later one; the number of slots: there is none. */
size_t slot_set_from_serial(const struct slot_set *set, uint32_t serial);

/* Its part in the counts of the set that the state of the topology is derived from: taken out (-1)
 * before its goal or its declaration changes, put in again (1) afterwards. */
void slot_count_required(struct slot *s, int sign);

/* What the rules know of the copy that serves; another declaration may provide under other names, or
 * be optional. The caller pushes the slot (lifecycle_push()) where
 * the change can matter now. */
void slot_set_serving(struct slot *s, const struct serving_facts *facts);
/* A change has added it, or will remove it: it does not count until it is placed. PRE: it has no place. */
void slot_set_unplaced(struct slot *s, bool unplaced);

#endif
