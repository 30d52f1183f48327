#include "model/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "model/facts.h"

/* Fields of Topology. */
#define FIELD_API_VERSION 1
#define FIELD_KIND	  2
#define FIELD_SPACES	  4
#define FIELD_PATHS	  5

/* ---- the facts of one space ---- */

static const struct change_table *table_of_spaces(void)
{
	const ProtobufCMessageDescriptor *type = &samoza__v1__topology__descriptor;
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (type->fields[i].id == FIELD_SPACES)
			return change_of_topology->fields[i].below;
	}
	IMPOSSIBLE("a topology has spaces");
}

static void add_file(struct buffer *out, const char *kind, const char *name, const char *digest,
		     bool executable)
{
	int r = buffer_printf(out, "%s %s %s%s\n", kind, digest, name, executable ? " x" : "");
	INVARIANT(r == 0);
}

static int compare_files(const void *a, const void *b)
{
	return strcmp((*(Samoza__V1__AssetFile *const *)a)->name,
		      (*(Samoza__V1__AssetFile *const *)b)->name);
}

static void add_files(struct buffer *out, const char *kind, Samoza__V1__AssetFile *const *files,
		      size_t count)
{
	CLEANUP(freep)
	const Samoza__V1__AssetFile **sorted =
		mem_new_array(const Samoza__V1__AssetFile *, count + 1);
	for (size_t i = 0; i < count; i++)
		sorted[i] = files[i];
	qsort(sorted, count, sizeof(*sorted), compare_files);
	for (size_t i = 0; i < count; i++)
		add_file(out, kind, sorted[i]->name, sorted[i]->digest, sorted[i]->executable);
}

/* Only what the package contains: the digest of a translated module depends on the compiler of
 * zrms, and is no reason to replace anything. */
static void add_artifacts(struct facts *facts, const Samoza__V1__SpaceArtifacts *artifacts)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(SIZE_MAX);
	if (artifacts == NULL)
		return;
	if (artifacts->module_digest != NULL)
		add_file(&text, "module", "", artifacts->module_digest, false);
	add_files(&text, "asset", artifacts->assets, artifacts->n_assets);
	add_files(&text, "recipe", artifacts->recipes, artifacts->n_recipes);
	if (text.size > 0)
		facts_add(facts, "artifacts", CHANGE_REPLACE, text.data, text.size);
	for (size_t i = 0; i < artifacts->n_config; i++) {
		CLEANUP(freep)
		char *path = str_printf("config.%s", artifacts->config[i]->name);
		facts_add(facts, path, CHANGE_RELOAD, artifacts->config[i]->digest,
			  strlen(artifacts->config[i]->digest));
	}
}

/* [workloads.configuration] What a change of a value does is said once, for both versions: `reload` itself is replaced. */
static void settle_reload(struct facts *facts, const Samoza__V1__Space *space)
{
	bool in_place =
		space->has_reload && space->reload != SAMOZA__V1__RELOAD__RELOAD_RESTART;
	vector_for_each (&facts->list, fact)
		if (fact->change == CHANGE_RELOAD)
			fact->change = in_place ? CHANGE_ADJUST : CHANGE_REPLACE;
}

static void space_facts(struct facts *facts, const Samoza__V1__Space *space,
			const Samoza__V1__SpaceArtifacts *artifacts)
{
	facts_read(facts, table_of_spaces(), &space->base, NULL);
	add_artifacts(facts, artifacts);
	settle_reload(facts, space);
	facts_sort(facts);
}

/* ---- content ---- */

static uint64_t hash_bytes(uint64_t h, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	return h;
}

uint64_t space_content(const Samoza__V1__Space *space,
		       const Samoza__V1__SpaceArtifacts *artifacts)
{
	CLEANUP(facts_done) struct facts facts = {0};
	space_facts(&facts, space, artifacts);
	uint64_t h = str_hash("");
	vector_for_each (&facts.list, fact) {
		if (fact->change != CHANGE_REPLACE)
			continue;
		h = hash_bytes(h, fact->path, strlen(fact->path) + 1);
		h = hash_bytes(h, fact->value.data, fact->value.size);
		h = hash_bytes(h, "", 1);
	}
	return h;
}

/* ---- two spaces of one name ---- */

/* Whether the last field that was reported stands above `path`: "imports[1]". */
static bool is_below_last(char *const *fields, size_t count, const char *path)
{
	if (count == 0)
		return false;
	const char *last = fields[count - 1];
	size_t length = strlen(last);
	return str_has_prefix(path, last) && (path[length] == '.' || path[length] == '[');
}

static void apply(struct space_diff *diff, const struct fact *fact, bool in_both)
{
	switch (fact->change) {
	case CHANGE_NONE:
	case CHANGE_KEY:
	case CHANGE_RELOAD:
		IMPOSSIBLE("elements are matched by their keys, and `reload` has settled what "
			   "it says");
	case CHANGE_REPLACE:
		diff->verdict = SPACE_REPLACED;
		break;
	case CHANGE_PLACE:
		diff->place_differs = true;
		break;
	case CHANGE_COUNT:
		diff->count_differs = true;
		if (!in_both) {
			diff->names_differ = true;
			diff->verdict = SPACE_REPLACED;
		}
		break;
	case CHANGE_ADJUST:
		break;
	}
	if (diff->verdict == SPACE_UNCHANGED)
		diff->verdict = SPACE_ADJUSTED;
	if (!is_below_last(diff->fields.items, diff->fields.count, fact->path))
		vector_push(&diff->fields, mem_strdup(fact->path));
}

static void compare_facts(struct space_diff *diff, const struct facts *from,
			  const struct facts *to)
{
	size_t a = 0, b = 0;
	while (a < from->list.count || b < to->list.count) {
		const struct fact *x = a < from->list.count ? &from->list.items[a] : NULL;
		const struct fact *y = b < to->list.count ? &to->list.items[b] : NULL;
		int order = x == NULL ? 1 : y == NULL ? -1 : strcmp(x->path, y->path);
		if (order != 0)
			apply(diff, order < 0 ? x : y, false);
		else if (x->value.size != y->value.size ||
			 (x->value.size > 0 &&
			  memcmp(x->value.data, y->value.data, x->value.size) != 0))
			apply(diff, x, true);
		a += order <= 0;
		b += order >= 0;
	}
}

/* ---- two topologies ---- */

struct side {
	const struct topology_version *version;
	struct entry *by_key;
};

struct entry {
	char *key; /* the facts that identify the space */
	size_t index;
	UT_hash_handle hh;
};

static char *key_of(const Samoza__V1__Space *space)
{
	CLEANUP(facts_done) struct facts facts = {0};
	struct buffer key = BUFFER_INIT(SIZE_MAX);
	facts_read(&facts, table_of_spaces(), &space->base, NULL);
	vector_for_each (&facts.list, fact) {
		if (fact->change != CHANGE_KEY)
			continue;
		int r = buffer_printf(&key, "%s=%s ", fact->path, fact->value.data);
		INVARIANT(r == 0);
	}
	return buffer_steal(&key);
}

static void side_init(struct side *side, const struct topology_version *version)
{
	*side = (struct side){.version = version};
	for (size_t i = 0; i < version->topology->n_spaces; i++) {
		struct entry *e = mem_new(struct entry);
		e->key = key_of(version->topology->spaces[i]);
		e->index = i;
		HASH_ADD_KEYPTR(hh, side->by_key, e->key, strlen(e->key), e);
	}
}

static void side_done(struct side *side)
{
	struct entry *e, *next;
	HASH_ITER (hh, side->by_key, e, next) {
		HASH_DEL(side->by_key, e);
		free(e->key);
		free(e);
	}
}

static const struct entry *find(const struct side *side, const char *key)
{
	struct entry *e;
	HASH_FIND(hh, side->by_key, key, strlen(key), e);
	return e;
}

static void read_space(struct facts *facts, const struct side *side, const struct entry *e)
{
	const struct topology_version *v = side->version;
	space_facts(facts, v->topology->spaces[e->index],
		    v->artifacts != NULL ? v->artifacts[e->index] : NULL);
}

static void compare_spaces(struct topology_diff *diff, const struct side *from,
			   const struct side *to)
{
	struct entry *e, *next;
	HASH_ITER (hh, to->by_key, e, next) {
		const struct entry *old = find(from, e->key);
		struct space_diff *space = vector_add(&diff->spaces);
		space->name = to->version->topology->spaces[e->index]->name;
		if (old == NULL) {
			space->verdict = SPACE_ADDED;
			continue;
		}
		CLEANUP(facts_done) struct facts before = {0};
		CLEANUP(facts_done) struct facts after = {0};
		read_space(&before, from, old);
		read_space(&after, to, e);
		compare_facts(space, &before, &after);
	}
	HASH_ITER (hh, from->by_key, e, next) {
		if (find(to, e->key) != NULL)
			continue;
		struct space_diff *space = vector_add(&diff->spaces);
		space->name = from->version->topology->spaces[e->index]->name;
		space->verdict = SPACE_REMOVED;
	}
}

/* ---- paths between spaces ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct space_diff *const *)a)->name,
		      (*(struct space_diff *const *)b)->name);
}

/* "FROM TO NAME"; a path without a name is called FROM-TO. */
static char *path_text(const Samoza__V1__Path *path)
{
	if (str_is_empty(path->name))
		return str_printf("%s %s %s-%s", path->from, path->to, path->from, path->to);
	return str_printf("%s %s %s", path->from, path->to, path->name);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **paths_sorted(const Samoza__V1__Topology *t)
{
	char **texts = mem_new_array(char *, t->n_paths + 1);
	for (size_t i = 0; i < t->n_paths; i++)
		texts[i] = path_text(t->paths[i]);
	qsort(texts, t->n_paths, sizeof(*texts), compare_text);
	return texts;
}

static void paths_free(char **texts)
{
	for (char **text = texts; *text != NULL; text++)
		free(*text);
	free(texts);
}

/* The spaces that both versions have, sorted by name. The caller frees. */
static struct space_diff **kept_by_name(struct topology_diff *diff, size_t *ret_count)
{
	struct space_diff **kept = mem_new_array(struct space_diff *, diff->spaces.count + 1);
	size_t count = 0;
	vector_for_each (&diff->spaces, s) {
		if (s->verdict != SPACE_ADDED && s->verdict != SPACE_REMOVED)
			kept[count++] = s;
	}
	qsort(kept, count, sizeof(struct space_diff *), compare_names);
	*ret_count = count;
	return kept;
}

/* `name` ends at a space. */
static void adjust_end(struct space_diff **kept, size_t count, const char *name)
{
	CLEANUP(freep) char *text = mem_strndup(name, strcspn(name, " "));
	struct space_diff key = {.name = text}, *wanted = &key;
	struct space_diff **found =
		bsearch(&wanted, kept, count, sizeof(struct space_diff *), compare_names);
	if (found == NULL)
		return;
	struct space_diff *s = *found;
	if (s->verdict == SPACE_UNCHANGED)
		s->verdict = SPACE_ADJUSTED;
	if (s->fields.count == 0 || strcmp(*vector_last(&s->fields), "paths") != 0)
		vector_push(&s->fields, mem_strdup("paths"));
}

static void compare_paths(struct topology_diff *diff, const Samoza__V1__Topology *from,
			  const Samoza__V1__Topology *to)
{
	size_t count;
	CLEANUP(freep) struct space_diff **kept = kept_by_name(diff, &count);
	char **old = paths_sorted(from), **new = paths_sorted(to);
	for (char **a = old, **b = new; *a != NULL || *b != NULL;) {
		int order = *a == NULL ? 1 : *b == NULL ? -1 : strcmp(*a, *b);
		const char *changed = order < 0 ? *a : *b;
		if (order != 0) {
			adjust_end(kept, count, changed);
			adjust_end(kept, count, strchr(changed, ' ') + 1);
		}
		a += order <= 0;
		b += order >= 0;
	}
	paths_free(old);
	paths_free(new);
}

/* ---- the whole ---- */

static void compare_rest(struct topology_diff *diff, const Samoza__V1__Topology *from,
			 const Samoza__V1__Topology *to)
{
	/* Constants, and what is compared on its own. */
	static const unsigned apart[] = {FIELD_API_VERSION, FIELD_KIND, FIELD_SPACES,
					 FIELD_PATHS, 0};
	CLEANUP(facts_done) struct facts before = {0};
	CLEANUP(facts_done) struct facts after = {0};
	struct space_diff whole = {0};
	facts_read(&before, change_of_topology, &from->base, apart);
	facts_read(&after, change_of_topology, &to->base, apart);
	compare_facts(&whole, &before, &after);
	diff->fields.items = whole.fields.items;
	diff->fields.count = whole.fields.count;
	diff->fields.capacity = whole.fields.capacity;
}

void topology_diff(const struct topology_version *from, const struct topology_version *to,
		   struct topology_diff *ret_diff)
{
	struct side before, after;
	PRE(strcmp(from->topology->metadata->name, to->topology->metadata->name) == 0);
	*ret_diff = (struct topology_diff){0};
	side_init(&before, from);
	side_init(&after, to);
	compare_spaces(ret_diff, &before, &after);
	compare_paths(ret_diff, from->topology, to->topology);
	compare_rest(ret_diff, from->topology, to->topology);
	side_done(&before);
	side_done(&after);
}

void topology_diff_done(struct topology_diff *diff)
{
	vector_for_each (&diff->spaces, s) {
		vector_for_each (&s->fields, field)
			free(*field);
		vector_done(&s->fields);
	}
	vector_for_each (&diff->fields, field)
		free(*field);
	vector_done(&diff->fields);
	vector_done(&diff->spaces);
}

bool topology_diff_is_empty(const struct topology_diff *diff)
{
	vector_for_each (&diff->spaces, s) {
		if (s->verdict != SPACE_UNCHANGED)
			return false;
	}
	return diff->fields.count == 0;
}

const char *space_verdict_name(enum space_verdict verdict)
{
	switch (verdict) {
	case SPACE_UNCHANGED:
		return "unchanged";
	case SPACE_ADJUSTED:
		return "adjusted";
	case SPACE_REPLACED:
		return "replaced";
	case SPACE_ADDED:
		return "added";
	case SPACE_REMOVED:
		return "removed";
	}
	IMPOSSIBLE("verdict of a space");
}
