/*
 * A compiled topology: what topology.yaml declares, checked, with every name resolved to an
 * index and every quantity a number. Immutable and reference counted; the core, the placement
 * engine and the adapters read it without ever looking at text again.
 *
 *   struct topology ── spaces[]     in declaration order; a space is its index
 *                   ├─ facets[]     sorted by name, each with its providers
 *                   ├─ paths[]      in declaration order
 *                   └─ instances[]  every space expanded by its count, in pre-order:
 *
 *      index  path          space   parent  subtree_count     `api` (count 2) contains `cache`
 *        0    store         store     -1        1
 *        1    api-1         api       -1        2             the subtree of i is
 *        2    api-1/cache   cache      1        1             [i, i + subtree_count)
 *        3    api-2         api       -1        2
 *        4    api-2/cache   cache      3        1
 *
 * Of a space with `count: each` there is one instance, the pattern `agent@`, with those that are inside of
 * it (`agent@/cache`): which instances there are (`agent@n1/cache`) depends on the zhosts.
 *
 * Roots come in declaration order of their spaces, then by ordinal; so do the children of each
 * instance. Parents come before their children, and a subtree is one range of indexes.
 *
 * All pointers inside belong to the topology. Arrays of count 0 may be NULL.
 */
#ifndef SAMOZA_MODEL_TOPOLOGY_H
#define SAMOZA_MODEL_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diagnostics.h"
#include "model/constraint.h"
#include "proto/model.pb-c.h"

/* Limits of one topology; past them it is refused. Per space at most SPACE_MAX_ITEMS of each
 * list (constraints, imports, exports, affinities, ...). */
#define TOPOLOGY_MAX_SPACES	10000u
#define TOPOLOGY_MAX_INSTANCES	100000u
#define TOPOLOGY_MAX_PATHS	100000u
#define TOPOLOGY_MAX_DEPTH	32u /* levels of containment */
#define INSTANCE_PATH_MAX_BYTES 511u
#define SPACE_MAX_ITEMS		1000u

/* As in the schema. What a type means is in space_kind.h. */
enum space_type {
	SPACE_UI = SAMOZA__V1__SPACE_TYPE__UI,
	SPACE_IO = SAMOZA__V1__SPACE_TYPE__IO,
	SPACE_DATA = SAMOZA__V1__SPACE_TYPE__DATA,
	SPACE_CHAT = SAMOZA__V1__SPACE_TYPE__CHAT,
	SPACE_CALL = SAMOZA__V1__SPACE_TYPE__CALL,
	SPACE_NATIVE = SAMOZA__V1__SPACE_TYPE__NATIVE,
};

enum space_strategy { STRATEGY_SPREAD, STRATEGY_PACK };
enum space_storage { STORAGE_CLUSTER, STORAGE_LOCAL };
enum space_run_mode { RUN_SERVICE, RUN_FOREGROUND };
enum space_api { API_NONE, API_VIEWER, API_OPERATOR };
enum space_reload { RELOAD_BY_RESTART, RELOAD_BY_SIGNAL, RELOAD_BY_UPDATE };
enum probe_kind { PROBE_NONE, PROBE_TCP, PROBE_HTTP, PROBE_COMMAND };

struct device_need {
	const char *kind;
	uint32_t count;
	uint32_t share_milli; /* of each device: 1..999; 0 takes whole ones */
	const char **models;  /* any of these; none: any model. Sorted */
	unsigned model_count;
};

struct near_rule {
	bool set;
	double latitude, longitude; /* degrees */
	double within_m;
};

/* One entry of affinity or of anti_affinity. */
struct affinity {
	const char *topology; /* another topology's name; NULL: this one */
	const char *space;    /* name of the space it is with, also for `self` (own name) */
	int space_index;      /* in this topology; -1 with another one */
	const char *scope;    /* "zhost" or the name of a label ("region") */
	bool scope_is_zhost;
	bool self; /* the other instances of this space */
	bool required;
	uint32_t weight; /* 0..1000; of a preference */
	unsigned item;	 /* position in the list of the file */
};

struct spread_rule {
	const char *over; /* a label, or "zhost" */
	bool over_is_zhost;
	uint32_t max_skew; /* at least 1 */
	bool required;
};

struct export_decl {
	const char *name;
	const char *value; /* "": filled in when the instance starts; `ip` always is when "" */
};

/* `env`, in the language of setting.h. */
struct env_decl {
	const char *name, *value;
};

/* `config`: a file that is made from a template of the package. */
struct config_decl {
	const char *file, *template;
};

/* `secrets`: either of variable and file is NULL. */
struct secret_use {
	const char *name, *variable, *file;
};

struct import_decl {
	const char *from;     /* a space or a facet; as written: "store", "shop/store" */
	const char *topology; /* that it is of, where it is another one; NULL: this one */
	bool is_facet;	      /* of this topology */
	int facet;	      /* index in facets[], -1 for a space, or of another topology */
	bool optional;
	uint32_t
		patience_ms; /* without its last provider, that was not asked to stop; 0: none */
	const unsigned *providers; /* space indexes, ascending; shared between equal imports */
	unsigned provider_count; /* of this topology: at least 1, and the importing space itself
				      may be among them; of another one: 0 */
	const char **variables;	 /* in declaration order; none: all that the provider exports */
	unsigned variable_count;
};

struct probe {
	enum probe_kind kind;
	const char *value; /* tcp: a port or an own export's name; http: URL; command: a line */
	uint32_t interval_ms, timeout_ms, failures;
};

#define SPACE_REPLACE_NEVER UINT32_MAX

struct space {
	unsigned index;
	const char *name;
	enum space_type type;
	unsigned count; /* instances (in each instance of the parent) */
	bool numbered;	/* NAME-1, …; else there is one, of the space's name */
	bool each; /* a root with one on every zhost that fits, NAME@ZHOST: its instance is their pattern */
	int parent;	    /* space index, -1 for a root */
	unsigned depth;	    /* 0 for a root */
	unsigned *children; /* space indexes, in declaration order */
	unsigned child_count;
	unsigned *instances; /* instance indexes, ascending */
	unsigned instance_count;
	unsigned *paths; /* indexes of the paths that end here, sorted by the paths' names */
	unsigned path_count;

	const char **provides; /* facets, sorted */
	unsigned provide_count;
	const char **capabilities; /* sorted */
	unsigned capability_count;
	enum space_api api;	     /* what its instances may do with zrms */
	const char **api_topologies; /* patterns of names, sorted; none: its own topology's */
	unsigned api_topology_count;

	uint32_t cpu_millicores;       /* of one instance, without its children */
	uint32_t cpu_limit_millicores; /* 0: no limit */
	uint64_t memory_bytes;
	uint64_t data_bytes; /* what it may keep with data.put */
	/* Budget of its log; `log_rate` in bytes per second. */
	uint64_t log_bytes, log_keep_ms, log_rate;
	struct device_need *devices;
	unsigned device_count;

	struct constraint *constraints; /* `region` and `kind` first, then as declared */
	unsigned constraint_count;
	struct near_rule near;
	struct affinity *affinity;
	unsigned affinity_count;
	struct affinity *anti_affinity;
	unsigned anti_affinity_count;
	struct spread_rule *spread;
	unsigned spread_count;
	enum space_strategy strategy;

	struct export_decl *exports; /* sorted by name */
	unsigned export_count;
	struct import_decl *imports; /* in declaration order */
	unsigned import_count;
	struct env_decl *env; /* sorted by name */
	unsigned env_count;
	struct config_decl *config; /* sorted by file */
	unsigned config_count;
	const char **
		references; /* FROM.NAME of each ${imports.FROM.NAME} in `env`, sorted, each once */
	unsigned reference_count;
	struct secret_use *secrets; /* sorted by name */
	unsigned secret_count;
	const char *
		*secret_references; /* SETTING_SECRET and the name of each, sorted, each once */
	unsigned secret_reference_count;
	enum space_reload reload; /* what happens when a value of these changes */

	bool exclusive;
	bool is_public;	 /* other topologies may import from it */
	bool asks_token; /* its pages are for those whom the cluster knows */
	bool optional;	 /* it, or a space that it is inside of: the topology runs without it */
	enum space_storage storage;
	bool stops_first; /* before its successor starts; else the successor runs first */
	uint32_t restart_attempts; /* retries after the first failure within the window */
	uint32_t restart_window_ms;
	uint32_t stop_grace_ms;
	uint32_t max_unavailable;   /* instances that a drain may leave unserved; from 1 on */
	uint32_t replace_after_ms;  /* of a silent zhost; 0: the failure timeout */
	uint32_t stop_after_ms;	    /* by a zhost that is cut off; 0: never */
	bool offline_start;	    /* its zhost may start it again without zrms */
	uint32_t action_timeout_ms; /* recipes.timeout; of every action whatever the type */
	enum space_run_mode run_mode;
	struct probe ready, health;
};

struct facet {
	const char *name;
	unsigned *providers; /* space indexes, ascending */
	unsigned provider_count;
};

struct path_decl {
	const char *name;
	unsigned from, to; /* space indexes; messages go both ways */
};

struct instance_decl {
	const char *path; /* "api-2/cache" */
	const char *name; /* "cache": the last part of path */
	unsigned space;
	int parent;		/* instance index, -1 for a root */
	unsigned ordinal;	/* 1..count within its parent */
	unsigned subtree_count; /* itself and all below: [index, index + subtree_count) */
	bool is_pattern;	/* of instances on different zhosts, or inside of such a one */
};

struct topology {
	unsigned references; /* private */
	void *memory;	     /* private */

	const char *name;
	const char *owner; /* "" when not given */
	struct space *spaces;
	unsigned space_count;
	struct facet *facets;
	unsigned facet_count;
	struct path_decl *paths;
	unsigned path_count;
	struct instance_decl *instances;
	unsigned instance_count;
	bool has_settings;   /* a space has env, config or secrets */
	uint64_t data_bytes; /* of all instances together, without those of `count: each` */
	unsigned *by_path;   /* instance indexes, sorted by path (strcmp) */
	unsigned *by_name;   /* space indexes, sorted by name */
};

/* Takes a reference; returns `t`. Not thread safe: one event loop owns a topology. */
struct topology *topology_ref(struct topology *t);
/* NULL is fine. The last one frees. */
void topology_unref(struct topology *t);
/* For CLEANUP(topology_unrefp) struct topology *t = NULL; */
void topology_unrefp(struct topology **t);

/* Index of the instance with that path, -1 when there is none; of "agent@n1/cache" the pattern
 * `agent@/cache`. O(log n). */
int topology_find_instance(const struct topology *t, const char *path);
/* "n1" of "agent@n1/cache": the zhost to which the instance belongs, by a space with `count: each`. NULL:
 * it is no such instance. The caller frees. */
char *instance_path_zhost(const char *path);
/* It is such an instance, or inside of one. */
bool instance_path_is_each(const char *path);
/* "agent@n1/cache" from the pattern `agent@/cache`. The caller frees. */
char *instance_path_on(const char *pattern, const char *zhost);
/* Index of the space of that name, -1 when there is none. O(log n). */
int topology_find_space(const struct topology *t, const char *name);
/* Index of the facet of that name, -1 when there is none. O(log n). */
int topology_find_facet(const struct topology *t, const char *name);

/* Path `name` as seen from `space`: index in paths[], and the space at its other end. -1 when
 * the space has no path of that name. O(log n). */
int topology_find_path(const struct topology *t, unsigned space, const char *name,
		       unsigned *ret_other_space);

/* Loop over the direct children of instance `i`:
 *   instance_for_each_child(t, i, c) ... t->instances[c] ... */
#define instance_for_each_child(t, i, c)                                      \
	for (unsigned c = (i) + 1; c < (i) + (t)->instances[i].subtree_count; \
	     c += (t)->instances[c].subtree_count)

static inline const struct space *instance_space(const struct topology *t, unsigned instance)
{
	return &t->spaces[t->instances[instance].space];
}

/* "DATA", "cluster", ... as in topology.yaml. */
const char *space_type_name(enum space_type type);
/* Never NULL: the model accepts no other types. */
struct space_kind;
const struct space_kind *space_kind_of_type(enum space_type type);
/* Whether spaces of this type are WebAssembly modules (core.wasm): IO, DATA, CHAT, CALL. */
bool space_type_is_wasm(enum space_type type);

#endif
