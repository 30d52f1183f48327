#include "zshell/shell/resolve.h"

#include <string.h>

#include "adapter/client/view.h"
#include "base/buffer.h"
#include "base/str.h"
#include "proto/view.pb-c.h"

typedef Samoza__V1__TopologySummaryView topology_view;
typedef Samoza__V1__SpaceView space_view;

/* A message lists at most this many candidates. */
#define NAMED_MAX 5

/* Of a prefix [shell.zshell.ids]. */
#define ID_PREFIX_MIN 4

void topology_ref_done(struct topology_ref *ref)
{
	free(ref->id);
	free(ref->name);
	*ref = (struct topology_ref){0};
}

void space_ref_done(struct space_ref *ref)
{
	topology_ref_done(&ref->topology);
	free(ref->path);
	ref->path = NULL;
}

bool path_is_at_or_below(const char *path, const char *top)
{
	size_t n = top != NULL ? strlen(top) : 0;

	return top == NULL ||
	       (strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

const char *state_shown(const char *state)
{
	static const struct {
		const char *state, *shown;
	} words[] = {
		{"not-deployed", "not deployed"},
		{"deployed-stopped", "deployed - stopped"},
		{"waiting-for-ancestor", "waiting for ancestor"},
		{"deployed-started", "running"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_equal(words[i].state, state))
			return words[i].shown;
	}
	return state;
}

/* ---------------------------------------------------------------- topologies */

static bool is_stopped(const topology_view *t)
{
	return str_equal(t->state, "stopped");
}

/* Whether the name means `a` rather than `b`. */
static bool is_rather(const topology_view *a, const topology_view *b)
{
	if (b == NULL || is_stopped(a) != is_stopped(b))
		return b == NULL || !is_stopped(a);
	return str_compare(a->created, b->created) > 0;
}

static int ambiguous(const char *text, const Samoza__V1__TopologyListView *list,
		     struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(1 << 16);
	size_t named = 0;

	for (size_t i = 0; i < list->n_topologies; i++) {
		const topology_view *t = list->topologies[i];

		if (str_has_prefix(t->id, text) && named++ < NAMED_MAX)
			(void)buffer_printf(&all, "\n  %s  %s  %s", t->id, t->name, t->state);
	}
	return error_set(err, ERR_CONFLICT,
			 "ambiguous id '%s' matches %zu topologies; use a longer prefix:%s%s",
			 text, named, all.data, named > NAMED_MAX ? "\n  ..." : "");
}

/* By name, then by id, then by a prefix of the id. NULL: none; *ret_many: several by prefix. */
static const topology_view *find_topology(const Samoza__V1__TopologyListView *list,
					  const char *text, bool *ret_many)
{
	const topology_view *by_name = NULL, *by_prefix = NULL;

	*ret_many = false;
	for (size_t i = 0; i < list->n_topologies; i++) {
		const topology_view *t = list->topologies[i];

		if (str_equal(t->id, text))
			return t;
		if (str_equal(t->name, text) && is_rather(t, by_name))
			by_name = t;
		if (strlen(text) >= ID_PREFIX_MIN && str_has_prefix(t->id, text)) {
			*ret_many = by_prefix != NULL;
			by_prefix = t;
		}
	}
	if (by_name != NULL)
		*ret_many = false;
	return by_name != NULL ? by_name : by_prefix;
}

/* `text`: as the person wrote it. */
static void set_ref(struct topology_ref *ref, const topology_view *t, const char *text)
{
	*ref = (struct topology_ref){.id = mem_strdup(t->id), .name = mem_strdup(t->name)};
	ref->by_prefix = text != NULL && !str_equal(text, t->id) && !str_equal(text, t->name);
}

static int no_topology(const Samoza__V1__TopologyListView *list, const char *text,
		       struct error **err)
{
	for (size_t i = 0; i < list->n_topologies && !str_is_empty(text); i++) {
		if (str_has_prefix(list->topologies[i]->id, text))
			return error_set(
				err, ERR_NOT_FOUND,
				"no topology '%s'; a prefix of an id needs at least %d "
				"characters\n`zshell topo` lists all topologies.",
				text, ID_PREFIX_MIN);
	}
	return error_set(err, ERR_NOT_FOUND,
			 "no topology '%s'\n`zshell topo` lists all topologies.", text);
}

int resolve_topology(struct shell *shell, const char *text, struct topology_ref *ret_ref,
		     struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyListView *list = NULL;
	const topology_view *found;
	bool many;
	int r = api_get(shell->api, "/v1/topologies",
			&samoza__v1__topology_list_view__descriptor, (void **)&list, err);

	if (r < 0)
		return r;
	found = find_topology(list, text, &many);
	if (many)
		return ambiguous(text, list, err);
	if (found == NULL)
		return no_topology(list, text, err);
	set_ref(ret_ref, found, text);
	return 0;
}

/* ---------------------------------------------------------------- instances */

static int no_space(const Samoza__V1__SpaceListView *list, const char *text, struct error **err)
{
	const char *nearest = NULL;
	unsigned best = 4;

	for (size_t i = 0; i < list->n_spaces && strlen(text) < 200; i++) {
		unsigned d = str_distance(list->spaces[i]->path, text);
		unsigned whole = str_distance(list->spaces[i]->name, text);

		d = whole < d ? whole : d;
		if (d < best) {
			best = d;
			nearest = list->spaces[i]->name;
		}
	}
	if (nearest != NULL)
		return error_set(err, ERR_NOT_FOUND,
				 "no instance %s; did you mean %s?\n`zshell spaces` lists all "
				 "instances.",
				 text, nearest);
	return error_set(err, ERR_NOT_FOUND,
			 "no instance %s\n`zshell spaces` lists all instances.", text);
}

static const topology_view *topology_of(const Samoza__V1__TopologyListView *topologies,
					const space_view *s)
{
	for (size_t i = 0; i < topologies->n_topologies; i++) {
		if (str_equal(topologies->topologies[i]->id, s->topology_id))
			return topologies->topologies[i];
	}
	return NULL;
}

/* By the path alone: in the only topology that has it and is not stopped, or the newest. */
static int find_by_path(const Samoza__V1__TopologyListView *topologies,
			const Samoza__V1__SpaceListView *spaces, const char *path,
			struct space_ref *ret_ref, struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(1 << 16);
	const topology_view *best = NULL;
	size_t active = 0;

	for (size_t i = 0; i < spaces->n_spaces; i++) {
		const topology_view *t;

		if (!str_equal(spaces->spaces[i]->path, path))
			continue;
		t = topology_of(topologies, spaces->spaces[i]);
		if (t == NULL)
			continue;
		if (!is_stopped(t) && active++ < NAMED_MAX)
			(void)buffer_printf(&all, "\n  %s/%s", t->name, path);
		if (is_rather(t, best))
			best = t;
	}
	if (active > 1)
		return error_set(err, ERR_CONFLICT,
				 "ambiguous path: %zu topologies have '%s':%s%s", active, path,
				 all.data, active > NAMED_MAX ? "\n  ..." : "");
	if (best == NULL)
		return no_space(spaces, path, err);
	set_ref(&ret_ref->topology, best, NULL);
	ret_ref->path = mem_strdup(path);
	return 0;
}

/* TOPOLOGY/PATH. 0: found; ERR_NOT_FOUND without setting err: not found. */
static int find_whole(const Samoza__V1__TopologyListView *topologies,
		      const Samoza__V1__SpaceListView *spaces, const char *text,
		      struct space_ref *ret_ref, struct error **err)
{
	const char *slash = strchr(text, '/');
	CLEANUP(freep)
	char *first = slash != NULL ? mem_strndup(text, (size_t)(slash - text)) : NULL;
	const topology_view *t;
	bool many;

	if (first == NULL)
		return ERR_NOT_FOUND;
	t = find_topology(topologies, first, &many);
	if (many)
		return ambiguous(first, topologies, err);
	for (size_t i = 0; t != NULL && i < spaces->n_spaces; i++) {
		if (str_equal(spaces->spaces[i]->topology_id, t->id) &&
		    str_equal(spaces->spaces[i]->path, slash + 1)) {
			set_ref(&ret_ref->topology, t, first);
			ret_ref->path = mem_strdup(slash + 1);
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

static int resolve(struct shell *shell, const char *text, bool topology_too,
		   struct space_ref *ret_ref, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyListView *topologies = NULL;
	CLEANUP(view_freep) Samoza__V1__SpaceListView *spaces = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = api_get(shell->api, "/v1/topologies",
			&samoza__v1__topology_list_view__descriptor, (void **)&topologies, err);

	if (r < 0)
		return r;
	r = api_get(shell->api, "/v1/spaces", &samoza__v1__space_list_view__descriptor,
		    (void **)&spaces, err);
	if (r < 0)
		return r;
	if (topology_too) {
		bool many;
		const topology_view *t = find_topology(topologies, text, &many);

		if (many)
			return ambiguous(text, topologies, err);
		if (t != NULL) {
			set_ref(&ret_ref->topology, t, text);
			return 0;
		}
	}
	r = find_whole(topologies, spaces, text, ret_ref, &why);
	if (why != NULL)
		return error_move(err, steal_ptr(&why));
	return r == 0 ? 0 : find_by_path(topologies, spaces, text, ret_ref, err);
}

int resolve_space(struct shell *shell, const char *text, struct space_ref *ret_ref,
		  struct error **err)
{
	return resolve(shell, text, false, ret_ref, err);
}

int resolve_space_or_topology(struct shell *shell, const char *text, struct space_ref *ret_ref,
			      struct error **err)
{
	return resolve(shell, text, true, ret_ref, err);
}
