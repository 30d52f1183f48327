/*
 * Topologies as they are submitted, found by id and by name; and the state of each, derived
 * from its instances. Source: [topology.states].
 *
 *   pending ──► running ◄──► degraded ──► failed        anything ──► stopped ──► pending
 *      └───────────────────────────────────►┘ ▲ │
 *                                  degraded ──┘ └──► degraded, when a place appears
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"

static const char *const state_names[TOPOLOGY_STATE_COUNT] = {"pending", "running", "degraded",
							      "stopped", "failed"};

const char *topology_state_name(enum topology_state state)
{
	return state_names[state];
}

static enum topology_state state_of_name(const char *name)
{
	for (unsigned s = 0; s < TOPOLOGY_STATE_COUNT; s++)
		if (str_equal(state_names[s], name))
			return (enum topology_state)s;
	return TOPOLOGY_PENDING;
}

static void index_name(struct deployment *d)
{
	struct control *c = d->control;
	struct name_entry *entry = NULL;
	HASH_FIND_STR(c->by_name, d->name, entry);
	if (entry == NULL) {
		entry = mem_new(struct name_entry);
		entry->name = mem_strdup(d->name);
		HASH_ADD_KEYPTR(hh, c->by_name, entry->name, strlen(entry->name), entry);
	}
	d->older_same_name = entry->newest;
	entry->newest = d;
}

static void unindex_name(struct deployment *d)
{
	struct control *c = d->control;
	struct name_entry *entry = NULL;
	HASH_FIND_STR(c->by_name, d->name, entry);
	INVARIANT(entry != NULL);
	for (struct deployment **p = &entry->newest; *p != NULL; p = &(*p)->older_same_name) {
		if (*p == d) {
			*p = d->older_same_name;
			break;
		}
	}
	if (entry->newest == NULL) {
		HASH_DEL(c->by_name, entry);
		free(entry->name);
		free(entry);
	}
}

static void index_artifacts(struct deployment *d)
{
	const struct topology *t = d->app->topology;
	d->artifacts = mem_new_array(const Samoza__V1__SpaceArtifacts *, t->space_count);
	for (size_t k = 0; k < d->record->n_artifacts; k++) {
		int space = topology_find_space(t, d->record->artifacts[k]->space);
		if (space >= 0)
			d->artifacts[space] = d->record->artifacts[k];
	}
}

struct deployment *deployment_add(struct control *c, Samoza__V1__TopologyRecord *take_record,
				  struct topology *topology)
{
	struct deployment *d = mem_new(struct deployment);
	d->control = c;
	d->record = take_record;
	d->id = take_record->id;
	d->name = take_record->name;
	d->sequence = take_record->sequence;
	d->state = state_of_name(take_record->state);
	d->reason = mem_strdup(take_record->failure_reason);
	d->was_running = take_record->was_running;
	d->ever_started = take_record->ever_started;
	d->updated_ms = take_record->updated_ms;
	d->app = application_new(&c->lifecycle, topology, d);
	d->importer_marked = mem_new_array(bool, topology->space_count);
	for (unsigned s = 0; s < topology->space_count; s++)
		d->has_pages = d->has_pages || topology->spaces[s].type == SPACE_UI;
	index_artifacts(d);
	d->place = place_topology_add(c->place, topology, d->sequence);
	d->units = mem_new_array(uint32_t, topology->instance_count);
	place_units_new(c->place, d->place, d->units);
	d->next_units = mem_new_array(uint32_t, topology->instance_count);
	for (uint32_t i = 0; i < topology->instance_count; i++)
		d->next_units[i] = PLACE_NONE;
	while (c->by_place.count <= d->place)
		(void)vector_add(&c->by_place);
	c->by_place.items[d->place] = d;
	HASH_ADD_KEYPTR(hh, c->by_id, d->id, strlen(d->id), d);
	index_name(d);
	d->previous = c->last;
	*(c->last != NULL ? &c->last->next : &c->first) = d;
	c->last = d;
	return d;
}

static void deployment_free(struct deployment *d)
{
	struct control *c = d->control;
	c->by_place.items[d->place] = NULL;
	place_wait_end(c->place, d->place);
	for (uint32_t i = 0; i < d->app->topology->instance_count; i++) {
		place_unit_free(c->place, d->next_units[i]);
		place_unit_free(c->place, d->units[i]);
	}
	place_topology_remove(c->place, d->place);
	free(d->units);
	free(d->next_units);
	application_free(d->app);
	samoza__v1__topology_record__free_unpacked(d->record, NULL);
	free(d->artifacts);
	free(d->importer_marked);
	free(d->reason);
	vector_done(&d->mesh_changed);
	vector_done(&d->audiences);
	free(d);
}

static void unmark(struct control *c, struct deployment *d)
{
	size_t kept = 0;
	for (size_t k = 0; k < c->marked.count; k++)
		if (deployment_of(c->marked.items[k]) != d)
			c->marked.items[kept++] = c->marked.items[k];
	c->marked.count = kept;
	kept = 0;
	for (size_t k = 0; k < c->deployments_marked.count; k++)
		if (c->deployments_marked.items[k] != d)
			c->deployments_marked.items[kept++] = c->deployments_marked.items[k];
	c->deployments_marked.count = kept;
}

void deployment_forget(struct deployment *d)
{
	struct control *c = d->control;
	for (uint32_t k = 0; k < d->app->topology->instance_count; k++) {
		exclusions_clear(&d->app->instances[k]);
		zhost_unlink_instance(&d->app->instances[k]);
	}
	unmark(c, d);
	HASH_DEL(c->by_id, d);
	unindex_name(d);
	*(d->previous != NULL ? &d->previous->next : &c->first) = d->next;
	*(d->next != NULL ? &d->next->previous : &c->last) = d->previous;
	deployment_free(d);
}

struct deployment *deployment_find(const struct control *c, const char *id)
{
	struct deployment *d = NULL;
	if (id != NULL)
		HASH_FIND_STR(c->by_id, id, d);
	return d;
}

struct deployment *deployment_by_name(const struct control *c, const char *name)
{
	struct name_entry *entry = NULL;
	HASH_FIND_STR(c->by_name, name, entry);
	if (entry == NULL)
		return NULL;
	for (struct deployment *d = entry->newest; d != NULL; d = d->older_same_name)
		if (d->state != TOPOLOGY_STOPPED)
			return d;
	return entry->newest;
}

struct deployment *deployment_name_holder(const struct deployment *d)
{
	struct deployment *holder = deployment_by_name(d->control, d->name);
	return holder != NULL && holder != d && holder->state != TOPOLOGY_STOPPED ? holder
										  : NULL;
}

/* ---- marks and the derived state ---- */

static void mark(struct deployment *d, bool *which)
{
	bool known = d->record_marked || d->state_marked || d->place_marked || d->mesh_marked ||
		     d->importers_marked;
	*which = true;
	if (!known)
		vector_push(&d->control->deployments_marked, d);
}

void deployment_mark_state(struct deployment *d)
{
	mark(d, &d->state_marked);
}

void deployment_mark_record(struct deployment *d)
{
	mark(d, &d->record_marked);
}

void deployment_mark_place(struct deployment *d)
{
	mark(d, &d->place_marked);
}

void deployment_mark_importers(struct deployment *d)
{
	mark(d, &d->importers_marked);
}

void tables_mark_all(struct deployment *d)
{
	mark(d, &d->mesh_marked);
}

void tables_mark(struct instance *i)
{
	struct deployment *d = deployment_of(i);
	if ((i->marks & MARK_MESH) == 0) {
		i->marks |= MARK_MESH;
		vector_push(&d->mesh_changed, i);
	}
	mark(d, &d->mesh_marked);
}

static enum topology_state derive(const struct deployment *d)
{
	const struct application *app = d->app;
	if (app->to_start == 0)
		return d->ever_started ? TOPOLOGY_STOPPED : TOPOLOGY_PENDING;
	/* Not before somebody looked for another place; a failed one stays so until then. */
	if (d->troubles > 0 && (!d->place_marked || d->state == TOPOLOGY_FAILED))
		return TOPOLOGY_FAILED;
	if (app->to_start_started == app->to_start)
		return TOPOLOGY_RUNNING;
	return d->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING;
}

static char *cause_of(const struct deployment *d, enum topology_state to)
{
	switch (to) {
	case TOPOLOGY_RUNNING:
		return mem_strdup("every space is running");
	case TOPOLOGY_STOPPED:
		return mem_strdup("nothing is asked to run any longer");
	case TOPOLOGY_FAILED:
		return mem_strdup(d->reason != NULL ? d->reason : "a space has no place");
	case TOPOLOGY_DEGRADED:
		return str_printf("%u of %u spaces are not running",
				  d->app->to_start - d->app->to_start_started,
				  d->app->to_start);
	case TOPOLOGY_PENDING:
		return mem_strdup("waits for its spaces to be placed and started");
	}
	IMPOSSIBLE("no such state");
}

static void enter(struct deployment *d, enum topology_state to)
{
	struct control *c = d->control;
	enum topology_state from = d->state;
	CLEANUP(freep) char *cause = cause_of(d, to);
	d->state = to;
	d->updated_ms = c->now.wall_ms;
	deployment_mark_record(d);
	emit_event(c, "topology", d->name, topology_state_name(from), topology_state_name(to),
		   d->id, cause);
}

static void settle(struct deployment *d)
{
	enum topology_state from = d->state, to = derive(d);
	d->ever_started = d->ever_started || d->app->to_start > 0;
	if (to == TOPOLOGY_STOPPED && d->troubles == 0) {
		free(d->reason);
		d->reason = NULL;
	}
	if (from == TOPOLOGY_FAILED && to == TOPOLOGY_RUNNING) {
		/* What was lost came back before it was placed anew: recovered, in one step. */
		enter(d, d->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING);
	}
	if (to == TOPOLOGY_RUNNING)
		d->was_running = true;
	else if (to == TOPOLOGY_STOPPED)
		d->was_running = false;
	if (d->state != to)
		enter(d, to);
}

void deployments_settle(struct control *c)
{
	/* settle() may append marks of the same deployments only: the list does not grow. */
	for (size_t k = 0; k < c->deployments_marked.count; k++) {
		struct deployment *d = c->deployments_marked.items[k];
		if (!d->state_marked)
			continue;
		d->state_marked = false;
		d->record_marked = true;
		settle(d);
	}
}
