#include "zsim/scenario/availability.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/outbox.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

struct watched {
	const char *name; /* "TOPOLOGY-NAME/PATH", or with the name of a space; borrowed */
	int64_t since_ms; /* unserved; NEVER_MS: it is served */
	int64_t longest_ms;
};

struct availability {
	struct world *world; /* borrowed */
	VECTOR(struct watched) list;
};

static struct watched *find(struct availability *a, const char *name)
{
	vector_for_each (&a->list, w)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

struct availability *availability_new(const Samoza__V1__Scenario *scenario, struct world *w)
{
	struct availability *a = mem_new(struct availability);
	a->world = w;
	for (size_t k = 0; k < scenario->n_steps; k++)
		for (size_t n = 0; n < scenario->steps[k]->n_away; n++) {
			const char *name = scenario->steps[k]->away[n]->key;
			if (find(a, name) == NULL)
				*vector_add(&a->list) =
					(struct watched){.name = name, .since_ms = w->now_ms};
		}
	return a;
}

void availability_free(struct availability *a)
{
	if (a == NULL)
		return;
	vector_done(&a->list);
	free(a);
}

/* "shop/api-2/cache" is one of "shop/api/cache": numbers of instances count for nothing. */
static bool is_of(const char *name, const char *space)
{
	while (*name != '\0' && *name == *space) {
		name++;
		space++;
	}
	if (*name == *space)
		return true; /* both end */
	if (*name != '-' || !isdigit((unsigned char)name[1]) ||
	    (*space != '\0' && *space != '/'))
		return false;
	name++;
	while (isdigit((unsigned char)*name))
		name++;
	return (*name == '\0' || *name == '/') && is_of(name, space);
}

static bool serves(const struct world *w, const struct sim_process *p)
{
	const struct sim_record *r = sim_disk_get(&w->disk, RECORD_SLOT, p->slot);
	Samoza__V1__SlotRecord *slot =
		r != NULL ? samoza__v1__slot_record__unpack(NULL, r->size, r->data) : NULL;
	bool result = slot != NULL && slot->serving == p->epoch &&
		      slot->state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED;
	if (slot != NULL)
		samoza__v1__slot_record__free_unpacked(slot, NULL);
	return result;
}

static bool is_served(const struct world *w, const char *name)
{
	vector_for_each (&w->machines, n)
		for (const struct sim_process *p = (*n)->suspended ? NULL : (*n)->processes;
		     p != NULL; p = p->hh.next)
			if (p->started && !p->killed && is_of(p->name, name) && serves(w, p))
				return true;
	return false;
}

void availability_follow(struct availability *a)
{
	int64_t now_ms = a->world->now_ms;
	vector_for_each (&a->list, w) {
		if (w->since_ms != NEVER_MS && now_ms - w->since_ms > w->longest_ms)
			w->longest_ms = now_ms - w->since_ms;
		if (is_served(a->world, w->name))
			w->since_ms = NEVER_MS;
		else if (w->since_ms == NEVER_MS)
			w->since_ms = now_ms;
	}
}

int64_t availability_take_ms(struct availability *a, const char *name)
{
	struct watched *w = find(a, name);
	PRE(w != NULL);
	int64_t longest_ms = w->longest_ms;
	w->longest_ms = 0;
	if (w->since_ms != NEVER_MS)
		w->since_ms = a->world->now_ms;
	return longest_ms;
}
