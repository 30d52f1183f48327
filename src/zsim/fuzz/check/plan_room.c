#include "zsim/fuzz/check/plan_room.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/state.h"
#include "model/compile.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/names.h"

void plan_append(struct buffer *b, const char *text)
{
	(void)buffer_printf(b, "%s%s", b->size > 0 ? ", " : "", text);
}

char *plan_text_of(struct buffer *b)
{
	return b->size > 0 ? buffer_steal(b) : mem_strdup("nothing");
}

char *plan_moves_of(const plan_events *all, const char *subject, bool anywhere)
{
	struct buffer b = BUFFER_INIT(1024 * 1024);
	vector_for_each (all, e) {
		if (!str_equal(e->subject, subject) || e->is_hidden)
			continue;
		bool is_place = anywhere && str_has_prefix(subject, "placement ");
		plan_append(&b, is_place ? "somewhere" : e->text != NULL ? e->text : "-");
	}
	return plan_text_of(&b);
}

/* "shop/api-2" is of shop. */
static bool is_of_topology(const char *name, const char *topology)
{
	size_t length = strlen(topology);
	return strncmp(name, topology, length) == 0 && name[length] == '/';
}

bool plan_places_some(const plan_events *all, const char *topology)
{
	vector_for_each (all, e)
		if (str_has_prefix(e->subject, "placement ") &&
		    is_of_topology(e->subject + strlen("placement "), topology))
			return true;
	return false;
}

bool plan_waits_for_room(const struct control *c, const struct control_application *a)
{
	uint32_t count = 0;
	(void)place_wait_units(c->place, a->ticket, &count);
	for_each_root (a, root)
		if (root->handover != NULL && root->handover->waits != NULL)
			count++;
	zhost_for_each (&c->zhosts, z) {
		if (z->drain == NULL || !drain_is_active(z->drain))
			continue;
		vector_for_each (&z->drain->left, left)
			if (str_has_prefix(left->why, "insufficient capacity") &&
			    is_of_topology(left->name, a->name))
				count++;
	}
	return count > 0;
}

/* "api-2" and "api@n1" are instances of api. */
static bool is_instance_of(const char *name, const char *space)
{
	size_t length = strlen(space);
	if (strncmp(name, space, length) != 0)
		return false;
	const char *rest = name + length;
	return *rest == '\0' || *rest == '@' ||
	       (*rest == '-' && rest[1] != '\0' &&
		rest[1 + strspn(rest + 1, "0123456789")] == '\0');
}

static bool is_in_optional(const struct topology *t, int index)
{
	for (int i = index; i >= 0; i = t->instances[i].parent)
		if (instance_space(t, (unsigned)i)->optional)
			return true;
	return false;
}

/* It is placed by itself: it is optional. */
static bool is_placed_alone(const struct fuzz *f, const char *subject)
{
	vector_for_each (&f->submitted, s) {
		size_t length = strlen(s->name);
		if (strncmp(subject, s->name, length) != 0 || subject[length] != '/')
			continue;
		vector_for_each (&s->revisions, t) {
			int index = *t != NULL ? names_find(*t, subject + length + 1) : -1;
			if (index >= 0 && is_in_optional(*t, index))
				return true;
		}
	}
	return false;
}

/* Another one is placed there, or leaves it, in one of the two only. */
static bool has_other_guest(const plan_events *plan, const plan_events *happened,
			    const char *own, const char *zhost)
{
	const plan_events *both[] = {plan, happened};
	for (size_t k = 0; k < ARRAY_SIZE(both); k++)
		vector_for_each (both[k], e) {
			if (!str_has_prefix(e->subject, "placement ") ||
			    str_has_suffix(e->subject, own) ||
			    (!str_equal(e->text, zhost) && !str_equal(e->from, zhost)))
				continue;
			CLEANUP(freep) char *planned = plan_moves_of(plan, e->subject, false);
			CLEANUP(freep) char *came = plan_moves_of(happened, e->subject, false);
			if (!str_equal(planned, came))
				return true;
		}
	return false;
}

/* Its place depends on others: it is optional, or on a zhost that others got, or left, in one of the two only. */
static bool is_placed_after_others(const struct fuzz *f, const plan_events *plan,
				   const plan_events *happened, const char *name)
{
	const char *path = strchr(name, '/');
	if (path == NULL || !instance_path_is_each(path + 1))
		return is_placed_alone(f, name);
	CLEANUP(freep) char *zhost = instance_path_zhost(path + 1);
	/* What is inside of it has no place of its own. */
	int root_length = (int)(path + 1 - name) + (int)strcspn(path + 1, "/");
	CLEANUP(freep) char *root = str_printf("%.*s", root_length, name);
	return has_other_guest(plan, happened, root, zhost);
}

/* Instances of that space, of any version, start or stop otherwise than planned. */
static bool space_differs(const plan_events *plan, const plan_events *happened,
			  const char *topology, const char *space)
{
	const plan_events *both[] = {plan, happened};
	for (size_t k = 0; k < ARRAY_SIZE(both); k++)
		vector_for_each (both[k], e) {
			const char *name = strchr(e->subject, ' ') + 1;
			const char *last = strrchr(name, '/') + 1;
			if (!str_has_prefix(e->subject, "space ") ||
			    !is_of_topology(name, topology) || !is_instance_of(last, space))
				continue;
			CLEANUP(freep) char *planned = plan_moves_of(plan, e->subject, false);
			CLEANUP(freep) char *came = plan_moves_of(happened, e->subject, false);
			if (!str_equal(planned, came))
				return true;
		}
	return false;
}

/* It, or what it is inside of, imports from a space that is not there as planned, or from another topology. */
static bool imports_what_differs(const plan_events *plan, const plan_events *happened,
				 const char *topology, const struct topology *t, int index)
{
	for (; index >= 0; index = t->instances[index].parent) {
		const struct space *space = instance_space(t, (unsigned)index);
		for (unsigned k = 0; k < space->import_count; k++) {
			const struct import_decl *import = &space->imports[k];
			if (import->topology != NULL)
				return true;
			for (unsigned n = 0; n < import->provider_count; n++)
				if (space_differs(plan, happened, topology,
						  t->spaces[import->providers[n]].name))
					return true;
		}
	}
	return false;
}

/* What is optional, and what may start, or not, as that is there: who imports what is not there as planned. */
static bool follows_optional(const struct fuzz *f, const plan_events *plan,
			     const plan_events *happened, const char *subject)
{
	const char *name = strchr(subject, ' ') + 1;
	if (is_placed_after_others(f, plan, happened, name))
		return true;
	if (str_has_prefix(subject, "placement "))
		return false;
	vector_for_each (&f->submitted, s) {
		size_t length = strlen(s->name);
		if (strncmp(name, s->name, length) != 0 || name[length] != '/')
			continue;
		vector_for_each (&s->revisions, t)
			if (*t != NULL &&
			    imports_what_differs(plan, happened, s->name, *t,
						 names_find(*t, name + length + 1)))
				return true;
	}
	return false;
}

/* The placements of `all` that `other` has not: of an optional unit (`optional`), or on another zhost. */
static bool has_other_place(const struct fuzz *f, const plan_events *all,
			    const plan_events *other, bool optional)
{
	vector_for_each (all, e) {
		if (!str_has_prefix(e->subject, "placement "))
			continue;
		CLEANUP(freep) char *own = plan_moves_of(all, e->subject, optional);
		CLEANUP(freep) char *its = plan_moves_of(other, e->subject, optional);
		if (!str_equal(own, its) &&
		    (!optional ||
		     is_placed_after_others(f, all, other, e->subject + strlen("placement "))))
			return true;
	}
	return false;
}

bool plan_leaves_other_room(const struct fuzz *f, const plan_events *plan,
			    const plan_events *happened)
{
	return has_other_place(f, plan, happened, false) &&
	       (has_other_place(f, plan, happened, true) ||
		has_other_place(f, happened, plan, true));
}

/* The unit that it belongs to: "shop/api-2" of "space shop/api-2/cache". The caller frees. */
static char *unit_of_subject(const char *subject)
{
	const char *name = strchr(subject, ' ') + 1;
	size_t topology = strcspn(name, "/");
	size_t root = name[topology] == '/' ? 1 + strcspn(name + topology + 1, "/") : 0;
	return str_printf("%.*s", (int)(topology + root), name);
}

/* A drain has not found room for that unit. */
static bool is_left_without_room(const struct control *c, const char *unit)
{
	zhost_for_each (&c->zhosts, z) {
		if (z->drain == NULL || !drain_is_active(z->drain))
			continue;
		vector_for_each (&z->drain->left, left)
			if (str_equal(left->name, unit) &&
			    str_has_prefix(left->why, "insufficient capacity"))
				return true;
	}
	return false;
}

/* It was to be left without room. */
static bool is_planned_without_room(const Samoza__V1__PlanView *plan, const char *unit)
{
	for (size_t k = 0; k < plan->n_left; k++)
		if (str_equal(plan->left[k]->name, unit) &&
		    str_has_prefix(plan->left[k]->why, "insufficient capacity"))
			return true;
	return false;
}

/* A place that it has in `all` is one that others got, or left, in one of the two only. */
static bool is_in_others_room(const plan_events *all, const plan_events *plan,
			      const plan_events *happened, const char *unit)
{
	vector_for_each (all, e)
		if (str_has_prefix(e->subject, "placement ") &&
		    str_equal(e->subject + strlen("placement "), unit) &&
		    has_other_guest(plan, happened, unit, e->text))
			return true;
	return false;
}

/* The move number `at` of the subject, from 0; NULL: it has fewer. */
static const struct plan_event *move_at(const plan_events *all, const char *subject, size_t at)
{
	vector_for_each (all, e)
		if (str_equal(e->subject, subject) && at-- == 0)
			return e;
	return NULL;
}

/* What the subject does in `without` is what it does first in `with`. */
static bool is_beginning_of(const plan_events *with, const plan_events *without,
			    const char *subject)
{
	size_t at = 0;
	vector_for_each (without, e) {
		if (!str_equal(e->subject, subject))
			continue;
		const struct plan_event *same = move_at(with, subject, at++);
		if (same == NULL || !str_equal(same->text, e->text))
			return false;
	}
	return true;
}

bool plan_drains_in_another_order(const struct fuzz *f, const Samoza__V1__PlanView *view,
				  const plan_events *plan, const plan_events *happened,
				  const char *subject)
{
	CLEANUP(freep) char *unit = unit_of_subject(subject);
	if (f->world.control == NULL)
		return false;
	bool is_left = is_left_without_room(f->world.control, unit);
	bool was_to_be_left = is_planned_without_room(view, unit);
	const plan_events *with = is_left ? plan : happened;
	const plan_events *without = is_left ? happened : plan;
	return is_left != was_to_be_left && is_in_others_room(with, plan, happened, unit) &&
	       (!str_has_prefix(subject, "placement ") ||
		is_beginning_of(with, without, subject));
}

/* Its topology has something that waits for room now: others may have got what there was. */
static bool has_got_no_room(const struct fuzz *f, const char *subject)
{
	const char *name = strchr(subject, ' ') + 1;
	application_for_each (&f->world.control->applications, a)
		if (is_of_topology(name, a->name) || str_equal(name, a->name))
			return plan_waits_for_room(f->world.control, a);
	return false;
}

bool plan_is_about_room(const struct fuzz *f, const plan_events *plan,
			const plan_events *happened, const char *subject)
{
	return follows_optional(f, plan, happened, subject) ||
	       (f->world.control != NULL && has_got_no_room(f, subject));
}

static bool is_placement_of(const struct plan_event *e, const char *topology)
{
	return str_has_prefix(e->subject, "placement ") &&
	       is_of_topology(e->subject + strlen("placement "), topology);
}

/* Some of the topology are placed on that zhost. */
static bool places_on(const plan_events *all, const char *topology, const char *zhost)
{
	vector_for_each (all, e)
		if (is_placement_of(e, topology) && str_equal(e->text, zhost))
			return true;
	return false;
}

/* Before the topology has its first place in `with`, others got one there, or left one, that they had not in `without`. */
static bool had_others_elsewhere(const plan_events *with, const plan_events *without,
				 const char *topology)
{
	vector_for_each (with, e) {
		size_t before = 0;
		if (!str_has_prefix(e->subject, "placement "))
			continue;
		if (is_placement_of(e, topology))
			return false;
		for (const struct plan_event *o = with->items; o < e; o++)
			before += str_equal(o->subject, e->subject);
		const struct plan_event *other = move_at(without, e->subject, before);
		const char *zhost = other != NULL ? other->text : e->from;
		if (!str_equal(e->text, zhost) &&
		    (places_on(with, topology, e->text) || places_on(with, topology, zhost)))
			return true;
	}
	return false;
}

bool plan_gives_room_to_others(const struct fuzz *f, const plan_events *plan,
			       const plan_events *happened, const char *topology,
			       const char *subject)
{
	bool is_planned = plan_places_some(plan, topology);
	const plan_events *with = is_planned ? plan : happened;
	const plan_events *without = is_planned ? happened : plan;
	if (is_planned == plan_places_some(happened, topology) || f->world.control == NULL ||
	    (is_planned && !has_got_no_room(f, subject)))
		return false;
	return is_beginning_of(with, without, subject) &&
	       had_others_elsewhere(with, without, topology);
}
