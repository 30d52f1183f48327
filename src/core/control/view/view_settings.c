/* What an instance gets as env and config: as it is declared, what its references stand for, and whether it has that. */
#include "base/memory.h"
#include "base/str.h"
#include "core/control/relocate/reloads.h"
#include "core/control/state/instance_spec.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/setting_list.h"
#include "core/control/state/state.h"
#include "core/control/view/view_parts.h"
#include "core/settings/settings.h"
#include "model/setting.h"
#include "schema/message.h"

#define VALUE_SHOWN 64 /* bytes */

static const char *reload_name(enum space_reload reload)
{
	static const char *const names[] = {[RELOAD_BY_RESTART] = "restart",
					    [RELOAD_BY_SIGNAL] = "signal",
					    [RELOAD_BY_UPDATE] = "update"};
	return names[reload];
}

/* Not in the middle of a character. */
static char *cut(const char *value)
{
	size_t size = VALUE_SHOWN;
	if (strlen(value) <= size)
		return mem_strdup(value);
	while (size > 0 && ((unsigned char)value[size] & 0xc0) == 0x80)
		size--;
	return str_printf("%.*s...", (int)size, value);
}

/* ---- what references stand for ---- */

typedef VECTOR(Samoza__V1__Provider *) provider_vector;

struct gathering {
	const char *import;
	provider_vector *to;
};

/* As its zhost gets them (state/provider_list.h), with all that they export. */
static void gather(void *user, struct slot *slot)
{
	struct gathering *g = user;
	const struct copy *copy = serving_copy(control_of_slot(slot));
	Samoza__V1__Provider *p =
		(Samoza__V1__Provider *)schema_message_new(&samoza__v1__provider__descriptor);
	p->import = mem_strdup(g->import);
	p->path = mem_strdup(slot->path);
	p->variables = mem_new_array(Samoza__V1__Variable *, copy->export_count + 1);
	for (size_t k = 0; k < copy->export_count; k++) {
		Samoza__V1__Variable *v = (Samoza__V1__Variable *)schema_message_new(
			&samoza__v1__variable__descriptor);
		v->name = mem_strdup(copy->exports[k].name);
		v->value = mem_strdup(copy->exports[k].value);
		p->variables[p->n_variables++] = v;
	}
	vector_push(g->to, p);
}

static provider_vector providers_of(const struct copy *copy)
{
	provider_vector all = {0};
	const struct space *space = copy->declared->space;
	for (unsigned k = 0; k < space->import_count; k++)
		slot_each_provider(copy->sc->slot, &space->imports[k], gather,
				   &(struct gathering){space->imports[k].from, &all});
	return all;
}

static void providers_done(provider_vector *all)
{
	vector_for_each (all, p)
		samoza__v1__provider__free_unpacked(*p, NULL);
	vector_done(all);
}

static void add_references(const struct copy *copy, const provider_vector *from,
			   Samoza__V1__SettingsView *s)
{
	struct setting_list list = setting_list_of(copy);
	s->references = mem_new_array(Samoza__V1__ReferenceView *, list.count);
	for (size_t k = 0; k < list.count; k++) {
		if (str_has_prefix(list.items[k], SETTING_SECRET))
			continue; /* view_secret_uses() */
		Samoza__V1__ReferenceView *one =
			(Samoza__V1__ReferenceView *)schema_message_new(
				&samoza__v1__reference_view__descriptor);
		one->name = mem_strdup(list.items[k]);
		const char *value = settings_value(from->items, from->count, list.items[k]);
		one->value = value != NULL ? cut(value) : NULL;
		s->references[s->n_references++] = one;
	}
	setting_list_done(&list);
}

/* In place: its zhost has not got it to take them. NULL: it has, or nothing is known. */
static char *update_waits(const struct copy *copy, const provider_vector *from)
{
	if (copy->settings.sum == 0 || copy->phase != SAMOZA__V1__PHASE__PHASE_STARTED)
		return NULL;
	Samoza__V1__InstanceSpec *spec = instance_spec_new(copy);
	bool is_same = settings_of(spec, from->items, from->count).sum == copy->settings.sum;
	schema_message_free(&spec->base);
	return is_same ? NULL : mem_strdup("its zhost has not given them to it yet");
}

/* ---- secrets ---- */

static void view_secret_uses(const struct control_application *a, const struct space *space,
			     Samoza__V1__SettingsView *s)
{
	s->secrets = mem_new_array(Samoza__V1__SecretUseView *, space->secret_count);
	for (unsigned k = 0; k < space->secret_count; k++) {
		const struct secret_use *use = &space->secrets[k];
		Samoza__V1__SecretUseView *one =
			(Samoza__V1__SecretUseView *)schema_message_new(
				&samoza__v1__secret_use_view__descriptor);
		one->name = mem_strdup(use->name);
		one->as = mem_strdup(use->variable);
		one->file = mem_strdup(use->file);
		one->version = secret_version_for(a, use->name);
		one->has_version = one->version != 0;
		s->secrets[s->n_secrets++] = one;
	}
}

void view_space_settings(const struct slot_control *sc, Samoza__V1__SpaceView *v)
{
	const struct copy *copy = serving_copy(sc);
	const struct space *space = slot_declared_space(sc->slot);
	if (space->env_count == 0 && space->config_count == 0 && space->secret_count == 0)
		return;
	Samoza__V1__SettingsView *s = (Samoza__V1__SettingsView *)schema_message_new(
		&samoza__v1__settings_view__descriptor);
	v->settings = s;
	s->reload = mem_strdup(reload_name(space->reload));
	s->env = mem_new_array(Samoza__V1__VariableView *, space->env_count);
	for (unsigned k = 0; k < space->env_count; k++) {
		Samoza__V1__VariableView *one = (Samoza__V1__VariableView *)schema_message_new(
			&samoza__v1__variable_view__descriptor);
		one->name = mem_strdup(space->env[k].name);
		one->value = cut(space->env[k].value);
		s->env[s->n_env++] = one;
	}
	s->config = mem_new_array(char *, space->config_count);
	for (unsigned k = 0; k < space->config_count; k++)
		s->config[s->n_config++] = mem_strdup(space->config[k].file);
	view_secret_uses(application_of(sc->slot), space, s);
	if (copy == NULL)
		return;
	provider_vector from = providers_of(copy);
	add_references(copy, &from, s);
	s->waits = reload_waits(copy);
	if (s->waits == NULL && space->reload != RELOAD_BY_RESTART)
		s->waits = update_waits(copy, &from);
	providers_done(&from);
}
