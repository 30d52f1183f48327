/* What an instance gets as env and config, as it is declared. */
#include "base/memory.h"
#include "base/str.h"
#include "core/control/relocate/reloads.h"
#include "core/control/state/state.h"
#include "core/control/view/view_parts.h"
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

void view_space_settings(const struct slot_control *sc, Samoza__V1__SpaceView *v)
{
	const struct copy *copy = serving_copy(sc);
	const struct space *space = slot_declared_space(sc->slot);
	if (space->env_count == 0 && space->config_count == 0)
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
	s->waits = copy != NULL ? reload_waits(copy) : NULL;
}
