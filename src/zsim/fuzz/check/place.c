/*
 * Confirms that instances without a place can have none: a plain search over all assignments of
 * the instances that wait to the available zhosts, with the rules of [topology.placement] (1 to 4
 * and 6) implemented a second time. Affinities are drawn only between spaces without a parent, on
 * labels that every zhost has.
 */

#include "zsim/fuzz/check/place.h"

#include <inttypes.h>

#include "base/str.h"
#include "model/zhost.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"

#define REQUESTED_MAX 6
#define ZHOSTS_MAX    8

struct root {
	const struct topology *topology; /* borrowed */
	unsigned instance;
	struct mirrored_zhost *zhost;
	bool own; /* of the slot that a place is looked for: it holds room, and nothing else */
	bool leaves; /* it is to go: it holds its room, and forbids; no affinity counts it */
	bool moves;  /* to a place that is held for it: no record says where */
};

struct search {
	const struct fuzz *f;
	VECTOR(struct root) roots; /* placed ones, then those that wait */
	size_t placed;
	VECTOR(struct mirrored_zhost *) zhosts;
	bool before; /* what has begun to leave in this commit counts as if it stayed */
};

static const struct space *space_of(const struct root *r)
{
	return instance_space(r->topology, r->instance);
}

static const char *scope_value(const struct affinity *a, const struct mirrored_zhost *z)
{
	return a->scope_is_zhost ? z->name : label_set_find(&z->spec.labels, a->scope);
}

/* Whether the affinity `a`, of a space of `r`, is with `other`. */
static bool concerns(const struct affinity *a, const struct root *r, const struct root *other)
{
	if (other == r || r->own || other->own)
		return false;
	/* By name, as in the engine: all revisions of an application count. */
	const char *topology = a->topology != NULL ? a->topology : r->topology->name;
	return strcmp(topology, other->topology->name) == 0 &&
	       strcmp(a->space, space_of(other)->name) == 0;
}

static bool is_near(const struct near_rule *near, const struct zhost_spec *z)
{
	return z->has_position && distance_m(z->latitude, z->longitude, near->latitude,
					     near->longitude) <= near->within_m;
}

uint32_t place_replace_after_ms(const struct topology *t, unsigned root)
{
	uint32_t longest = 0;
	for (unsigned i = 0; i < t->instances[root].subtree_count; i++) {
		uint32_t own = instance_space(t, root + i)->replace_after_ms;
		longest = own > longest ? own : longest;
	}
	return longest;
}

bool place_suits(const struct topology *t, unsigned root, const struct mirrored_zhost *z)
{
	for (unsigned i = 0; i < t->instances[root].subtree_count; i++) {
		const struct space *s = instance_space(t, root + i);
		if (s->near.set && !is_near(&s->near, &z->spec))
			return false;
		for (unsigned c = 0; c < s->capability_count; c++)
			if (!zhost_spec_offers(&z->spec, s->capabilities[c]))
				return false;
		if (s->asks_token && !zhost_spec_offers(&z->spec, CAPABILITY_PAGE_ACCESS))
			return false;
		if ((s->env_count > 0 || s->config_count > 0) &&
		    !zhost_spec_offers(&z->spec, CAPABILITY_SETTINGS))
			return false;
		if (s->secret_count > 0 && !zhost_spec_offers(&z->spec, CAPABILITY_SECRETS))
			return false;
		for (unsigned c = 0; c < s->constraint_count; c++)
			if (!constraint_holds(&s->constraints[c], &z->spec.labels))
				return false;
	}
	return true;
}

/* [change.counts.each] What belongs to a zhost is there, whatever the cordon. */
static bool may_be_on(const struct root *r, const struct mirrored_zhost *z)
{
	CLEANUP(freep)
	char *own = instance_path_zhost(r->topology->instances[r->instance].path);
	return own != NULL ? str_equal(own, z->name) : !z->record->cordoned;
}

static bool affinities_hold(const struct search *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct root *r = &s->roots.items[i];
		const struct space *space = space_of(r);
		for (unsigned a = 0; a < space->anti_affinity_count; a++) {
			const struct affinity *rule = &space->anti_affinity[a];
			for (size_t k = 0; rule->required && k < count; k++) {
				const struct root *other = &s->roots.items[k];
				if (concerns(rule, r, other) &&
				    str_equal(scope_value(rule, r->zhost),
					      scope_value(rule, other->zhost)))
					return false;
			}
		}
		/* A placed instance stays, even if the instance that it required has left. */
		for (unsigned a = 0; i >= s->placed && a < space->affinity_count; a++) {
			const struct affinity *rule = &space->affinity[a];
			bool found = !rule->required;
			for (size_t k = 0; !found && k < count; k++) {
				const struct root *other = &s->roots.items[k];
				found = !other->leaves && concerns(rule, r, other) &&
					str_equal(scope_value(rule, r->zhost),
						  scope_value(rule, other->zhost));
			}
			if (!found)
				return false;
		}
	}
	return true;
}

static uint32_t devices_of(const struct space *s)
{
	return s->device_count > 0 ? s->devices[0].count : 0;
}

/* Of real ones: the first, and there is one kind (draw_needs.c). */
static uint32_t devices_offered(const struct zhost_spec *z)
{
	return z->device_count > 0 && !z->devices[0].is_capability ? z->devices[0].count : 0;
}

/* Of its exclusive capabilities: one there is, for one. */
static uint32_t exclusive_of(const struct zhost_spec *z, const struct space *s)
{
	uint32_t count = 0;
	for (unsigned k = 0; k < z->device_count; k++)
		for (unsigned c = 0; c < s->capability_count && z->devices[k].is_capability;
		     c++)
			count += str_equal(s->capabilities[c], z->devices[k].kind);
	return count;
}

static bool capacity_holds(const struct search *s, size_t count)
{
	vector_for_each (&s->zhosts, zhost) {
		const struct mirrored_zhost *z = *zhost;
		uint64_t cpu = 0;
		uint64_t memory = 0;
		uint32_t exclusive = 0;
		uint64_t devices = 0; /* whole ones of one kind: draw_needs.c */
		bool is_asked =
			false; /* what is there stays, also where a zhost has less now */
		for (size_t i = 0; i < count; i++) {
			const struct root *r = &s->roots.items[i];
			const struct topology *t = r->topology;
			is_asked = is_asked || (i >= s->placed && r->zhost == z);
			for (unsigned k = 0;
			     r->zhost == z && k < t->instances[r->instance].subtree_count;
			     k++) {
				cpu += instance_space(t, r->instance + k)->cpu_millicores;
				memory += instance_space(t, r->instance + k)->memory_bytes;
				devices += devices_of(instance_space(t, r->instance + k));
				exclusive += exclusive_of(&z->spec,
							  instance_space(t, r->instance + k));
			}
		}
		if (!is_asked)
			continue;
		if (cpu > z->spec.cpu_millicores || memory > z->spec.memory_bytes ||
		    devices > devices_offered(&z->spec) || exclusive > 1)
			return false;
	}
	return true;
}

static bool assign(struct search *s, size_t next, size_t count)
{
	if (next == count)
		return affinities_hold(s, count) && capacity_holds(s, count);
	struct root *r = &s->roots.items[next];
	vector_for_each (&s->zhosts, z) {
		if (!place_suits(r->topology, r->instance, *z) || !may_be_on(r, *z))
			continue;
		r->zhost = *z;
		if (assign(s, next + 1, count))
			return true;
	}
	r->zhost = NULL;
	return false;
}

/* ---- instances that are placed, and that wait ---- */

static const Samoza__V1__SlotRecord *record_of(const struct fuzz *f, const struct submitted *s,
					       const struct topology *t, unsigned instance)
{
	const struct mirrored *m = mirror_find(f, s->id, t->instances[instance].path);
	return m != NULL ? m->record : NULL;
}

/* The slot has another copy since this commit, which was placed: so was the one that asks, and after the former one
 * was to go. */
static bool is_placed_again(const struct fuzz *f, const struct mirrored *slot)
{
	CLEANUP(freep) char *id = NULL;
	if (slot == NULL || slot->record == NULL || !slot->record->has_serving)
		return false;
	id = str_printf("%s#%" PRIu64, slot->id, slot->record->serving);
	vector_for_each (&f->new_copies, copy)
		if (str_equal(*copy, id))
			return true;
	return false;
}

/* It is to go: retired, or what serves a slot that leaves its zhost, or is to be undeployed. And so it was before
 * this commit, as far as that is known. */
static bool leaves(const struct search *s, const struct mirrored_copy *m, const char *root)
{
	const Samoza__V1__CopyRecord *r = m->record;
	const struct mirrored *slot = mirror_find(s->f, r->application, root);
	if (r->role == SAMOZA__V1__ROLE__ROLE_RETIRED)
		return !s->before || m->left != s->f->commits || is_placed_again(s->f, slot);
	return r->role == SAMOZA__V1__ROLE__ROLE_SERVING && slot != NULL &&
	       slot->record != NULL && (!s->before || slot->taken != s->f->commits) &&
	       (slot->record->moving ||
		slot->record->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED);
}

static bool is_moving(const struct fuzz *f, const Samoza__V1__CopyRecord *r, const char *root)
{
	const struct mirrored *slot = mirror_find(f, r->application, root);
	return slot != NULL && slot->record != NULL && slot->record->moving;
}

static bool is_lost(const struct search *s, const struct mirrored_copy *m)
{
	return m->record->lost && (!s->before || m->left != s->f->commits);
}

static void add_placements(struct search *s, const struct submitted *t)
{
	VECTOR(uint64_t) known = {0};
	for (const struct mirrored_copy *m = s->f->copies; m != NULL; m = m->hh.next) {
		const Samoza__V1__CopyRecord *r = m->record;
		bool seen = r == NULL || is_lost(s, m) || !str_equal(r->application, t->id);
		for (size_t k = 0; k < known.count && !seen; k++)
			seen = known.items[k] == r->placement;
		if (seen)
			continue;
		const struct topology *topology = fuzz_revision(t, mirrored_room(r));
		CLEANUP(freep) char *root = mem_strdup(r->path);
		root[strcspn(root, "/")] = '\0';
		struct mirrored_zhost *z = NULL;
		HASH_FIND_STR(s->f->zhosts, r->zhost, z);
		vector_push(&s->roots,
			    ((struct root){.topology = topology,
					   .instance = (unsigned)names_find(topology, root),
					   .zhost = z,
					   .leaves = leaves(s, m, root),
					   .moves = is_moving(s->f, r, root)}));
		vector_push(&known, r->placement);
	}
	vector_done(&known);
}

/* What holds room: placements that are not lost, retired or not. Each is named by the copy of its
 * root, or by the one of its copies that is left. */
static void add_placed(struct search *s)
{
	vector_for_each (&s->f->submitted, t)
		add_placements(s, t);
	s->placed = s->roots.count;
}

enum waiting {
	WAIT_TOGETHER, /* never had a place, or were undeployed since: all of them or none */
	WAIT_ALONE,    /* lost their place with its zhost, or are optional */
};

/* What has no copy is placed in the version that its rollout leads to, unless its turn may come later: in steps, or at
 * a switch. */
static const struct topology *wanted(const struct submitted *t)
{
	if (t->rollout.target == 0 || t->sets.target != 0)
		return t->topology;
	if (t->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_RETURNING)
		return fuzz_revision(t, t->rollout.from);
	const struct rollout_spec *spec = &t->policies.items[t->rollout.target - 1];
	/* After the last promotion everything has its turn. */
	bool in_steps = !t->rollout.at_once && spec->policy == ROLLOUT_CANARY &&
			t->rollout.step < spec->step_count;
	return in_steps ? t->topology : fuzz_revision(t, t->rollout.target);
}

/* What is lost is placed again in the version that it served [change.handover.shown]. */
static struct root root_of(const struct fuzz *f, const struct submitted *t,
			   const struct topology *in, unsigned instance)
{
	const struct mirrored *m = mirror_find(f, t->id, in->instances[instance].path);
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	const struct topology *own = serving != NULL ? fuzz_revision(t, serving->revision) : in;
	int index = names_find(own, in->instances[instance].path);
	return index < 0 ? (struct root){.topology = in, .instance = instance}
			 : (struct root){.topology = own, .instance = (unsigned)index};
}

static size_t add_waiting(struct search *s, const struct submitted *t, enum waiting kind)
{
	size_t before = s->roots.count;
	const struct topology *in = wanted(t);
	for (unsigned i = 0; i < in->instance_count; i++) {
		const Samoza__V1__SlotRecord *r = record_of(s->f, t, in, i);
		if (in->instances[i].parent >= 0 || r == NULL ||
		    r->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED ||
		    (r->has_serving && !r->lost) || r->has_waits_since_ms ||
		    (t->rollout.target != 0 && instance_space(in, i)->each))
			continue; /* the last: which version its zhost has to suit depends on its turn */
		bool alone = r->lost || instance_space(in, i)->optional ||
			     instance_space(in, i)->each;
		if (alone != (kind == WAIT_ALONE))
			continue;
		vector_push(&s->roots, root_of(s->f, t, in, i));
	}
	return s->roots.count - before;
}

static char *joint_place(struct search *s, const struct submitted *t)
{
	size_t requested = add_waiting(s, t, WAIT_TOGETHER);
	bool fits = requested > 0 && requested <= REQUESTED_MAX &&
		    assign(s, s->placed, s->placed + requested);
	s->roots.count = s->placed;
	return fits ? str_printf("%s waits for a place, and all %zu that wait would fit",
				 t->name, requested)
		    : NULL;
}

/* [change.loss.replace-after] With `never` only its own zhost. */
static bool may_take(const struct fuzz *f, const struct submitted *t, const struct root *r)
{
	const struct mirrored *m =
		mirror_find(f, t->id, r->topology->instances[r->instance].path);
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	if (serving == NULL ||
	    place_replace_after_ms(r->topology, r->instance) != SPACE_REPLACE_NEVER)
		return true;
	return str_equal(serving->zhost, r->zhost->name);
}

static char *single_place(struct search *s, const struct submitted *t)
{
	bool whole_waits = add_waiting(s, t, WAIT_TOGETHER) > 0;
	s->roots.count = s->placed;
	size_t requested = add_waiting(s, t, WAIT_ALONE);
	char *found = NULL;
	for (size_t i = 0; i < requested && found == NULL; i++) {
		struct root *r = &s->roots.items[s->placed];
		*r = s->roots.items[s->placed + i];
		if (whole_waits && !record_of(s->f, t, r->topology, r->instance)->lost &&
		    (space_of(r)->optional || !space_of(r)->each))
			continue; /* optional: after the others */
		if (assign(s, s->placed, s->placed + 1) && may_take(s->f, t, r))
			found = str_printf("%s/%s waits for a place, and %s would take it",
					   t->name, r->topology->instances[r->instance].path,
					   r->zhost->name);
	}
	s->roots.count = s->placed;
	return found;
}

/* Rule 5 counts over the zhosts that pass the other rules: only the engine's own search
 * (tests/unit/place) judges that. */
static bool has_required_spread(const struct topology *t)
{
	for (unsigned i = 0; i < t->instance_count; i++) {
		const struct space *space = instance_space(t, i);
		for (unsigned k = 0; k < space->spread_count; k++)
			if (space->spread[k].required)
				return true;
	}
	return false;
}

static void add_available(struct search *s)
{
	for (struct mirrored_zhost *z = s->f->zhosts; z != NULL; z = z->hh.next)
		if (z->record != NULL && !z->record->removed &&
		    z->record->state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED)
			vector_push(&s->zhosts, z);
}

char *place_anyway(const struct fuzz *f, const struct submitted *t)
{
	struct search s = {.f = f};
	if (has_required_spread(t->topology))
		return NULL;
	add_available(&s);
	char *found = NULL;
	if (s.zhosts.count <= ZHOSTS_MAX) {
		add_placed(&s);
		found = joint_place(&s, t);
		if (found == NULL)
			found = single_place(&s, t);
	}
	vector_done(&s.roots);
	vector_done(&s.zhosts);
	return found;
}

/* Its own copies, the one that serves and those that are kept or have still to go, count for their room alone. */
static void set_own(struct search *s, const struct topology *t, const char *path)
{
	for (size_t k = 0; k < s->placed; k++) {
		struct root *r = &s->roots.items[k];
		r->own = strcmp(r->topology->name, t->name) == 0 &&
			 str_equal(r->topology->instances[r->instance].path, path);
	}
}

const char *place_elsewhere(const struct fuzz *f, const struct submitted *t, const char *path)
{
	struct search s = {.f = f};
	const char *found = NULL;
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, mirror_find(f, t->id, path));
	if (serving == NULL)
		return NULL;
	const struct topology *topology = fuzz_revision(t, serving->revision);
	int instance = names_find(topology, path);
	if (instance < 0 || has_required_spread(topology))
		return NULL;
	add_available(&s);
	if (s.zhosts.count <= ZHOSTS_MAX) {
		add_placed(&s);
		set_own(&s, topology, path);
		vector_push(&s.roots, ((struct root){.topology = topology,
						     .instance = (unsigned)instance}));
		if (assign(&s, s.placed, s.placed + 1))
			found = s.roots.items[s.placed].zhost->name;
	}
	vector_done(&s.roots);
	vector_done(&s.zhosts);
	return found;
}

bool place_has_company_of(const struct fuzz *f, const struct submitted *t, unsigned root,
			  struct mirrored_zhost *z)
{
	struct search s = {.f = f};
	add_placed(&s);
	vector_push(&s.roots,
		    ((struct root){.topology = t->topology, .instance = root, .zhost = z}));
	bool holds = affinities_hold(&s, s.placed + 1);
	vector_done(&s.roots);
	return holds;
}

static bool is_satisfied(const struct search *s, const struct root *r,
			 const struct affinity *rule)
{
	for (size_t k = 0; k < s->placed; k++) {
		const struct root *other = &s->roots.items[k];
		if (!concerns(rule, r, other) || other->zhost == NULL)
			continue;
		if (other->moves ||
		    (!other->leaves &&
		     str_equal(scope_value(rule, r->zhost), scope_value(rule, other->zhost))))
			return true;
	}
	return false;
}

char *place_lonely(const struct fuzz *f, const struct mirrored_copy *m)
{
	struct search s = {.f = f, .before = true};
	const struct submitted *t = fuzz_submitted(f, m->record->application);
	const struct topology *topology =
		t != NULL ? fuzz_revision(t, m->record->revision) : NULL;
	int instance = topology != NULL ? names_find(topology, m->record->path) : -1;
	struct root r = {.topology = topology, .instance = (unsigned)instance};
	char *found = NULL;
	HASH_FIND_STR(f->zhosts, m->record->zhost, r.zhost);
	if (instance < 0 || topology->instances[instance].parent >= 0 || r.zhost == NULL)
		return NULL;
	add_placed(&s);
	for (unsigned a = 0; a < space_of(&r)->affinity_count && found == NULL; a++) {
		const struct affinity *rule = &space_of(&r)->affinity[a];
		bool own = rule->topology == NULL && str_equal(rule->space, space_of(&r)->name);
		if (rule->required && !own && !is_satisfied(&s, &r, rule))
			found = str_printf("'%s' on %s", rule->space,
					   rule->scope_is_zhost ? "zhost" : rule->scope);
	}
	vector_done(&s.roots);
	return found;
}
