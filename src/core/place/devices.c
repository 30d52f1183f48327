/*
 * Devices of one zhost. A share fits on one device that has as much free; whole ones must be
 * free altogether; the `count` devices of one ask are different ones.
 *
 *   asks      2 x gpu whole, 1 x gpu 300m of model T4
 *   slots     [T4 1000] [T4 450] [V100 1000] [V100 1000]
 *   given           share: T4 450 (best fit)   whole: the V100s (the T4 is of more use to
 * others)
 *
 * One ask is settled by looking. Several are first tried greedily, those with fewer slots to
 * choose from first; only if that fails every combination is tried, within a bound.
 */
#include "core/place/engine.h"

/* Combinations looked at before the answer is "does not fit". */
#define COMBINATIONS_MAX 20000u

bool ask_accepts(const struct ask *a, const struct slot *s)
{
	if (s->kind != a->kind)
		return false;
	for (uint32_t i = 0; i < a->model_count; i++) {
		if (a->models[i] == s->model)
			return true;
	}
	return a->model_count == 0;
}

uint32_t devices_free(const struct zhost *z, const struct ask *a)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < z->slot_count; i++)
		count += z->slots[i].free >= a->milli && ask_accepts(a, &z->slots[i]);
	return count;
}

/* The fullest slot that still fits, not among the `taken` of this ask. */
static uint32_t best_slot(const struct slot *slots, const int32_t *free, uint32_t slot_count,
			  const struct ask *a, const uint16_t *taken, uint32_t taken_count)
{
	uint32_t best = SLOT_NONE;
	for (uint32_t i = 0; i < slot_count; i++) {
		if (free[i] < a->milli || !ask_accepts(a, &slots[i]))
			continue;
		if (best != SLOT_NONE && free[best] <= free[i])
			continue;
		bool used = false;
		for (uint32_t k = 0; k < taken_count; k++)
			used |= taken[k] == i;
		if (!used)
			best = i;
	}
	return best;
}

static bool fit_one(const struct slot *slots, uint32_t slot_count, const struct ask *a,
		    uint16_t *ret_slots)
{
	uint32_t found = 0;
	if (a->count == 1) {
		uint32_t best = SLOT_NONE;
		for (uint32_t i = 0; i < slot_count; i++) {
			if (slots[i].free >= a->milli && ask_accepts(a, &slots[i]) &&
			    (best == SLOT_NONE || slots[i].free < slots[best].free))
				best = i;
		}
		if (best != SLOT_NONE && ret_slots != NULL)
			ret_slots[0] = (uint16_t)best;
		return best != SLOT_NONE;
	}
	/* Different devices, so each slot counts once; the fullest first. */
	if (ret_slots == NULL || a->milli == (int32_t)DEVICE_WHOLE) {
		for (uint32_t i = 0; i < slot_count && found < a->count; i++) {
			if (slots[i].free >= a->milli && ask_accepts(a, &slots[i])) {
				if (ret_slots != NULL)
					ret_slots[found] = (uint16_t)i;
				found++;
			}
		}
		return found == a->count;
	}
	while (found < a->count) {
		uint32_t best = SLOT_NONE;
		for (uint32_t i = 0; i < slot_count; i++) {
			bool used = slots[i].free < a->milli || !ask_accepts(a, &slots[i]);
			for (uint32_t k = 0; k < found && !used; k++)
				used = ret_slots[k] == i;
			if (!used && (best == SLOT_NONE || slots[i].free < slots[best].free))
				best = i;
		}
		if (best == SLOT_NONE)
			return false;
		ret_slots[found++] = (uint16_t)best;
	}
	return true;
}

/* ---- several asks ---- */

struct matching {
	const struct slot *slots;
	uint32_t slot_count;
	const struct demand *demand;
	int32_t *free;
	uint32_t *order;  /* asks, hardest first */
	uint32_t *offset; /* of each ask in `given` */
	uint16_t *given;
	uint32_t tries;
};

static bool match_greedily(struct matching *m)
{
	for (uint32_t i = 0; i < m->demand->ask_count; i++) {
		const struct ask *a = &m->demand->asks[m->order[i]];
		uint16_t *given = m->given + m->offset[m->order[i]];
		for (uint32_t k = 0; k < a->count; k++) {
			uint32_t slot =
				best_slot(m->slots, m->free, m->slot_count, a, given, k);
			if (slot == SLOT_NONE)
				return false;
			given[k] = (uint16_t)slot;
			m->free[slot] -= a->milli;
		}
	}
	return true;
}

/* Item `k` of ask `i` of the order, and everything after it. Items of one ask are alike, so
 * their slots ascend. */
static bool match_all(struct matching *m, uint32_t i, uint32_t k)
{
	if (i == m->demand->ask_count)
		return true;
	const struct ask *a = &m->demand->asks[m->order[i]];
	if (k == a->count)
		return match_all(m, i + 1, 0);
	uint16_t *given = m->given + m->offset[m->order[i]];
	for (uint32_t s = k == 0 ? 0 : given[k - 1] + 1u; s < m->slot_count; s++) {
		if (m->free[s] < a->milli || !ask_accepts(a, &m->slots[s]))
			continue;
		if (m->tries++ >= COMBINATIONS_MAX)
			return false;
		m->free[s] -= a->milli;
		given[k] = (uint16_t)s;
		if (match_all(m, i, k + 1))
			return true;
		m->free[s] += a->milli;
	}
	return false;
}

static uint32_t choices(const struct matching *m, uint32_t ask)
{
	const struct ask *a = &m->demand->asks[ask];
	uint32_t count = 0;
	for (uint32_t s = 0; s < m->slot_count; s++)
		count += m->slots[s].free >= a->milli && ask_accepts(a, &m->slots[s]);
	return count;
}

/* Insertion sort: fewest choices to spare first, larger amounts first, then as declared. */
static void order_asks(struct matching *m)
{
	for (uint32_t i = 0; i < m->demand->ask_count; i++) {
		uint32_t at = i;
		const struct ask *a = &m->demand->asks[i];
		int64_t spare = (int64_t)choices(m, i) - a->count;
		while (at > 0) {
			const struct ask *b = &m->demand->asks[m->order[at - 1]];
			int64_t other = (int64_t)choices(m, m->order[at - 1]) - b->count;
			if (other < spare || (other == spare && b->milli >= a->milli))
				break;
			m->order[at] = m->order[at - 1];
			at--;
		}
		m->order[at] = i;
	}
}

static void free_reset(struct matching *m)
{
	for (uint32_t i = 0; i < m->slot_count; i++)
		m->free[i] = m->slots[i].free;
}

static bool fit_several(const struct slot *slots, uint32_t slot_count, const struct demand *d,
			uint16_t *ret_slots)
{
	struct matching m = {.slots = slots, .slot_count = slot_count, .demand = d};
	uint32_t *numbers = mem_new_array(uint32_t, slot_count + 2 * (size_t)d->ask_count +
							    d->device_total / 2 + 1);
	m.free = (int32_t *)numbers;
	m.order = numbers + slot_count;
	m.offset = m.order + d->ask_count;
	m.given = (uint16_t *)(m.offset + d->ask_count);
	for (uint32_t i = 1; i < d->ask_count; i++)
		m.offset[i] = m.offset[i - 1] + d->asks[i - 1].count;
	free_reset(&m);
	order_asks(&m);
	bool fits = match_greedily(&m);
	if (!fits) {
		free_reset(&m);
		fits = match_all(&m, 0, 0);
	}
	if (fits && ret_slots != NULL)
		memcpy(ret_slots, m.given, d->device_total * sizeof(*ret_slots));
	free(numbers);
	return fits;
}

bool devices_fit(const struct slot *slots, uint32_t slot_count, const struct demand *d,
		 uint16_t *ret_slots)
{
	if (d->too_many_devices)
		return false;
	if (d->ask_count == 1)
		return d->asks[0].count <= slot_count &&
		       fit_one(slots, slot_count, &d->asks[0], ret_slots);
	for (uint32_t i = 0; i < d->ask_count; i++) {
		if (d->asks[i].count > slot_count)
			return false;
	}
	return fit_several(slots, slot_count, d, ret_slots);
}

void devices_apply(struct zhost *z, const struct demand *d, const uint16_t *slots, int32_t sign)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->ask_count && at < d->device_total; i++) {
		uint32_t count = d->asks[i].count;
		for (uint32_t k = 0; k < count && at < d->device_total; k++, at++) {
			if (slots[at] < z->slot_count)
				z->slots[slots[at]].free += sign * d->asks[i].milli;
		}
	}
}
