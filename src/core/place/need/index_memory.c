#include "core/place/need/index_memory.h"

/* All indexes together; one takes some 30 bytes for each zhost. */
#define INDEX_BYTES_MAX ((size_t)48 << 20)

static void unlink_index(struct place *p, struct node_index *x)
{
	if (x->newer != NULL)
		x->newer->older = x->older;
	else
		p->newest = x->older;
	if (x->older != NULL)
		x->older->newer = x->newer;
	else
		p->oldest = x->newer;
	x->newer = x->older = NULL;
	x->linked = false;
}

void index_touch(struct place *p, struct node_index *x)
{
	if (p->newest == x)
		return;
	if (x->linked)
		unlink_index(p, x);
	x->older = p->newest;
	if (x->older != NULL)
		x->older->newer = x;
	else
		p->oldest = x;
	p->newest = x;
	x->linked = true;
}

void index_clear(struct place *p, struct node_index *x)
{
	tournament_done(&x->tournament);
	free(x->zhosts);
	free(x->positions);
	free(x->columns);
	free(x->cells);
	free(x->cell_of);
	x->zhosts = x->positions = x->columns = x->cell_of = NULL;
	x->cells = NULL;
	x->count = x->column_count = x->cell_count = 0;
	p->index_bytes -= x->bytes;
	x->bytes = 0;
}

void index_built(struct place *p, struct node_index *x)
{
	p->index_bytes += x->bytes;
	while (p->index_bytes > INDEX_BYTES_MAX && p->oldest != x) {
		struct node_index *oldest = p->oldest;
		unlink_index(p, oldest);
		index_clear(p, oldest);
	}
}

void index_free(struct place *p, struct node_index *x)
{
	if (x == NULL)
		return;
	if (x->linked)
		unlink_index(p, x);
	index_clear(p, x);
	minimums_done(&x->minimums);
	free(x);
}

struct node_index *index_new(const struct demand *d, struct need *n)
{
	struct node_index *x = mem_new(struct node_index);
	*x = (struct node_index){.demand = d, .need = n};
	return x;
}
