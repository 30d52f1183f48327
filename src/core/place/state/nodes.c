#include "core/place/state/nodes.h"

#include <stdlib.h>
#include <string.h>

struct place_node *node_checked(const struct place *p, uint32_t zhost)
{
	PRE(zhost < p->nodes.count && p->nodes.items[zhost].known);
	return &p->nodes.items[zhost];
}

void node_changed(struct place *p, uint32_t zhost)
{
	if (p->log.count > 4 * p->nodes.count + 1024) {
		p->log_first += p->log.count;
		vector_clear(&p->log);
	}
	struct place_node *node = node_at(p, zhost);
	node->log_position = p->log_first + p->log.count;
	vector_push(&p->log, zhost);
}

/* ---- by name ---- */

static int compare_names(const void *a, const void *b, void *place)
{
	const struct place *p = place;
	return strcmp(node_name(p, *(const uint32_t *)a), node_name(p, *(const uint32_t *)b));
}

static void renumber(struct place *p, size_t first)
{
	for (size_t rank = first; rank < p->by_name.count; rank++)
		node_at(p, p->by_name.items[rank])->rank = (uint32_t)rank;
}

/* Many new ones are sorted in together, a few are inserted where they belong. */
#define INSERTS_MAX 16u

static void insert_by_name(struct place *p, uint32_t zhost)
{
	size_t low = 0, high = p->by_name.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_names(&p->by_name.items[middle], &zhost, p) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	(void)vector_add(&p->by_name);
	memmove(&p->by_name.items[low + 1], &p->by_name.items[low],
		(p->by_name.count - 1 - low) * sizeof(uint32_t));
	p->by_name.items[low] = zhost;
	renumber(p, low);
}

void nodes_rank(struct place *p)
{
	if (p->unranked.count == 0)
		return;
	if (p->unranked.count <= INSERTS_MAX) {
		vector_for_each (&p->unranked, zhost)
			insert_by_name(p, *zhost);
	} else {
		vector_for_each (&p->unranked, zhost)
			vector_push(&p->by_name, *zhost);
		qsort_r(p->by_name.items, p->by_name.count, sizeof(uint32_t), compare_names, p);
		renumber(p, 0);
	}
	vector_clear(&p->unranked);
}

/* ---- made and forgotten ---- */

uint32_t node_new(struct place *p, const char *name)
{
	uint32_t zhost;
	if (p->free_nodes.count > 0) {
		zhost = *vector_last(&p->free_nodes);
		p->free_nodes.count--;
	} else {
		zhost = (uint32_t)p->nodes.count;
		(void)vector_add(&p->nodes);
	}
	struct place_node *node = node_at(p, zhost);
	*node = (struct place_node){.known = true,
				    .name = symbol_take(&p->symbols, name),
				    .first_unit = PLACE_NONE};
	map_put(&p->node_names, node->name, zhost);
	vector_push(&p->unranked, zhost);
	p->layout++;
	return zhost;
}

void node_moved(struct place *p, uint32_t zhost)
{
	struct place_node *node = node_at(p, zhost);
	if (!node->moved)
		vector_push(&p->moved, zhost);
	node->moved = p->has_moved = true;
}

static void forget_regiven(struct place *p, uint32_t zhost)
{
	for (size_t k = 0; node_at(p, zhost)->regiven && k < p->regiven.count; k++)
		if (p->regiven.items[k] == zhost) {
			vector_remove_at(&p->regiven, k);
			node_at(p, zhost)->regiven = false;
		}
}

static void forget_moved(struct place *p, uint32_t zhost)
{
	for (size_t k = 0; node_at(p, zhost)->moved && k < p->moved.count; k++)
		if (p->moved.items[k] == zhost) {
			vector_remove_at(&p->moved, k);
			node_at(p, zhost)->moved = false;
		}
}

void node_drop(struct place *p, uint32_t zhost)
{
	struct place_node *node = node_at(p, zhost);
	PRE(node->unit_count == 0 && node->pinned == NULL && node->description == NULL &&
	    node->devices == NULL);
	forget_moved(p, zhost);
	forget_regiven(p, zhost);
	nodes_rank(p);
	uint32_t rank = node->rank;
	vector_remove_at(&p->by_name, rank);
	renumber(p, rank);
	map_remove(&p->node_names, node->name);
	symbol_drop(&p->symbols, node->name);
	*node = (struct place_node){.log_position = node->log_position,
				    .first_unit = PLACE_NONE};
	p->unmeasured = true;
	p->layout++;
	vector_push(&p->free_nodes, zhost);
}

void nodes_measure(struct place *p)
{
	if (!p->unmeasured)
		return;
	p->unmeasured = false;
	p->cpu_most = p->memory_most = 1;
	vector_for_each (&p->nodes, node) {
		if (!node->known)
			continue;
		if ((double)node->description->cpu_offered > p->cpu_most)
			p->cpu_most = (double)node->description->cpu_offered;
		if ((double)node->description->memory_offered > p->memory_most)
			p->memory_most = (double)node->description->memory_offered;
	}
}

void nodes_done(struct place *p)
{
	vector_done(&p->nodes);
	vector_done(&p->free_nodes);
	vector_done(&p->by_name);
	vector_done(&p->unranked);
	vector_done(&p->log);
	vector_done(&p->noted);
	vector_done(&p->moved);
	vector_done(&p->regiven);
	map_done(&p->node_names);
}
