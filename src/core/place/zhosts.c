/*
 * Zhosts: what they offer, their labels as columns, the order of their names, and the log of
 * changes from which indexes catch up.
 */
#include "core/place/engine.h"

#include "base/str.h"
#include "core/place/wait.h"

struct zhost *zhost_checked(const struct place *p, uint32_t zhost)
{
	PRE(zhost < p->zhosts.count && p->zhosts.items[zhost].known);
	return &p->zhosts.items[zhost];
}

/* ---- changes ---- */

void zhost_changed(struct place *p, uint32_t zhost)
{
	if (p->log.count > 4 * p->zhosts.count + 1024) {
		p->log_first += p->log.count;
		vector_clear(&p->log);
	}
	struct zhost *z = zhost_at(p, zhost);
	z->log_position = p->log_first + p->log.count;
	vector_push(&p->log, zhost);
}

static int compare_ranks(const void *a, const void *b, void *place)
{
	const struct place *p = place;
	return strcmp(zhost_name(p, *(const uint32_t *)a), zhost_name(p, *(const uint32_t *)b));
}

static void renumber(struct place *p, size_t first)
{
	for (size_t rank = first; rank < p->by_name.count; rank++)
		zhost_at(p, p->by_name.items[rank])->rank = (uint32_t)rank;
}

/* Many new ones are sorted in together, a few are put where they belong. */
#define INSERTS_MAX 16u

static void insert_by_name(struct place *p, uint32_t zhost)
{
	size_t low = 0, high = p->by_name.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(zhost_name(p, p->by_name.items[middle]), zhost_name(p, zhost)) < 0)
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

void zhosts_rank(struct place *p)
{
	if (p->unranked.count == 0)
		return;
	if (p->unranked.count <= INSERTS_MAX) {
		vector_for_each (&p->unranked, zhost)
			insert_by_name(p, *zhost);
	} else {
		vector_for_each (&p->unranked, zhost)
			vector_push(&p->by_name, *zhost);
		qsort_r(p->by_name.items, p->by_name.count, sizeof(uint32_t), compare_ranks, p);
		renumber(p, 0);
	}
	vector_clear(&p->unranked);
}

static void rank_remove(struct place *p, uint32_t zhost)
{
	zhosts_rank(p);
	uint32_t rank = zhost_at(p, zhost)->rank;
	vector_remove_at(&p->by_name, rank);
	renumber(p, rank);
}

void zhosts_measure(struct place *p)
{
	if (!p->unmeasured)
		return;
	p->unmeasured = false;
	p->cpu_most = p->memory_most = 1;
	vector_for_each (&p->zhosts, z) {
		if (!z->known)
			continue;
		if ((double)z->about->cpu_offered > p->cpu_most)
			p->cpu_most = (double)z->about->cpu_offered;
		if ((double)z->about->memory_offered > p->memory_most)
			p->memory_most = (double)z->about->memory_offered;
	}
}

/* ---- columns ---- */

static uint32_t column_value(struct place *p, struct column *c, const char *text)
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

static void column_fill(struct place *p, struct column *c, uint32_t zhost)
{
	if (zhost >= c->of_size) {
		uint32_t size = zhost + zhost / 2 + 64;
		c->of = mem_resize(c->of, size, sizeof(*c->of));
		for (uint32_t i = c->of_size; i < size; i++)
			c->of[i] = DOMAIN_NONE;
		c->of_size = size;
	}
	const struct zhost *z = zhost_at(p, zhost);
	const char *value =
		z->known ? label_set_find(&z->about->labels, symbol_text(&p->symbols, c->label))
			 : NULL;
	c->of[zhost] = value != NULL ? column_value(p, c, value) : DOMAIN_NONE;
}

uint32_t column_take(struct place *p, const char *label)
{
	uint32_t symbol = symbol_take(&p->symbols, label);
	uint32_t unused = UINT32_MAX;
	for (uint32_t i = 0; i < p->columns.count; i++) {
		struct column *c = &p->columns.items[i];
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
	struct column *c = &p->columns.items[unused];
	*c = (struct column){.label = symbol, .references = 1};
	for (uint32_t i = 0; i < p->zhosts.count; i++)
		column_fill(p, c, i);
	return unused;
}

static void column_done(struct place *p, struct column *c)
{
	symbol_drop(&p->symbols, c->label);
	vector_for_each (&c->value_texts, symbol)
		symbol_drop(&p->symbols, *symbol);
	vector_done(&c->value_texts);
	map_done(&c->values);
	free(c->of);
	*c = (struct column){0};
}

void column_drop(struct place *p, uint32_t column)
{
	struct column *c = &p->columns.items[column];
	PRE(c->references > 0);
	if (--c->references == 0)
		column_done(p, c);
}

const char *zhost_name(const struct place *p, uint32_t zhost)
{
	return symbol_text(&p->symbols, zhost_at(p, zhost)->name);
}

const char *domain_text(const struct place *p, uint32_t column, uint32_t domain)
{
	if (column == SCOPE_ZHOST)
		return zhost_name(p, domain);
	return symbol_text(&p->symbols, p->columns.items[column].value_texts.items[domain]);
}

/* ---- description ---- */

static void about_free(struct zhost_about *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < a->labels.count; i++) {
		free((void *)a->labels.items[i].name);
		free((void *)a->labels.items[i].value);
	}
	free((void *)a->labels.items);
	for (uint32_t i = 0; i < a->capability_count; i++)
		free((void *)a->capabilities[i]);
	free(a->capabilities);
	for (uint32_t i = 0; i < a->device_count; i++) {
		free((void *)a->devices[i].kind);
		free((void *)a->devices[i].model);
	}
	free(a->devices);
	free(a);
}

static struct zhost_about *about_copy(const struct zhost_spec *spec)
{
	struct zhost_about *a = mem_new(struct zhost_about);
	uint64_t memory = spec->memory_bytes;
	*a = (struct zhost_about){
		.cpu_offered = spec->cpu_millicores,
		.memory_offered = memory < AMOUNT_MAX ? (int64_t)memory : AMOUNT_MAX,
		.capability_count = spec->capability_count,
		.device_count = spec->device_count,
		.latitude = spec->latitude,
		.longitude = spec->longitude,
	};
	struct label *labels = mem_new_array(struct label, spec->labels.count + 1);
	for (unsigned i = 0; i < spec->labels.count; i++)
		labels[i] = (struct label){mem_strdup(spec->labels.items[i].name),
					   mem_strdup(spec->labels.items[i].value)};
	a->labels = (struct label_set){labels, spec->labels.count};
	a->capabilities = mem_new_array(const char *, spec->capability_count + 1);
	for (uint32_t i = 0; i < spec->capability_count; i++)
		a->capabilities[i] = mem_strdup(spec->capabilities[i]);
	a->devices = mem_new_array(struct zhost_device, spec->device_count + 1);
	for (uint32_t i = 0; i < spec->device_count; i++) {
		const struct zhost_device *d = &spec->devices[i];
		a->devices[i] = (struct zhost_device){
			mem_strdup(d->kind), mem_strdup(d->model != NULL ? d->model : ""),
			d->count};
	}
	return a;
}

static bool labels_equal(const struct label_set *a, const struct label_set *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
		    strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	}
	return true;
}

static void slots_done(struct place *p, struct zhost *z)
{
	for (uint32_t i = 0; i < z->slot_count; i++) {
		symbol_drop(&p->symbols, z->slots[i].kind);
		symbol_drop(&p->symbols, z->slots[i].model);
	}
	free(z->slots);
	z->slots = NULL;
	z->slot_count = 0;
}

static void slots_init(struct place *p, struct zhost *z)
{
	uint32_t total = 0;
	for (uint32_t i = 0; i < z->about->device_count; i++) {
		uint32_t room = SLOTS_MAX - total;
		total += z->about->devices[i].count < room ? z->about->devices[i].count : room;
	}
	z->slots = mem_new_array(struct slot, total + 1);
	for (uint32_t i = 0; i < z->about->device_count; i++) {
		const struct zhost_device *d = &z->about->devices[i];
		for (uint32_t k = 0; k < d->count && z->slot_count < total; k++)
			z->slots[z->slot_count++] =
				(struct slot){.kind = symbol_take(&p->symbols, d->kind),
					      .model = symbol_take(&p->symbols, d->model),
					      .free = DEVICE_WHOLE};
	}
}

static bool devices_equal(const struct zhost_about *a, const struct zhost_about *b)
{
	if (a->device_count != b->device_count)
		return false;
	for (uint32_t i = 0; i < a->device_count; i++) {
		if (a->devices[i].count != b->devices[i].count ||
		    strcmp(a->devices[i].kind, b->devices[i].kind) != 0 ||
		    strcmp(a->devices[i].model, b->devices[i].model) != 0)
			return false;
	}
	return true;
}

/* ---- public ---- */

static uint32_t zhost_new(struct place *p, const char *name)
{
	uint32_t zhost;
	if (p->free_zhosts.count > 0) {
		zhost = *vector_last(&p->free_zhosts);
		p->free_zhosts.count--;
	} else {
		zhost = (uint32_t)p->zhosts.count;
		(void)vector_add(&p->zhosts);
	}
	*zhost_at(p, zhost) = (struct zhost){.known = true,
					     .name = symbol_take(&p->symbols, name),
					     .first_unit = PLACE_NONE};
	map_put(&p->zhost_names, zhost_at(p, zhost)->name, zhost);
	vector_push(&p->unranked, zhost);
	p->layout++;
	return zhost;
}

static double scale_of(int64_t offered)
{
	return offered > 0 ? 10000.0 / (double)offered : 0;
}

uint32_t place_zhost_set(struct place *p, const struct zhost_spec *spec, bool alive,
			 bool cordoned)
{
	uint32_t zhost = place_zhost_find(p, spec->name);
	if (zhost == PLACE_NONE)
		zhost = zhost_new(p, spec->name);
	struct zhost *z = zhost_at(p, zhost);
	struct zhost_about *before = z->about;
	struct zhost_about *about = about_copy(spec);
	z->about = about;
	z->cpu_free += about->cpu_offered - (before != NULL ? before->cpu_offered : 0);
	z->memory_free += about->memory_offered - (before != NULL ? before->memory_offered : 0);
	z->cpu_scale = scale_of(about->cpu_offered);
	z->memory_scale = scale_of(about->memory_offered);
	z->has_position = spec->has_position;
	z->alive = alive;
	z->cordoned = cordoned;
	if (before == NULL || !devices_equal(before, about)) {
		slots_done(p, z);
		slots_init(p, z);
		units_assign_devices(p, z);
	}
	if (before == NULL || !labels_equal(&before->labels, &about->labels)) {
		p->layout++;
		units_leave_labels(p, zhost);
		for (uint32_t i = 0; i < p->columns.count; i++) {
			if (p->columns.items[i].references > 0)
				column_fill(p, &p->columns.items[i], zhost);
		}
		units_return_labels(p, zhost);
	}
	about_free(before);
	p->unmeasured = true;
	terrains_update(p, zhost);
	zhost_changed(p, zhost);
	wait_zhost_described(p, zhost);
	return zhost;
}

void place_zhost_flags(struct place *p, uint32_t zhost, bool alive, bool cordoned)
{
	struct zhost *z = zhost_checked(p, zhost);
	if (z->alive == alive && z->cordoned == cordoned)
		return;
	z->alive = alive;
	z->cordoned = cordoned;
	zhost_changed(p, zhost);
	wait_zhost_described(p, zhost);
}

void place_zhost_remove(struct place *p, uint32_t zhost)
{
	struct zhost *z = zhost_checked(p, zhost);
	PRE(z->unit_count == 0);
	wait_zhost_removed(p, zhost);
	rank_remove(p, zhost);
	map_remove(&p->zhost_names, z->name);
	symbol_drop(&p->symbols, z->name);
	slots_done(p, z);
	about_free(z->about);
	*z = (struct zhost){.log_position = z->log_position, .first_unit = PLACE_NONE};
	p->unmeasured = true;
	for (uint32_t i = 0; i < p->columns.count; i++) {
		if (p->columns.items[i].references > 0)
			p->columns.items[i].of[zhost] = DOMAIN_NONE;
	}
	terrains_update(p, zhost);
	p->layout++;
	vector_push(&p->free_zhosts, zhost);
}

uint32_t place_zhost_find(const struct place *p, const char *name)
{
	uint32_t symbol = symbol_find(&p->symbols, name);
	const uint32_t *found =
		symbol != SYMBOL_NONE ? map_find(&p->zhost_names, symbol) : NULL;
	return found != NULL ? *found : PLACE_NONE;
}

const char *place_zhost_name(const struct place *p, uint32_t zhost)
{
	(void)zhost_checked(p, zhost);
	return zhost_name(p, zhost);
}

struct place_usage place_zhost_usage(const struct place *p, uint32_t zhost)
{
	const struct zhost *z = zhost_checked(p, zhost);
	struct place_usage usage = {
		.cpu_offered = (uint64_t)z->about->cpu_offered,
		.cpu_reserved = (uint64_t)(z->about->cpu_offered - z->cpu_free),
		.memory_offered = (uint64_t)z->about->memory_offered,
		.memory_reserved = (uint64_t)(z->about->memory_offered - z->memory_free),
		.devices_offered = z->slot_count,
		.units = z->unit_count,
	};
	for (uint32_t i = 0; i < z->slot_count; i++)
		usage.devices_whole_free += z->slots[i].free == DEVICE_WHOLE;
	return usage;
}

uint32_t place_zhost_devices_free(const struct place *p, uint32_t zhost, const char *kind,
				  const char *model)
{
	const struct zhost *z = zhost_checked(p, zhost);
	uint32_t count = 0;
	for (uint32_t i = 0; i < z->slot_count; i++) {
		const struct slot *s = &z->slots[i];
		count += s->free == DEVICE_WHOLE &&
			 strcmp(symbol_text(&p->symbols, s->kind), kind) == 0 &&
			 strcmp(symbol_text(&p->symbols, s->model),
				model != NULL ? model : "") == 0;
	}
	return count;
}

uint32_t place_zhost_unit(const struct place *p, uint32_t zhost, uint32_t unit)
{
	const struct zhost *z = zhost_checked(p, zhost);
	return unit == PLACE_NONE ? z->first_unit : unit_checked(p, unit)->next;
}

void zhosts_done(struct place *p)
{
	for (uint32_t i = 0; i < p->zhosts.count; i++) {
		struct zhost *z = zhost_at(p, i);
		if (!z->known)
			continue;
		symbol_drop(&p->symbols, z->name);
		slots_done(p, z);
		about_free(z->about);
	}
	vector_done(&p->zhosts);
	vector_done(&p->free_zhosts);
	vector_done(&p->by_name);
	vector_done(&p->unranked);
	vector_done(&p->log);
	vector_done(&p->noted);
	map_done(&p->zhost_names);
	for (uint32_t i = 0; i < p->columns.count; i++) {
		if (p->columns.items[i].references > 0)
			column_done(p, &p->columns.items[i]);
	}
	vector_done(&p->columns);
}
