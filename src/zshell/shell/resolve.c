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

/* A name that is none is compared with so many. */
#define COMPARED_MAX 500

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

/* What names topologies, as few as tell one from several. */
static int get_topologies(struct shell *shell, const char *query, const char *text,
			  unsigned max, Samoza__V1__TopologyListView **ret_list,
			  struct error **err)
{
	CLEANUP(freep) char *pair = api_path(query, text, NULL);
	CLEANUP(freep) char *path = str_printf("/v1/topologies?%s&limit=%u", pair, max);

	return api_get(shell->api, path, &samoza__v1__topology_list_view__descriptor,
		       (void **)ret_list, err);
}

static int ambiguous(const char *text, const Samoza__V1__TopologyListView *list,
		     struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(1 << 16);
	size_t named = 0;
	bool more = list->n_topologies > NAMED_MAX;

	for (size_t i = 0; i < list->n_topologies && named < NAMED_MAX; i++, named++) {
		const topology_view *t = list->topologies[i];

		(void)buffer_printf(&all, "\n  %s  %s  %s", t->id, t->name, t->state);
	}
	return error_set(err, ERR_CONFLICT,
			 "ambiguous id '%s' matches %s%zu topologies; use a longer prefix:%s%s",
			 text, more ? "more than " : "", named, all.data,
			 more ? "\n  ..." : "");
}

/* What `text` names, of what zrms says that it may: by id, by name, then by a prefix of the id. NULL:
 * nothing; *ret_many: several by prefix. */
static const topology_view *pick_topology(const Samoza__V1__TopologyListView *list,
					  const char *text, bool *ret_many)
{
	const topology_view *by_name = NULL;

	*ret_many = false;
	for (size_t i = 0; i < list->n_topologies; i++) {
		const topology_view *t = list->topologies[i];

		if (str_equal(t->id, text))
			return t;
		if (str_equal(t->name, text) && is_rather(t, by_name))
			by_name = t;
	}
	if (by_name != NULL || list->n_topologies == 0)
		return by_name;
	*ret_many = list->n_topologies > 1;
	return list->topologies[0];
}

/* `text`: as the person wrote it. */
static void set_ref(struct topology_ref *ref, const topology_view *t, const char *text)
{
	*ref = (struct topology_ref){.id = mem_strdup(t->id), .name = mem_strdup(t->name)};
	/* A whole id may be an older one. */
	ref->by_prefix =
		text != NULL && !str_equal(text, t->name) && strlen(text) < strlen(t->id);
}

static int no_topology(struct shell *shell, const char *text, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyListView *list = NULL;
	size_t n = strlen(text);

	if (n > 0 && n < ID_PREFIX_MIN &&
	    get_topologies(shell, "prefix=", text, NAMED_MAX, &list, NULL) == 0) {
		for (size_t i = 0; i < list->n_topologies; i++)
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

/* ERR_NOT_FOUND without setting err: none is named so. */
static int find_topology(struct shell *shell, const char *text, struct topology_ref *ret_ref,
			 struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyListView *list = NULL;
	int r = get_topologies(shell, "named=", text, NAMED_MAX + 1, &list, err);
	const topology_view *found;
	bool many;

	if (r < 0)
		return r;
	found = pick_topology(list, text, &many);
	if (many)
		return ambiguous(text, list, err);
	if (found == NULL)
		return ERR_NOT_FOUND;
	set_ref(ret_ref, found, text);
	return 0;
}

int resolve_topology(struct shell *shell, const char *text, struct topology_ref *ret_ref,
		     struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = find_topology(shell, text, ret_ref, &why);

	if (r == 0)
		return 0;
	return why != NULL ? error_move(err, steal_ptr(&why)) : no_topology(shell, text, err);
}

/* ---------------------------------------------------------------- instances */

/* `query` is escaped. */
static int get_spaces(struct shell *shell, const char *query, unsigned max,
		      Samoza__V1__SpaceListView **ret_list, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("/v1/spaces?%slimit=%u", query, max);

	return api_get(shell->api, path, &samoza__v1__space_list_view__descriptor,
		       (void **)ret_list, err);
}

/* `id`: of the topology that was named; NULL: none was. */
static int no_space(struct shell *shell, const char *text, const char *id, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	CLEANUP(freep) char *of = id != NULL ? str_printf("topology=%s&", id) : mem_strdup("");
	const char *nearest = NULL;
	unsigned best = 4;

	int r = strlen(text) < 200 ? get_spaces(shell, of, COMPARED_MAX, &list, err) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; list != NULL && i < list->n_spaces; i++) {
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

static int ambiguous_path(const char *path, const Samoza__V1__SpaceListView *list,
			  struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(1 << 16);
	bool more = list->n_spaces > NAMED_MAX;
	size_t named = 0;

	for (; named < list->n_spaces && named < NAMED_MAX; named++)
		(void)buffer_printf(&all, "\n  %s", list->spaces[named]->name);
	return error_set(err, ERR_CONFLICT, "ambiguous path: %s%zu topologies have '%s':%s%s",
			 more ? "more than " : "", named, path, all.data,
			 more ? "\n  ..." : "");
}

static void set_space(struct space_ref *ref, const space_view *s)
{
	ref->topology = (struct topology_ref){.id = mem_strdup(s->topology_id),
					      .name = mem_strdup(s->topology)};
	ref->path = mem_strdup(s->path);
}

/* By the path alone: of the only topology that has it and is not stopped, or else of the only one. */
static int find_by_path(struct shell *shell, const char *path, struct space_ref *ret_ref,
			struct error **err)
{
	static const char *const of[] = {"topology_state=pending,running,degraded,failed&",
					 "topology_state=stopped&"};
	CLEANUP(freep) char *pair = api_path("path=", path, NULL);

	for (size_t k = 0; k < ARRAY_SIZE(of); k++) {
		CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
		CLEANUP(freep) char *query = str_printf("%s&%s", pair, of[k]);
		int r = get_spaces(shell, query, NAMED_MAX + 1, &list, err);

		if (r < 0)
			return r;
		if (list->n_spaces > 1)
			return ambiguous_path(path, list, err);
		if (list->n_spaces == 0)
			continue;
		set_space(ret_ref, list->spaces[0]);
		return 0;
	}
	return ERR_NOT_FOUND;
}

/* TOPOLOGY/PATH. ERR_NOT_FOUND without setting err: not found; *ret_ref may name the topology. */
static int find_whole(struct shell *shell, const char *text, struct space_ref *ret_ref,
		      struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	const char *slash = strchr(text, '/');
	CLEANUP(freep)
	char *first = slash != NULL ? mem_strndup(text, (size_t)(slash - text)) : NULL;
	int r = first != NULL ? find_topology(shell, first, &ret_ref->topology, err)
			      : ERR_NOT_FOUND;

	if (r < 0)
		return r;
	CLEANUP(freep)
	char *pair = api_path("topology=", ret_ref->topology.id, "&path=", slash + 1, NULL);
	CLEANUP(freep) char *query = str_printf("%s&", pair);
	r = get_spaces(shell, query, 1, &list, err);
	if (r < 0)
		return r;
	if (list->n_spaces == 0)
		return ERR_NOT_FOUND;
	ret_ref->path = mem_strdup(list->spaces[0]->path);
	return 0;
}

static int resolve(struct shell *shell, const char *text, bool topology_too,
		   struct space_ref *ret_ref, struct error **err)
{
	CLEANUP(space_ref_done) struct space_ref found = {0};
	CLEANUP(error_freep) struct error *why = NULL;
	int r = ERR_NOT_FOUND;

	if (topology_too)
		r = find_topology(shell, text, &found.topology, &why);
	if (r < 0 && why == NULL)
		r = find_whole(shell, text, &found, &why);
	if (r < 0 && why == NULL) {
		CLEANUP(topology_ref_done) struct topology_ref named = found.topology;

		found = (struct space_ref){0};
		r = find_by_path(shell, text, &found, &why);
		if (r < 0 && why == NULL)
			r = no_space(shell, text, named.id, &why);
	}
	if (why != NULL)
		return error_move(err, steal_ptr(&why));
	*ret_ref = found;
	found = (struct space_ref){0};
	return r;
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
