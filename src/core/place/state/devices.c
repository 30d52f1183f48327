#include "core/place/state/devices.h"

#include <string.h>

/* Combinations looked at before the answer is "does not fit". */
#define COMBINATIONS_MAX 20000u

bool device_request_accepts(const struct device_request *r, const struct node_device *s)
{
	if (s->kind != r->kind || s->is_capability != r->is_capability)
		return false;
	for (uint32_t i = 0; i < r->model_count; i++) {
		if (r->models[i] == s->model)
			return true;
	}
	return r->model_count == 0;
}

bool device_request_concerns(const struct node_device *devices, uint32_t device_count,
			     const struct device_request *r)
{
	if (!r->is_capability)
		return true;
	for (uint32_t i = 0; i < device_count; i++)
		if (device_request_accepts(r, &devices[i]))
			return true;
	return false;
}

uint32_t devices_free(const struct place_node *node, const struct device_request *r)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < node->device_count; i++)
		count += node->devices[i].free >= r->milli &&
			 device_request_accepts(r, &node->devices[i]);
	return count;
}

/* The fullest device that still fits, not among those `taken` for this request. */
static uint32_t best_device(const struct node_device *devices, const int32_t *free,
			    uint32_t device_count, const struct device_request *r,
			    const uint16_t *taken, uint32_t taken_count)
{
	uint32_t best = DEVICE_NONE;
	for (uint32_t i = 0; i < device_count; i++) {
		if (free[i] < r->milli || !device_request_accepts(r, &devices[i]))
			continue;
		if (best != DEVICE_NONE && free[best] <= free[i])
			continue;
		bool used = false;
		for (uint32_t k = 0; k < taken_count; k++)
			used |= taken[k] == i;
		if (!used)
			best = i;
	}
	return best;
}

static bool fit_one(const struct node_device *devices, uint32_t device_count,
		    const struct device_request *r, uint16_t *ret_devices)
{
	uint32_t found = 0;
	if (!device_request_concerns(devices, device_count, r)) {
		if (ret_devices != NULL)
			ret_devices[0] = DEVICE_NONE;
		return true;
	}
	if (r->count == 1) {
		uint32_t best = DEVICE_NONE;
		for (uint32_t i = 0; i < device_count; i++) {
			if (devices[i].free >= r->milli &&
			    device_request_accepts(r, &devices[i]) &&
			    (best == DEVICE_NONE || devices[i].free < devices[best].free))
				best = i;
		}
		if (best != DEVICE_NONE && ret_devices != NULL)
			ret_devices[0] = (uint16_t)best;
		return best != DEVICE_NONE;
	}
	/* Different devices, so each counts once; the fullest first. */
	if (ret_devices == NULL || r->milli == (int32_t)DEVICE_WHOLE) {
		for (uint32_t i = 0; i < device_count && found < r->count; i++) {
			if (devices[i].free >= r->milli &&
			    device_request_accepts(r, &devices[i])) {
				if (ret_devices != NULL)
					ret_devices[found] = (uint16_t)i;
				found++;
			}
		}
		return found == r->count;
	}
	while (found < r->count) {
		uint32_t best = DEVICE_NONE;
		for (uint32_t i = 0; i < device_count; i++) {
			bool used = devices[i].free < r->milli ||
				    !device_request_accepts(r, &devices[i]);
			for (uint32_t k = 0; k < found && !used; k++)
				used = ret_devices[k] == i;
			if (!used &&
			    (best == DEVICE_NONE || devices[i].free < devices[best].free))
				best = i;
		}
		if (best == DEVICE_NONE)
			return false;
		ret_devices[found++] = (uint16_t)best;
	}
	return true;
}

/* ---- several requests ---- */

struct device_matching {
	const struct node_device *devices;
	uint32_t device_count;
	const struct demand *demand;
	int32_t *free;
	uint32_t *order;  /* requests, hardest first */
	uint32_t *offset; /* of each request in `given` */
	uint16_t *given;
	uint32_t tries;
};

static bool match_greedily(struct device_matching *m)
{
	for (uint32_t i = 0; i < m->demand->request_count; i++) {
		const struct device_request *r = &m->demand->requests[m->order[i]];
		uint16_t *given = m->given + m->offset[m->order[i]];
		if (!device_request_concerns(m->devices, m->device_count, r)) {
			given[0] = DEVICE_NONE;
			continue;
		}
		for (uint32_t k = 0; k < r->count; k++) {
			uint32_t slot =
				best_device(m->devices, m->free, m->device_count, r, given, k);
			if (slot == DEVICE_NONE)
				return false;
			given[k] = (uint16_t)slot;
			m->free[slot] -= r->milli;
		}
	}
	return true;
}

/* Item `k` of request `i` of the order, and all that follow. Items of one request are alike, so
 * their devices ascend. */
static bool match_all(struct device_matching *m, uint32_t i, uint32_t k)
{
	if (i == m->demand->request_count)
		return true;
	const struct device_request *r = &m->demand->requests[m->order[i]];
	if (k == r->count)
		return match_all(m, i + 1, 0);
	uint16_t *given = m->given + m->offset[m->order[i]];
	if (!device_request_concerns(m->devices, m->device_count, r)) {
		given[0] = DEVICE_NONE;
		return match_all(m, i + 1, 0);
	}
	for (uint32_t s = k == 0 ? 0 : given[k - 1] + 1u; s < m->device_count; s++) {
		if (m->free[s] < r->milli || !device_request_accepts(r, &m->devices[s]))
			continue;
		if (m->tries++ >= COMBINATIONS_MAX)
			return false;
		m->free[s] -= r->milli;
		given[k] = (uint16_t)s;
		if (match_all(m, i, k + 1))
			return true;
		m->free[s] += r->milli;
	}
	return false;
}

static uint32_t choices(const struct device_matching *m, uint32_t request)
{
	const struct device_request *r = &m->demand->requests[request];
	uint32_t count = 0;
	for (uint32_t s = 0; s < m->device_count; s++)
		count += m->devices[s].free >= r->milli &&
			 device_request_accepts(r, &m->devices[s]);
	return count;
}

/* Insertion sort: fewest choices to spare first, larger amounts first, then as declared. */
static void order_requests(struct device_matching *m)
{
	for (uint32_t i = 0; i < m->demand->request_count; i++) {
		uint32_t at = i;
		const struct device_request *r = &m->demand->requests[i];
		int64_t spare = (int64_t)choices(m, i) - r->count;
		while (at > 0) {
			const struct device_request *b = &m->demand->requests[m->order[at - 1]];
			int64_t other = (int64_t)choices(m, m->order[at - 1]) - b->count;
			if (other < spare || (other == spare && b->milli >= r->milli))
				break;
			m->order[at] = m->order[at - 1];
			at--;
		}
		m->order[at] = i;
	}
}

static void free_reset(struct device_matching *m)
{
	for (uint32_t i = 0; i < m->device_count; i++)
		m->free[i] = m->devices[i].free;
}

static bool fit_several(const struct node_device *devices, uint32_t device_count,
			const struct demand *d, uint16_t *ret_devices)
{
	struct device_matching m = {
		.devices = devices, .device_count = device_count, .demand = d};
	uint32_t *numbers =
		mem_new_array(uint32_t, device_count + 2 * (size_t)d->request_count +
						d->device_total / 2 + 1);
	m.free = (int32_t *)numbers;
	m.order = numbers + device_count;
	m.offset = m.order + d->request_count;
	m.given = (uint16_t *)(m.offset + d->request_count);
	for (uint32_t i = 1; i < d->request_count; i++)
		m.offset[i] = m.offset[i - 1] + d->requests[i - 1].count;
	free_reset(&m);
	order_requests(&m);
	bool fits = match_greedily(&m);
	if (!fits) {
		free_reset(&m);
		fits = match_all(&m, 0, 0);
	}
	if (fits && ret_devices != NULL)
		memcpy(ret_devices, m.given, d->device_total * sizeof(*ret_devices));
	free(numbers);
	return fits;
}

/* ---- as far as they go ---- */

static void take_named(struct device_matching *m)
{
	const struct demand *d = m->demand;
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->request_count && at < d->device_total; i++) {
		for (uint32_t k = 0; k < d->requests[i].count; k++, at++) {
			if (m->given[at] < m->device_count)
				m->free[m->given[at]] -= d->requests[i].milli;
		}
	}
}

static void fill_request(struct device_matching *m, uint32_t request)
{
	const struct device_request *r = &m->demand->requests[request];
	uint16_t *given = m->given + m->offset[request];
	for (uint32_t k = 0; k < r->count; k++) {
		if (given[k] != DEVICE_NONE)
			continue;
		uint32_t best =
			best_device(m->devices, m->free, m->device_count, r, given, r->count);
		if (best == DEVICE_NONE)
			return;
		given[k] = (uint16_t)best;
		m->free[best] -= r->milli;
	}
}

bool devices_fit(const struct node_device *devices, uint32_t device_count,
		 const struct demand *d, uint16_t *ret_devices)
{
	if (d->too_many_devices)
		return false;
	if (d->request_count == 1)
		return (d->requests[0].is_capability || d->requests[0].count <= device_count) &&
		       fit_one(devices, device_count, &d->requests[0], ret_devices);
	for (uint32_t i = 0; i < d->request_count; i++) {
		if (!d->requests[i].is_capability && d->requests[i].count > device_count)
			return false;
	}
	return fit_several(devices, device_count, d, ret_devices);
}

void devices_fill(const struct node_device *devices, uint32_t device_count,
		  const struct demand *d, uint16_t *given)
{
	struct device_matching m = {
		.devices = devices, .device_count = device_count, .demand = d};
	m.free = mem_new_array(int32_t, device_count + 2 * (size_t)d->request_count + 1);
	m.order = (uint32_t *)(m.free + device_count);
	m.offset = m.order + d->request_count;
	m.given = given;
	for (uint32_t i = 1; i < d->request_count; i++)
		m.offset[i] = m.offset[i - 1] + d->requests[i - 1].count;
	free_reset(&m);
	order_requests(&m);
	take_named(&m);
	for (uint32_t i = 0; i < d->request_count && d->device_total > 0; i++)
		fill_request(&m, m.order[i]);
	free(m.free);
}

void devices_apply(struct place_node *node, const struct demand *d, const uint16_t *devices,
		   int32_t sign)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->request_count && at < d->device_total; i++) {
		uint32_t count = d->requests[i].count;
		for (uint32_t k = 0; k < count && at < d->device_total; k++, at++) {
			if (devices[at] < node->device_count)
				node->devices[devices[at]].free += sign * d->requests[i].milli;
		}
	}
}
