/* What each instance went through, out of the committed events. */

#include "zsim/scenario/history.h"

#include "base/hash.h"
#include "base/str.h"
#include "zsim/world/world.h"

struct instance_history {
	char *key;	       /* "TOPOLOGY-ID/PATH" */
	VECTOR(char *) states; /* since the last trace, with the one in which that ended */
	uint64_t started;
	UT_hash_handle hh;
};

struct history {
	struct instance_history *instances;
	size_t followed;
	uint32_t moves; /* since the last question */
};

struct history *history_new(void)
{
	return mem_new(struct history);
}

static void clear(struct instance_history *i)
{
	vector_for_each (&i->states, state)
		free(*state);
	vector_clear(&i->states);
}

void history_free(struct history *h)
{
	if (h == NULL)
		return;
	struct instance_history *i = NULL;
	struct instance_history *next = NULL;
	HASH_ITER (hh, h->instances, i, next) {
		HASH_DELETE(hh, h->instances, i);
		clear(i);
		vector_done(&i->states);
		free(i->key);
		free(i);
	}
	free(h);
}

static struct instance_history *find(const struct history *h, const char *topology,
				     const char *path)
{
	CLEANUP(freep) char *key = str_printf("%s/%s", topology, path);
	struct instance_history *i = NULL;
	HASH_FIND_STR(h->instances, key, i);
	return i;
}

static struct instance_history *find_or_add(struct history *h, const char *topology,
					    const char *path)
{
	struct instance_history *i = find(h, topology, path);
	if (i != NULL)
		return i;
	i = mem_new(struct instance_history);
	i->key = str_printf("%s/%s", topology, path);
	HASH_ADD_KEYPTR(hh, h->instances, i->key, strlen(i->key), i);
	return i;
}

/* A successor has a place; recovery is not meant, nor is the end of a handover that failed. */
static bool is_move(const Samoza__V1__EventRecord *e)
{
	return strcmp(e->kind, "placement") == 0 && e->from != NULL && e->to != NULL &&
	       e->cause != NULL && strcmp(e->cause, "placed") != 0 &&
	       !str_has_prefix(e->cause, "re-placed") &&
	       !str_has_prefix(e->cause, "it stays on ");
}

void history_follow(struct history *h, const struct world *w)
{
	for (; h->followed < w->disk.events.count; h->followed++) {
		const Samoza__V1__EventRecord *e = w->disk.events.items[h->followed];
		const char *slash = strchr(e->subject, '/');
		h->moves += is_move(e);
		if (strcmp(e->kind, "space") != 0 || slash == NULL || e->topology == NULL ||
		    e->to == NULL)
			continue;
		struct instance_history *i = find_or_add(h, e->topology, slash + 1);
		if (i->states.count == 0 && e->from != NULL)
			vector_push(&i->states, mem_strdup(e->from));
		vector_push(&i->states, mem_strdup(e->to));
		if (strcmp(e->to, "deployed-started") == 0)
			i->started = h->followed + 1;
	}
}

char *history_trace(struct history *h, const char *topology, const char *path, const char *now)
{
	struct instance_history *i = find_or_add(h, topology, path);
	if (i->states.count == 0)
		vector_push(&i->states, mem_strdup(now));
	char *text = mem_strdup("");
	vector_for_each (&i->states, state) {
		char *longer = str_printf("%s%s%s", text, text[0] != '\0' ? ", " : "", *state);
		free(text);
		text = longer;
	}
	char *last = steal_ptr(vector_last(&i->states));
	clear(i);
	vector_push(&i->states, last);
	return text;
}

uint32_t history_take_moves(struct history *h)
{
	uint32_t moves = h->moves;
	h->moves = 0;
	return moves;
}

uint64_t history_started(const struct history *h, const char *topology, const char *path)
{
	const struct instance_history *i = find(h, topology, path);
	return i != NULL ? i->started : 0;
}
