#include "core/control/state/application.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/scaled.h"
#include "core/control/state/device_hold.h"
#include "core/control/state/dirty_set.h"
#include "core/control/state/loss.h"
#include "core/control/state/open_roots.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/unit_reload.h"
#include "core/control/state/zhost_registry.h"
#include "core/lifecycle/lifecycle.h"
#include "core/lifecycle/slot_set.h"
#include "core/place/place.h"
#include "model/space_kind.h"

/* ---- copies ---- */

void remain_done(struct remain *remain)
{
	free(remain->instance);
}

/* The zhost on which a former application of its name may still run it; NULL: none. */
static const struct control_zhost *remains_on(const struct slot_control *sc)
{
	const struct control_application *a = application_of(sc->slot);
	size_t size = strlen(a->name);
	vector_for_each (&a->list->remains, remain)
		if (!remain->is_dormant && strncmp(remain->instance, a->name, size) == 0 &&
		    remain->instance[size] == '/' &&
		    str_equal(remain->instance + size + 1, sc->slot->path))
			return remain->zhost;
	return NULL;
}

/* Where one of two copies is exclusive, the one that serves waits until the other has ended: the one
 * that was lost with its zhost, those that are retired, and those of an application that was removed. */
static int64_t may_run_at_ms(const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	if (copy == NULL)
		return 0;
	if (copy->of_slot.exclusive && remains_on(sc) != NULL)
		return NEVER_MS;
	if (device_hold_waits(copy))
		return NEVER_MS;
	return slot_copy_alone_at_ms(&copy->of_slot, sc->slot->set->lifecycle->now.mono_ms);
}

/* As the copy's revision does; without one, as it would be placed; else, as it was or will be. */
static const struct declaration *declared_of(const struct slot_control *sc,
					     const struct copy *copy)
{
	if (copy != NULL)
		return copy->declared;
	const struct control_application *a = application_of(sc->slot);
	const struct declarations *wanted =
		unplaced_revision(control_of_slot(sc->slot->root))->declared;
	const struct declaration *found =
		wanted != NULL ? declarations_of(wanted, sc->slot) : NULL;
	vector_for_each (&a->application.revisions, r)
		if (found == NULL && (*r)->declared != NULL)
			found = declarations_of((*r)->declared, sc->slot);
	return found;
}

struct revision *unit_revision_elsewhere(const struct slot_control *root)
{
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	if (unit == NULL)
		return unplaced_revision(root);
	slot_for_each_below (root->slot, s)
		if (s->leaves && control_of_slot(s)->of_path->serving != NULL)
			return unit->revision;
	return unit->room;
}

void slot_publish_facts(struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	struct serving_facts facts = {
		.declared = declared_of(sc, copy),
		.placed = slot_is_placed(sc),
		.zhost_lost = sc->lost,
		.may_return = sc->lost && copy != NULL,
		.no_place = sc->no_place,
		.placed_again = sc->placed_again,
		.may_run_at_ms = may_run_at_ms(sc),
		.last_error = sc->last_error,
	};
	facts.missing_secret = secret_missing(application_of(sc->slot), facts.declared->space);
	const struct control_zhost *remains =
		facts.may_run_at_ms == NEVER_MS ? remains_on(sc) : NULL;
	if (remains != NULL)
		facts.may_run_on = remains->name;
	if (copy != NULL && device_hold_waits(copy))
		facts.devices_on = copy->unit->zhost->name;
	const struct unit_loss *loss = control_of_slot(sc->slot->root)->loss;
	if (loss != NULL && slot_zhost(sc) != NULL) {
		const struct instant *now = &sc->slot->set->lifecycle->now;
		facts.waits_for = slot_zhost(sc)->name;
		facts.silent_ms = loss->heard_wall_ms;
		if (loss->replace_at_ms != NEVER_MS)
			facts.replace_ms = now->wall_ms + loss->replace_at_ms - now->mono_ms;
	}
	if (copy != NULL) {
		facts.exhausted = copy->exhausted;
		facts.undeploy_failed = copy->undeploy_failed;
		facts.failed = copy->failures > 0;
		facts.retry_at_ms = copy->retry_at_ms;
	}
	slot_set_serving(sc->slot, &facts);
	open_root_of(sc);
}

void copy_set_exports(struct copy *copy, struct instance_variable *take, size_t count)
{
	for (size_t k = 0; k < copy->export_count; k++) {
		free(copy->exports[k].name);
		free(copy->exports[k].value);
	}
	free(copy->exports);
	copy->exports = take;
	copy->export_count = count;
}

/* ---- names ---- */

/* What retires of a slot that had that name before is of this one. */
static void take_leftovers(struct control_application *a, struct application_slot *slot,
			   const char *path)
{
	const struct application_slot *left = application_find_slot(&a->application, path);
	if (left == NULL || left == slot)
		return;
	slot_copy_for_each (left, item) {
		struct copy *copy = container_of(item, struct copy, of_slot);
		if (copy->path == NULL)
			copy->path = mem_strdup(left->path);
		mark_copy(copy, COPY_RECORD);
	}
	application_merge_slot(slot, path);
	if (slot->serving != NULL)
		slot_publish_facts(container_of(slot->serving, struct copy, of_slot)->sc);
}

void copy_set_path(struct copy *copy, const char *path)
{
	struct application_slot *slot = copy->of_slot.slot;
	free(copy->path);
	copy->path = NULL;
	if (str_equal(path, slot->path))
		return;
	copy->path = mem_strdup(path);
	take_leftovers(copy->unit->application, slot, path);
	application_add_name(slot, path);
}

void application_rename(struct control_application *a, struct application_slot *slot,
			const char *path)
{
	if (str_equal(path, slot->path))
		return;
	take_leftovers(a, slot, path);
	slot_copy_for_each (slot, item) {
		struct copy *copy = container_of(item, struct copy, of_slot);
		if (copy->path == NULL)
			copy->path = mem_strdup(slot->path);
		else if (str_equal(copy->path, path))
			free(steal_ptr(&copy->path));
		mark_copy(copy, COPY_RECORD);
	}
	application_name_slot(slot, path);
	mark_application(a, APPLICATION_RECORD);
}

static int compare_slots(const void *pa, const void *pb)
{
	uintptr_t a = *(const uintptr_t *)pa, b = *(const uintptr_t *)pb;
	return (a > b) - (a < b);
}

char *application_name_clash(const struct control_application *a, const struct topology *t)
{
	char *clash = application_data_clash(&a->application, t);
	VECTOR(const struct application_slot *) known = {0};
	for (unsigned i = 0; i < t->instance_count; i++) {
		const struct slot *s = slot_set_slot_of(&a->slots, t, i);
		const struct application_slot *slot =
			s != NULL
				? control_of_slot(s)->of_path
				: application_find_slot(&a->application, t->instances[i].path);
		if (slot != NULL)
			vector_push(&known, slot);
	}
	if (known.count > 1)
		qsort(known.items, known.count, sizeof(*known.items), compare_slots);
	for (size_t k = 1; k < known.count; k++)
		if (clash == NULL && known.items[k] == known.items[k - 1])
			clash = mem_strdup(known.items[k]->path);
	vector_done(&known);
	return clash;
}

/* The data of what has another name in that revision is the same. */
static void share_data(struct control_application *a, const struct declarations *d)
{
	for (unsigned i = 0; i < d->topology->instance_count; i++)
		if (d->slots[i] != NULL &&
		    !str_equal(d->slots[i]->path, d->topology->instances[i].path))
			application_share_data(&a->application, d->topology->instances[i].path,
					       d->slots[i]->path);
}

/* That it would have with a count, or without one; NULL: it has no other. The caller frees. */
static char *other_name(const struct control_application *a, const struct slot *s)
{
	const char *space = a->slots.spaces.items[s->space]->name;
	const char *slash = strrchr(s->path, '/');
	const char *name = slash != NULL ? slash + 1 : s->path;
	if (s->ordinal != 1 || s->each)
		return NULL;
	return str_printf("%.*s%s%s", (int)(name - s->path), s->path, space,
			  str_equal(name, space) ? "-1" : "");
}

void application_remember_data(struct control_application *a, const struct slot *s)
{
	CLEANUP(freep) char *other = other_name(a, s);
	if (other != NULL)
		application_share_data(&a->application, other, s->path);
}

/* What retires of a slot that has ended, under the other name, is of this one. */
static void take_leftovers_of_other(struct control_application *a,
				    const struct slot_control *sc)
{
	CLEANUP(freep) char *other = other_name(a, sc->slot);
	const struct application_slot *left =
		other != NULL ? application_find_slot(&a->application, other) : NULL;
	if (left != NULL && !left->declared)
		take_leftovers(a, sc->of_path, other);
}

/* ---- the served revision ---- */

void application_open_revision(struct control_application *a, struct place *place,
			       struct revision *revision, struct topology *topology)
{
	if (revision->topology != NULL)
		return;
	revision_open(revision, topology);
	revision->place = place_topology_add(place, topology, a->sequence);
}

uint32_t application_slot_mate(const struct control_application *a, const char *root)
{
	size_t length = strlen(root);
	vector_for_each (&a->retired, item) {
		const struct unit_placement *unit = *item;
		const char *path = unit->placement.copies.items[0]->slot->path;
		if (unit->place_unit != PLACE_NONE && strncmp(path, root, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return unit->place_unit;
	}
	return PLACE_NONE;
}

uint32_t application_new_unit(const struct control_application *a, struct place *place,
			      const struct revision *revision, const struct slot *root,
			      uint32_t mate)
{
	int32_t instance = declarations_instance(revision->declared, root);
	PRE(instance >= 0 && root->parent == NULL && root->set == &a->slots);
	uint32_t unit = place_unit_new(place, revision->place, (uint32_t)instance, mate);
	if (root->each)
		place_unit_name(place, unit, control_of_slot(root)->of_path->path);
	return unit;
}

void application_give_unit(const struct control_application *a, struct place *place,
			   struct revision *revision, struct slot_control *root)
{
	uint32_t own = root->place_unit;
	uint32_t mate = own != PLACE_NONE ? own : application_slot_mate(a, root->slot->path);
	if (declarations_instance(revision->declared, root->slot) < 0)
		revision = a->application.served; /* it is about to be removed */
	bool is_declared = declarations_instance(revision->declared, root->slot) >= 0;
	root->place_unit = is_declared
				   ? application_new_unit(a, place, revision, root->slot, mate)
				   : PLACE_NONE;
	root->place_revision = is_declared ? revision : NULL;
}

static void take_pages(struct control_application *a, const struct topology *t)
{
	for (unsigned n = 0; n < t->space_count; n++) {
		const struct space_kind *kind = space_kind_of_type(t->spaces[n].type);
		a->routes.has_pages = a->routes.has_pages || kind->has_pages;
		a->routes.has_messages = a->routes.has_messages || kind->is_in_mesh;
	}
	if (!a->routes.has_pages || a->routes.is_in_pages)
		return;
	a->routes.is_in_pages = true;
	vector_push(&a->list->with_pages, a);
}

/* A revision has been withdrawn: zhosts that only served its pages need no table any longer. */
static void review_pages(struct control_application *a)
{
	bool had_pages = a->routes.has_pages;
	a->routes.has_pages = false;
	vector_for_each (&a->slots.declarations, d)
		take_pages(a, (*d)->topology);
	if (had_pages == a->routes.has_pages)
		return;
	a->routes.all_subscribe = false;
	a->routes.all_due = true;
	mark_application(a, APPLICATION_ROUTES);
}

static bool has_each(const struct topology *t)
{
	for (unsigned n = 0; n < t->space_count; n++)
		if (t->spaces[n].each)
			return true;
	return false;
}

static void set_each(struct control_application *a, bool has)
{
	if (has == a->has_each)
		return;
	a->has_each = has;
	size_t at = 0;
	while (at < a->list->with_each.count &&
	       a->list->with_each.items[at]->sequence < a->sequence)
		at++;
	if (!has) {
		vector_remove_at(&a->list->with_each, at);
		return;
	}
	(void)vector_add(&a->list->with_each);
	struct control_application **items = a->list->with_each.items;
	memmove(&items[at + 1], &items[at],
		(a->list->with_each.count - 1 - at) * sizeof(*items));
	items[at] = a;
}

/* What control knows of slots and spaces has the indexes that those have in the slot set. */
static void grow_controls(struct control_application *a)
{
	while (a->slot_controls.count < a->slots.slots.count) {
		struct slot *s = a->slots.slots.items[a->slot_controls.count];
		struct slot_control *sc = mem_new(struct slot_control);
		sc->slot = s;
		sc->of_path = application_slot(&a->application, s->path);
		application_rename(a, sc->of_path, s->path);
		application_slot_declare(sc->of_path, true);
		take_leftovers_of_other(a, sc);
		sc->place_unit = sc->moving_place = PLACE_NONE;
		vector_push(&a->slot_controls, sc);
		if (s->parent == NULL)
			open_root(sc);
	}
	while (a->importers_changed.count < a->slots.spaces.count)
		vector_push(&a->importers_changed, false);
}

void application_declare(struct control_application *a, struct revision *revision)
{
	if (revision->declared != NULL)
		return;
	revision->declared = slot_set_declare(&a->slots, revision->topology);
	share_data(a, revision->declared);
	set_each(a, a->has_each || has_each(revision->topology));
	grow_controls(a);
	import_lists_keep(a, revision->declared);
	bool had_pages = a->routes.has_pages;
	take_pages(a, revision->topology);
	a->routes.has_sum[0] = a->routes.has_sum[1] = false;
	a->routes.all_subscribe = false;
	if (a->routes.has_pages && !had_pages) /* every zhost serves them from now on */
		mark_application(a, APPLICATION_ROUTES);
}

void application_add_each(struct control_application *a, const char *const *paths, size_t count)
{
	slot_set_add_each(&a->slots, paths, count);
	grow_controls(a);
}

/* Slots without a copy follow the revision in which they would be placed. */
bool application_withdraw(struct control_application *a, struct revision *revision)
{
	const struct declarations *d = revision->declared;
	if (d == NULL)
		return true;
	revision->declared = NULL;
	for (size_t k = 0; k < a->slots.slots.count; k++) {
		const struct slot *s = a->slots.slots.items[k];
		if (declarations_of(d, s) == NULL ||
		    s->serving.declared != declarations_of(d, s))
			continue;
		if (declared_of(control_of_slot(s), NULL) == NULL) {
			revision->declared = d; /* it is to be removed first */
			return false;
		}
		slot_publish_facts(control_of_slot(s));
	}
	slot_set_withdraw(&a->slots, d);
	review_pages(a);
	return true;
}

/* ---- slots that end ---- */

static void slot_control_free(struct place *place, struct slot_control *sc)
{
	INVARIANT(sc->exclusions == NULL && sc->of_path->serving == NULL &&
		  sc->handover == NULL && sc->loss == NULL);
	application_slot_declare(sc->of_path, false);
	unit_reload_free(sc);
	/* What comes under its name is another instance, also where a former copy is left and writes: it is said again. */
	sc->of_path->data_full = false;
	place_unit_free(place, sc->moving_place);
	place_unit_free(place, sc->place_unit);
	free(sc->recorded);
	free(sc->last_error);
	free(sc);
}

static void forget_route(struct control_application *a, const struct slot_control *sc)
{
	for (size_t k = 0; k < a->routes.changed.count; k++)
		if (a->routes.changed.items[k] == sc) {
			vector_remove_at(&a->routes.changed, k);
			return;
		}
}

void application_remove_slots(struct control_application *a, struct place *place,
			      bool (*goes)(const struct slot_control *sc))
{
	slot_list gone = {0};
	size_t kept = 0;
	for (size_t k = 0; k < a->slot_controls.count; k++) {
		struct slot_control *sc = a->slot_controls.items[k];
		if (!goes(sc)) {
			a->slot_controls.items[kept++] = sc;
			continue;
		}
		vector_push(&gone, sc->slot);
		open_roots_forget(a, sc);
		application_remember_data(a, sc->slot);
		forget_route(a, sc);
		slot_control_free(place, sc);
	}
	a->slot_controls.count = kept;
	if (gone.count > 0)
		slot_set_remove(&a->slots, &gone);
	vector_done(&gone);
}

void former_routes_clear(struct mesh_routes *routes)
{
	vector_for_each (&routes->former, route) {
		free(route->path);
		free(route->space);
	}
	vector_clear(&routes->former);
}

/* ---- slots of one revision ---- */

void application_serve(struct control_application *a, struct lifecycle *l, struct place *place,
		       struct revision *revision)
{
	application_serve_none(a, place);
	a->application.served = revision;
	slot_set_init(&a->slots, l, a->name);
	a->declared = revision->declared = slot_set_declare(&a->slots, revision->topology);
	a->topology = a->declared->topology;
	set_each(a, has_each(a->topology));
	grow_controls(a);
	vector_for_each (&a->slots.slots, s)
		if ((*s)->parent == NULL)
			application_give_unit(a, place, revision, control_of_slot(*s));
	import_lists_keep(a, a->declared);
	a->routes.has_pages = a->routes.has_messages = false;
	take_pages(a, a->topology);
	a->routes.has_sum[0] = a->routes.has_sum[1] = false;
	a->routes.all_subscribe = false;
	/* Zhosts know slots that there may be no longer. */
	vector_for_each (&a->routes.subscribers, subscriber)
		subscriber->is_outdated = true;
	a->routes.all_due = true;
}

void application_serve_none(struct control_application *a, struct place *place)
{
	if (a->application.served == NULL)
		return;
	place_wait_end(place, a->ticket);
	vector_for_each (&a->slot_controls, sc)
		slot_control_free(place, *sc);
	import_lists_detach(&a->import_lists);
	slot_set_done(&a->slots);
	vector_for_each (&a->application.revisions, r)
		(*r)->declared = NULL;
	vector_clear(&a->slot_controls);
	vector_clear(&a->open_roots);
	vector_clear(&a->importers_changed);
	vector_clear(&a->routes.changed);
	a->application.served = NULL;
	a->unhealthy = a->leaving = 0;
}

/* A unit that has no place is to be placed in it. */
static bool is_sought_in(const struct control_application *a, const struct revision *r)
{
	for (size_t k = 0; r->topology != NULL && k < a->slots.slots.count; k++)
		if (a->slot_controls.items[k]->place_revision == r ||
		    a->slot_controls.items[k]->moving_revision == r)
			return true;
	return false;
}

static bool is_of_rollout(const struct control_application *a, const struct revision *r)
{
	vector_for_each (&a->handovers, root)
		if ((*root)->handover->revision == r)
			return true; /* one that was superseded */
	return a->rollout != NULL && (r == a->rollout->target || r == a->rollout->base);
}

struct revision *application_before(const struct control_application *a,
				    const struct revision *than)
{
	for (size_t k = a->application.revisions.count; k-- > 0;) {
		struct revision *r = a->application.revisions.items[k];
		if (r->number < than->number && r->completed_ms != 0 &&
		    !scaled_is_same(r->record, than->record))
			return r;
	}
	return NULL;
}

static void close_revision(struct place *place, struct revision *r)
{
	if (r->topology == NULL)
		return;
	place_topology_remove(place, r->place);
	revision_close(r);
}

void application_trim_revisions(struct control_application *a, struct place *place,
				void (*dropped)(void *user, const struct revision *revision),
				void *user)
{
	const struct revision *last =
		application_revision(&a->application, a->application.completed);
	const struct revision *before = last != NULL ? application_before(a, last) : NULL;
	/* Each one leaves the list before it is freed: where others are withdrawn, all are asked. */
	for (size_t k = 0; k < a->application.revisions.count;) {
		struct revision *r = a->application.revisions.items[k];
		bool used = r == a->application.served || r->placements > 0 ||
			    is_sought_in(a, r) || is_of_rollout(a, r) || r == a->kept.revision;
		used = used || !application_withdraw(a, r);
		if (!used)
			close_revision(place, r);
		if (used || a->application.revisions.count - k <= REVISIONS_KEPT || r == last ||
		    r == before) {
			k++;
			continue;
		}
		vector_remove_at(&a->application.revisions, k);
		if (dropped != NULL)
			dropped(user, r);
		revision_free(r);
	}
	application_trim_slots(&a->application);
}

/* ---- the list ---- */

static uint32_t take_ticket(struct application_list *list, struct control_application *a)
{
	uint32_t ticket = (uint32_t)list->by_ticket.count;
	if (list->free_tickets.count > 0)
		ticket = list->free_tickets.items[--list->free_tickets.count];
	else
		(void)vector_add(&list->by_ticket);
	list->by_ticket.items[ticket] = a;
	return ticket;
}

struct control_application *application_new(struct application_list *list, const char *name,
					    const char *id, uint64_t sequence)
{
	struct control_application *a = mem_new(struct control_application);
	a->routes.version = 1;
	application_init(&list->registry, &a->application, name, id);
	a->name = a->application.name;
	a->id = application_id(&a->application);
	a->sequence = sequence;
	a->list = list;
	a->ticket = take_ticket(list, a);
	state_machine_begin(&topology_machine, a, &a->state, TOPOLOGY_PENDING);
	a->previous = list->last;
	*(list->last != NULL ? &list->last->next : &list->first) = a;
	list->last = a;
	return a;
}

static void forget_pages(struct application_list *list, const struct control_application *a)
{
	for (size_t k = 0; k < list->with_pages.count; k++)
		if (list->with_pages.items[k] == a) {
			vector_remove_at(&list->with_pages, k);
			return;
		}
}

void application_free(struct application_list *list, struct place *place,
		      struct control_application *a)
{
	INVARIANT(a->retired.count == 0);
	application_serve_none(a, place);
	set_each(a, false);
	vector_for_each (&a->application.revisions, r)
		close_revision(place, *r);
	application_done(&list->registry, &a->application);
	*(a->previous != NULL ? &a->previous->next : &list->first) = a->next;
	*(a->next != NULL ? &a->next->previous : &list->last) = a->previous;
	list->by_ticket.items[a->ticket] = NULL;
	vector_push(&list->free_tickets, a->ticket);
	if (a->routes.is_in_pages)
		forget_pages(list, a);
	vector_done(&a->slot_controls);
	vector_done(&a->importers_changed);
	vector_done(&a->retired);
	vector_done(&a->handovers);
	vector_done(&a->open_roots);
	vector_done(&a->routes.changed);
	former_routes_clear(&a->routes);
	vector_done(&a->routes.former);
	vector_done(&a->routes.subscribers);
	vector_done(&a->routes.due);
	zhost_positions_clear(&a->routes.by_zhost);
	free(a->last_rollout.cause);
	failure_done(&a->reason);
	free(a);
}

void application_list_done(struct application_list *list)
{
	INVARIANT(list->first == NULL);
	applications_done(&list->registry);
	vector_done(&list->by_ticket);
	vector_done(&list->free_tickets);
	vector_done(&list->with_pages);
	vector_done(&list->with_each);
	vector_for_each (&list->remains, remain)
		remain_done(remain);
	vector_done(&list->remains);
}

static struct control_application *of_application(struct application *a)
{
	return a != NULL ? container_of(a, struct control_application, application) : NULL;
}

struct control_application *application_by_id(const struct application_list *list,
					      const char *id)
{
	return of_application(application_find_id(&list->registry, id));
}

struct control_application *application_by_name(const struct application_list *list,
						const char *name)
{
	return of_application(application_find_name(&list->registry, name));
}

struct slot *application_served_slot(const struct control_application *a, const char *path,
				     struct error **err)
{
	struct slot *s = slot_find(&a->slots, path);
	if (s == NULL)
		(void)error_set(err, ERR_NOT_FOUND, "no instance %s/%s", a->name, path);
	return s;
}
