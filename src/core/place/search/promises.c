#include "core/place/search/promises.h"

#include "core/place/search/moves.h"
#include "core/place/state/labels.h"
#include "core/place/state/view.h"

/* How many instances of the group are in one unit of the kind. */
static uint32_t count_members(const struct unit_kind *k, uint32_t group)
{
	for (uint32_t i = 0; i < k->need->member_count; i++)
		if (k->need->members[i].group == group)
			return k->need->members[i].count;
	return 0;
}

static bool is_known(const struct promises *all, struct unit_search *s,
		     const struct affinity_term *t, uint32_t domain)
{
	vector_for_each (&all->open, q) {
		s->steps++;
		if (q->group == t->group && q->column == t->column && q->domain == domain)
			return true;
	}
	return false;
}

/* With its own space an instance is satisfied as the only one. */
static void collect_term(struct promises *all, struct unit_search *s, struct unit_kind *k,
			 const struct affinity_term *t)
{
	const struct place *p = s->place;
	if (t->kind != TERM_REQUIRE || t->self || t->own > 0)
		return;
	for (uint32_t i = 0; i < k->placed && !search_is_over(s); i++) {
		uint32_t domain = domain_of(p, t->column, k->units[i]->zhost);
		s->steps++;
		if (counts_get(&p->counters.items[t->counter].counts, domain) == 0 &&
		    !is_known(all, s, t, domain))
			vector_push(&all->open, ((struct promise){.group = t->group,
								  .column = t->column,
								  .domain = domain,
								  .kind = k,
								  .unit = k->units[i]}));
	}
}

void promises_collect(struct promises *all, struct unit_search *s)
{
	vector_clear(&all->open);
	for (uint32_t k = 0; k < s->kind_count; k++)
		for (uint32_t i = 0; i < s->kinds[k].need->required_count; i++)
			collect_term(all, s, &s->kinds[k], &s->kinds[k].need->terms[i]);
}

static bool keeps(const struct place *p, const struct promise *q, uint32_t zhost)
{
	return domain_of(p, q->column, zhost) == q->domain;
}

bool promises_allow(const struct promises *all, struct unit_search *s,
		    const struct unit_kind *k, uint32_t zhost)
{
	const struct place *p = s->place;
	vector_for_each (&all->open, q) {
		s->steps++;
		uint32_t members = count_members(k, q->group);
		if (members > 0 && p->groups.items[q->group].pending <= members &&
		    !keeps(p, q, zhost))
			return false;
	}
	return true;
}

bool promises_kept_by(const struct promises *all, struct unit_search *s,
		      const struct unit_kind *k, uint32_t zhost)
{
	vector_for_each (&all->open, q) {
		s->steps++;
		if (count_members(k, q->group) > 0 && keeps(s->place, q, zhost))
			return true;
	}
	return false;
}

/* Where the domain is the zhost it is the only one. */
static bool can_keep(struct unit_search *s, const struct promise *q, const struct unit_kind *k)
{
	struct place *p = s->place;
	struct view view;
	view_open(&view, p, k->request);
	s->steps++;
	bool found = search_can_take(p, k, q->unit->zhost);
	for (uint32_t rank = 0; rank < p->by_name.count && !found && !search_is_over(s);
	     rank++) {
		uint32_t zhost = p->by_name.items[rank];
		s->steps++;
		found = keeps(p, q, zhost) && search_can_take(p, k, zhost);
	}
	view_close(&view);
	return found;
}

const struct promise *promises_find_broken(const struct promises *all, struct unit_search *s,
					   struct unit_kind **ret_awaited)
{
	vector_for_each (&all->open, q) {
		bool kept = false;
		*ret_awaited = NULL;
		for (uint32_t k = 0; k < s->kind_count && !kept; k++) {
			s->steps++;
			if (s->kinds[k].placed == s->kinds[k].unit_count ||
			    count_members(&s->kinds[k], q->group) == 0)
				continue;
			if (*ret_awaited == NULL)
				*ret_awaited = &s->kinds[k];
			kept = can_keep(s, q, &s->kinds[k]);
		}
		if (search_is_over(s))
			return NULL;
		if (!kept)
			return q;
	}
	return NULL;
}

void promises_done(struct promises *all)
{
	vector_done(&all->open);
}
