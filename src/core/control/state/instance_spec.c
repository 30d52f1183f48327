#include "core/control/state/instance_spec.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/path_ends.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/setting_list.h"
#include "core/control/state/unit_devices.h"
#include "model/space_kind.h"
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
	spec->config = copy_files(a->config, a->n_config);
	spec->n_config = a->n_config;
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

static void add_offline_start(Samoza__V1__InstanceSpec *spec, const struct space *space)
{
	spec->has_offline_start = spec->offline_start = space->offline_start;
	if (!space->offline_start)
		return;
	spec->mandatory_imports = mem_new_array(char *, space->import_count);
	for (unsigned k = 0; k < space->import_count; k++)
		if (!space->imports[k].optional)
			spec->mandatory_imports[spec->n_mandatory_imports++] =
				mem_strdup(space->imports[k].from);
}

static void add_settings(Samoza__V1__InstanceSpec *spec, const struct copy *copy)
{
	const struct space *space = copy->declared->space;
	struct setting_list list = setting_list_of(copy);
	spec->env = mem_new_array(Samoza__V1__Variable *, space->env_count);
	spec->n_env = space->env_count;
	for (unsigned k = 0; k < space->env_count; k++)
		spec->env[k] = variable_new(space->env[k].name, space->env[k].value);
	spec->has_reload = space->reload != RELOAD_BY_RESTART;
	spec->reload = space->reload == RELOAD_BY_RESTART  ? SAMOZA__V1__RELOAD__RELOAD_RESTART
		       : space->reload == RELOAD_BY_SIGNAL ? SAMOZA__V1__RELOAD__RELOAD_SIGNAL
							   : SAMOZA__V1__RELOAD__RELOAD_UPDATE;
	spec->references = copy_strings((const char *const *)list.items, list.count);
	spec->n_references = list.count;
	setting_list_done(&list);
}

static void add_secrets(Samoza__V1__InstanceSpec *spec, const struct copy *copy)
{
	const struct space *space = copy->declared->space;
	const struct control_application *a = copy->unit->application;
	spec->secrets = mem_new_array(Samoza__V1__SecretGrant *, space->secret_count);
	for (unsigned k = 0; k < space->secret_count; k++) {
		Samoza__V1__SecretGrant *grant =
			NEW(Samoza__V1__SecretGrant, samoza__v1__secret_grant__descriptor);
		grant->name = mem_strdup(space->secrets[k].name);
		grant->version = secret_version_for(a, grant->name);
		grant->has_version = grant->version != 0;
		grant->variable = mem_strdup(space->secrets[k].variable);
		grant->file = mem_strdup(space->secrets[k].file);
		spec->secrets[spec->n_secrets++] = grant;
	}
}

/* NULL: it is kept under the name by which the zhost knows it. */
static char *data_owner_of(const struct copy *copy)
{
	const struct application *of = copy->of_slot.slot->application;
	CLEANUP(freep) char *owner = application_data_owner(of, copy_path(copy));
	return str_equal(owner + strlen(of->name) + 1, copy_path(copy)) ? NULL
									: steal_ptr(&owner);
}

Samoza__V1__InstanceSpec *instance_spec_new(const struct copy *copy)
{
	const struct slot *slot = copy->sc->slot;
	const struct control_application *a = application_of(slot);
	const struct revision *revision = copy->revision;
	const struct space *space = copy->declared->space;
	const struct slot *parent = slot->parent;
	Samoza__V1__InstanceSpec *s =
		NEW(Samoza__V1__InstanceSpec, samoza__v1__instance_spec__descriptor);
	s->topology_name = mem_strdup(a->name);
	s->space = mem_strdup(space->name);
	s->type = (Samoza__V1__SpaceType)0;
	int type = 0;
	if (schema_enum_value(&samoza__v1__space_type__descriptor, space_type_name(space->type),
			      &type) < 0)
		IMPOSSIBLE("every type has a spelling");
	s->type = (Samoza__V1__SpaceType)type;
	s->has_placement = true;
	s->placement = copy->unit->epoch;
	s->parent = parent != NULL ? mem_strdup(revision_path(revision, parent)) : NULL;
	s->data_owner = data_owner_of(copy);
	s->capabilities = copy_strings(space->capabilities, space->capability_count);
	s->n_capabilities = space->capability_count;
	s->has_cpu_millicores = s->has_memory_bytes = s->has_local_storage = s->has_exclusive =
		s->has_restart_attempts = s->has_restart_window_ms = s->has_action_timeout_ms =
			s->has_stop_grace_ms = s->has_data_bytes = true;
	s->cpu_millicores = space->cpu_millicores;
	s->memory_bytes = space->memory_bytes;
	s->has_cpu_limit_millicores = space->cpu_limit_millicores > 0;
	s->cpu_limit_millicores = space->cpu_limit_millicores;
	s->data_bytes = space->data_bytes;
	s->has_log_bytes = s->has_log_keep_ms = s->has_log_rate = true;
	s->log_bytes = space->log_bytes;
	s->log_keep_ms = space->log_keep_ms;
	s->log_rate = space->log_rate;
	s->local_storage = space->storage == STORAGE_LOCAL;
	s->exclusive = space->exclusive;
	s->has_access_token = s->access_token = space->asks_token;
	s->restart_attempts = space->restart_attempts;
	s->restart_window_ms = space->restart_window_ms;
	s->action_timeout_ms = space->action_timeout_ms;
	s->stop_grace_ms = space->stop_grace_ms;
	s->has_stop_after_ms = space->stop_after_ms > 0;
	s->stop_after_ms = space->stop_after_ms;
	add_offline_start(s, space);
	s->exports = mem_new_array(Samoza__V1__Variable *, space->export_count);
	s->n_exports = space->export_count;
	for (unsigned k = 0; k < space->export_count; k++)
		s->exports[k] = variable_new(space->exports[k].name, space->exports[k].value);
	add_settings(s, copy);
	add_secrets(s, copy);
	s->devices = unit_devices_of(copy, &s->n_devices);
	s->paths = path_ends(revision->topology, space, &s->n_paths);
	s->package_digest = mem_strdup(revision->record->package_digest);
	s->has_revision = true;
	s->revision = revision->number;
	s->version = mem_strdup(revision->record->version);
	s->beside = handover_beside(copy);
	s->has_beside = s->beside != 0;
	if (space_kind_of_type(space->type)->has_recipes)
		add_native(s, space);
	if (revision->artifacts[space->index] != NULL)
		add_artifacts(s, revision->artifacts[space->index]);
	return s;
}
