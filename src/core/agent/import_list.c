#include "core/agent/import_list.h"

#include "core/agent/message.h"

struct agent_list {
	uint64_t id, version;
	unsigned references; /* of the agent's table, and of each copy that names it */
	VECTOR(Samoza__V1__Provider *) providers; /* by path; owned */
	UT_hash_handle hh;
};

/* ---- one list ---- */

static void list_unref(struct agent_list *list)
{
	if (--list->references > 0)
		return;
	vector_for_each (&list->providers, p)
		samoza__v1__provider__free_unpacked(*p, NULL);
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
	if (high > 0 && strcmp(list->providers.items[high - 1]->path, path) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(list->providers.items[middle]->path, path);
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
		samoza__v1__provider__free_unpacked(list->providers.items[at], NULL);
	} else {
		(void)vector_add(&list->providers);
		memmove(&list->providers.items[at + 1], &list->providers.items[at],
			(list->providers.count - 1 - at) * sizeof(*list->providers.items));
	}
	list->providers.items[at] = message_copy(provider);
}

static void list_remove(struct agent_list *list, const char *path)
{
	bool found = false;
	size_t at = position(list, path, &found);
	if (!found)
		return;
	samoza__v1__provider__free_unpacked(list->providers.items[at], NULL);
	vector_remove_at(&list->providers, at);
}

static void list_clear(struct agent_list *list)
{
	vector_for_each (&list->providers, p)
		samoza__v1__provider__free_unpacked(*p, NULL);
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
	vector_done(&copy->imports);
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

void copy_gather_imports(struct agent_copy *copy)
{
	const Samoza__V1__DesiredInstance *desired = copy->desired;
	vector_clear(&copy->imports);
	for (size_t n = 0; n < desired->n_imports; n++) /* protocols 1 and 2 */
		vector_push(&copy->imports, desired->imports[n]);
	for (size_t n = 0; n < copy->list_count; n++)
		vector_for_each (&copy->lists[n]->providers, p)
			if (!str_equal((*p)->path, copy->key->path))
				vector_push(&copy->imports, *p);
}

uint64_t copy_hash_imports(struct agent_copy *copy)
{
	uint64_t hash = 1;
	copy_gather_imports(copy);
	vector_for_each (&copy->imports, item) {
		const Samoza__V1__Provider *p = *item;
		hash = hash * 31 + str_hash(p->import);
		hash = hash * 31 + str_hash(p->path);
		for (size_t v = 0; v < p->n_variables; v++) {
			hash = hash * 31 + str_hash(p->variables[v]->name);
			hash = hash * 31 + str_hash(p->variables[v]->value);
		}
	}
	return hash;
}
