#include "core/place/state/labels.h"

static uint32_t column_value(struct place *p, struct label_column *c, const char *text)
{
	uint32_t symbol = symbol_take(&p->symbols, text);
	uint32_t *found = map_find(&c->values, symbol);
	if (found != NULL) {
		symbol_drop(&p->symbols, symbol);
		return *found;
	}
	/* Keeps the reference: value numbers live as long as the column. */
	uint32_t value = (uint32_t)c->value_texts.count;
	vector_push(&c->value_texts, symbol);
	map_put(&c->values, symbol, value);
	return value;
}

static void column_fill(struct place *p, struct label_column *c, uint32_t zhost)
{
	if (zhost >= c->of_size) {
		uint32_t size = zhost + zhost / 2 + 64;
		c->of = mem_resize(c->of, size, sizeof(*c->of));
		for (uint32_t i = c->of_size; i < size; i++)
			c->of[i] = DOMAIN_NONE;
		c->of_size = size;
	}
	const struct place_node *node = node_at(p, zhost);
	const char *value = node->known ? label_set_find(&node->description->labels,
							 symbol_text(&p->symbols, c->label))
					: NULL;
	c->of[zhost] = value != NULL ? column_value(p, c, value) : DOMAIN_NONE;
}

uint32_t column_take(struct place *p, const char *label)
{
	uint32_t symbol = symbol_take(&p->symbols, label);
	uint32_t unused = UINT32_MAX;
	for (uint32_t i = 0; i < p->columns.count; i++) {
		struct label_column *c = &p->columns.items[i];
		if (c->references == 0) {
			unused = i;
		} else if (c->label == symbol) {
			symbol_drop(&p->symbols, symbol);
			c->references++;
			return i;
		}
	}
	if (unused == UINT32_MAX) {
		unused = (uint32_t)p->columns.count;
		(void)vector_add(&p->columns);
	}
	struct label_column *c = &p->columns.items[unused];
	*c = (struct label_column){.label = symbol, .references = 1};
	for (uint32_t i = 0; i < p->nodes.count; i++)
		column_fill(p, c, i);
	return unused;
}

static void column_done(struct place *p, struct label_column *c)
{
	symbol_drop(&p->symbols, c->label);
	vector_for_each (&c->value_texts, symbol)
		symbol_drop(&p->symbols, *symbol);
	vector_done(&c->value_texts);
	map_done(&c->values);
	free(c->of);
	*c = (struct label_column){0};
}

void column_drop(struct place *p, uint32_t column)
{
	struct label_column *c = &p->columns.items[column];
	PRE(c->references > 0);
	if (--c->references == 0)
		column_done(p, c);
}

void columns_update(struct place *p, uint32_t zhost)
{
	vector_for_each (&p->columns, c) {
		if (c->references > 0)
			column_fill(p, c, zhost);
	}
}

void columns_forget(struct place *p, uint32_t zhost)
{
	vector_for_each (&p->columns, c) {
		if (c->references > 0)
			c->of[zhost] = DOMAIN_NONE;
	}
}

const char *domain_text(const struct place *p, uint32_t column, uint32_t domain)
{
	if (column == SCOPE_ZHOST)
		return node_name(p, domain);
	return symbol_text(&p->symbols, p->columns.items[column].value_texts.items[domain]);
}

void columns_done(struct place *p)
{
	vector_for_each (&p->columns, c) {
		if (c->references > 0)
			column_done(p, c);
	}
	vector_done(&p->columns);
}
