#include "core/agent/import_set.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/agent/message.h"

/* ---- a provider ---- */

/* Records hold hashes: this is the same in all versions. */
static void add_word(struct agent_provider *p, const char *word)
{
	p->factor *= 31;
	p->sum = p->sum * 31 + str_hash(word);
}

struct agent_provider *agent_provider_new(const Samoza__V1__Provider *from)
{
	struct agent_provider *p = mem_new(struct agent_provider);
	p->references = 1;
	p->provider = message_copy(from);
	p->factor = 1;
	add_word(p, from->import);
	add_word(p, from->path);
	for (size_t v = 0; v < from->n_variables; v++) {
		add_word(p, from->variables[v]->name);
		add_word(p, from->variables[v]->value);
	}
	return p;
}

void agent_provider_unref(struct agent_provider *p)
{
	if (--p->references > 0)
		return;
	samoza__v1__provider__free_unpacked(p->provider, NULL);
	free(p);
}

/* ---- a set ---- */

struct import_set *import_set_new(void)
{
	struct import_set *set = mem_new(struct import_set);
	set->references = 1;
	return set;
}

void import_set_add(struct import_set *set, struct agent_provider *p)
{
	PRE(set->references == 1);
	if (set->count == set->capacity) {
		set->capacity = set->capacity > 0 ? 2 * set->capacity : 8;
		set->items =
			mem_resize(set->items, set->capacity, sizeof(struct agent_provider *));
		set->providers = mem_resize(set->providers, set->capacity,
					    sizeof(Samoza__V1__Provider *));
	}
	p->references++;
	set->items[set->count] = p;
	set->providers[set->count++] = p->provider;
}

struct import_set *import_set_ref(struct import_set *set)
{
	set->references++;
	return set;
}

void import_set_unref(struct import_set *set)
{
	if (set == NULL || --set->references > 0)
		return;
	for (size_t n = 0; n < set->count; n++)
		agent_provider_unref(set->items[n]);
	free(set->items);
	free((void *)set->providers);
	free(set);
}
