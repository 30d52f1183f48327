#include "core/control/slot/each_fit.h"

#include "base/check.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/state.h"

struct control_zhost *each_zhost(const struct slot *s)
{
	if (!s->each)
		return NULL;
	struct control_zhost *z =
		zhost_find(&control_of(s)->zhosts, strchr(s->root->path, '@') + 1);
	return z != NULL && !z->removed ? z : NULL;
}

bool each_has_no_zhost(const struct slot_control *root)
{
	return root->slot->each && each_zhost(root->slot) == NULL;
}

void each_roots_on(const struct control_application *a, const struct control_zhost *z,
		   slot_list *to)
{
	size_t first = to->count;
	vector_for_each (&a->slots.declarations, d) {
		const struct topology *t = (*d)->topology;
		for (unsigned k = 0; k < t->space_count; k++) {
			const struct instance_decl *pattern =
				&t->instances[t->spaces[k].instances[0]];
			if (!t->spaces[k].each || pattern->parent >= 0)
				continue;
			CLEANUP(freep) char *path = instance_path_on(pattern->path, z->name);
			struct slot *s = slot_find(&a->slots, path);
			for (size_t n = first; s != NULL && n < to->count; n++)
				if (to->items[n] == s)
					s = NULL;
			if (s != NULL)
				vector_push(to, s);
		}
	}
}

/* It is heard to have gone, and goes from what is known in the next flush. */
static bool has_gone(const struct copy *copy)
{
	return copy->absent && copy->target == TARGET_NONE;
}

bool drain_takes_each(const struct control_zhost *z)
{
	if (z->drain == NULL || z->drain->state == DRAIN_ENDED)
		return false;
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (!instance_path_is_each(copy->of_slot.slot->path) && !has_gone(copy))
			return false;
	return true;
}

bool drain_allows_each(const struct control_zhost *z)
{
	return z->drain == NULL || z->drain->state == DRAIN_ENDED;
}

/* A copy of it serves, stands beside one that does, or is lost. */
static bool is_there(const struct slot_control *root)
{
	const struct application_slot *of = root->of_path;
	return of->serving != NULL || of->next != NULL || of->standby != NULL ||
	       of->kept != NULL || root->lost;
}

bool drain_takes_slot(const struct control_zhost *z, const struct slot *s)
{
	return !drain_allows_each(z) &&
	       (!is_there(control_of_slot(s->root)) || drain_takes_each(z));
}

static bool suits(const struct revision *r, const struct slot *s)
{
	const struct control_zhost *z = each_zhost(s);
	int32_t instance = declarations_instance(r->declared, s->root);
	return z != NULL && z->place != PLACE_NONE && instance >= 0 &&
	       place_fits_description(control_of(s)->place, r->place, (uint32_t)instance,
				      z->place);
}

bool revision_declares_undrained(const struct revision *r, const struct slot *s)
{
	return declarations_of(r->declared, s) != NULL && (!s->each || suits(r, s));
}

bool revision_declares(const struct revision *r, const struct slot *s)
{
	return revision_declares_undrained(r, s) &&
	       (!s->each || !drain_takes_slot(each_zhost(s), s));
}

uint32_t revision_unit_count(const struct control_application *a, const struct revision *r,
			     const struct space *root)
{
	uint32_t count = 0;
	if (!root->each)
		return root->instance_count;
	for_each_root (a, sc)
		count += declarations_of(r->declared, sc->slot) != NULL &&
			 declarations_of(r->declared, sc->slot)->space == root &&
			 !sc->slot->leaves;
	return count > 0 ? count : 1;
}

uint64_t revision_data_bytes(const struct control_application *a, const struct revision *r)
{
	uint64_t sum = r->topology->data_bytes;
	for (const struct slot *s = a->slots.each_by_path; s != NULL; s = s->hh.next) {
		const struct declaration *d =
			r->declared != NULL ? declarations_of(r->declared, s) : NULL;
		uint64_t own = d != NULL ? d->space->data_bytes : 0;
		sum = sum > UINT64_MAX - own ? UINT64_MAX : sum + own;
	}
	return sum;
}
