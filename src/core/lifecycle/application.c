/*
 * One topology as it lives: its instances, and the index from a space to those that import it.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/lifecycle/lifecycle.h"

/* importers[p] gets every space that has an import which p can provide. Spaces are taken in
 * ascending order, so a repeat can only be the last one added. */
static void index_importers(struct application *app)
{
	const struct topology *t = app->topology;
	unsigned *capacity = mem_new_array(unsigned, t->space_count);
	for (unsigned s = 0; s < t->space_count; s++) {
		const struct space *space = &t->spaces[s];
		for (unsigned k = 0; k < space->import_count; k++) {
			const struct import_decl *import = &space->imports[k];
			for (unsigned p = 0; p < import->provider_count; p++) {
				unsigned provider = import->providers[p];
				struct importer_list *list = &app->importers[provider];
				bool known =
					list->count > 0 && list->spaces[list->count - 1] == s;
				if (!known) {
					if (list->count == capacity[provider]) {
						unsigned n = capacity[provider] * 2 + 2;
						list->spaces = mem_resize(
							list->spaces, n, sizeof(*list->spaces));
						list->mandatory = mem_resize(list->mandatory, n,
									     sizeof(bool));
						capacity[provider] = n;
					}
					list->spaces[list->count] = s;
					list->mandatory[list->count] = false;
					list->count++;
				}
				if (!import->optional)
					list->mandatory[list->count - 1] = true;
			}
		}
	}
	free(capacity);
}

struct application *application_new(struct lifecycle *l, struct topology *topology, void *owner)
{
	struct application *app = mem_new(struct application);
	app->lifecycle = l;
	app->topology = topology_ref(topology);
	app->owner = owner;
	app->instances = mem_new_array(struct instance, topology->instance_count);
	app->started = mem_new_array(unsigned, topology->space_count);
	app->importers = mem_new_array(struct importer_list, topology->space_count);
	for (uint32_t i = 0; i < topology->instance_count; i++) {
		app->instances[i].app = app;
		app->instances[i].index = i;
	}
	index_importers(app);
	return app;
}

void application_free(struct application *app)
{
	if (app == NULL)
		return;
	for (uint32_t k = 0; k < app->topology->instance_count; k++)
		group_leave(&app->instances[k]);
	lifecycle_forget(app);
	for (uint32_t k = 0; k < app->topology->instance_count; k++) {
		struct instance *i = &app->instances[k];
		heap_remove(&app->lifecycle->holds, &i->hold_timer);
		instance_set_exports(i, NULL, 0);
		free(i->last_error);
		free(i->failed_action);
		free(i->goal_cause);
	}
	for (unsigned s = 0; s < app->topology->space_count; s++) {
		free(app->importers[s].spaces);
		free(app->importers[s].mandatory);
	}
	free(app->importers);
	free(app->started);
	free(app->instances);
	topology_unref(app->topology);
	free(app);
}

struct instance *instance_root(struct instance *i)
{
	for (struct instance *p = i; p != NULL; p = instance_parent(p))
		i = p;
	return i;
}

enum instance_goal instance_effective_goal(const struct instance *i)
{
	const struct instance *root = instance_root((struct instance *)i);
	return root->evacuating ? GOAL_NOT_DEPLOYED : i->goal;
}

/* Started instances of one space, without `i` itself. */
static unsigned providers_in(const struct instance *i, unsigned space)
{
	unsigned n = i->app->started[space];
	if (instance_decl(i)->space == space && i->state == STATE_DEPLOYED_STARTED)
		n--;
	return n;
}

const struct import_decl *instance_missing_import(const struct instance *i)
{
	const struct space *space = instance_space_of(i);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		bool provided = import->optional;
		for (unsigned p = 0; p < import->provider_count && !provided; p++)
			provided = providers_in(i, import->providers[p]) > 0;
		if (!provided)
			return import;
	}
	return NULL;
}

struct by_path {
	const struct instance **items;
	size_t count;
};

static int compare_paths(const void *pa, const void *pb)
{
	const struct instance *const *a = pa, *const *b = pb;
	return strcmp(instance_decl(*a)->path, instance_decl(*b)->path);
}

void instance_each_provider(const struct instance *i, const struct import_decl *import,
			    void (*each)(void *user, struct instance *provider), void *user)
{
	const struct topology *t = i->app->topology;
	size_t max = 0;
	for (unsigned p = 0; p < import->provider_count; p++)
		max += i->app->started[import->providers[p]];
	if (max == 0)
		return;
	CLEANUP(freep) struct instance **found = mem_new_array(struct instance *, max);
	size_t count = 0;
	for (unsigned p = 0; p < import->provider_count; p++) {
		const struct space *space = &t->spaces[import->providers[p]];
		if (i->app->started[import->providers[p]] == 0)
			continue;
		for (unsigned k = 0; k < space->instance_count; k++) {
			struct instance *provider = &i->app->instances[space->instances[k]];
			if (provider != i && provider->state == STATE_DEPLOYED_STARTED)
				found[count++] = provider;
		}
	}
	qsort(found, count, sizeof(struct instance *), compare_paths);
	for (size_t k = 0; k < count; k++)
		each(user, found[k]);
}
