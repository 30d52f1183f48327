#include "core/lifecycle/patience.h"

#include "base/check.h"

/* ---- the time of a set ---- */

static int64_t end_ms(const struct provider_loss *lost, uint32_t patience_ms)
{
	int64_t end = lost->at_ms + patience_ms;
	return end > lost->not_before_ms ? end : lost->not_before_ms;
}

/* The earliest end of an import's patience that is still to come. */
static int64_t next_end_ms(const struct provider_set *set)
{
	int64_t now = set->lifecycle->now.mono_ms, next = INT64_MAX;
	for (unsigned left = 0; left < 2; left++) {
		if (!set->lost[left].is_lost)
			continue;
		vector_for_each (&set->patiences, patience) {
			int64_t end = end_ms(&set->lost[left], patience->ms);
			if (end > now && end < next)
				next = end;
		}
	}
	return next;
}

static void set_timer(struct provider_set *set)
{
	struct heap *timers = &set->lifecycle->patience_timers;
	int64_t next = next_end_ms(set);
	if (next == INT64_MAX)
		heap_remove(timers, &set->patience_timer);
	else
		heap_set(timers, &set->patience_timer, next);
}

void patience_provider_left(struct provider_set *set, bool asked)
{
	if (set->started > 1)
		return;
	const struct provider_loss loss = {.is_lost = !asked,
					   .at_ms = set->lifecycle->now.mono_ms};
	for (unsigned left = set->started; left < 2; left++)
		set->lost[left] = loss;
	set_timer(set);
}

void patience_provider_came(struct provider_set *set)
{
	PRE(set->started > 0);
	bool had = set->lost[0].is_lost || set->lost[1].is_lost;
	set->lost[0].is_lost = false;
	if (set->started > 1)
		set->lost[1].is_lost = false;
	if (had)
		set_timer(set);
}

void patience_restore(struct provider_set *set, unsigned left, int64_t at_ms,
		      int64_t not_before_ms)
{
	PRE(left < 2);
	struct provider_loss *lost = &set->lost[left];
	if (set->started > left)
		return;
	if (!lost->is_lost || at_ms < lost->at_ms)
		lost->at_ms = at_ms;
	lost->is_lost = true;
	lost->not_before_ms = not_before_ms;
	set_timer(set);
}

void patience_continue(struct provider_set *set, const struct provider_loss lost[2],
		       int64_t timer_ms, uint64_t order)
{
	struct heap *timers = &set->lifecycle->patience_timers;
	for (unsigned left = 0; left < 2; left++)
		set->lost[left] = lost[left];
	if (timer_ms == INT64_MAX)
		heap_remove(timers, &set->patience_timer);
	else
		heap_restore(timers, &set->patience_timer, timer_ms, order);
}

/* ---- imports ---- */

int64_t patience_ends_ms(const struct provider_set *set, uint32_t patience_ms,
			 bool counts_itself)
{
	return end_ms(&set->lost[counts_itself], patience_ms);
}

bool patience_lasts(const struct provider_set *set, uint32_t patience_ms, bool counts_itself)
{
	return patience_ms > 0 && set->started <= counts_itself &&
	       set->lost[counts_itself].is_lost &&
	       patience_ends_ms(set, patience_ms, counts_itself) > set->lifecycle->now.mono_ms;
}

/* ---- slots ---- */

static bool is_missing(const struct slot *s, const struct import_decl *import)
{
	const struct provider_set *set = slot_providers(s, import);
	return !import->optional && set->started <= slot_can_provide(s, set);
}

/* One of those that could provide it is on a zhost that is lost, and kept for its return. */
static bool may_return(const struct slot *s, const struct import_decl *import)
{
	vector_for_each (&slot_providers(s, import)->slots, provider)
		if (*provider != s && (*provider)->serving.may_return)
			return true;
	return false;
}

static bool is_awaited(const struct slot *s, const struct import_decl *import)
{
	return s->returned_until_ms > s->set->lifecycle->now.mono_ms && may_return(s, import);
}

const struct import_decl *slot_lost_import(const struct slot *s)
{
	const struct space *space = slot_declared_space(s);
	PRE(s->state == STATE_DEPLOYED_STARTED);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		const struct provider_set *set = slot_providers(s, import);
		if (is_missing(s, import) &&
		    !patience_lasts(set, import->patience_ms, slot_can_provide(s, set)) &&
		    !is_awaited(s, import))
			return import;
	}
	return NULL;
}

bool slot_awaits_return(const struct slot *s)
{
	const struct space *space = slot_declared_space(s);
	if (s->state != STATE_DEPLOYED_STARTED)
		return false;
	for (unsigned k = 0; k < space->import_count; k++)
		if (is_missing(s, &space->imports[k]) && is_awaited(s, &space->imports[k]))
			return true;
	return false;
}

void slot_returned(struct slot *s, int64_t until_ms)
{
	struct lifecycle *l = s->set->lifecycle;
	s->returned_until_ms = until_ms;
	if (until_ms > l->now.mono_ms)
		heap_set(&l->returned_timers, &s->returned_timer, until_ms);
	else
		heap_remove(&l->returned_timers, &s->returned_timer);
}

/* ---- time ---- */

static void push_importers(struct provider_set *set)
{
	struct lifecycle *l = set->lifecycle;
	vector_for_each (&set->importers, importer) {
		vector_for_each (&importer->set->spaces.items[importer->space]->slots, s)
			lifecycle_push(*s);
		l->observer->on_imports_changed(l, importer->set, importer->space);
	}
}

void patience_tick(struct lifecycle *l)
{
	for (struct heap_node *n;
	     (n = heap_first(&l->patience_timers)) != NULL && n->key <= l->now.mono_ms;) {
		struct provider_set *set = container_of(n, struct provider_set, patience_timer);
		set_timer(set);
		push_importers(set);
	}
	for (struct heap_node *n;
	     (n = heap_first(&l->returned_timers)) != NULL && n->key <= l->now.mono_ms;) {
		struct slot *s = container_of(n, struct slot, returned_timer);
		heap_remove(&l->returned_timers, n);
		s->returned_until_ms = 0;
		lifecycle_push(s);
	}
}

int64_t patience_next_ms(const struct lifecycle *l)
{
	const struct heap_node *patience = heap_first(&l->patience_timers);
	const struct heap_node *returned = heap_first(&l->returned_timers);
	int64_t next = patience != NULL ? patience->key : INT64_MAX;
	return returned != NULL && returned->key < next ? returned->key : next;
}

const struct provider_set *patience_first(const struct lifecycle *l)
{
	const struct heap_node *n = heap_first(&l->patience_timers);
	return n != NULL ? container_of(n, struct provider_set, patience_timer) : NULL;
}

const struct slot *patience_first_returned(const struct lifecycle *l)
{
	for (size_t k = 0; k < l->returned_timers.count; k++) {
		const struct heap_node *n = l->returned_timers.nodes[k];
		const struct slot *s = container_of(n, struct slot, returned_timer);
		if (slot_awaits_return(s))
			return s;
	}
	return NULL;
}
