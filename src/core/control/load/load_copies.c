#include "core/control/load/load_copies.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/load/load_revision.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/slot_names.h"
#include "core/control/slot/unit_return.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_devices.h"
#include "core/control/zhost/zhosts.h"

/* ---- copies ---- */

/* Of its placement. */
static uint32_t revision_of(const Samoza__V1__CopyRecord *r)
{
	return r->has_unit_revision ? r->unit_revision : r->revision;
}

/* Copies of one placement beside each other, in the order in which they were made: parents before their children. */
static int compare_copies(const void *pa, const void *pb)
{
	const Samoza__V1__CopyRecord *a = *(Samoza__V1__CopyRecord *const *)pa;
	const Samoza__V1__CopyRecord *b = *(Samoza__V1__CopyRecord *const *)pb;
	int order = strcmp(a->application, b->application);
	if (order == 0)
		order = (a->placement > b->placement) - (a->placement < b->placement);
	if (order == 0)
		order = strcmp(a->zhost, b->zhost);
	if (order == 0)
		order = (revision_of(a) > revision_of(b)) - (revision_of(a) < revision_of(b));
	if (order == 0)
		order = a->role < b->role ? -1 : a->role > b->role;
	if (order == 0)
		order = (a->epoch > b->epoch) - (a->epoch < b->epoch);
	return order != 0 ? order : strcmp(a->path, b->path);
}

static bool same_placement(const Samoza__V1__CopyRecord *a, const Samoza__V1__CopyRecord *b)
{
	return str_equal(a->application, b->application) && a->placement == b->placement &&
	       str_equal(a->zhost, b->zhost) && revision_of(a) == revision_of(b) &&
	       a->role == b->role;
}

static void load_exports(struct copy *copy, const Samoza__V1__CopyRecord *r)
{
	struct instance_variable *exports =
		mem_new_array(struct instance_variable, r->n_exports);
	for (size_t k = 0; k < r->n_exports; k++) {
		exports[k].name = mem_strdup(r->exports[k]->name);
		exports[k].value = mem_strdup(r->exports[k]->value);
	}
	copy_set_exports(copy, exports, r->n_exports);
}

/* The slot of a retired copy may have ended, while a revision is declared that gives it another name. Its name is what
 * the copy says: what has no record of its own has no other. */
static struct application_slot *slot_of_copy(struct control_application *a,
					     const Samoza__V1__CopyRecord *r)
{
	const char *name = r->slot != NULL ? r->slot : r->path;
	const struct application_slot *found = application_find_slot(&a->application, name);
	const struct slot *s = slot_find(&a->slots, r->path);
	if (s != NULL && (found == NULL || !found->declared))
		slot_name_restore(control_of_slot(s), name);
	return application_slot(&a->application, name);
}

static int load_copy(struct control *c, struct unit_placement *unit,
		     const Samoza__V1__CopyRecord *r, struct error **err)
{
	struct control_application *a = unit->application;
	struct revision *revision = NULL;
	int result = load_revision(c, a, r->revision, &revision, err);
	if (result < 0)
		return result;
	int instance = topology_find_instance(revision->topology, r->path);
	bool serves = unit->placement.role == ROLE_SERVING;
	bool retired = unit->placement.role == ROLE_RETIRED;
	const struct slot *s = retired ? NULL : slot_find(&a->slots, r->path);
	if (instance < 0 || (!retired && s == NULL))
		return error_set(err, ERR_INVALID, "a copy of %s/%s in the store has no slot",
				 a->name, r->path);
	const struct space *space = instance_space(revision->topology, (unsigned)instance);
	struct slot_control *sc = retired ? NULL : control_of_slot(s);
	struct copy *copy = unit_copy_new(unit, revision, slot_of_copy(unit->application, r),
					  sc, r->epoch, space->exclusive);
	copy_set_path(copy, r->path);
	if (r->epoch == r->placement)
		unit_devices_load(unit, r);
	copy->target = (uint8_t)r->target;
	copy->generation = r->generation;
	copy->retry_generation = r->retry_generation;
	copy->imports_version = r->imports_version;
	copy->imports_hash = r->imports_hash;
	copy->exhausted = r->exhausted;
	copy->undeploy_failed = r->undeploy_failed;
	copy->forsaken = r->forsaken;
	copy->failures = r->failures;
	copy->ended_last = r->ended_last;
	copy->ended_only = r->ended_only;
	copy->restarts = r->restarts;
	/* A slot that the served revision has not has no record that names the writer. */
	if (r->writes && copy->of_slot.slot->writer == 0)
		slot_copy_set_writer(&copy->of_slot);
	copy->of_slot.active = serves ? state_is_active(s->state) : r->active;
	/* Of one that was never asked for there is nothing; whether its zhost heard the rest, it says. */
	copy->absent = !retired && (!serves || s->state == STATE_NOT_DEPLOYED) &&
		       copy->target == TARGET_NONE && copy->generation <= 1;
	load_exports(copy, r);
	/* Its zhost may not have heard that it is to go, and start it by itself. */
	if (retired && !unit->lost && !space->exclusive)
		copy_set_ends_by(c, copy, NEVER_MS);
	/* A lost copy may have been heard last just before zrms ended: count from now. */
	if (unit->lost)
		copy_set_ends_by(c, copy,
				 space->exclusive
					 ? zhost_leases_end_ms(c, unit->zhost, c->now.mono_ms)
					 : NEVER_MS);
	return 0;
}

static int load_placement(struct control *c, const Samoza__V1__CopyRecord *r,
			  struct unit_placement **ret_unit, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, r->application);
	struct control_zhost *z = zhost_find(&c->zhosts, r->zhost);
	struct revision *revision = NULL, *room = NULL;
	if (z == NULL)
		return error_set(
			err, ERR_INVALID,
			"a copy of %s/%s in the store is on %s, which is not a known zhost",
			a->name, r->path, r->zhost);
	int result = load_revision(c, a, revision_of(r), &revision, err);
	if (result == 0)
		result =
			load_revision(c, a, r->has_room ? r->room : revision_of(r), &room, err);
	if (result < 0)
		return result;
	enum placement_role role =
		(enum placement_role)(r->role - SAMOZA__V1__ROLE__ROLE_SERVING);
	if (role != ROLE_RETIRED) {
		application_declare(a, revision);
		application_declare(a, room);
	}
	struct unit_placement *unit =
		unit_placement_new(a, revision, z, r->placement, PLACE_NONE, role);
	unit_set_room(unit, room);
	unit->lost = r->lost;
	unit->key_topology = mem_strdup(r->key_topology);
	*ret_unit = unit;
	return 0;
}

/* The unit that its root has in the engine is of the served revision. */
static void take_root_place(struct control *c, struct slot_control *root,
			    struct unit_placement *unit)
{
	const struct control_application *a = unit->application;
	if (root->place_revision != unit->room) {
		uint32_t own = application_new_unit(a, c->place, unit->room, root->slot,
						    root->place_unit);
		place_unit_free(c->place, root->place_unit);
		root->place_unit = own;
		root->place_revision = unit->room;
	}
	unit->place_unit = root->place_unit;
	if (unit->lost)
		return;
	unit_devices_name(c, unit);
	place_add(c->place, unit->place_unit, unit->zhost->place);
	unit_place_restored(c, unit);
}

typedef VECTOR(struct unit_placement *) unit_vector;

/* A retired unit has its place in the engine until it is gone. */
static void restore_place(struct control *c, struct unit_placement *unit)
{
	const struct copy *first =
		container_of(unit->placement.copies.items[0], struct copy, of_slot);
	if (unit->placement.role == ROLE_SERVING) {
		take_root_place(c, control_of_slot(first->sc->slot->root), unit);
		return;
	}
	/* While it is lost, a retired one is not counted there. */
	bool retired = unit->placement.role == ROLE_RETIRED;
	if (retired && !unit->lost && !unit->zhost->removed)
		unit_place_retired(c, unit);
	/* Those beside the one that serves may share its room: load_beside(). */
	if (!retired)
		unit_place_new(c, unit);
}

/* ---- which revisions have slots ---- */

static int compare_epochs(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
	return (a > b) - (a < b);
}

/* The placements that handovers wait for: until they are gone, their slots stay. The caller frees. */
static uint64_t *leaving_placements(const struct loaded_records *loaded, size_t *ret_count)
{
	uint64_t *found = mem_new_array(uint64_t, loaded->slots.count);
	size_t count = 0;
	vector_for_each (&loaded->slots, r)
		if ((*r)->handover != NULL && (*r)->handover->leaving != 0)
			found[count++] = (*r)->handover->leaving;
	if (count > 1)
		qsort(found, count, sizeof(*found), compare_epochs);
	*ret_count = count;
	return found;
}

/* That which a handover leads to. */
static int declare_of_handover(struct control *c, const Samoza__V1__SlotRecord *r,
			       struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, r->application);
	struct revision *revision = NULL;
	if (r->handover == NULL || !r->handover->has_revision)
		return 0;
	int result = load_revision(c, a, r->handover->revision, &revision, err);
	if (result < 0)
		return result;
	application_declare(a, revision);
	return 0;
}

/* Of a space with `count: each`: it is there because its record says so. */
static const struct slot *find_slot(struct control *c, struct control_application *a,
				    const char *path)
{
	CLEANUP(freep) char *root = mem_strndup(path, strcspn(path, "/"));
	const char *roots[] = {root};
	if (instance_path_is_each(path) && slot_find(&a->slots, path) == NULL) {
		application_add_each(a, roots, 1);
		const struct slot *s = slot_find(&a->slots, root);
		if (s != NULL && control_of_slot(s)->place_unit == PLACE_NONE)
			application_give_unit(a, c->place, a->application.served,
					      control_of_slot(s));
	}
	return slot_find(&a->slots, path);
}

/* The slot is about to end, and nothing else is left of it: the newest revision that has it. */
static int declare_of_slot(struct control *c, const Samoza__V1__SlotRecord *r,
			   struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, r->application);
	for (size_t k = a->application.revisions.count;
	     k-- > 0 && find_slot(c, a, r->path) == NULL;) {
		struct revision *revision = NULL;
		int result = load_revision(c, a, a->application.revisions.items[k]->number,
					   &revision, err);
		if (result < 0)
			return result;
		if (topology_find_instance(revision->topology, r->path) >= 0)
			application_declare(a, revision);
	}
	(void)find_slot(c, a, r->path); /* the oldest may have it */
	return 0;
}

/* Of a member that joins its unit, or goes, another one, or two. */
static int declare_of_unit(struct control *c, struct control_application *a,
			   const Samoza__V1__CopyRecord *r, struct error **err)
{
	struct revision *revision = NULL, *room = NULL;
	int result = load_revision(c, a, revision_of(r), &revision, err);
	if (result == 0)
		result =
			load_revision(c, a, r->has_room ? r->room : revision_of(r), &room, err);
	if (result < 0)
		return result;
	application_declare(a, revision);
	application_declare(a, room);
	return 0;
}

int load_declare(struct control *c, struct error **err)
{
	size_t count = 0;
	CLEANUP(freep) uint64_t *leaving = leaving_placements(&c->loaded, &count);
	vector_for_each (&c->loaded.copies, item) {
		const Samoza__V1__CopyRecord *r = *item;
		struct control_application *a =
			application_by_id(&c->applications, r->application);
		struct revision *revision = NULL;
		if (r->role == SAMOZA__V1__ROLE__ROLE_RETIRED &&
		    (count == 0 || bsearch(&r->placement, leaving, count, sizeof(*leaving),
					   compare_epochs) == NULL))
			continue;
		int result = load_revision(c, a, r->revision, &revision, err);
		if (result < 0)
			return result;
		application_declare(a, revision);
		result = declare_of_unit(c, a, r, err);
		if (result < 0)
			return result;
	}
	vector_for_each (&c->loaded.slots, r) {
		int result = declare_of_handover(c, *r, err);
		if (result < 0)
			return result;
	}
	vector_for_each (&c->loaded.slots, r) {
		int result = declare_of_slot(c, *r, err);
		if (result < 0)
			return result;
	}
	return 0;
}

void load_units(struct control *c, struct control_application *a)
{
	vector_for_each (&a->slot_controls, sc)
		if ((*sc)->slot->parent == NULL && (*sc)->of_path->serving == NULL)
			unit_rebase(c, *sc);
}

/* Those that serve first: in the engine the others join them. */
static void restore_places(struct control *c, const unit_vector *units)
{
	vector_for_each (units, unit)
		if ((*unit)->placement.role == ROLE_SERVING)
			restore_place(c, *unit);
	vector_for_each (units, unit)
		if ((*unit)->placement.role != ROLE_SERVING)
			restore_place(c, *unit);
}

int load_copies(struct control *c, struct error **err)
{
	struct loaded_records *loaded = &c->loaded;
	struct unit_placement *unit = NULL;
	unit_vector units = {0};
	int result = 0;
	if (loaded->copies.count > 1)
		qsort(loaded->copies.items, loaded->copies.count, sizeof(*loaded->copies.items),
		      compare_copies);
	for (size_t k = 0; k < loaded->copies.count && result == 0; k++) {
		const Samoza__V1__CopyRecord *r = loaded->copies.items[k];
		if (k == 0 || !same_placement(r, loaded->copies.items[k - 1])) {
			result = load_placement(c, r, &unit, err);
			if (result == 0)
				vector_push(&units, unit);
		}
		if (result == 0)
			result = load_copy(c, unit, r, err);
	}
	if (result == 0)
		restore_places(c, &units);
	vector_done(&units);
	return result;
}

/* ---- handovers ---- */

/* Its place in the engine: of the two copies of a stop-first handover at most one runs. */
static void load_beside(struct control *c, const struct slot_control *root,
			const struct slot_copy *copy)
{
	const struct unit_placement *unit = unit_of(copy);
	const struct unit_placement *serving = unit_of(root->of_path->serving);
	if (unit == NULL || unit->lost || unit->zhost->removed)
		return;
	if (serving != NULL && !serving->lost && serving->zhost == unit->zhost &&
	    root->handover != NULL && root->handover->handover.kind == HANDOVER_STOP_FIRST)
		place_share_room(c->place, unit->place_unit, serving->place_unit);
	unit_devices_name(c, unit);
	place_add(c->place, unit->place_unit, unit->zhost->place);
}

/* It runs, whatever else does. */
static void load_kept(struct control *c, const struct slot_copy *copy)
{
	const struct unit_placement *unit = unit_of(copy);
	if (unit == NULL || unit->lost || unit->zhost->removed)
		return;
	unit_devices_name(c, unit);
	place_add(c->place, unit->place_unit, unit->zhost->place);
}

void load_handover(struct control *c, const Samoza__V1__SlotRecord *r)
{
	struct control_application *a = application_by_id(&c->applications, r->application);
	const struct slot *s = slot_find(&a->slots, r->path);
	if (s == NULL || s->parent != NULL)
		return;
	const struct slot_control *root = control_of_slot(s);
	if (r->handover != NULL)
		handover_load(c, control_of_slot(s), r->handover);
	load_beside(c, root, root->of_path->next);
	load_beside(c, root, root->of_path->standby);
	load_kept(c, root->of_path->kept);
}
