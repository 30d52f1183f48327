#include "core/control/deployment.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"
#include "core/lifecycle/slot_set.h"
#include "core/place/place.h"
#include "model/space_kind.h"

/* ---- states ---- */

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct deployment *d = object;
	snprintf(ret_name, size, "%s (%s)", d->name, d->id);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct deployment *d = object;
	if (from == to)
		return NULL; /* its record: the instances are not loaded yet */
	if (to == TOPOLOGY_RUNNING && d->slots.to_start_started != d->slots.to_start)
		return "is running, but an instance that is to start has not started";
	if (to == TOPOLOGY_STOPPED && d->slots.to_start > 0)
		return "is stopped, but an instance is to start";
	if (to == TOPOLOGY_FAILED && d->unhealthy == 0)
		return "has failed, but no instance is without a place or a retry";
	if (to == TOPOLOGY_DEGRADED && !d->was_running)
		return "is degraded, but never was running";
	return NULL;
}

#define TO(state) STATE_MACHINE_BIT(TOPOLOGY_##state)
static const struct state_machine_state states[TOPOLOGY_STATE_COUNT] = {
	[TOPOLOGY_PENDING] = {"pending", TO(RUNNING) | TO(FAILED) | TO(STOPPED), 0,
			      STATE_MACHINE_INITIAL},
	[TOPOLOGY_RUNNING] = {"running", TO(DEGRADED) | TO(FAILED) | TO(STOPPED), 0,
			      STATE_MACHINE_INITIAL},
	[TOPOLOGY_DEGRADED] = {"degraded", TO(RUNNING) | TO(FAILED) | TO(STOPPED), 0,
			       STATE_MACHINE_INITIAL},
	[TOPOLOGY_STOPPED] = {"stopped", TO(PENDING) | TO(RUNNING) | TO(FAILED), 0,
			      STATE_MACHINE_INITIAL},
	[TOPOLOGY_FAILED] = {"failed", TO(DEGRADED) | TO(PENDING) | TO(STOPPED), 0,
			     STATE_MACHINE_INITIAL},
};

/* A new one is pending; one that a record holds begins in any state. */
const struct state_machine_type topology_machine = {
	.name = "topology",
	.states = states,
	.count = TOPOLOGY_STATE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

const char *topology_state_name(enum topology_state state)
{
	return states[state].name;
}

static enum topology_state state_of_name(const char *name)
{
	unsigned state = TOPOLOGY_PENDING;
	(void)state_machine_parse(&topology_machine, name, &state);
	return (enum topology_state)state;
}

/* ---- copies ---- */

/* An exclusive copy waits until every other copy of its slot has ended: the one that was lost with
 * its zhost, and those of earlier deployments of the name. */
static int64_t may_run_at_ms(const struct copy *copy)
{
	if (!slot_declared_space(copy->slot)->exclusive)
		return 0;
	int64_t now_ms = copy->slot->set->lifecycle->now.mono_ms;
	int64_t alone = slot_copy_alone_at_ms(&copy->of_path, now_ms);
	return alone > copy->may_run_at_ms ? alone : copy->may_run_at_ms;
}

void copy_publish_facts(struct copy *copy)
{
	slot_set_serving(copy->slot, &(struct serving_facts){
					     .declared = copy->slot->serving.declared,
					     .placed = copy_is_placed(copy),
					     .zhost_lost = copy->zhost_lost,
					     .no_place = copy->no_place,
					     .placed_again = copy->placed_again,
					     .exhausted = copy->exhausted,
					     .undeploy_failed = copy->undeploy_failed,
					     .failed = copy->failures > 0,
					     .retry_at_ms = copy->retry_at_ms,
					     .may_run_at_ms = may_run_at_ms(copy),
					     .last_error = copy->last_error,
				     });
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

/* ---- one deployment ---- */

static void index_artifacts(struct deployment *d)
{
	const struct topology *t = d->topology;
	d->artifacts = mem_new_array(const Samoza__V1__SpaceArtifacts *, t->space_count);
	for (size_t k = 0; k < d->record->n_artifacts; k++) {
		int space = topology_find_space(t, d->record->artifacts[k]->space);
		if (space >= 0)
			d->artifacts[space] = d->record->artifacts[k];
	}
}

static void declare(struct deployment *d, struct lifecycle *l, struct topology *topology)
{
	slot_set_init(&d->slots, l);
	d->declared = slot_set_declare(&d->slots, topology);
	d->topology = d->declared->topology;
	d->copies = mem_new_array(struct copy, d->slots.slots.count);
	vector_for_each (&d->slots.slots, s) {
		d->copies[(*s)->id].slot = *s;
		slot_copy_join(d->member.application, &d->copies[(*s)->id].of_path, (*s)->path);
	}
	d->importers_changed = mem_new_array(bool, d->slots.spaces.count);
	for (unsigned n = 0; n < topology->space_count; n++)
		d->routes.has_pages = d->routes.has_pages ||
				      space_kind_of_type(topology->spaces[n].type)->has_pages;
}

/* One for each root: the unit of the engine that stands for its placement. */
static void create_units(struct deployment *d, struct place *place)
{
	CLEANUP(freep) uint32_t *units = mem_new_array(uint32_t, d->topology->instance_count);
	place_units_new(place, d->place, units);
	for (uint32_t i = 0; i < d->topology->instance_count; i++) {
		struct copy *copy = &d->copies[d->declared->slots[i]->id];
		copy->place_unit = units[i];
		copy->moving_place = PLACE_NONE;
	}
}

struct deployment *deployment_new(struct deployment_registry *r, struct lifecycle *l,
				  struct place *place, Samoza__V1__TopologyRecord *take_record,
				  struct topology *topology)
{
	struct deployment *d = mem_new(struct deployment);
	d->record = take_record;
	d->id = take_record->id;
	d->name = take_record->name;
	d->sequence = take_record->sequence;
	state_machine_begin(&topology_machine, d, &d->state, state_of_name(take_record->state));
	d->reason = mem_strdup(take_record->failure_reason);
	d->was_running = take_record->was_running;
	d->ever_started = take_record->ever_started;
	d->updated_ms = take_record->updated_ms;
	d->member.stopped = d->state == TOPOLOGY_STOPPED;
	application_join(&r->applications, &d->member, d->name, d->id);
	declare(d, l, topology);
	index_artifacts(d);
	d->place = place_topology_add(place, topology, d->sequence);
	create_units(d, place);
	while (r->by_place.count <= d->place)
		(void)vector_add(&r->by_place);
	r->by_place.items[d->place] = d;
	HASH_ADD_KEYPTR(hh, r->by_id, d->id, strlen(d->id), d);
	d->previous = r->last;
	*(r->last != NULL ? &r->last->next : &r->first) = d;
	r->last = d;
	return d;
}

static void copy_done(struct copy *copy)
{
	INVARIANT(copy->zhost == NULL && copy->exclusions == NULL);
	copy_set_exports(copy, NULL, 0);
	slot_copy_leave(&copy->of_path);
	free(copy->last_error);
}

void deployment_free(struct deployment_registry *r, struct place *place, struct deployment *d)
{
	HASH_DEL(r->by_id, d);
	*(d->previous != NULL ? &d->previous->next : &r->first) = d->next;
	*(d->next != NULL ? &d->next->previous : &r->last) = d->previous;
	r->by_place.items[d->place] = NULL;
	place_wait_end(place, d->place);
	for (size_t k = 0; k < d->slots.slots.count; k++) {
		place_unit_free(place, d->copies[k].moving_place);
		place_unit_free(place, d->copies[k].place_unit);
		copy_done(&d->copies[k]);
	}
	application_leave(&r->applications, &d->member);
	place_topology_remove(place, d->place);
	slot_set_done(&d->slots);
	samoza__v1__topology_record__free_unpacked(d->record, NULL);
	free(d->copies);
	free(d->artifacts);
	free(d->importers_changed);
	free(d->reason);
	vector_done(&d->routes.changed);
	vector_done(&d->routes.subscribers);
	vector_done(&d->routes.by_zhost);
	free(d);
}

void deployment_registry_done(struct deployment_registry *r)
{
	INVARIANT(r->first == NULL);
	applications_done(&r->applications);
	vector_done(&r->by_place);
}

struct deployment *deployment_find(const struct deployment_registry *r, const char *id)
{
	struct deployment *d = NULL;
	if (id != NULL)
		HASH_FIND_STR(r->by_id, id, d);
	return d;
}

static struct deployment *of_member(struct application_member *member)
{
	return member != NULL ? container_of(member, struct deployment, member) : NULL;
}

struct deployment *deployment_by_name(const struct deployment_registry *r, const char *name)
{
	const struct application *a = application_find(&r->applications, name);
	return a != NULL ? of_member(application_current(a)) : NULL;
}

struct deployment *deployment_name_holder(const struct deployment *d)
{
	return of_member(application_holder(&d->member));
}

struct slot *deployment_find_slot(const struct deployment *d, const char *path,
				  struct error **err)
{
	struct slot *s = slot_find(&d->slots, path);
	if (s == NULL)
		(void)error_set(err, ERR_NOT_FOUND, "no instance %s/%s", d->name, path);
	return s;
}
