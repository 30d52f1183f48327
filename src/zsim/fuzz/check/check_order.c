/*
 * A grouped stop leaves pairs: an importer and a provider that were both active. They hold until one of
 * them has stopped or is asked to start again, also over further grouped stops and deaths of zrms. Pairs in
 * a cycle are left out, there the core drops a constraint [lifecycle.group.cycles]: mandatory imports only
 * in a cycle of mandatory ones and of parents.
 */
#include "zsim/fuzz/check/check_order.h"

#include <stdlib.h>

#include "base/str.h"
#include "core/lifecycle/state.h"
#include "zsim/fuzz/check/rules.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
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

static void forget_unanswered(struct fuzz *f)
{
	vector_for_each (&f->unanswered_stops, stop) {
		free(stop->application);
		free(stop->path);
	}
	vector_clear(&f->unanswered_stops);
}

void check_order_done(struct fuzz *f)
{
	forget_unanswered(f);
	vector_done(&f->unanswered_stops);
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

static bool is_at_or_below(const char *path, const char *top)
{
	if (top == NULL)
		return true;
	size_t length = strlen(top);
	return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* ---- the order of a group ---- */

/* Who stops before whom among the instances of one topology: a matrix, [first * count + then]. */
struct order {
	const struct topology *topology;
	bool *before;
};

static struct order order_new(const struct topology *t)
{
	size_t cells = (size_t)t->instance_count * t->instance_count;
	return (struct order){.topology = t, .before = mem_new_array(bool, cells)};
}

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

/* Instances of a space that imports itself stop one after the other. */
static bool stops_before(const struct topology *t, unsigned importer, unsigned provider)
{
	return t->instances[importer].space != t->instances[provider].space ||
	       strcmp(t->instances[importer].path, t->instances[provider].path) < 0;
}

static void add_imports_of(struct order *o, const bool *nodes, unsigned importer,
			   bool with_optional)
{
	const struct topology *t = o->topology;
	const struct space *space = instance_space(t, importer);
	for (unsigned k = 0; k < space->import_count; k++)
		for (unsigned p = 0; p < space->imports[k].provider_count; p++) {
			const struct space *provider =
				&t->spaces[space->imports[k].providers[p]];
			if (space->imports[k].optional && !with_optional)
				continue;
			for (unsigned n = 0; n < provider->instance_count; n++)
				if (nodes[provider->instances[n]] &&
				    stops_before(t, importer, provider->instances[n]))
					add(o, importer, provider->instances[n]);
		}
}

static void add_imports(struct order *o, const bool *nodes, bool with_optional)
{
	for (unsigned i = 0; i < o->topology->instance_count; i++)
		if (nodes[i])
			add_imports_of(o, nodes, i, with_optional);
}

static void close_transitively(struct order *o)
{
	unsigned count = o->topology->instance_count;
	for (unsigned i = 0; i < count; i++)
		if (o->topology->instances[i].parent >= 0)
			add(o, i, (unsigned)o->topology->instances[i].parent);
	for (unsigned k = 0; k < count; k++)
		for (unsigned a = 0; a < count; a++)
			for (unsigned b = 0; reaches(o, a, k) && b < count; b++)
				if (reaches(o, k, b))
					add(o, a, b);
}

/* Commits are under way: what is mirrored is older than what zrms knows. */
static bool is_late(const struct fuzz *f)
{
	const struct control_loop *commits = f->world.commits;
	return f->world.control != NULL &&
	       (control_loop_in_flight(commits) > 0 || control_loop_is_due(commits));
}

/* The space of an instance that a rollout has added, or is about to remove; NULL: no revision has it. */
static const char *space_elsewhere(const struct submitted *s, const char *path)
{
	vector_for_each (&s->revisions, t) {
		int instance = *t != NULL ? topology_find_instance(*t, path) : -1;
		if (instance >= 0)
			return instance_space(*t, (unsigned)instance)->name;
	}
	return NULL;
}

/* Of instances that the topology does not declare: their spaces hold up others all the same, and close cycles. All of
 * them are nodes where the topology has no such space. */
static void add_undeclared(const struct fuzz *f, const struct submitted *s, bool *nodes)
{
	CLEANUP(freep) char *prefix = str_printf("%s/", s->id);
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const char *path = m->id + strlen(prefix);
		if (!str_has_prefix(m->id, prefix) ||
		    topology_find_instance(s->topology, path) >= 0 ||
		    !is_active(f, s->id, path))
			continue;
		const char *name = space_elsewhere(s, path);
		int space = name != NULL ? topology_find_space(s->topology, name) : -1;
		for (unsigned i = 0; i < s->topology->instance_count; i++)
			nodes[i] |=
				space < 0 || s->topology->instances[i].space == (unsigned)space;
	}
}

/* What may be in an order of the core: what is active, and all while commits are under way. */
static bool *nodes_new(const struct fuzz *f, const struct submitted *s)
{
	bool late = is_late(f);
	bool *nodes = mem_new_array(bool, s->topology->instance_count);
	for (unsigned i = 0; i < s->topology->instance_count; i++)
		nodes[i] = late || is_active(f, s->id, s->topology->instances[i].path);
	add_undeclared(f, s, nodes);
	return nodes;
}

/* The imports among the nodes, and what follows from them; in a cycle the mandatory ones hold, where they
 * are in none without the optional ones [lifecycle.group.cycles]. */
struct orders {
	struct order imports, mandatory_imports; /* as declared */
	struct order all, mandatory;		 /* with what follows */
};

static struct orders orders_new(const struct topology *t, const bool *nodes)
{
	struct orders o = {order_new(t), order_new(t), order_new(t), order_new(t)};
	add_imports(&o.imports, nodes, true);
	add_imports(&o.mandatory_imports, nodes, false);
	add_imports(&o.all, nodes, true);
	add_imports(&o.mandatory, nodes, false);
	close_transitively(&o.all);
	close_transitively(&o.mandatory);
	return o;
}

static void orders_done(struct orders *o)
{
	free(o->imports.before);
	free(o->mandatory_imports.before);
	free(o->all.before);
	free(o->mandatory.before);
}

/* That instance stops before the other one, whatever else stops with them. */
static bool holds(const struct orders *o, unsigned first, unsigned then)
{
	const struct topology *t = o->imports.topology;
	if (!reaches(&o->imports, first, then) ||
	    t->instances[first].space == t->instances[then].space)
		return false;
	return reaches(&o->mandatory_imports, first, then)
		       ? !reaches_space(&o->mandatory, then, first)
		       : !reaches_space(&o->all, then, first);
}

static void drop_what_no_longer_holds(struct fuzz *f, const struct submitted *s,
				      const struct orders *o)
{
	for (size_t k = f->stop_pairs.count; k-- > 0;) {
		const struct stop_pair *pair = &f->stop_pairs.items[k];
		int first = names_find(s->topology, pair->first);
		int then = names_find(s->topology, pair->then);
		if (str_equal(pair->application, s->id) &&
		    (first < 0 || then < 0 || !holds(o, (unsigned)first, (unsigned)then)))
			drop_pair(f, k);
	}
}

static bool may_stop_already(const struct fuzz *f, const struct submitted *s, const char *path)
{
	vector_for_each (&f->unanswered_stops, stop)
		if (str_equal(stop->application, s->id) && is_at_or_below(path, stop->path))
			return true;
	return false;
}

static bool has_pair(const struct fuzz *f, const struct submitted *s, unsigned first,
		     unsigned then)
{
	const struct instance_decl *all = s->topology->instances;
	vector_for_each (&f->stop_pairs, pair)
		if (str_equal(pair->application, s->id) &&
		    str_equal(pair->first, all[first].path) &&
		    str_equal(pair->then, all[then].path))
			return true;
	return false;
}

static void add_group(struct fuzz *f, const struct submitted *s, const bool *members)
{
	const struct topology *t = s->topology;
	CLEANUP(freep) bool *nodes = nodes_new(f, s);
	struct orders o = orders_new(t, nodes);
	drop_what_no_longer_holds(f, s, &o);
	for (unsigned a = 0; a < t->instance_count; a++)
		for (unsigned b = 0; b < t->instance_count; b++)
			if (members[a] && members[b] && holds(&o, a, b) &&
			    !may_stop_already(f, s, t->instances[b].path) &&
			    !has_pair(f, s, a, b))
				vector_push(&f->stop_pairs,
					    ((struct stop_pair){
						    mem_strdup(s->id),
						    mem_strdup(t->instances[a].path),
						    mem_strdup(t->instances[b].path), true}));
	orders_done(&o);
}

void check_order_ask(struct fuzz *f, const struct submitted *s, const char *path)
{
	const struct topology *t = s->topology;
	int root = path != NULL ? names_find(t, path) : 0;
	unsigned end = path == NULL ? t->instance_count
				    : (unsigned)root + t->instances[root].subtree_count;
	CLEANUP(freep) bool *members = mem_new_array(bool, t->instance_count);
	if (!is_late(f))
		forget_unanswered(f);
	for (unsigned i = (unsigned)root; i < end; i++)
		members[i] = is_active(f, s->id, t->instances[i].path);
	add_group(f, s, members);
}

void check_order_start(struct fuzz *f)
{
	vector_for_each (&f->stop_pairs, pair)
		pair->is_asked = false;
	check_order_committed(f);
	vector_for_each (&f->submitted, s) {
		if (f->stop_pairs.count == 0)
			return;
		CLEANUP(freep) bool *nodes = nodes_new(f, s);
		struct orders o = orders_new(s->topology, nodes);
		drop_what_no_longer_holds(f, s, &o);
		orders_done(&o);
	}
}

void check_order_unanswered(struct fuzz *f, const struct submitted *s, const char *path)
{
	vector_push(&f->unanswered_stops,
		    ((struct unanswered_stop){mem_strdup(s->id), mem_strdup(path)}));
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
	if (is_to_start(f, s->id, path) || !rules_may_run(f, s, path))
		return; /* it moves, or a chain reaction stops it: that waits for nobody */
	vector_for_each (&f->stop_pairs, pair)
		if (str_equal(pair->application, s->id) && str_equal(pair->then, path) &&
		    is_active(f, s->id, pair->first) && !is_to_start(f, s->id, pair->first))
			world_violate(&f->world,
				      "%s/%s stops in a group before %s, which imports it",
				      s->name, path, pair->first);
}
