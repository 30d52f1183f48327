/*
 * What REST answers: views of topologies, instances, zhosts and the cluster.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/placement/placement.h"
#include "core/control/slot/copies.h"
#include "core/control/state/drain.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/signers.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_event.h"
#include "core/control/view/view_parts.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/why.h"
#include "schema/message.h"

#define NEW(Type, type) \
	((Samoza__V1__##Type *)schema_message_new(&samoza__v1__##type##__descriptor))

static Samoza__V1__VariableView *variable_view(const char *name, const char *value)
{
	Samoza__V1__VariableView *v = NEW(VariableView, variable_view);
	v->name = mem_strdup(name);
	v->value = mem_strdup(value);
	return v;
}

static const char *zhost_name_of(const struct slot_control *sc)
{
	return slot_is_placed(sc) ? slot_zhost(sc)->name : NULL;
}

/* ---- topologies ---- */

/* Of an optional one the topology's own reason says nothing. */
static struct failure_reason optional_why(const struct slot *s)
{
	struct failure_reason why = slot_why(s);
	if (why.text == NULL || s->set->blocker != NULL)
		return why;
	CLEANUP(failure_done)
	struct failure_reason of_place = placement_reason_of(control_of_slot(s->root));
	if (of_place.text == NULL)
		return why;
	struct failure_reason both =
		failure_new(of_place.code, "%s: %s", why.text, of_place.text);
	failure_done(&why);
	return both;
}

static Samoza__V1__PlacementView *placement_view(const struct slot_control *sc)
{
	const struct slot *s = sc->slot;
	Samoza__V1__PlacementView *v = NEW(PlacementView, placement_view);
	v->space = mem_strdup(s->path);
	v->zhost = mem_strdup(zhost_name_of(sc));
	v->state = mem_strdup(state_name(s->state));
	v->goal = mem_strdup(goal_name(s->goal));
	v->has_optional_part = v->optional_part = slot_is_optional(s);
	v->has_public_ = v->public_ = slot_declared_space(s)->is_public;
	failure_show(v->optional_part ? optional_why(s) : slot_why(s), &v->why,
		     &v->failure_code);
	return v;
}

/* Whose version is shown: the last one in which everything ran, or else the newest that was accepted. */
static const struct revision *shown_revision(const struct control_application *a)
{
	const struct application *of = &a->application;
	if (a->rollout != NULL && rollout_has_switched(&a->rollout->rollout))
		return a->rollout->target;
	const struct revision *completed =
		of->completed != 0 ? application_revision(of, of->completed) : NULL;
	return completed != NULL ? completed : application_revision(of, of->newest);
}

static Samoza__V1__TopologyView *topology_view(const struct control_application *a)
{
	Samoza__V1__TopologyView *v = NEW(TopologyView, topology_view);
	const struct topology *t = a->topology;
	v->id = mem_strdup(a->id);
	v->name = mem_strdup(a->name);
	v->version = mem_strdup(shown_revision(a)->record->version);
	v->owner = str_is_empty(t->owner) ? NULL : mem_strdup(t->owner);
	v->state = mem_strdup(topology_state_name(a->state));
	if (a->state != TOPOLOGY_RUNNING)
		failure_show(placement_reason_now(a), &v->failure_reason, &v->failure_code);
	v->spaces = (uint32_t)a->slots.slots.count;
	v->created = iso8601_text(a->created_ms);
	v->updated = iso8601_text(a->updated_ms);
	v->has_revision = a->application.newest > 1;
	v->revision = shown_revision(a)->number;
	v->rollout = view_rollout(a);
	v->last_rollout = view_last_rollout(a);
	v->kept = view_kept_set(a);
	v->signed_by = mem_strdup(signer_name(a->control, shown_revision(a)));
	v->has_signer_removed = v->signed_by != NULL;
	v->signer_removed = signer_is_removed(a->control, shown_revision(a));
	v->unloading = (uint32_t)copies_unloading(a);
	v->has_unloading = v->unloading > 0;
	view_scaled(a, v);
	view_dependents(a, v);
	size_t count = a->slots.slots.count;
	v->placements = mem_new_array(Samoza__V1__PlacementView *, count);
	v->n_placements = count;
	for (size_t k = 0; k < count; k++)
		v->placements[k] = placement_view(a->slot_controls.items[k]);
	return v;
}

Samoza__V1__TopologySummaryView *view_summary(const struct control_application *a)
{
	Samoza__V1__TopologySummaryView *v = NEW(TopologySummaryView, topology_summary_view);
	const struct topology *t = a->topology;
	v->id = mem_strdup(a->id);
	v->name = mem_strdup(a->name);
	v->version = mem_strdup(shown_revision(a)->record->version);
	v->owner = str_is_empty(t->owner) ? NULL : mem_strdup(t->owner);
	v->state = mem_strdup(topology_state_name(a->state));
	if (a->state != TOPOLOGY_RUNNING)
		failure_show(failure_copy(&a->reason), &v->failure_reason, &v->failure_code);
	v->spaces = (uint32_t)a->slots.slots.count;
	v->created = iso8601_text(a->created_ms);
	v->updated = iso8601_text(a->updated_ms);
	return v;
}

static const struct control_application *find(const struct control *c, const char *id,
					      struct error **err)
{
	const struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		(void)error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	return a;
}

int control_view_topology(const struct control *c, const char *id,
			  Samoza__V1__TopologyView **ret_view, struct error **err)
{
	const struct control_application *a = find(c, id, err);
	if (a == NULL)
		return ERR_NOT_FOUND;
	*ret_view = topology_view(a);
	return 0;
}

/* ---- instances ---- */

struct provider_names {
	const struct slot *importer;
	Samoza__V1__ImportView *view;
	size_t capacity;
};

static void add_provider(void *user, struct slot *provider)
{
	struct provider_names *names = user;
	Samoza__V1__ImportView *v = names->view;
	if (v->n_providers == names->capacity) {
		names->capacity = names->capacity * 2 + 4;
		v->providers = mem_resize(v->providers, names->capacity, sizeof(char *));
	}
	v->providers[v->n_providers++] =
		provider->set == names->importer->set
			? mem_strdup(provider->path)
			: str_printf("%s/%s", provider->set->name, provider->path);
}

static void add_patience(const struct slot *s, const struct import_decl *import,
			 Samoza__V1__ImportView *v)
{
	const struct provider_set *set = slot_providers(s, import);
	const struct instant *now = &s->set->lifecycle->now;
	bool of_provider = slot_can_provide(s, set);
	if (s->state == STATE_DEPLOYED_STARTED &&
	    patience_lasts(set, import->patience_ms, of_provider))
		v->kept_until =
			iso8601_text(now->wall_ms - now->mono_ms +
				     patience_ends_ms(set, import->patience_ms, of_provider));
}

static void add_imports(const struct slot *s, Samoza__V1__SpaceView *v)
{
	const struct space *space = slot_declared_space(s);
	v->imports = mem_new_array(Samoza__V1__ImportView *, space->import_count);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		Samoza__V1__ImportView *iv = NEW(ImportView, import_view);
		iv->from = mem_strdup(import->from);
		iv->optional_import = import->optional;
		add_patience(s, import, iv);
		slot_each_provider(s, import, add_provider,
				   &(struct provider_names){.importer = s, .view = iv});
		v->imports[v->n_imports++] = iv;
	}
}

Samoza__V1__SpaceView *view_space(const struct slot_control *sc, bool judged)
{
	const struct slot *s = sc->slot;
	const struct copy *copy = serving_copy(sc);
	const struct control_application *a = application_of(s);
	const struct space *space = slot_declared_space(s);
	const struct slot *parent = s->parent;
	Samoza__V1__SpaceView *v = NEW(SpaceView, space_view);
	v->name = str_printf("%s/%s", a->name, s->path);
	v->topology = mem_strdup(a->name);
	v->topology_id = mem_strdup(a->id);
	v->path = mem_strdup(s->path);
	v->space = mem_strdup(space->name);
	v->type = mem_strdup(space_type_name(space->type));
	v->state = mem_strdup(state_name(s->state));
	v->goal = mem_strdup(goal_name(s->goal));
	v->zhost = mem_strdup(zhost_name_of(sc));
	v->since = iso8601_text(s->since_ms != 0 ? s->since_ms : a->created_ms);
	v->epoch = copy != NULL ? copy->of_slot.epoch : 0;
	v->restarts = copy != NULL ? copy->restarts : 0;
	v->has_revision = a->application.newest > 1;
	v->revision = slot_revision(control_of_slot(s->root))->number;
	if (v->has_revision)
		v->version =
			mem_strdup(slot_revision(control_of_slot(s->root))->record->version);
	v->last_error = mem_strdup(sc->last_error);
	if (sc->last_error != NULL && sc->last_error_ms != 0)
		v->last_error_at = iso8601_text(sc->last_error_ms);
	failure_show(slot_why(s), &v->why, &v->failure_code);
	v->parent = parent != NULL ? mem_strdup(parent->path) : NULL;
	v->has_public_ = v->public_ = space->is_public;
	v->handover = view_handover(sc, judged);
	v->kept = view_kept(sc);
	view_space_limits(sc, v);
	view_space_devices(sc, v);
	view_space_api(sc, v);
	add_imports(s, v);
	size_t exports = copy != NULL ? copy->export_count : 0;
	v->exports = mem_new_array(Samoza__V1__VariableView *, exports);
	for (size_t k = 0; k < exports; k++)
		v->exports[v->n_exports++] =
			variable_view(copy->exports[k].name, copy->exports[k].value);
	return v;
}

int control_view_space(const struct control *c, const char *id, const char *path,
		       Samoza__V1__SpaceView **ret_view, struct error **err)
{
	const struct control_application *a = find(c, id, err);
	if (a == NULL)
		return ERR_NOT_FOUND;
	const struct slot *s = application_served_slot(a, path, err);
	if (s == NULL)
		return ERR_NOT_FOUND;
	*ret_view = view_space(control_of_slot(s), true);
	view_space_settings(control_of_slot(s), *ret_view);
	return 0;
}

/* ---- zhosts ---- */

static Samoza__V1__AmountView *amount_view(uint64_t total, uint64_t reserved)
{
	Samoza__V1__AmountView *v = NEW(AmountView, amount_view);
	v->total = total;
	v->reserved = reserved;
	return v;
}

static void add_devices(const struct control *c, const struct control_zhost *z,
			Samoza__V1__ZhostView *v)
{
	v->devices = mem_new_array(Samoza__V1__DeviceView *, z->spec.device_count);
	for (unsigned k = 0; k < z->spec.device_count; k++) {
		const struct zhost_device *device = &z->spec.devices[k];
		Samoza__V1__DeviceView *dv = NEW(DeviceView, device_view);
		dv->kind = mem_strdup(device->kind);
		dv->model = str_is_empty(device->model) ? NULL : mem_strdup(device->model);
		dv->count = device->count;
		dv->free = z->place == PLACE_NONE
				   ? device->count
				   : place_zhost_devices_free(c->place, z->place, device->kind,
							      device->model);
		v->devices[v->n_devices++] = dv;
	}
}

/* As many as are named; how many there are is said. */
#define LEFT_MAX 1000

static Samoza__V1__DrainView *view_drain(const struct zhost_drain *d)
{
	if (d == NULL)
		return NULL;
	Samoza__V1__DrainView *v = NEW(DrainView, drain_view);
	v->state = mem_strdup(drain_state_name(d->state));
	v->by = mem_strdup(d->by);
	v->since = iso8601_text(d->began_wall_ms);
	v->deadline = d->deadline_wall_ms != 0 ? iso8601_text(d->deadline_wall_ms) : NULL;
	v->has_force = v->force = d->force;
	v->left_count = (uint32_t)d->left.count;
	size_t count = d->left.count < LEFT_MAX ? d->left.count : LEFT_MAX;
	v->left = mem_new_array(Samoza__V1__DrainLeftView *, count);
	for (size_t k = 0; k < count; k++) {
		Samoza__V1__DrainLeftView *one = NEW(DrainLeftView, drain_left_view);
		one->name = mem_strdup(d->left.items[k].name);
		one->why = mem_strdup(d->left.items[k].why);
		v->left[v->n_left++] = one;
	}
	return v;
}

static Samoza__V1__MadeView *view_made(const struct made_zhost *m)
{
	if (m == NULL)
		return NULL;
	Samoza__V1__MadeView *v = NEW(MadeView, made_view);
	v->driver = mem_strdup(m->record->driver);
	v->key = mem_strdup(m->record->key);
	v->step = mem_strdup(state_machine_state_name(&made_machine, m->state));
	v->by = mem_strdup(m->record->created_by);
	v->error = mem_strdup(m->record->error);
	return v;
}

Samoza__V1__ZhostView *view_zhost(const struct control *c, const struct control_zhost *z)
{
	struct place_usage usage = {.cpu_offered = z->spec.cpu_millicores,
				    .memory_offered = z->spec.memory_bytes};
	if (z->place != PLACE_NONE)
		usage = place_zhost_usage(c->place, z->place);
	Samoza__V1__ZhostView *v = NEW(ZhostView, zhost_view);
	v->name = mem_strdup(z->name);
	v->state = mem_strdup(state_name(zhost_shown(c, z)));
	v->made = view_made(made_zhost_find(&c->made, z->name));
	v->cordoned = z->cordoned;
	v->drain = view_drain(z->drain);
	v->zedge = mem_strdup(z->zedge);
	v->mesh = mem_strdup(z->mesh);
	v->address = mem_strdup(z->address);
	v->version = mem_strdup(z->version);
	view_zhost_limits(z, v);
	v->cpu_millicores = amount_view(usage.cpu_offered, usage.cpu_reserved);
	v->memory_bytes = amount_view(usage.memory_offered, usage.memory_reserved);
	if (z->heard_wall_ms != 0) {
		v->cpu_millicores->has_used = v->memory_bytes->has_used = true;
		v->cpu_millicores->used = z->usage.cpu_millicores;
		v->memory_bytes->used = z->usage.memory_bytes;
		v->last_heartbeat = iso8601_text(z->heard_wall_ms);
	}
	v->labels = mem_new_array(Samoza__V1__VariableView *, z->spec.labels.count);
	for (unsigned k = 0; k < z->spec.labels.count; k++) {
		if (str_equal(z->spec.labels.items[k].name, ZHOST_LABEL))
			continue; /* its name is shown as such */
		v->labels[v->n_labels++] = variable_view(z->spec.labels.items[k].name,
							 z->spec.labels.items[k].value);
	}
	v->capabilities = mem_new_array(char *, z->spec.capability_count);
	for (unsigned k = 0; k < z->spec.capability_count; k++)
		v->capabilities[v->n_capabilities++] = mem_strdup(z->spec.capabilities[k]);
	add_devices(c, z, v);
	view_zhost_withdrawn(z, v);
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		v->instances += !copy->unit->lost;
	v->incarnation = z->incarnation;
	v->since = z->since_ms != 0 ? iso8601_text(z->since_ms) : NULL;
	const Samoza__V1__IdentityRecord *identity = control_identity(c, z->name);
	if (identity != NULL)
		v->certificate_expires = iso8601_text(identity->expires_ms);
	v->has_latitude = v->has_longitude = z->spec.has_position;
	v->latitude = z->spec.latitude;
	v->longitude = z->spec.longitude;
	return v;
}

/* Nothing of it has come. */
Samoza__V1__ZhostView *view_made_zhost(const struct made_zhost *m)
{
	Samoza__V1__ZhostView *v = NEW(ZhostView, zhost_view);
	v->name = mem_strdup(m->record->name);
	v->state = mem_strdup(state_name(made_zhost_shown(m)));
	v->cpu_millicores = amount_view(0, 0);
	v->memory_bytes = amount_view(0, 0);
	v->labels = mem_new_array(Samoza__V1__VariableView *, m->record->n_labels);
	for (size_t k = 0; k < m->record->n_labels; k++)
		v->labels[v->n_labels++] =
			variable_view(m->record->labels[k]->name, m->record->labels[k]->value);
	v->since = iso8601_text(m->record->since_ms);
	v->made = view_made(m);
	return v;
}

int control_view_zhost(const struct control *c, const char *name,
		       Samoza__V1__ZhostView **ret_view, struct error **err)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	const struct made_zhost *m = made_zhost_find(&c->made, name);
	bool is_there = z != NULL && !z->removed;
	if (!is_there && m == NULL)
		return error_set(err, ERR_NOT_FOUND, "no zhost %s", name);
	*ret_view = is_there ? view_zhost(c, z) : view_made_zhost(m);
	return 0;
}

/* ---- the cluster ---- */

Samoza__V1__CountView **view_state_counts(const unsigned *by_state, unsigned state_count,
					  const char *(*name)(unsigned), size_t *ret_count)
{
	Samoza__V1__CountView **list = mem_new_array(Samoza__V1__CountView *, state_count);
	size_t n = 0;
	for (unsigned s = 0; s < state_count; s++) {
		if (by_state[s] == 0)
			continue;
		list[n] = NEW(CountView, count_view);
		list[n]->state = mem_strdup(name(s));
		list[n++]->count = by_state[s];
	}
	*ret_count = n;
	return list;
}

const char *view_name_of_state(unsigned s)
{
	return state_name((enum instance_state)s);
}

const char *view_name_of_topology_state(unsigned s)
{
	return topology_state_name((enum topology_state)s);
}

const char *control_cluster(const struct control *c)
{
	return c->cluster;
}

Samoza__V1__ClusterView *control_view_cluster(const struct control *c)
{
	unsigned zhosts[STATE_COUNT] = {0}, spaces[STATE_COUNT] = {0},
		 topologies[TOPOLOGY_STATE_COUNT] = {0};
	Samoza__V1__ClusterView *v = NEW(ClusterView, cluster_view);
	v->id = mem_strdup(c->cluster);
	v->cpu_millicores = amount_view(0, 0);
	v->memory_bytes = amount_view(0, 0);
	zhost_for_each (&c->zhosts, z) {
		if (z->removed)
			continue;
		zhosts[zhost_shown(c, z)]++;
		struct place_usage usage = place_zhost_usage(c->place, z->place);
		v->cpu_millicores->total += usage.cpu_offered;
		v->cpu_millicores->reserved += usage.cpu_reserved;
		v->memory_bytes->total += usage.memory_offered;
		v->memory_bytes->reserved += usage.memory_reserved;
	}
	made_zhost_for_each(&c->made, m) if (!made_zhost_has_zhost(c, m))
		zhosts[made_zhost_shown(m)]++;
	application_for_each (&c->applications, a) {
		topologies[a->state]++;
		for (unsigned s = 0; s < STATE_COUNT; s++)
			spaces[s] += a->slots.in_state[s];
	}
	v->zhosts = view_state_counts(zhosts, STATE_COUNT, view_name_of_state, &v->n_zhosts);
	v->spaces = view_state_counts(spaces, STATE_COUNT, view_name_of_state, &v->n_spaces);
	v->topologies = view_state_counts(topologies, TOPOLOGY_STATE_COUNT,
					  view_name_of_topology_state, &v->n_topologies);
	v->rebalance = view_rebalance_progress(c);
	return v;
}

uint64_t control_newest_event(const struct control *c)
{
	return c->emitter.next_event > 0 ? c->emitter.next_event - 1 : 0;
}
