#include "core/control/state/provider_list.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/apart.h"
#include "core/control/state/application.h"
#include "schema/message.h"

#define NEW(type, descriptor) ((type *)schema_message_new(&descriptor))

/* ---- entries ---- */

static bool is_imported(const struct provider_list *list, const char *variable)
{
	vector_for_each (&list->variables, imported)
		if (str_equal(*imported, variable))
			return true;
	return list->variables.count == 0;
}

static void mix(uint64_t *hash, const char *text)
{
	*hash = (*hash ^ str_hash(text)) * 0x9e3779b97f4a7c15u;
	*hash ^= *hash >> 29;
}

static uint64_t entry_hash(const struct provider_list *list, const struct copy *copy)
{
	uint64_t hash = 1;
	if (*list->prefix != '\0')
		mix(&hash, copy_key_topology(copy));
	mix(&hash, copy_path(copy));
	for (size_t k = 0; k < copy->export_count; k++) {
		const struct instance_variable *v = &copy->exports[k];
		if (!is_imported(list, v->name))
			continue;
		mix(&hash, v->name);
		mix(&hash, v->value);
	}
	return hash;
}

static Samoza__V1__Provider *provider_new(const struct provider_list *list,
					  const struct copy *copy)
{
	Samoza__V1__Provider *p = NEW(Samoza__V1__Provider, samoza__v1__provider__descriptor);
	p->import = mem_strdup(list->from);
	p->path = str_printf("%s%s", list->prefix, copy_path(copy));
	if (*list->prefix != '\0')
		p->topology = mem_strdup(copy_key_topology(copy));
	p->variables = mem_new_array(Samoza__V1__Variable *, copy->export_count);
	for (size_t k = 0; k < copy->export_count; k++) {
		const struct instance_variable *from = &copy->exports[k];
		if (!is_imported(list, from->name))
			continue;
		Samoza__V1__Variable *v =
			NEW(Samoza__V1__Variable, samoza__v1__variable__descriptor);
		v->name = mem_strdup(from->name);
		v->value = mem_strdup(from->value);
		p->variables[p->n_variables++] = v;
	}
	return p;
}

/* Without the name of the topology. */
static const char *own_path(const struct provider_list *list, const Samoza__V1__Provider *p)
{
	return p->path + strlen(list->prefix);
}

/* ---- comparing ---- */

struct refresh {
	struct provider_list *list;
	struct provider_changes *changes;
	VECTOR(struct list_entry) entries; /* so far; those that stay are taken over */
	size_t at;			   /* in the list as it was */
	uint64_t hash;
};

static void put(struct refresh *r, const struct copy *provider, uint64_t hash)
{
	struct list_entry entry = {provider_new(r->list, provider), hash};
	vector_push(&r->entries, entry);
	vector_push(&r->changes->put, entry.provider);
}

static void remove_entry(struct refresh *r)
{
	Samoza__V1__Provider *p = r->list->entries.items[r->at++].provider;
	vector_push(&r->changes->removed, steal_ptr(&p->path));
	schema_message_free(p);
}

/* Both in the order of their paths. */
static void compare(void *user, const struct copy *provider)
{
	struct refresh *r = user;
	const char *path = copy_path(provider);
	const struct provider_list *list = r->list;
	uint64_t hash = entry_hash(list, provider);
	int order = 1;
	r->hash += hash;
	while (r->at < list->entries.count &&
	       (order = strcmp(own_path(list, list->entries.items[r->at].provider), path)) < 0)
		remove_entry(r);
	if (r->at == list->entries.count || order > 0) {
		put(r, provider, hash);
	} else if (list->entries.items[r->at].hash != hash) {
		schema_message_free(list->entries.items[r->at++].provider);
		put(r, provider, hash);
	} else {
		vector_push(&r->entries, list->entries.items[r->at++]);
	}
}

static void compare_serving(void *user, struct slot *provider)
{
	compare(user, serving_copy(control_of_slot(provider)));
}

/* What there is now. */
struct content {
	const struct provider_list *list;
	uint64_t hash;
	size_t count;
};

static void add_to_content(void *user, const struct copy *provider)
{
	struct content *content = user;
	content->hash += entry_hash(content->list, provider);
	content->count++;
}

static void add_serving(void *user, struct slot *provider)
{
	add_to_content(user, serving_copy(control_of_slot(provider)));
}

bool provider_list_is_outdated(const struct provider_list *list)
{
	struct content now = {.list = list};
	if (list->apart_in != NULL)
		apart_each_provider(list->apart_in, list->set, add_to_content, &now);
	else
		provider_set_each_started(list->set, add_serving, &now);
	return now.count != list->entries.count || now.hash != list->hash;
}

bool provider_list_refresh(struct provider_list *list, struct provider_changes *ret_changes)
{
	struct refresh r = {.list = list, .changes = ret_changes};
	if (list->apart_in != NULL)
		apart_each_provider(list->apart_in, list->set, compare, &r);
	else
		provider_set_each_started(list->set, compare_serving, &r);
	while (r.at < list->entries.count)
		remove_entry(&r);
	vector_done(&list->entries);
	list->entries.items = r.entries.items;
	list->entries.count = r.entries.count;
	list->entries.capacity = r.entries.capacity;
	list->hash = r.hash;
	bool has_changed = ret_changes->put.count > 0 || ret_changes->removed.count > 0;
	if (has_changed || list->version == 0)
		list->version++;
	return has_changed;
}

void provider_changes_done(struct provider_changes *changes)
{
	vector_for_each (&changes->removed, path)
		free(*path);
	vector_done(&changes->removed);
	vector_done(&changes->put);
}

void provider_list_init(struct provider_list *list, uint64_t id, const struct provider_set *set,
			const struct import_decl *import,
			const struct control_application *apart_in)
{
	*list = (struct provider_list){.id = id,
				       .from = mem_strdup(import->from),
				       .prefix = import->topology != NULL
							 ? str_printf("%s/", import->topology)
							 : mem_strdup(""),
				       .set = set,
				       .apart_in = apart_in};
	for (unsigned k = 0; k < import->variable_count; k++)
		vector_push(&list->variables, mem_strdup(import->variables[k]));
}

void provider_list_done(struct provider_list *list)
{
	provider_list_clear(list);
	vector_for_each (&list->variables, variable)
		free(*variable);
	vector_done(&list->variables);
	free(list->from);
	free(list->prefix);
}

void provider_list_clear(struct provider_list *list)
{
	vector_for_each (&list->entries, entry)
		schema_message_free(entry->provider);
	vector_done(&list->entries);
	list->hash = 0;
}

/* ---- kept by a store ---- */

void provider_list_restore(struct provider_list *list, Samoza__V1__Provider *const *providers,
			   size_t count)
{
	provider_list_clear(list);
	for (size_t k = 0; k < count; k++) {
		uint64_t hash = 1;
		if (*list->prefix != '\0')
			mix(&hash,
			    providers[k]->topology != NULL ? providers[k]->topology : "");
		mix(&hash, own_path(list, providers[k]));
		for (size_t v = 0; v < providers[k]->n_variables; v++) {
			mix(&hash, providers[k]->variables[v]->name);
			mix(&hash, providers[k]->variables[v]->value);
		}
		struct list_entry entry = {
			(Samoza__V1__Provider *)schema_message_copy(&providers[k]->base), hash};
		vector_push(&list->entries, entry);
		list->hash += hash;
	}
	list->version++;
}

/* ---- reading ---- */

static int compare_path(const void *path, const void *entry)
{
	return strcmp(path, ((const struct list_entry *)entry)->provider->path);
}

uint64_t provider_list_hash_for(const struct provider_list *list, const struct slot *importer)
{
	const struct list_entry *own = NULL;
	if (list->entries.count > 0 && slot_can_provide(importer, list->set))
		own = bsearch(importer->path, list->entries.items, list->entries.count,
			      sizeof(*list->entries.items), compare_path);
	return own != NULL ? list->hash - own->hash : list->hash;
}

bool provider_list_has_other(const struct provider_list *list, const char *path)
{
	vector_for_each (&list->entries, entry)
		if (*list->prefix != '\0' || !str_equal(entry->provider->path, path))
			return true;
	return false;
}

/* ---- messages ---- */

static Samoza__V1__ProviderList *message_new(const struct provider_list *list, bool full,
					     size_t count)
{
	Samoza__V1__ProviderList *m =
		NEW(Samoza__V1__ProviderList, samoza__v1__provider_list__descriptor);
	m->id = list->id;
	m->version = list->version;
	m->full = full;
	m->providers = mem_new_array(Samoza__V1__Provider *, count);
	return m;
}

static void add_provider(Samoza__V1__ProviderList *m, const Samoza__V1__Provider *p)
{
	m->providers[m->n_providers++] = (Samoza__V1__Provider *)schema_message_copy(&p->base);
}

Samoza__V1__ProviderList *provider_list_message(const struct provider_list *list)
{
	Samoza__V1__ProviderList *m = message_new(list, true, list->entries.count);
	vector_for_each (&list->entries, entry)
		add_provider(m, entry->provider);
	return m;
}

Samoza__V1__ProviderList *provider_list_change_message(const struct provider_list *list,
						       const struct provider_changes *changes)
{
	Samoza__V1__ProviderList *m = message_new(list, false, changes->put.count);
	vector_for_each (&changes->put, p)
		add_provider(m, *p);
	m->removed = mem_new_array(char *, changes->removed.count);
	vector_for_each (&changes->removed, path)
		m->removed[m->n_removed++] = mem_strdup(*path);
	return m;
}
