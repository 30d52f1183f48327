/*
 * Strings as small numbers: one number for each distinct string, with counted references;
 * numbers are reused. Comparing two strings is then comparing two numbers.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_SYMBOL_H
#define SAMOZA_CORE_PLACE_STATE_SYMBOL_H

#include <stdint.h>

#include "base/vector.h"
#include "core/place/state/map.h"

#define SYMBOL_NONE UINT32_MAX

struct symbol {
	char *text; /* NULL: free */
	uint64_t hash;
	uint32_t references;
	uint32_t next; /* of the same hash chain, or of the free list */
};

struct symbols {
	VECTOR(struct symbol) list;
	struct map heads;   /* hash -> first of its chain */
	uint32_t free_head; /* + 1; 0: none */
};

void symbols_done(struct symbols *s);
/* Takes a reference. */
uint32_t symbol_take(struct symbols *s, const char *text);
/* SYMBOL_NONE when the string has no number. */
uint32_t symbol_find(const struct symbols *s, const char *text);
void symbol_drop(struct symbols *s, uint32_t symbol);
static inline const char *symbol_text(const struct symbols *s, uint32_t symbol)
{
	return s->list.items[symbol].text;
}

#endif
