/*
 * A grouped stop leaves pairs: an importer and a provider that were both active. They hold until one of
 * them has stopped or is asked to start again, also over further grouped stops; not over a death of zrms.
 * Pairs in a cycle are left out: there the core drops a constraint [lifecycle.group.cycles].
 */
#include "zsim/fuzz/check_order.h"

#include <stdlib.h>

#include "base/str.h"
#include "core/lifecycle/state.h"
#include "zsim/fuzz/fuzz.h"
#include "zsim/fuzz/mirrored.h"
#include "zsim/fuzz/rules.h"
#include "zsim/world/world.h"

/* ---- pairs ---- */

static void drop_pair(struct fuzz *f, size_t at)
{
	struct stop_pair *pair = &f->stop_pairs.items[at];
	free(pair->application);
	free(pair->first);
	free(pair->then);
	vector_remove_at(&f->stop_pairs, at);
}

void check_order_done(struct fuzz *f)
{
	while (f->stop_pairs.count > 0)
		drop_pair(f, f->stop_pairs.count - 1);
	vector_done(&f->stop_pairs);
}

static bool is_active(const struct fuzz *f, const char *application, const char *path)
{
	const struct mirrored *m = mirror_find(f, application, path);
	enum instance_state state = STATE_NOT_DEPLOYED;
	return m != NULL && m->state != NULL && state_parse(m->state, &state) == 0 &&
	       state_is_active(state);
}

static bool is_to_start(const struct fuzz *f, const char *application, const char *path)
{
	const struct mirrored *m = mirror_find(f, application, path);
	return m == NULL || m->record == NULL ||
	       m->record->goal == SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED;
}

/* A zrms that dies forgets its groups. */
static void forget_of_dead(struct fuzz *f)
{
	if (f->stop_pairs_life != f->world.zrms_life)
		while (f->stop_pairs.count > 0)
			drop_pair(f, f->stop_pairs.count - 1);
	f->stop_pairs_life = f->world.zrms_life;
}

/* ---- the order of a group ---- */

/* Who stops before whom among the instances of one topology: a matrix, [first * count + then]. */
struct order {
	const struct topology *topology;
	bool *before;
};

static void add(struct order *o, unsigned first, unsigned then)
{
	o->before[(size_t)first * o->topology->instance_count + then] = true;
}

static bool reaches(const struct order *o, unsigned first, unsigned then)
{
	return o->before[(size_t)first * o->topology->instance_count + then];
}

/* `then` has to stop before an instance of the space of `first`. All of a space hold up its providers, or
 * none: the constraint is that of the space. */
static bool reaches_space(const struct order *o, unsigned then, unsigned first)
{
	const struct space *space = instance_space(o->topology, first);
	for (unsigned n = 0; n < space->instance_count; n++)
		if (reaches(o, then, space->instances[n]))
			return true;
	return false;
}

static void add_importer(struct order *o, const bool *members, unsigned importer)
{
	const struct topology *t = o->topology;
	const struct space *space = instance_space(t, importer);
	for (unsigned k = 0; k < space->import_count; k++)
		for (unsigned p = 0; p < space->imports[k].provider_count; p++) {
			const struct space *provider =
				&t->spaces[space->imports[k].providers[p]];
			for (unsigned n = 0; n < provider->instance_count; n++)
				if (provider != space && members[provider->instances[n]])
					add(o, importer, provider->instances[n]);
		}
}

static void close_transitively(struct order *o)
{
	unsigned count = o->topology->instance_count;
	for (unsigned k = 0; k < count; k++)
		for (unsigned a = 0; a < count; a++)
			for (unsigned b = 0; reaches(o, a, k) && b < count; b++)
				if (reaches(o, k, b))
					add(o, a, b);
}

/* Of one group, with the pairs that hold already. */
static void add_group(struct fuzz *f, const struct submitted *s, const bool *members)
{
	const struct topology *t = s->topology;
	size_t cells = (size_t)t->instance_count * t->instance_count;
	struct order o = {.topology = t, .before = mem_new_array(bool, cells)};
	for (unsigned i = 0; i < t->instance_count; i++)
		if (members[i])
			add_importer(&o, members, i);
	CLEANUP(freep) bool *imports = mem_memdup(o.before, cells * sizeof(bool));
	for (unsigned i = 0; i < t->instance_count; i++)
		if (t->instances[i].parent >= 0)
			add(&o, i, (unsigned)t->instances[i].parent);
	vector_for_each (&f->stop_pairs, pair) {
		int first = topology_find_instance(t, pair->first);
		int then = topology_find_instance(t, pair->then);
		if (str_equal(pair->application, s->id) && first >= 0 && then >= 0)
			add(&o, (unsigned)first, (unsigned)then);
	}
	close_transitively(&o);
	for (size_t k = f->stop_pairs.count; k-- > 0;) {
		const struct stop_pair *pair = &f->stop_pairs.items[k];
		int first = topology_find_instance(t, pair->first);
		int then = topology_find_instance(t, pair->then);
		if (str_equal(pair->application, s->id) &&
		    (first < 0 || then < 0 || reaches(&o, (unsigned)then, (unsigned)first)))
			drop_pair(f, k);
	}
	for (unsigned a = 0; a < t->instance_count; a++)
		for (unsigned b = 0; b < t->instance_count; b++)
			if (imports[(size_t)a * t->instance_count + b] &&
			    !reaches_space(&o, b, a))
				vector_push(&f->stop_pairs,
					    ((struct stop_pair){
						    mem_strdup(s->id),
						    mem_strdup(t->instances[a].path),
						    mem_strdup(t->instances[b].path), true}));
	free(o.before);
}

void check_order_ask(struct fuzz *f, const struct submitted *s, const char *path)
{
	const struct topology *t = s->topology;
	forget_of_dead(f);
	int root = path != NULL ? topology_find_instance(t, path) : 0;
	unsigned end = path == NULL ? t->instance_count
				    : (unsigned)root + t->instances[root].subtree_count;
	CLEANUP(freep) bool *members = mem_new_array(bool, t->instance_count);
	for (unsigned i = (unsigned)root; i < end; i++)
		members[i] = is_active(f, s->id, t->instances[i].path) &&
			     is_to_start(f, s->id, t->instances[i].path);
	add_group(f, s, members);
}

void check_order_answered(struct fuzz *f, bool is_granted)
{
	for (size_t k = f->stop_pairs.count; k-- > 0;) {
		struct stop_pair *pair = &f->stop_pairs.items[k];
		if (pair->is_asked && !is_granted)
			drop_pair(f, k);
		else
			pair->is_asked = false;
	}
}

/* ---- its end ---- */

static bool is_at_or_below(const char *path, const char *top)
{
	if (top == NULL)
		return true;
	size_t length = strlen(top);
	return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

void check_order_forget(struct fuzz *f, const struct submitted *s, const char *path)
{
	for (size_t k = f->stop_pairs.count; k-- > 0;) {
		const struct stop_pair *pair = &f->stop_pairs.items[k];
		if (str_equal(pair->application, s->id) &&
		    (is_at_or_below(pair->first, path) || is_at_or_below(pair->then, path)))
			drop_pair(f, k);
	}
}

void check_order_moved(struct fuzz *f, const char *application, const char *path)
{
	if (f->stop_pairs.count == 0 || is_active(f, application, path))
		return;
	for (size_t k = f->stop_pairs.count; k-- > 0;) {
		const struct stop_pair *pair = &f->stop_pairs.items[k];
		if (str_equal(pair->application, application) &&
		    (str_equal(pair->first, path) || str_equal(pair->then, path)))
			drop_pair(f, k);
	}
}

void check_order_committed(struct fuzz *f)
{
	forget_of_dead(f);
	for (size_t k = f->stop_pairs.count; k-- > 0;) {
		const struct stop_pair *pair = &f->stop_pairs.items[k];
		if (!is_active(f, pair->application, pair->first) ||
		    !is_active(f, pair->application, pair->then) ||
		    (!pair->is_asked && (is_to_start(f, pair->application, pair->first) ||
					 is_to_start(f, pair->application, pair->then))))
			drop_pair(f, k);
	}
}

/* ---- the check ---- */

void check_order_stop(struct fuzz *f, const struct submitted *s, const char *path)
{
	forget_of_dead(f);
	if (is_to_start(f, s->id, path) || !rules_may_run(f, s, path))
		return; /* it moves, or a chain reaction stops it: that waits for nobody */
	vector_for_each (&f->stop_pairs, pair)
		if (str_equal(pair->application, s->id) && str_equal(pair->then, path) &&
		    is_active(f, s->id, pair->first) && !is_to_start(f, s->id, pair->first))
			world_violate(&f->world,
				      "%s/%s stops in a group before %s, which imports it",
				      s->name, path, pair->first);
}
