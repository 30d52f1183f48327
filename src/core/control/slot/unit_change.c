#include "core/control/slot/unit_change.h"

#include "base/check.h"
#include "base/str.h"

/* ---- what differs ---- */

struct difference {
	bool content, joins, goes;
};

/* Its name there, if it is there; a process knows its name. */
static const char *path_in(const struct revision *r, const struct slot *s)
{
	return r->declared != NULL ? revision_path(r, s) : s->path;
}

/* `from` NULL: it is not there. */
static void compare(struct difference *d, const struct slot *s, const struct revision *from,
		    const struct revision *to)
{
	uint64_t before = 0, after = 0;
	const char *path = from != NULL ? path_in(from, s) : NULL, *path_after = path_in(to, s);
	bool is_in_from = from != NULL && revision_content(from, path, &before);
	bool is_in_to = revision_content(to, path_after, &after);
	d->joins = d->joins || (is_in_to && !is_in_from);
	d->goes = d->goes || (is_in_from && !is_in_to);
	d->content = d->content || (is_in_from && is_in_to &&
				    (before != after || !str_equal(path, path_after)));
}

static enum unit_change change_of(const struct difference *d)
{
	if (d->content || (d->joins && d->goes))
		return UNIT_DIFFERS;
	return d->joins ? UNIT_GROWS : d->goes ? UNIT_SHRINKS : UNIT_STAYS;
}

enum unit_change unit_change_between(const struct slot_control *root,
				     const struct revision *from, const struct revision *to)
{
	struct difference d = {0};
	if (from == to)
		return UNIT_STAYS;
	slot_for_each_below (root->slot, s)
		compare(&d, s, from, to);
	return change_of(&d);
}

static const struct copy *copy_of(const struct slot *s)
{
	return serving_copy(control_of_slot(s));
}

/* It goes by itself (unit_members.h): the revision of its unit does not have it either. */
static bool goes_anyway(const struct copy *copy)
{
	const struct revision *r = copy->unit->revision;
	return copy->sc->slot->leaves && r->declared != NULL &&
	       declarations_of(r->declared, copy->sc->slot) == NULL;
}

enum unit_change unit_change(const struct slot_control *root, const struct revision *to)
{
	struct difference d = {0};
	PRE(root->of_path->serving != NULL);
	slot_for_each_below (root->slot, s) {
		const struct copy *copy = copy_of(s);
		if (copy == NULL || !goes_anyway(copy))
			compare(&d, s, copy != NULL ? copy->revision : NULL, to);
	}
	return change_of(&d);
}

/* ---- members ---- */

bool copy_joins(const struct copy *copy)
{
	return copy->revision != copy->unit->revision && !copy->sc->slot->leaves;
}

bool unit_loses_members(const struct unit_placement *unit)
{
	vector_for_each (&unit->placement.copies, item) {
		const struct copy *copy = container_of(*item, struct copy, of_slot);
		if (copy->sc->slot->leaves)
			return true;
	}
	return false;
}
