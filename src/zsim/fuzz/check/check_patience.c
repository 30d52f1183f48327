#include "zsim/fuzz/check/check_patience.h"

#include <string.h>

#include "base/str.h"
#include "core/agent/agent.h"
#include "zsim/fuzz/check/across.h"
#include "zsim/fuzz/check/family.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/world/machine_state.h"

#define HEARTBEAT_MOST_MS 10000 /* that is drawn */

/* ---- the providers of one import ---- */

struct providers {
	bool any_started;
	bool may_return; /* one is lost, and its zhost may bring it back */
	bool any_hidden; /* one of another topology is not public in the version that it serves */
	int64_t hidden_ms; /* wall clock: since when, the last of them */
	uint64_t
		self_left; /* the event by which it left itself, and counted for others; 0: none */
	const struct mirrored *last; /* to leave deployed-started; NULL: none did */
};

static void add_provider(struct providers *found, const struct mirrored *m, bool is_started)
{
	found->any_started |= is_started;
	found->may_return |= m->record != NULL && m->record->lost && m->record->has_serving;
	if (m->left.seq > 0 && (found->last == NULL || m->left.seq > found->last->left.seq))
		found->last = m;
}

static void add_across(void *user, const struct across_provider *p)
{
	struct providers *found = user;
	add_provider(found, p->instance, p->is_started);
	found->any_hidden |= p->is_not_public;
	if (p->is_not_public && p->instance->served_since_ms > found->hidden_ms)
		found->hidden_ms = p->instance->served_since_ms;
}

static struct providers providers_of(const struct family *y, unsigned instance,
				     const struct import_decl *import)
{
	struct providers found = {0};
	if (import->topology != NULL)
		across_each(y->fuzz, import, add_across, &found);
	for (unsigned p = 0; p < import->provider_count; p++) {
		const struct space *provider = &y->topology->spaces[import->providers[p]];
		for (unsigned n = 0; n < provider->instance_count; n++) {
			const struct mirrored *m = y->members[provider->instances[n]];
			if (m == NULL)
				continue;
			if (provider->instances[n] == instance) {
				found.self_left = m->left.seq;
				continue;
			}
			add_provider(&found, m, str_equal(m->state, "deployed-started"));
		}
	}
	return found;
}

/* ---- how long it stays ---- */

/* zrms has started after that, or in the same millisecond, and zhosts report first. */
static bool reports_first(const struct fuzz *f, int64_t after_ms, int64_t at_ms)
{
	int64_t most_ms = draws_have(f, DRAW_SETTINGS) ? HEARTBEAT_MOST_MS
						       : f->world.options.heartbeat_ms;
	return f->zrms_changed_ms >= after_ms && at_ms < f->zrms_changed_ms + most_ms;
}

static enum stay by_patience(const struct fuzz *f, const struct import_decl *import,
			     const struct providers *p, int64_t at_ms)
{
	const struct mirrored *last = p->last;
	if (import->patience_ms == 0)
		return STAY_NOT;
	/* A version in which it is not public any longer is no event, and nobody was asked to stop [change.imports.public]: then its
	 * patience lasts. */
	if (p->any_hidden &&
	    (draws_have(f, DRAW_CLOCKS) || at_ms < p->hidden_ms + import->patience_ms))
		return STAY_UNCLEAR;
	if (last == NULL || (last->left.asked && !last->left.unclear))
		return STAY_NOT;
	if (import->topology != NULL && draws_have(f, DRAW_ROLLOUTS))
		return STAY_UNCLEAR;
	if (last->left.unclear || last->left.seq < p->self_left || draws_have(f, DRAW_CLOCKS))
		return STAY_UNCLEAR;
	if (at_ms < last->left.at_ms + import->patience_ms)
		return STAY_MAY;
	return reports_first(f, last->left.at_ms, at_ms) ? STAY_UNCLEAR : STAY_NOT;
}

/* One that a rollout had added, and that is declared no longer, left after it, and after that time. `last` NULL: no
 * other one did. */
static bool is_not_the_last(const struct fuzz *f, const struct family *y,
			    const struct mirrored *last, int64_t after_ms)
{
	uint64_t seq = last != NULL ? last->left.seq : 0;
	CLEANUP(freep) char *prefix = str_printf("%s/", y->id);
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		if (m->left.seq > seq && m->left.at_ms > after_ms &&
		    str_has_prefix(m->id, prefix) &&
		    names_find(y->topology, m->id + strlen(prefix)) < 0)
			return true;
	return false;
}

static enum stay by_return(const struct fuzz *f, const struct mirrored *m, bool may_return,
			   int64_t at_ms)
{
	bool drawn = draws_have(f, DRAW_SETTINGS);
	int64_t least = drawn ? 8000 : f->world.options.timeout_ms;
	int64_t most = drawn ? 180000 : f->world.options.timeout_ms;
	if (m == NULL || m->returned_ms == 0 || !may_return)
		return STAY_NOT;
	if (draws_have(f, DRAW_CLOCKS))
		return STAY_UNCLEAR;
	if (at_ms < m->returned_ms + least)
		return STAY_MAY;
	if (at_ms < m->returned_ms + most)
		return STAY_UNCLEAR;
	return reports_first(f, m->returned_ms, at_ms) ? STAY_UNCLEAR : STAY_NOT;
}

static enum stay least_strict(enum stay a, enum stay b)
{
	return a < b ? a : b;
}

static enum stay by_import(const struct fuzz *f, const struct family *y, unsigned instance,
			   const struct import_decl *import, int64_t at_ms)
{
	struct providers p = providers_of(y, instance, import);
	if (import->optional || p.any_started)
		return STAY_MAY;
	enum stay stay = least_strict(by_patience(f, import, &p, at_ms),
				      by_return(f, y->members[instance], p.may_return, at_ms));
	/* That one may have been asked to stop, or may be the last that could provide it: then its patience lasts. */
	int64_t after_ms = stay == STAY_NOT ? at_ms - import->patience_ms : 0;
	bool unclear = stay != STAY_UNCLEAR && import->patience_ms > 0 &&
		       (stay == STAY_NOT || p.last != NULL) &&
		       is_not_the_last(f, y, p.last, after_ms);
	return unclear ? STAY_UNCLEAR : stay;
}

enum stay stay_of(const struct fuzz *f, const struct family *y, unsigned instance,
		  int64_t at_ms, const char **ret_import)
{
	const struct space *s = instance_space(y->topology, instance);
	enum stay worst = STAY_MAY;
	*ret_import = NULL;
	for (unsigned k = 0; k < s->import_count; k++) {
		enum stay stay = by_import(f, y, instance, &s->imports[k], at_ms);
		if (stay <= worst)
			continue;
		worst = stay;
		*ret_import = s->imports[k].from;
	}
	return worst;
}

/* ---- as it comes ---- */

/* "lost the last provider of red": it must not stop before its time. */
static void check_stop(struct fuzz *f, const struct submitted *s,
		       const Samoza__V1__EventRecord *e)
{
	static const char prefix[] = "lost the last provider of ";
	const char *slash = strchr(e->subject, '/');
	int index = slash != NULL ? names_find(s->topology, slash + 1) : -1;
	if (!str_equal(e->to, "stopping") || !str_has_prefix(e->cause, prefix) || index < 0)
		return;
	const char *name = e->cause + sizeof(prefix) - 1;
	const struct space *space = instance_space(s->topology, (unsigned)index);
	struct family y = family_of(f, s);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		if (str_equal(import->from, name) &&
		    by_import(f, &y, (unsigned)index, import, e->time_ms) == STAY_MAY)
			world_violate(&f->world, "%s stops for want of %s before its time",
				      e->subject, name);
		if (str_equal(import->from, name) && import->patience_ms > 0)
			draws_happened(f, DRAW_PATIENCE);
	}
	free(y.members);
}

void check_patience_moved(struct fuzz *f, const struct submitted *s, struct mirrored *m,
			  const Samoza__V1__EventRecord *e)
{
	check_stop(f, s, e);
	if (str_equal(e->to, "deployed-started"))
		m->came_ms = e->time_ms;
	if (str_equal(e->from, "deployed-started")) {
		Samoza__V1__Goal goal = m->record != NULL ? m->record->goal
							  : SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED;
		m->left.at_ms = e->time_ms;
		m->left.seq = e->seq;
		m->left.asked = goal != SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED;
		m->left.unclear = m->taken == f->commits && m->goal_before != goal;
		m->returned_ms = 0;
	} else if (str_equal(e->from, "not-deployed") && str_equal(e->to, "deployed-started") &&
		   str_equal(e->cause,
			     "its zhost is back")) { /* not where a successor serves */
		m->returned_ms = e->time_ms;
	}
}

static bool has_provider(const struct agent_order *order, const char *import)
{
	for (size_t p = 0; p < order->n_imports; p++)
		if (str_equal(order->imports[p]->import, import))
			return true;
	return false;
}

/* It was started when the provider left: what starts afterwards gets what there is. */
static bool has_stayed(const struct mirrored *m, const struct mirrored *provider)
{
	return m != NULL && str_equal(m->state, "deployed-started") &&
	       m->came_ms <= provider->left.at_ms;
}

/* The provider was there for so long that no order from before is on its way to that zhost. */
static bool has_been_told(const struct fuzz *f, const struct sim_machine *n,
			  const struct mirrored *provider)
{
	int64_t age_ms = world_instant(&f->world).wall_ms - provider->came_ms;
	return provider->left.at_ms - provider->came_ms > COMMIT_MAX_MS &&
	       reach_since(f, n) <= f->world.now_ms - age_ms;
}

void check_patience_update(struct fuzz *f, const struct sim_machine *n,
			   const struct agent_order *order)
{
	const struct submitted *s = fuzz_submitted(f, order->key->topology);
	int index = s != NULL ? names_find(s->topology, order->key->path) : -1;
	const struct mirrored *slot =
		index >= 0 ? mirror_find(f, s->id, order->key->path) : NULL;
	/* One beside the copy that serves may be of a revision in which nothing was known of that provider. */
	if (order->kind != ACTION_UPDATE || slot == NULL || slot->record == NULL ||
	    fuzz_has_other_members(f, s) || slot->record->serving != order->key->epoch)
		return;
	const struct space *space = instance_space(s->topology, (unsigned)index);
	struct family y = family_of(f, s);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		struct providers p = providers_of(&y, (unsigned)index, import);
		if (!p.any_started && !has_provider(order, import->from) && p.last != NULL &&
		    has_been_told(f, n, p.last) && has_stayed(y.members[index], p.last) &&
		    by_patience(f, import, &p, world_instant(&f->world).wall_ms) == STAY_MAY)
			world_violate(&f->world,
				      "%s/%s is updated on %s without %s, whose patience lasts",
				      s->name, order->key->path, n->name, import->from);
	}
	free(y.members);
}
