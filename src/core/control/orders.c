/*
 * What zhosts are told: for each, the instances that it should hold; all of them when it joins,
 * afterwards what changed. A lost, late or repeated message changes nothing: after a reconnect
 * the whole set is sent again.
 */
#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"
#include "schema/message.h"

#define NEW(type, descriptor) ((type *)schema_message_new(&descriptor))

static char **copy_strings(const char *const *from, size_t count)
{
	char **to = mem_new_array(char *, count);
	for (size_t k = 0; k < count; k++)
		to[k] = mem_strdup(from[k]);
	return to;
}

static Samoza__V1__Variable *variable_new(const char *name, const char *value)
{
	Samoza__V1__Variable *v = NEW(Samoza__V1__Variable, samoza__v1__variable__descriptor);
	v->name = mem_strdup(name);
	v->value = mem_strdup(value);
	return v;
}

/* ---- the specification of an instance ---- */

static Samoza__V1__AssetFile **copy_files(Samoza__V1__AssetFile *const *files, size_t count)
{
	Samoza__V1__AssetFile **copies = mem_new_array(Samoza__V1__AssetFile *, count);
	for (size_t k = 0; k < count; k++)
		copies[k] = (Samoza__V1__AssetFile *)schema_message_copy(&files[k]->base);
	return copies;
}

static void add_artifacts(Samoza__V1__InstanceSpec *spec, const Samoza__V1__SpaceArtifacts *a)
{
	spec->module_digest = mem_strdup(a->module_digest);
	spec->native_digest = mem_strdup(a->native_digest);
	spec->native_platform = mem_strdup(a->native_platform);
	spec->assets = copy_files(a->assets, a->n_assets);
	spec->n_assets = a->n_assets;
	spec->recipes = copy_files(a->recipes, a->n_recipes);
	spec->n_recipes = a->n_recipes;
}

/* NULL where the space declares none. */
static Samoza__V1__Probe *probe_new(const struct probe *probe)
{
	if (probe->kind == PROBE_NONE)
		return NULL;
	Samoza__V1__Probe *p = NEW(Samoza__V1__Probe, samoza__v1__probe__descriptor);
	char **value = probe->kind == PROBE_TCP	   ? &p->tcp
		       : probe->kind == PROBE_HTTP ? &p->http
						   : &p->command;
	*value = mem_strdup(probe->value);
	p->has_interval_ms = p->has_timeout_ms = p->has_failures = true;
	p->interval_ms = probe->interval_ms;
	p->timeout_ms = probe->timeout_ms;
	p->failures = probe->failures;
	return p;
}

static void add_native(Samoza__V1__InstanceSpec *spec, const struct space *space)
{
	spec->has_foreground = true;
	spec->foreground = space->run_mode == RUN_FOREGROUND;
	spec->ready = probe_new(&space->ready);
	spec->health = probe_new(&space->health);
}

Samoza__V1__PathEnd **path_ends(const struct topology *t, const struct space *space,
				size_t *ret_count)
{
	Samoza__V1__PathEnd **ends = mem_new_array(Samoza__V1__PathEnd *, space->path_count);
	for (unsigned k = 0; k < space->path_count; k++) {
		const struct path_decl *path = &t->paths[space->paths[k]];
		unsigned other = path->from == space->index ? path->to : path->from;
		ends[k] = NEW(Samoza__V1__PathEnd, samoza__v1__path_end__descriptor);
		ends[k]->name = mem_strdup(path->name);
		ends[k]->space = mem_strdup(t->spaces[other].name);
	}
	*ret_count = space->path_count;
	return ends;
}

static Samoza__V1__InstanceSpec *spec_new(const struct instance *i)
{
	const struct deployment *d = deployment_of(i);
	const struct space *space = instance_space_of(i);
	const struct instance *parent = instance_parent(i);
	Samoza__V1__InstanceSpec *s =
		NEW(Samoza__V1__InstanceSpec, samoza__v1__instance_spec__descriptor);
	s->topology_name = mem_strdup(d->name);
	s->space = mem_strdup(space->name);
	s->type = (Samoza__V1__SpaceType)0;
	int type = 0;
	if (schema_enum_value(&samoza__v1__space_type__descriptor, space_type_name(space->type),
			      &type) < 0)
		IMPOSSIBLE("every type has a spelling");
	s->type = (Samoza__V1__SpaceType)type;
	s->parent = parent != NULL ? mem_strdup(instance_decl(parent)->path) : NULL;
	s->capabilities = copy_strings(space->capabilities, space->capability_count);
	s->n_capabilities = space->capability_count;
	s->has_cpu_millicores = s->has_memory_bytes = s->has_local_storage = s->has_exclusive =
		s->has_restart_attempts = s->has_restart_window_ms = s->has_action_timeout_ms =
			s->has_stop_grace_ms = true;
	s->cpu_millicores = space->cpu_millicores;
	s->memory_bytes = space->memory_bytes;
	s->local_storage = space->storage == STORAGE_LOCAL;
	s->exclusive = space->exclusive;
	s->restart_attempts = space->restart_attempts;
	s->restart_window_ms = space->restart_window_ms;
	s->action_timeout_ms = space->action_timeout_ms;
	s->stop_grace_ms = space->stop_grace_ms;
	s->exports = mem_new_array(Samoza__V1__Variable *, space->export_count);
	s->n_exports = space->export_count;
	for (unsigned k = 0; k < space->export_count; k++)
		s->exports[k] = variable_new(space->exports[k].name, space->exports[k].value);
	s->paths = path_ends(d->app->topology, space, &s->n_paths);
	s->package_digest = mem_strdup(d->record->package_digest);
	if (space->type == SPACE_NATIVE)
		add_native(s, space);
	if (d->artifacts[space->index] != NULL)
		add_artifacts(s, d->artifacts[space->index]);
	return s;
}

/* ---- the providers of its imports ---- */

struct gathering {
	Samoza__V1__DesiredInstance *to;
	const struct import_decl *import;
	size_t capacity;
	uint64_t hash;
};

static void mix(uint64_t *hash, const char *text)
{
	*hash = (*hash ^ str_hash(text)) * 0x9e3779b97f4a7c15u;
	*hash ^= *hash >> 29;
}

static bool is_imported(const struct import_decl *import, const char *variable)
{
	if (import->variable_count == 0)
		return true;
	for (unsigned k = 0; k < import->variable_count; k++)
		if (str_equal(import->variables[k], variable))
			return true;
	return false;
}

static void gather(void *user, struct instance *provider)
{
	struct gathering *g = user;
	Samoza__V1__Provider *p = NEW(Samoza__V1__Provider, samoza__v1__provider__descriptor);
	p->import = mem_strdup(g->import->from);
	p->path = mem_strdup(instance_decl(provider)->path);
	mix(&g->hash, p->import);
	mix(&g->hash, p->path);
	p->variables = mem_new_array(Samoza__V1__Variable *, provider->export_count);
	for (size_t k = 0; k < provider->export_count; k++) {
		const struct instance_variable *v = &provider->exports[k];
		if (!is_imported(g->import, v->name))
			continue;
		p->variables[p->n_variables++] = variable_new(v->name, v->value);
		mix(&g->hash, v->name);
		mix(&g->hash, v->value);
	}
	if (g->to->n_imports == g->capacity) {
		g->capacity = g->capacity * 2 + 4;
		g->to->imports =
			mem_resize(g->to->imports, g->capacity, sizeof(*g->to->imports));
	}
	g->to->imports[g->to->n_imports++] = p;
}

/* Fills in the providers; a set that differs from the one sent before gets a new version. */
static void add_imports(struct instance *i, Samoza__V1__DesiredInstance *to)
{
	const struct space *space = instance_space_of(i);
	struct gathering g = {.to = to, .hash = 1};
	for (unsigned k = 0; k < space->import_count; k++) {
		g.import = &space->imports[k];
		mix(&g.hash, g.import->from);
		instance_each_provider(i, g.import, gather, &g);
	}
	if (g.hash != i->imports_hash) {
		i->imports_hash = g.hash;
		i->imports_version++;
		mark_instance(i, MARK_RECORD);
	}
	to->has_imports_version = true;
	to->imports_version = i->imports_version;
}

/* ---- sets ---- */

static Samoza__V1__DesiredInstance *desired_new(struct instance *i, const struct zhost *z)
{
	Samoza__V1__DesiredInstance *m =
		NEW(Samoza__V1__DesiredInstance, samoza__v1__desired_instance__descriptor);
	m->key = NEW(Samoza__V1__InstanceKey, samoza__v1__instance_key__descriptor);
	m->key->topology = mem_strdup(deployment_of(i)->id);
	m->key->path = mem_strdup(instance_decl(i)->path);
	m->key->epoch = i->epoch;
	m->generation = i->order;
	m->target = (Samoza__V1__Target)i->target;
	m->has_retry_generation = true;
	m->retry_generation = i->fresh;
	if (i->target == TARGET_STARTED)
		add_imports(i, m);
	if (i->sent_epoch != i->epoch || i->sent_link != z->link) {
		m->spec = spec_new(i);
		i->sent_epoch = i->epoch;
		i->sent_link = z->link;
	}
	if (i->target == TARGET_NONE)
		i->sent_epoch = 0; /* the zhost forgets it with the instance */
	return m;
}

/* The zhost has something to do, or something to take away. */
static bool is_asked(const struct instance *i)
{
	return i->target != TARGET_NONE || i->state == STATE_UNDEPLOYING;
}

static void add_order(struct zhost *z, struct instance *i)
{
	if (z->desired == NULL) {
		z->desired = NEW(Samoza__V1__Desired, samoza__v1__desired__descriptor);
		z->desired_capacity = 0;
	}
	Samoza__V1__Desired *set = z->desired;
	if (set->n_instances == z->desired_capacity) {
		z->desired_capacity = z->desired_capacity * 2 + 8;
		set->instances = mem_resize(set->instances, z->desired_capacity,
					    sizeof(*set->instances));
	}
	set->instances[set->n_instances++] = desired_new(i, z);
}

static void send_set(struct zhost *z, bool full)
{
	struct control *c = z->control;
	if (z->desired == NULL && !full)
		return;
	if (z->desired == NULL)
		z->desired = NEW(Samoza__V1__Desired, samoza__v1__desired__descriptor);
	z->desired->version = ++z->desired_version;
	z->desired->full = full;
	emit_message(c, z->link, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED, steal_ptr(&z->desired),
		     false);
}

/* Instances whose providers changed get a new set, if it really differs. */
static void mark_importers(struct deployment *d)
{
	const struct topology *t = d->app->topology;
	for (unsigned s = 0; s < t->space_count; s++) {
		if (!d->importer_marked[s])
			continue;
		d->importer_marked[s] = false;
		for (unsigned k = 0; k < t->spaces[s].instance_count; k++) {
			struct instance *i = &d->app->instances[t->spaces[s].instances[k]];
			/* In whatever state: its zhost starts it (again) by itself. */
			if (i->target == TARGET_STARTED)
				mark_instance(i, MARK_ORDER);
		}
	}
	d->importers_marked = false;
}

static void send_all(struct zhost *z)
{
	z->order_all = false;
	for (struct instance *i = z->first_instance; i != NULL; i = i->next_on_zhost) {
		if (i->lost || i->target == TARGET_NONE)
			continue;
		add_order(z, i);
		i->marks &= ~MARK_ORDER;
	}
	send_set(z, true);
}

void orders_send(struct control *c)
{
	vector_for_each (&c->deployments_marked, d)
		if ((*d)->importers_marked)
			mark_importers(*d);
	VECTOR(struct zhost *) told = {0};
	vector_for_each (&c->zhosts_marked, z)
		if ((*z)->order_all && (*z)->link != 0)
			send_all(*z);
	/* add_imports() marks records of instances that are in the list already */
	for (size_t k = 0; k < c->marked.count; k++) {
		struct instance *i = c->marked.items[k];
		struct zhost *z = i->zhost;
		if ((i->marks & MARK_ORDER) == 0 || z == NULL || z->link == 0 || i->lost ||
		    !is_asked(i))
			continue;
		if (z->desired == NULL)
			vector_push(&told, z);
		add_order(z, i);
	}
	vector_for_each (&told, z)
		send_set(*z, false);
	vector_done(&told);
}
