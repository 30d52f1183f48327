#include "core/place/state/tournament.h"

#include "base/memory.h"

void tournament_init(struct tournament *t, uint32_t count)
{
	uint32_t base = 1;
	while (base < count)
		base *= 2;
	*t = (struct tournament){.keys = mem_new_array(uint64_t, 2 * (size_t)base),
				 .base = base};
}

void tournament_done(struct tournament *t)
{
	free(t->keys);
	*t = (struct tournament){0};
}

size_t tournament_bytes(const struct tournament *t)
{
	return 2 * (size_t)t->base * sizeof(*t->keys);
}

void tournament_build(struct tournament *t)
{
	for (uint32_t i = t->base - 1; i >= 1; i--) {
		uint64_t a = t->keys[2 * i], b = t->keys[2 * i + 1];
		t->keys[i] = a >= b ? a : b;
	}
}

void tournament_set(struct tournament *t, uint32_t position, uint64_t key)
{
	uint32_t i = t->base + position;
	if (t->keys[i] == key)
		return;
	t->keys[i] = key;
	while (i > 1) {
		i /= 2;
		uint64_t a = t->keys[2 * i], b = t->keys[2 * i + 1];
		uint64_t best = a >= b ? a : b;
		if (t->keys[i] == best)
			return;
		t->keys[i] = best;
	}
}

/* The first leaf below `node` with the node's key. */
static uint32_t descend(const struct tournament *t, uint32_t node)
{
	while (node < t->base)
		node = t->keys[2 * node] == t->keys[node] ? 2 * node : 2 * node + 1;
	return node - t->base;
}

uint32_t tournament_best(const struct tournament *t)
{
	return t->keys[1] == 0 ? POSITION_NONE : descend(t, 1);
}

uint32_t tournament_best_within(const struct tournament *t, uint32_t begin, uint32_t end)
{
	uint32_t left = 0, right = 0; /* the best nodes, from the left and from the right */
	uint64_t left_key = 0, right_key = 0;
	for (uint32_t l = begin + t->base, r = end + t->base; l < r; l /= 2, r /= 2) {
		if (l % 2 == 1) {
			if (t->keys[l] > left_key) {
				left = l;
				left_key = t->keys[l];
			}
			l++;
		}
		if (r % 2 == 1) {
			r--;
			if (t->keys[r] >= right_key) {
				right = r;
				right_key = t->keys[r];
			}
		}
	}
	if (left_key == 0 && right_key == 0)
		return POSITION_NONE;
	return descend(t, left_key >= right_key ? left : right);
}

struct quest {
	const struct tournament *t;
	bool (*skip)(void *user, uint32_t position);
	void *user;
	uint64_t best;
	uint32_t position;
};

static void look(struct quest *q, uint32_t node, uint32_t first, uint32_t width)
{
	uint64_t key = q->t->keys[node];
	if (key == 0 || key < q->best || (key == q->best && first > q->position))
		return;
	if (width == 1) {
		if (!q->skip(q->user, first)) {
			q->best = key;
			q->position = first;
		}
		return;
	}
	uint32_t half = width / 2;
	if (q->t->keys[2 * node] >= q->t->keys[2 * node + 1]) {
		look(q, 2 * node, first, half);
		look(q, 2 * node + 1, first + half, half);
	} else {
		look(q, 2 * node + 1, first + half, half);
		look(q, 2 * node, first, half);
	}
}

uint32_t tournament_best_but(const struct tournament *t,
			     bool (*skip)(void *user, uint32_t position), void *user)
{
	struct quest q = {t, skip, user, 0, POSITION_NONE};
	look(&q, 1, 0, t->base);
	return q.position;
}
