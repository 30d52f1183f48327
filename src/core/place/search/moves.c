#include "core/place/search/moves.h"

#include "core/place/choose/eligibility.h"
#include "core/place/search/repack.h"
#include "core/place/state/devices.h"
#include "core/place/state/groups.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"

bool search_can_take(struct place *p, const struct unit_kind *k, uint32_t zhost)
{
	if (is_excluded(k->request, zhost) || !fits_but_devices(p, k->need, zhost, OPTIMISTIC))
		return false;
	const struct place_node *node = node_at(p, zhost);
	return k->need->demand->request_count == 0 ||
	       devices_fit(node->devices, node->device_count, k->need->demand, NULL) ||
	       search_repack(p, zhost, k->need->demand, false);
}

static void pend(struct unit_search *s, const struct need *n, int32_t sign)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		group_pend(s->place, n->members[i].group, sign * (int32_t)n->members[i].count);
}

void search_place(struct unit_search *s, struct unit_kind *k, uint32_t zhost)
{
	struct place_unit *u = k->units[k->placed++];
	u->tried = true;
	pend(s, k->need, -1);
	if (k->request->shares_room && unit_at(s->place, k->request->replaces)->zhost == zhost)
		room_join(s->place, u, unit_at(s->place, k->request->replaces));
	unit_attach(s->place, u, zhost, false);
}

void search_unplace(struct unit_search *s, struct unit_kind *k)
{
	struct place_unit *u = k->units[--k->placed];
	unit_detach(s->place, u);
	room_leave(s->place, u);
	pend(s, k->need, 1);
	u->tried = false;
}

void search_unplace_all(struct unit_search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		while (s->kinds[k].placed > 0)
			search_unplace(s, &s->kinds[k]);
	}
}

void search_ended(struct unit_search *s, struct unit_kind *k, struct place_unit *at_the_end)
{
	struct dead_end *d = &s->dead_end;
	uint32_t depth = 0;
	for (uint32_t i = 0; i < s->kind_count; i++)
		depth += s->kinds[i].placed;
	if (d->unit != NULL && d->depth >= depth)
		return;
	if (d->units == NULL) {
		d->units = mem_new_array(struct place_unit *, s->unit_count);
		d->zhosts = mem_new_array(uint32_t, s->unit_count);
	}
	d->depth = 0;
	for (uint32_t i = 0; i < s->kind_count; i++) {
		for (uint32_t u = 0; u < s->kinds[i].placed; u++) {
			d->units[d->depth] = s->kinds[i].units[u];
			d->zhosts[d->depth++] = s->kinds[i].units[u]->zhost;
		}
	}
	d->request = k->request;
	d->unit = at_the_end != NULL ? at_the_end : k->units[k->placed];
	d->at_the_end = at_the_end != NULL;
}
