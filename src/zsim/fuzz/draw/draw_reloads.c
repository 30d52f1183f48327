#include "zsim/fuzz/draw/draw_reloads.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/str.h"
#include "model/space_kind.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"

static void add_env(Samoza__V1__Space *s, const char *name, char *take_value)
{
	Samoza__V1__Space__EnvEntry *e = (Samoza__V1__Space__EnvEntry *)schema_message_new(
		&samoza__v1__space__env_entry__descriptor);
	e->key = mem_strdup(name);
	e->value = take_value;
	s->env = mem_resize(s->env, s->n_env + 1, sizeof(*s->env));
	s->env[s->n_env++] = e;
}

static size_t index_of(const Samoza__V1__Topology *t, const char *name)
{
	size_t k = 0;
	while (k < t->n_spaces && !str_equal(t->spaces[k]->name, name))
		k++;
	return k;
}

static size_t root_of(const Samoza__V1__Topology *t, size_t space)
{
	while (t->spaces[space]->inside != NULL && t->spaces[space]->inside[0] != '\0')
		space = index_of(t, t->spaces[space]->inside);
	return space;
}

/* With `reload: restart` units of a topology that make each other's values are refused. Across topologies they are not. */
static bool may_restart(const Samoza__V1__Topology *t, size_t space, const char *from)
{
	size_t provider = index_of(t, from);
	return strchr(from, '/') != NULL ||
	       (provider < t->n_spaces && root_of(t, provider) < root_of(t, space));
}

static void draw_space(struct random *r, const Samoza__V1__Topology *t, size_t index)
{
	Samoza__V1__Space *s = t->spaces[index];
	static const char *const names[] = {"A", "B", "C", "D"};
	bool restarts = true;
	for (size_t k = 0; k < s->n_imports && s->n_env < ARRAY_SIZE(names); k++) {
		const Samoza__V1__Import *import = s->imports[k];
		if (import->n_variables == 0 || !random_percent(r, 80))
			continue;
		const char *variable =
			import->variables[random_below(r, (uint32_t)import->n_variables)];
		restarts &= may_restart(t, index, import->from);
		add_env(s, names[s->n_env],
			str_printf("v=${imports.%s.%s};", import->from, variable));
	}
	if (s->n_env == 0)
		return;
	s->has_reload = !restarts || random_percent(r, 50);
	s->reload = s->has_reload ? SAMOZA__V1__RELOAD__RELOAD_UPDATE
				  : SAMOZA__V1__RELOAD__RELOAD_RESTART;
}

void draw_reloads(struct fuzz *f, Samoza__V1__Topology *t)
{
	if (!draws_have(f, DRAW_RELOADS))
		return;
	struct random *r = draws_random(f, DRAW_RELOADS);
	for (size_t k = 0; k < t->n_spaces; k++)
		if (space_kind_of(t->spaces[k]->type)->has_process && random_percent(r, 70))
			draw_space(r, t, k);
}
