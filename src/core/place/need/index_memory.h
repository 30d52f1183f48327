/* Memory of the indexes (choose/index.h): made and freed, and the least recently used are
 * dropped when all together take too much. */
#ifndef SAMOZA_CORE_PLACE_NEED_INDEX_MEMORY_H
#define SAMOZA_CORE_PLACE_NEED_INDEX_MEMORY_H

#include "core/place/rule/minimums.h"
#include "core/place/state/tournament.h"

/* Zhosts with equal values of every label that matters to the need. */
struct index_cell {
	uint32_t begin, end; /* positions */
	uint32_t best;	     /* position; POSITION_NONE: none */
	bool stale;	     /* `best` is to be looked up again */
	bool open;	     /* scratch: rule 4 holds for its labels */
};

struct node_index {
	struct node_index *newer, *older; /* by last use */
	bool linked;			  /* it has memory, or had when it was last used */
	const struct demand *demand;
	struct need *need; /* NULL: of the demand alone */
	struct tournament tournament;
	uint32_t count;				       /* 0: its memory was dropped */
	uint64_t layout, versions, log_seen, workload; /* up to which it knows the state */
	uint32_t *zhosts;			       /* position -> zhost */
	uint32_t *positions;			       /* zhost -> position */
	uint32_t *columns;			       /* that its cells are about */
	uint32_t column_count;
	struct index_cell *cells;
	uint32_t cell_count;
	uint32_t *cell_of; /* position -> cell */
	struct spread_minimums minimums;
	size_t bytes;
};

/* Without memory yet. `n`: NULL for one of the demand alone. */
struct node_index *index_new(const struct demand *d, struct need *n);
/* NULL is fine. */
void index_free(struct place *p, struct node_index *x);
/* It is used now. */
void index_touch(struct place *p, struct node_index *x);
/* Drops its memory; it is built again when it is queried. */
void index_clear(struct place *p, struct node_index *x);
/* It has been built and takes x->bytes: others may lose their memory. */
void index_built(struct place *p, struct node_index *x);

#endif
