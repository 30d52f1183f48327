#include "core/agent/import_list.h"

#include "core/agent/import_set.h"

struct agent_list {
	uint64_t id, version;
	unsigned references; /* of the agent's table, and of each copy that names it */
	VECTOR(struct agent_provider *) providers; /* by path; each refers to it */
	UT_hash_handle hh;
};

/* ---- one list ---- */

static void list_unref(struct agent_list *list)
{
	if (--list->references > 0)
		return;
	vector_for_each (&list->providers, p)
		agent_provider_unref(*p);
	vector_done(&list->providers);
	free(list);
}

static struct agent_list *list_find(const struct agent *agent, uint64_t id)
{
	struct agent_list *list = NULL;
	HASH_FIND(hh, agent->lists, &id, sizeof(id), list);
	return list;
}

static struct agent_list *list_new(struct agent *agent, uint64_t id)
{
	struct agent_list *list = mem_new(struct agent_list);
	list->id = id;
	list->references = 1;
	HASH_ADD(hh, agent->lists, id, sizeof(list->id), list);
	return list;
}

/* Where the path is, or would be; the end is tried first, for lists come in order. */
static size_t position(const struct agent_list *list, const char *path, bool *ret_found)
{
	size_t low = 0, high = list->providers.count;
	*ret_found = false;
	if (high > 0 && strcmp(list->providers.items[high - 1]->provider->path, path) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(list->providers.items[middle]->provider->path, path);
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void list_put(struct agent_list *list, const Samoza__V1__Provider *provider)
{
	bool found = false;
	size_t at = position(list, provider->path, &found);
	if (found) {
		agent_provider_unref(list->providers.items[at]);
	} else {
		(void)vector_add(&list->providers);
		memmove(&list->providers.items[at + 1], &list->providers.items[at],
			(list->providers.count - 1 - at) * sizeof(*list->providers.items));
	}
	list->providers.items[at] = agent_provider_new(provider);
}

static void list_remove(struct agent_list *list, const char *path)
{
	bool found = false;
	size_t at = position(list, path, &found);
	if (!found)
		return;
	agent_provider_unref(list->providers.items[at]);
	vector_remove_at(&list->providers, at);
}

static void list_clear(struct agent_list *list)
{
	vector_for_each (&list->providers, p)
		agent_provider_unref(*p);
	vector_clear(&list->providers);
}

/* ---- the lists of the link ---- */

static bool take_one(struct agent *agent, const Samoza__V1__ProviderList *from)
{
	struct agent_list *list = list_find(agent, from->id);
	if (!from->full && (list == NULL || list->version + 1 != from->version))
		return false;
	if (list == NULL)
		list = list_new(agent, from->id);
	if (from->full)
		list_clear(list);
	list->version = from->version;
	for (size_t n = 0; n < from->n_removed; n++)
		list_remove(list, from->removed[n]);
	for (size_t n = 0; n < from->n_providers; n++)
		list_put(list, from->providers[n]);
	return true;
}

bool import_lists_take(struct agent *agent, const Samoza__V1__Desired *desired)
{
	if (desired->full)
		import_lists_clear(agent);
	for (size_t n = 0; n < desired->n_lists; n++)
		if (!take_one(agent, desired->lists[n]))
			return false;
	for (size_t n = 0; n < desired->n_instances; n++) {
		const Samoza__V1__DesiredInstance *entry = desired->instances[n];
		for (size_t k = 0; k < entry->n_import_lists; k++)
			if (list_find(agent, entry->import_lists[k]) == NULL)
				return false;
	}
	return true;
}

static void list_forget(struct agent *agent, struct agent_list *list)
{
	HASH_DEL(agent->lists, list);
	list_unref(list);
}

void import_lists_drop(struct agent *agent, const Samoza__V1__Desired *desired)
{
	for (size_t n = 0; n < desired->n_dropped_lists; n++) {
		struct agent_list *list = list_find(agent, desired->dropped_lists[n]);
		if (list != NULL)
			list_forget(agent, list);
	}
}

void import_lists_clear(struct agent *agent)
{
	while (agent->lists != NULL)
		list_forget(agent, agent->lists);
}

/* ---- what a copy imports ---- */

void copy_forget_lists(struct agent_copy *copy)
{
	for (size_t n = 0; n < copy->list_count; n++)
		list_unref(copy->lists[n]);
	free(copy->lists);
	copy->lists = NULL;
	copy->list_count = 0;
}

void copy_name_lists(struct agent *agent, struct agent_copy *copy,
		     const Samoza__V1__DesiredInstance *entry)
{
	copy_forget_lists(copy);
	if (entry->n_import_lists == 0)
		return;
	copy->lists = mem_new_array(struct agent_list *, entry->n_import_lists);
	copy->list_count = entry->n_import_lists;
	for (size_t n = 0; n < copy->list_count; n++) {
		copy->lists[n] = list_find(agent, entry->import_lists[n]);
		PRE(copy->lists[n] != NULL);
		copy->lists[n]->references++;
	}
}

/* An instance is not its own provider; of another topology no one is. */
static bool is_itself(const struct agent_copy *copy, const Samoza__V1__Provider *provider)
{
	return provider->topology == NULL && str_equal(provider->path, copy->key->path);
}

typedef void visit_provider_fn(void *user, struct agent_provider *p);

static void visit_copy(visit_provider_fn *visit, void *user,
		       const Samoza__V1__Provider *provider)
{
	struct agent_provider *p = agent_provider_new(provider);
	visit(user, p);
	agent_provider_unref(p);
}

/* Calls it for each provider, import by import, each in the order of paths. */
static void each_import(const struct agent_copy *copy, visit_provider_fn *visit, void *user)
{
	const Samoza__V1__DesiredInstance *desired = copy->desired;
	if (copy->starts_alone) {
		vector_for_each (&copy->known, known)
			if (known->is_up)
				visit_copy(visit, user, known->provider);
		return;
	}
	for (size_t n = 0; n < desired->n_imports; n++) /* protocols 1 and 2 */
		visit_copy(visit, user, desired->imports[n]);
	for (size_t n = 0; n < copy->list_count; n++)
		vector_for_each (&copy->lists[n]->providers, p)
			if (!is_itself(copy, (*p)->provider))
				visit(user, *p);
}

static void add_to_set(void *user, struct agent_provider *p)
{
	import_set_add(user, p);
}

struct import_set *copy_imports(const struct agent_copy *copy)
{
	struct import_set *set = import_set_new();
	each_import(copy, add_to_set, set);
	return set;
}

static void add_to_hash(void *user, struct agent_provider *p)
{
	uint64_t *hash = user;
	*hash = agent_provider_hash(p, *hash);
}

struct settings_sum copy_settings(const struct agent_copy *copy)
{
	if (!settings_any(copy->spec))
		return (struct settings_sum){0};
	struct import_set *set = copy_imports(copy);
	struct settings_sum sum = settings_of(copy->spec, set->providers, set->count);
	import_set_unref(set);
	return sum;
}

uint64_t copy_hash_imports(const struct agent_copy *copy)
{
	uint64_t hash = 1;
	each_import(copy, add_to_hash, &hash);
	return hash;
}
