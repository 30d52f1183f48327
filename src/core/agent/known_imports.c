#include "core/agent/known_imports.h"

#include "core/agent/message.h"

void known_imports_free(struct agent_copy *copy)
{
	vector_for_each (&copy->known, known)
		samoza__v1__provider__free_unpacked(known->provider, NULL);
	vector_done(&copy->known);
}

static void add(struct agent_copy *copy, const Samoza__V1__Provider *provider)
{
	vector_push(&copy->known, ((struct known_provider){message_copy(provider), true}));
}

void known_imports_keep(struct agent_copy *copy, const struct import_set *set)
{
	known_imports_free(copy);
	for (size_t n = 0; n < set->count; n++)
		add(copy, set->providers[n]);
}

void known_imports_load(struct agent_copy *copy, const Samoza__V1__AgentRecord *r)
{
	for (size_t n = 0; n < r->n_known_imports; n++)
		add(copy, r->known_imports[n]);
}

Samoza__V1__Provider **known_imports_list(const struct agent_copy *copy)
{
	Samoza__V1__Provider **list =
		mem_new_array(Samoza__V1__Provider *, copy->known.count + 1);
	for (size_t n = 0; n < copy->known.count; n++)
		list[n] = copy->known.items[n].provider;
	return list;
}

void known_imports_set_up(struct agent_copy *copy, bool is_up)
{
	vector_for_each (&copy->known, known)
		known->is_up = is_up;
}

char *known_provider_slot(const struct agent_copy *importer, const struct known_provider *known)
{
	const Samoza__V1__Provider *p = known->provider;
	const char *slash = strchr(p->path, '/');
	if (p->topology == NULL || slash == NULL)
		return str_printf("%s/%s", importer->key->topology, p->path);
	return str_printf("%s%s", p->topology, slash); /* its path begins with the name */
}

bool known_imports_name(const struct agent_copy *copy, const struct agent_copy *provider)
{
	vector_for_each (&copy->known, known) {
		CLEANUP(freep) char *id = known_provider_slot(copy, known);
		if (str_equal(id, provider->slot->id))
			return true;
	}
	return false;
}

void known_provider_refresh(struct known_provider *known, const struct agent_copy *provider)
{
	for (size_t v = 0; v < known->provider->n_variables; v++) {
		Samoza__V1__Variable *variable = known->provider->variables[v];
		for (size_t n = 0; n < provider->n_exports; n++) {
			if (!str_equal(provider->exports[n]->name, variable->name))
				continue;
			free(variable->value);
			variable->value = mem_strdup(provider->exports[n]->value);
		}
	}
}

static const char *value_of(const Samoza__V1__Provider *provider, const char *name)
{
	for (size_t v = 0; v < provider->n_variables; v++)
		if (str_equal(provider->variables[v]->name, name))
			return provider->variables[v]->value;
	return NULL;
}

char *known_provider_address(const struct known_provider *known)
{
	const char *ip = value_of(known->provider, "ip");
	const char *port = value_of(known->provider, "port");
	return ip != NULL && port != NULL ? str_printf("%s:%s", ip, port) : NULL;
}
