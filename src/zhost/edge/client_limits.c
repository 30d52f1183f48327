#include "zhost/edge/client_limits.h"

#include <utlist.h>

#include "base/hash.h"

/* In thousandths of a unit, so that whole numbers do for a millisecond's worth. Below zero: a debt. */
struct bucket {
	int64_t level;
};

struct client {
	struct client_address network;
	struct bucket requests, bytes;
	int64_t seen_ms;
	UT_hash_handle hh;
	struct client *next, *prev; /* in limits->by_age, the longest away first */
};

struct client_limits {
	struct client_rates rates;
	struct client *clients, *by_age;
};

#define UNIT INT64_C(1000)
/* What may be owed or had at most, so that nothing overflows. */
#define LEVEL_LIMIT (INT64_MAX / 4)

static int64_t full(uint64_t rate)
{
	uint64_t most = (uint64_t)LEVEL_LIMIT / (UNIT * CLIENT_LIMITS_BURST_S);
	return (int64_t)(rate < most ? rate : most) * UNIT * CLIENT_LIMITS_BURST_S;
}

/* `rate` per second is as many thousandths per millisecond. */
static void fill(struct bucket *b, uint64_t rate, int64_t passed_ms)
{
	int64_t room = full(rate) - b->level;
	/* Compared by division: the product may be too large. */
	if (passed_ms >= room / (int64_t)rate)
		b->level = full(rate);
	else
		b->level += passed_ms * (int64_t)rate;
}

static void spend(struct bucket *b, uint64_t units)
{
	uint64_t most = (uint64_t)(b->level + LEVEL_LIMIT) / UNIT;
	b->level -= (int64_t)(units < most ? units : most) * UNIT;
}

/* Until the bucket holds `wanted` thousandths; 0: it does. */
static int64_t until(const struct bucket *b, uint64_t rate, int64_t wanted)
{
	if (b->level >= wanted)
		return 0;
	return (wanted - b->level + (int64_t)rate - 1) / (int64_t)rate;
}

static void forget(struct client_limits *limits, struct client *c)
{
	HASH_DEL(limits->clients, c);
	DL_DELETE(limits->by_age, c);
	free(c);
}

static struct client *add(struct client_limits *limits, const struct client_address *network,
			  int64_t now_ms)
{
	if (HASH_COUNT(limits->clients) >= CLIENT_LIMITS_MAX)
		forget(limits, limits->by_age);
	struct client *c = mem_new(struct client);
	c->network = *network;
	c->seen_ms = now_ms;
	c->requests.level = full(limits->rates.requests);
	c->bytes.level = full(limits->rates.bytes);
	HASH_ADD(hh, limits->clients, network, sizeof(c->network), c);
	DL_APPEND(limits->by_age, c);
	return c;
}

/* With its buckets as they are now. */
static struct client *seen(struct client_limits *limits, const struct client_address *who,
			   int64_t now_ms)
{
	struct client_address network = client_address_network(who);
	struct client *c;
	HASH_FIND(hh, limits->clients, &network, sizeof(network), c);
	if (c == NULL)
		return add(limits, &network, now_ms);
	int64_t passed_ms = now_ms - c->seen_ms;
	if (limits->rates.requests > 0)
		fill(&c->requests, limits->rates.requests, passed_ms);
	if (limits->rates.bytes > 0)
		fill(&c->bytes, limits->rates.bytes, passed_ms);
	c->seen_ms = now_ms;
	DL_DELETE(limits->by_age, c);
	DL_APPEND(limits->by_age, c);
	return c;
}

int64_t client_limits_take(struct client_limits *limits, const struct client_address *who,
			   int64_t now_ms)
{
	const struct client_rates *rates = &limits->rates;
	struct client *c = seen(limits, who, now_ms);
	int64_t requests_ms =
		rates->requests > 0 ? until(&c->requests, rates->requests, UNIT) : 0;
	int64_t bytes_ms = rates->bytes > 0 ? until(&c->bytes, rates->bytes, 0) : 0;
	if (requests_ms > 0 || bytes_ms > 0)
		return requests_ms > bytes_ms ? requests_ms : bytes_ms;
	spend(&c->requests, rates->requests > 0 ? 1 : 0);
	return 0;
}

void client_limits_charge(struct client_limits *limits, const struct client_address *who,
			  uint64_t bytes, int64_t now_ms)
{
	if (limits->rates.bytes > 0)
		spend(&seen(limits, who, now_ms)->bytes, bytes);
}

size_t client_limits_count(const struct client_limits *limits)
{
	return HASH_COUNT(limits->clients);
}

struct client_limits *client_limits_new(const struct client_rates *rates)
{
	struct client_limits *limits = mem_new(struct client_limits);
	limits->rates = *rates;
	return limits;
}

void client_limits_free(struct client_limits *limits)
{
	if (limits == NULL)
		return;
	while (limits->by_age != NULL)
		forget(limits, limits->by_age);
	free(limits);
}
