#include "core/place/state/symbol.h"

#include "base/check.h"
#include "base/str.h"

void symbols_done(struct symbols *s)
{
	vector_for_each (&s->list, symbol)
		free(symbol->text);
	vector_done(&s->list);
	map_done(&s->heads);
	s->free_head = 0;
}

/* A key of the map may not be all ones. */
static uint64_t text_hash(const char *text)
{
	return str_hash(text) >> 1;
}

uint32_t symbol_find(const struct symbols *s, const char *text)
{
	const uint32_t *head = map_find(&s->heads, text_hash(text));
	for (uint32_t i = head != NULL ? *head : SYMBOL_NONE; i != SYMBOL_NONE;
	     i = s->list.items[i].next) {
		if (strcmp(s->list.items[i].text, text) == 0)
			return i;
	}
	return SYMBOL_NONE;
}

uint32_t symbol_take(struct symbols *s, const char *text)
{
	uint32_t index = symbol_find(s, text);
	if (index != SYMBOL_NONE) {
		s->list.items[index].references++;
		return index;
	}
	if (s->free_head != 0) {
		index = s->free_head - 1;
		s->free_head = s->list.items[index].next;
	} else {
		index = (uint32_t)s->list.count;
		(void)vector_add(&s->list);
	}
	uint64_t hash = text_hash(text);
	const uint32_t *head = map_find(&s->heads, hash);
	s->list.items[index] = (struct symbol){.text = mem_strdup(text),
					       .hash = hash,
					       .references = 1,
					       .next = head != NULL ? *head : SYMBOL_NONE};
	map_put(&s->heads, hash, index);
	return index;
}

void symbol_drop(struct symbols *s, uint32_t symbol)
{
	struct symbol *dropped = &s->list.items[symbol];
	PRE(dropped->references > 0);
	if (--dropped->references > 0)
		return;
	uint32_t *head = map_find(&s->heads, dropped->hash);
	INVARIANT(head != NULL);
	if (*head == symbol) {
		if (dropped->next == SYMBOL_NONE)
			map_remove(&s->heads, dropped->hash);
		else
			*head = dropped->next;
	} else {
		uint32_t before = *head;
		while (s->list.items[before].next != symbol)
			before = s->list.items[before].next;
		s->list.items[before].next = dropped->next;
	}
	free(dropped->text);
	*dropped = (struct symbol){.next = s->free_head};
	s->free_head = symbol + 1;
}
