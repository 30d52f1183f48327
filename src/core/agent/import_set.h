/*
 * Providers, each of them shared by all that refer to it and never changed: by the list that zrms sent, and by
 * the orders that were made with it. A change of a list puts another one in its place.
 *
 *     agent_list ──► agent_provider ◄── import_set ◄── order of the core
 *                                           ▲
 *                                           └───────── order of a batch that is being committed
 *
 * Without that, 2,000 importers of 2,000 providers that start hold 4 million copies of them.
 */
#ifndef SAMOZA_CORE_AGENT_IMPORT_SET_H
#define SAMOZA_CORE_AGENT_IMPORT_SET_H

#include <stddef.h>
#include <stdint.h>

#include "proto/wire.pb-c.h"

struct agent_provider {
	unsigned references;
	Samoza__V1__Provider *provider; /* owned */
	/* What it makes of the hash of those before it: hash * factor + sum. */
	uint64_t factor, sum;
};

/* A copy of it, with one reference. */
struct agent_provider *agent_provider_new(const Samoza__V1__Provider *from);
void agent_provider_unref(struct agent_provider *p);
static inline uint64_t agent_provider_hash(const struct agent_provider *p, uint64_t before)
{
	return before * p->factor + p->sum;
}

/* What one action gets. */
struct import_set {
	unsigned references;
	size_t count, capacity;
	struct agent_provider **items;
	Samoza__V1__Provider **providers; /* of `items`; borrowed */
};

/* Empty, with one reference. */
struct import_set *import_set_new(void);
/* Refers to it. PRE: nobody else has the set yet. */
void import_set_add(struct import_set *set, struct agent_provider *p);
struct import_set *import_set_ref(struct import_set *set);
/* NULL is fine. */
void import_set_unref(struct import_set *set);

#endif
