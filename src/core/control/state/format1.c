#include "core/control/state/format1.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

#define NEW(Type, type) \
	((Samoza__V1__##Type *)schema_message_new(&samoza__v1__##type##__descriptor))

/* A topology on its way. */
struct converted {
	const Samoza__V1__TopologyRecord *from;
	const struct converted *into; /* that gives the application its id */
	uint32_t revision;
	UT_hash_handle hh; /* by id */
};

struct conversion {
	struct loaded_records *loaded;
	VECTOR(struct converted) topologies; /* by name, then by sequence */
	struct converted *by_id;
};

/* ---- applications and revisions ---- */

static int compare(const void *pa, const void *pb)
{
	const Samoza__V1__TopologyRecord *a = ((const struct converted *)pa)->from;
	const Samoza__V1__TopologyRecord *b = ((const struct converted *)pb)->from;
	int order = strcmp(a->name, b->name);
	return order != 0 ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool is_stopped(const struct converted *t)
{
	return str_equal(t->from->state, "stopped");
}

static Samoza__V1__RevisionRecord *revision_record(const struct converted *t)
{
	const Samoza__V1__TopologyRecord *from = t->from;
	Samoza__V1__RevisionRecord shallow = SAMOZA__V1__REVISION_RECORD__INIT;
	shallow.application = t->into->from->id;
	shallow.number = t->revision;
	shallow.version = from->version;
	shallow.publisher = from->publisher;
	shallow.package_digest = from->package_digest;
	shallow.topology = from->topology;
	shallow.n_artifacts = from->n_artifacts;
	shallow.artifacts = from->artifacts;
	shallow.created_ms = from->created_ms;
	return (Samoza__V1__RevisionRecord *)schema_message_copy(&shallow.base);
}

static Samoza__V1__ApplicationRecord *application_record(const struct converted *group,
							 size_t count)
{
	const struct converted *current = group[0].into;
	const Samoza__V1__TopologyRecord *from = current->from;
	Samoza__V1__ApplicationRecord shallow = SAMOZA__V1__APPLICATION_RECORD__INIT;
	CLEANUP(freep) char **aliases = mem_new_array(char *, count);
	shallow.id = from->id;
	shallow.name = from->name;
	shallow.sequence = from->sequence;
	shallow.newest = (uint32_t)count;
	shallow.served = current->revision;
	shallow.has_completed = from->was_running;
	shallow.completed = from->was_running ? current->revision : 0;
	shallow.state = from->state;
	shallow.reason = from->failure_reason;
	shallow.has_was_running = shallow.was_running = from->was_running;
	shallow.has_ever_started = shallow.ever_started = from->ever_started;
	shallow.created_ms = from->created_ms;
	shallow.updated_ms = from->updated_ms;
	for (size_t k = count; k-- > 0;)
		if (&group[k] != current)
			aliases[shallow.n_aliases++] = group[k].from->id;
	shallow.aliases = aliases;
	return (Samoza__V1__ApplicationRecord *)schema_message_copy(&shallow.base);
}

/* All topologies of one name, in the order of their submission. */
static void convert_name(struct conversion *c, struct converted *group, size_t count)
{
	const struct converted *current = &group[count - 1];
	for (size_t k = count; k-- > 0 && is_stopped(current);)
		if (!is_stopped(&group[k]))
			current = &group[k];
	for (size_t k = 0; k < count; k++) {
		group[k].into = current;
		group[k].revision = (uint32_t)k + 1;
		vector_push(&c->loaded->revisions, revision_record(&group[k]));
	}
	vector_push(&c->loaded->applications, application_record(group, count));
}

/* ---- slots and copies ---- */

static Samoza__V1__Exclusion **copy_exclusions(const Samoza__V1__InstanceRecord *from)
{
	Samoza__V1__Exclusion **list =
		mem_new_array(Samoza__V1__Exclusion *, from->n_exclusions);
	for (size_t k = 0; k < from->n_exclusions; k++)
		list[k] = (Samoza__V1__Exclusion *)schema_message_copy(
			&from->exclusions[k]->base);
	return list;
}

static Samoza__V1__SlotRecord *slot_record(const Samoza__V1__InstanceRecord *from)
{
	Samoza__V1__SlotRecord *r = NEW(SlotRecord, slot_record);
	r->application = mem_strdup(from->topology);
	r->path = mem_strdup(from->path);
	r->goal = from->goal;
	r->state = from->state;
	r->goal_cause = mem_strdup(from->goal_cause);
	r->has_goal_ms = from->has_goal_ms;
	r->goal_ms = from->goal_ms;
	r->has_since_ms = from->has_since_ms;
	r->since_ms = from->since_ms;
	r->has_finished = r->finished = from->finished;
	r->has_serving = from->zhost != NULL;
	r->serving = from->zhost != NULL ? from->epoch : 0;
	r->last_zhost = mem_strdup(from->last_zhost);
	r->last_error = mem_strdup(from->last_error);
	r->has_placed_before = r->placed_before = from->placed_before;
	r->has_no_place = r->no_place = from->no_place;
	r->has_lost = r->lost = from->lost;
	r->has_moving = r->moving = from->evacuating;
	r->exclusions = copy_exclusions(from);
	r->n_exclusions = from->n_exclusions;
	return r;
}

static bool is_active(const Samoza__V1__InstanceRecord *from)
{
	return from->state == SAMOZA__V1__STATE__STATE_STARTING ||
	       from->state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED ||
	       from->state == SAMOZA__V1__STATE__STATE_STOPPING;
}

static Samoza__V1__CopyRecord *copy_record(const struct converted *t,
					   const Samoza__V1__InstanceRecord *from, bool serves)
{
	Samoza__V1__CopyRecord *r = NEW(CopyRecord, copy_record);
	r->application = mem_strdup(t->into->from->id);
	r->path = mem_strdup(from->path);
	r->epoch = from->epoch;
	r->zhost = mem_strdup(from->zhost);
	r->revision = t->revision;
	r->role = serves ? SAMOZA__V1__ROLE__ROLE_SERVING : SAMOZA__V1__ROLE__ROLE_RETIRED;
	r->has_lost = r->lost = from->lost;
	r->target = serves ? from->target : SAMOZA__V1__TARGET__TARGET_NONE;
	r->generation = from->order + (serves ? 0 : 1);
	r->has_retry_generation = from->has_fresh;
	r->retry_generation = from->fresh;
	r->has_exhausted = r->exhausted = from->gave_up;
	r->has_undeploy_failed = r->undeploy_failed = from->undeploy_failed;
	r->has_failures = from->has_failures;
	r->failures = from->failures;
	r->has_restarts = from->has_restarts;
	r->restarts = from->restarts;
	r->has_imports_version = from->has_imports_version;
	r->imports_version = from->imports_version;
	r->has_imports_hash = from->has_imports_hash;
	r->imports_hash = from->imports_hash;
	r->has_active = r->active = is_active(from);
	if (t->into != t)
		r->key_topology = mem_strdup(t->from->id);
	if (!serves)
		return r;
	r->exports = mem_new_array(Samoza__V1__Variable *, from->n_exports);
	for (; r->n_exports < from->n_exports; r->n_exports++)
		r->exports[r->n_exports] = (Samoza__V1__Variable *)schema_message_copy(
			&from->exports[r->n_exports]->base);
	return r;
}

/* Its former copy may still run on the zhost that it was lost with; nothing else of it was kept. */
static Samoza__V1__CopyRecord *held_record(const struct converted *t,
					   const Samoza__V1__InstanceRecord *from)
{
	Samoza__V1__CopyRecord *r = NEW(CopyRecord, copy_record);
	r->application = mem_strdup(t->into->from->id);
	r->path = mem_strdup(from->path);
	r->zhost = mem_strdup(from->last_zhost);
	r->revision = t->revision;
	r->role = SAMOZA__V1__ROLE__ROLE_RETIRED;
	r->has_lost = r->lost = true;
	r->target = SAMOZA__V1__TARGET__TARGET_NONE;
	return r;
}

static void convert_instance(struct conversion *c, const Samoza__V1__InstanceRecord *from)
{
	struct converted *t = NULL;
	HASH_FIND_STR(c->by_id, from->topology, t);
	if (t == NULL || t->into == NULL)
		return; /* of a topology that was removed in the same commit, or is carried over */
	bool current = t->into == t;
	if (current)
		vector_push(&c->loaded->slots, slot_record(from));
	/* What was never asked of a zhost is not there. */
	if (from->zhost != NULL &&
	    (current || from->target != SAMOZA__V1__TARGET__TARGET_NONE ||
	     from->state != SAMOZA__V1__STATE__STATE_NOT_DEPLOYED))
		vector_push(&c->loaded->copies, copy_record(t, from, current));
	if (from->held && !from->lost && from->last_zhost != NULL)
		vector_push(&c->loaded->copies, held_record(t, from));
}

/* ---- after all copies: what goes over several of them ---- */

/* Epochs by text. */
struct known_epoch {
	char *key;
	uint64_t epoch;
	UT_hash_handle hh;
};

static struct known_epoch *epoch_of(struct known_epoch **all, char *take_key)
{
	CLEANUP(freep) char *key = take_key;
	struct known_epoch *e = NULL;
	HASH_FIND_STR(*all, key, e);
	if (e == NULL) {
		e = mem_new(struct known_epoch);
		e->key = steal_ptr(&key);
		HASH_ADD_KEYPTR(hh, *all, e->key, strlen(e->key), e);
	}
	return e;
}

static void epochs_done(struct known_epoch **all)
{
	struct known_epoch *e = NULL, *next = NULL;
	HASH_ITER (hh, *all, e, next) {
		HASH_DEL(*all, e);
		free(e->key);
		free(e);
	}
}

/* The newest copy of a path writes, over all topologies of the name. */
static void set_writers(struct conversion *c, size_t first_slot)
{
	struct known_epoch *newest = NULL;
	vector_for_each (&c->loaded->instances, item) {
		const Samoza__V1__InstanceRecord *from = *item;
		const struct converted *t = NULL;
		HASH_FIND_STR(c->by_id, from->topology, t);
		if (t == NULL || t->into == NULL)
			continue;
		struct known_epoch *e =
			epoch_of(&newest, str_printf("%s/%s", t->into->from->id, from->path));
		if (from->epoch > e->epoch)
			e->epoch = from->epoch;
	}
	for (size_t k = first_slot; k < c->loaded->slots.count; k++) {
		Samoza__V1__SlotRecord *r = c->loaded->slots.items[k];
		r->writer =
			epoch_of(&newest, str_printf("%s/%s", r->application, r->path))->epoch;
		r->has_writer = r->writer != 0;
	}
	epochs_done(&newest);
}

/* What copies of one placement have in common. */
static char *placement_key(const Samoza__V1__CopyRecord *r)
{
	int root = (int)strcspn(r->path, "/");
	return str_printf("%s/%.*s %u %s %s", r->application, root, r->path, r->revision,
			  r->epoch == 0 ? "held" : "placed", r->zhost);
}

/* A placement is named by the epoch of its root's copy. */
static void set_placements(struct conversion *c, size_t first_copy)
{
	struct known_epoch *roots = NULL;
	for (size_t k = first_copy; k < c->loaded->copies.count; k++) {
		const Samoza__V1__CopyRecord *r = c->loaded->copies.items[k];
		struct known_epoch *e = epoch_of(&roots, placement_key(r));
		if (strchr(r->path, '/') == NULL || e->epoch == 0)
			e->epoch = r->epoch;
	}
	for (size_t k = first_copy; k < c->loaded->copies.count; k++) {
		Samoza__V1__CopyRecord *r = c->loaded->copies.items[k];
		r->placement = epoch_of(&roots, placement_key(r))->epoch;
	}
	epochs_done(&roots);
}

void format1_convert(struct loaded_records *loaded)
{
	struct conversion c = {.loaded = loaded};
	size_t first_application = loaded->applications.count;
	size_t first_slot = loaded->slots.count, first_copy = loaded->copies.count;
	vector_for_each (&loaded->topologies, from)
		vector_add(&c.topologies)->from = *from;
	if (c.topologies.count > 1)
		qsort(c.topologies.items, c.topologies.count, sizeof(*c.topologies.items),
		      compare);
	vector_for_each (&c.topologies, t)
		HASH_ADD_KEYPTR(hh, c.by_id, t->from->id, strlen(t->from->id), t);
	for (size_t k = 0, end; k < c.topologies.count; k = end) {
		for (end = k + 1; end < c.topologies.count; end++)
			if (!str_equal(c.topologies.items[k].from->name,
				       c.topologies.items[end].from->name))
				break;
		bool done = false;
		for (size_t n = 0; n < first_application && !done; n++)
			done = str_equal(loaded->applications.items[n]->name,
					 c.topologies.items[k].from->name);
		if (!done)
			convert_name(&c, &c.topologies.items[k], end - k);
	}
	vector_for_each (&loaded->instances, from)
		convert_instance(&c, *from);
	set_writers(&c, first_slot);
	set_placements(&c, first_copy);
	HASH_CLEAR(hh, c.by_id);
	vector_done(&c.topologies);
}
