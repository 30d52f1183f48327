#include "core/place/judge.h"

#include "base/buffer.h"
#include "base/str.h"
#include "model/quantity.h"

/* ---- rows ---- */

/* Spaces of the unit, each once, in the order of their first instances. */
struct spaces {
	VECTOR(const struct space *) list;
};

static void collect_spaces(const struct need *n, struct spaces *spaces)
{
	const struct topology *t = n->topology->model;
	uint8_t *seen = mem_new_array(uint8_t, t->space_count + 1);
	uint32_t end = n->root + t->instances[n->root].subtree_count;
	for (uint32_t i = n->root; i < end; i++) {
		const struct space *s = instance_space(t, i);
		if (!seen[s->index])
			vector_push(&spaces->list, s);
		seen[s->index] = 1;
	}
	free(seen);
}

static struct row *add_row(struct judge *j, enum row_kind kind, enum place_rule rule)
{
	struct row *r = vector_add(&j->rows);
	*r = (struct row){.kind = kind, .rule = rule};
	return r;
}

static void add_capabilities(struct judge *j, const struct space *s)
{
	for (unsigned i = 0; i < s->capability_count; i++) {
		bool known = capability_is_common(s->capabilities[i]);
		for (size_t k = 0; k < j->rows.count && !known; k++)
			known = strcmp(j->rows.items[k].capability, s->capabilities[i]) == 0;
		if (!known)
			add_row(j, ROW_CAPABILITY, PLACE_RULE_CAPABILITY)->capability =
				s->capabilities[i];
	}
}

static void add_spatial(struct judge *j, const struct space *s)
{
	for (unsigned i = 0; i < s->constraint_count; i++)
		add_row(j, ROW_CONSTRAINT, PLACE_RULE_SPATIAL)->constraint = &s->constraints[i];
	if (s->near.set)
		add_row(j, ROW_NEAR, PLACE_RULE_SPATIAL)->near = &s->near;
}

/* Who is placed and counted there: one name, or "others". */
static char *owner_of(const struct place *p, const struct need *n, uint32_t counter)
{
	const struct need *owner = NULL;
	const struct space *space = NULL;
	for (size_t i = 0; i < p->topologies.count; i++) {
		const struct place_topology *t = p->topologies.items[i];
		for (uint32_t k = 0; t->model != NULL && k < t->need_count; k++) {
			const struct need *other = &t->needs[k];
			for (uint32_t m = 0; other->placed > 0 && m < other->required_count;
			     m++) {
				if (other->terms[m].owners != counter)
					continue;
				if (space != NULL && space != other->terms[m].space)
					return mem_strdup("others");
				owner = other;
				space = other->terms[m].space;
			}
		}
	}
	if (owner == NULL)
		return mem_strdup("others");
	const char *topology = owner->topology->model->name;
	return strcmp(topology, n->topology->model->name) == 0
		       ? mem_strdup(space->name)
		       : str_printf("%s/%s", topology, space->name);
}

static int compare_unwelcome(const void *a, const void *b, void *judge)
{
	CLEANUP(freep) char *x = row_what(judge, a);
	CLEANUP(freep) char *y = row_what(judge, b);
	return strcmp(x, y);
}

/* Counters come in the order in which topologies did: the rows are sorted by their text. */
static void add_unwelcome(struct judge *j)
{
	const struct place *p = j->place;
	size_t first = j->rows.count;
	for (uint32_t i = 0; i < j->need->member_count; i++) {
		const struct group *g = &p->groups.items[j->need->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			uint32_t counter = g->counters.items[k];
			if (p->counters.items[counter].kind != COUNTER_FORBIDS)
				continue;
			struct row *r = add_row(j, ROW_UNWELCOME, PLACE_RULE_AFFINITY);
			r->unwelcome.counter = counter;
			r->unwelcome.own = UINT32_MAX;
			r->unwelcome.owner = owner_of(p, j->need, counter);
			for (uint32_t m = 0; m < j->need->required_count; m++) {
				const struct term *t = &j->need->terms[m];
				if (t->self && t->owners == counter)
					r->unwelcome.own = t->counter;
			}
		}
	}
	if (j->rows.count > first + 1)
		qsort_r(&j->rows.items[first], j->rows.count - first, sizeof(struct row),
			compare_unwelcome, j);
}

void judge_init(struct judge *j, struct place *p, const struct place_unit_request *r,
		enum strictness strictness)
{
	const struct need *n = unit_at(p, r->unit)->need;
	*j = (struct judge){.place = p, .request = r, .need = n, .strictness = strictness};
	view_open(&j->view, p, r);
	struct spaces spaces = {0};
	collect_spaces(n, &spaces);
	vector_for_each (&spaces.list, s)
		add_capabilities(j, *s);
	vector_for_each (&spaces.list, s)
		add_spatial(j, *s);
	vector_done(&spaces.list);
	for (uint32_t i = 0; i < n->required_count; i++)
		add_row(j, n->terms[i].kind == TERM_REQUIRE ? ROW_REQUIRE : ROW_FORBID,
			PLACE_RULE_AFFINITY)
			->term = &n->terms[i];
	add_unwelcome(j);
	for (uint32_t i = 0; i < n->required_skews; i++)
		add_row(j, ROW_SPREAD, PLACE_RULE_SPREAD)->skew = i;
	(void)add_row(j, ROW_CPU, PLACE_RULE_CAPACITY);
	(void)add_row(j, ROW_MEMORY, PLACE_RULE_CAPACITY);
	if (n->demand->ask_count > 0)
		(void)add_row(j, ROW_DEVICES, PLACE_RULE_CAPACITY);
	floors_measure(p, n, r, strictness, &j->floors);
}

void judge_done(struct judge *j)
{
	vector_for_each (&j->rows, r) {
		if (r->kind == ROW_UNWELCOME)
			free(r->unwelcome.owner);
	}
	vector_done(&j->rows);
	floors_done(&j->floors);
	view_close(&j->view);
}

/* ---- whether it holds ---- */

static uint32_t count_at(const struct place *p, uint32_t counter, uint32_t zhost)
{
	const struct counter *c = &p->counters.items[counter];
	uint32_t domain = domain_of(p, c->column, zhost);
	return domain == DOMAIN_NONE ? 0 : tally_get(&c->tally, domain);
}

static bool spread_holds(const struct judge *j, uint32_t skew, uint32_t zhost)
{
	const struct skew *s = &j->need->skews[skew];
	uint32_t domain = domain_of(j->place, s->column, zhost);
	return domain != DOMAIN_NONE && skew_holds(s, &j->floors.items[skew], domain,
						   count_at(j->place, s->counter, zhost));
}

bool row_holds(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct place *p = j->place;
	const struct zhost *z = zhost_at(p, zhost);
	switch (r->kind) {
	case ROW_CAPABILITY:
		return zhost_offers(z, r->capability);
	case ROW_CONSTRAINT:
		return constraint_holds(r->constraint, &z->about->labels);
	case ROW_NEAR:
		return zhost_is_near(z, r->near);
	case ROW_REQUIRE:
	case ROW_FORBID:
		return term_holds(p, r->term, domain_of(p, r->term->column, zhost),
				  j->strictness);
	case ROW_UNWELCOME:
		return count_at(p, r->unwelcome.counter, zhost) <=
		       (r->unwelcome.own != UINT32_MAX ? count_at(p, r->unwelcome.own, zhost)
						       : 0);
	case ROW_SPREAD:
		return spread_holds(j, r->skew, zhost);
	case ROW_CPU:
		return j->need->demand->cpu <= z->cpu_free;
	case ROW_MEMORY:
		return j->need->demand->memory <= z->memory_free;
	case ROW_DEVICES:
		return devices_fit(z->slots, z->slot_count, j->need->demand, NULL);
	}
	IMPOSSIBLE("kind of row");
}

/* ---- words ---- */

static char *decimal(double value)
{
	char *text = str_printf("%.1f", value);
	if (str_has_suffix(text, ".0"))
		text[strlen(text) - 2] = '\0';
	return text;
}

char *quantity_text(enum place_quantity quantity, int64_t amount)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	if (amount < 0)
		amount = 0;
	if (quantity == PLACE_MILLICORES)
		return amount % 1000 == 0 || amount >= 1000000
			       ? str_printf("%lld", (long long)(amount / 1000))
			       : str_printf("%.3g", (double)amount / 1000);
	if (quantity != PLACE_BYTES)
		return str_printf("%lld", (long long)amount);
	double value = (double)amount;
	size_t unit = 0;
	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	CLEANUP(freep) char *number = decimal(value);
	return str_printf("%s %s", number, units[unit]);
}

char *ask_text(const struct place *p, const struct ask *a)
{
	char *text = str_printf("%u %s", a->count, symbol_text(&p->symbols, a->kind));
	for (uint32_t i = 0; i < a->model_count; i++) {
		char *longer = str_printf("%s%s%s", text, i == 0 ? " (" : ", ",
					  symbol_text(&p->symbols, a->models[i]));
		free(text);
		text = longer;
	}
	const char *end = a->model_count > 0 ? ")" : "";
	char *whole = a->milli < (int32_t)DEVICE_WHOLE
			      ? str_printf("%s%s, %dm of each", text, end, a->milli)
			      : str_printf("%s%s", text, end);
	free(text);
	return whole;
}

static const char *scope_text(const struct place *p, uint32_t column)
{
	return column == SCOPE_ZHOST ? "zhost"
				     : symbol_text(&p->symbols, p->columns.items[column].label);
}

/* Name in `with`, as the topology writes it. */
static char *with_text(const struct term *t)
{
	const struct affinity *rule = t->rule;
	if (rule->self)
		return mem_strdup("self");
	return rule->topology != NULL ? str_printf("%s/%s", rule->topology, rule->space)
				      : mem_strdup(rule->space);
}

static char *near_text(const struct near_rule *near)
{
	CLEANUP(freep) char *within = distance_format((uint64_t)near->within_m);
	return str_printf("near %.6g, %.6g within %s", near->latitude, near->longitude, within);
}

char *row_what(const struct judge *j, const struct row *r)
{
	const struct place *p = j->place;
	CLEANUP(freep) char *name = NULL;
	switch (r->kind) {
	case ROW_CAPABILITY:
		return str_printf("capability '%s'", r->capability);
	case ROW_CONSTRAINT:
		return str_printf("constraint '%s'", r->constraint->text);
	case ROW_NEAR:
		name = near_text(r->near);
		return str_printf("constraint '%s'", name);
	case ROW_REQUIRE:
	case ROW_FORBID:
		name = with_text(r->term);
		return str_printf("%s with '%s' on %s",
				  r->kind == ROW_REQUIRE ? "affinity" : "anti-affinity", name,
				  scope_text(p, r->term->column));
	case ROW_UNWELCOME:
		return str_printf(
			"anti-affinity with '%s' on %s", r->unwelcome.owner,
			scope_text(p, p->counters.items[r->unwelcome.counter].column));
	case ROW_SPREAD:
		return str_printf("spread over %s with max_skew %u",
				  scope_text(p, j->need->skews[r->skew].column),
				  j->need->skews[r->skew].max);
	case ROW_CPU:
		return mem_strdup("cpu");
	case ROW_MEMORY:
		return mem_strdup("memory");
	case ROW_DEVICES:
		return mem_strdup("devices");
	}
	IMPOSSIBLE("kind of row");
}

char *row_sentence(const struct judge *j, const struct row *r)
{
	if (r->rule == PLACE_RULE_CAPACITY)
		return mem_strdup("insufficient capacity on remaining zhosts");
	if (r->kind == ROW_CAPABILITY)
		return str_printf("no zhost satisfies capability requirement '%s'",
				  r->capability);
	CLEANUP(freep) char *what = row_what(j, r);
	return str_printf("no zhost satisfies %s", what);
}

/* ---- how it fails ---- */

static char *constraint_failure(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct zhost *z = zhost_at(j->place, zhost);
	if (r->kind == ROW_NEAR) {
		if (!z->has_position)
			return mem_strdup("position unknown");
		double km = distance_m(z->about->latitude, z->about->longitude,
				       r->near->latitude, r->near->longitude) /
			    1000;
		return km < 10 ? str_printf("%.1f km away", km)
			       : str_printf("%.0f km away", km);
	}
	const char *label = r->constraint->label;
	const char *value = label_set_find(&z->about->labels, label);
	return value != NULL ? str_printf("%s is %s", label, value)
			     : str_printf("no label %s", label);
}

static char *affinity_failure(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct place *p = j->place;
	uint32_t column, count;
	if (r->kind == ROW_UNWELCOME) {
		column = p->counters.items[r->unwelcome.counter].column;
		count = count_at(p, r->unwelcome.counter, zhost);
	} else {
		column = r->term->column;
		count = count_at(p, r->term->counter, zhost) + r->term->own;
	}
	uint32_t domain = domain_of(p, column, zhost);
	if (domain == DOMAIN_NONE)
		return str_printf("no label %s", scope_text(p, column));
	if (column == SCOPE_ZHOST)
		return count == 0 ? mem_strdup("none there") : str_printf("%u there", count);
	return count == 0 ? str_printf("none in %s", domain_text(p, column, domain))
			  : str_printf("%u in %s", count, domain_text(p, column, domain));
}

static char *spread_failure(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct place *p = j->place;
	const struct skew *s = &j->need->skews[r->skew];
	const struct floor *f = &j->floors.items[r->skew];
	uint32_t domain = domain_of(p, s->column, zhost);
	if (domain == DOMAIN_NONE)
		return str_printf("no label %s", scope_text(p, s->column));
	uint32_t fewest = domain == f->domain ? f->second : f->fewest;
	return str_printf("would be %u in %s, %u elsewhere",
			  count_at(p, s->counter, zhost) + s->count,
			  domain_text(p, s->column, domain), fewest);
}

static char *devices_failure(const struct judge *j, uint32_t zhost, struct place_failure *f)
{
	const struct need *n = j->need;
	const struct zhost *z = zhost_at(j->place, zhost);
	char *text = NULL;
	for (uint32_t i = 0; i < n->demand->ask_count; i++) {
		uint32_t free_now = devices_free(z, &n->demand->asks[i]);
		if (free_now >= n->demand->asks[i].count)
			continue;
		CLEANUP(freep) char *ask = ask_text(j->place, &n->demand->asks[i]);
		char *longer = str_printf("%s%sneeds %s, %u free", text != NULL ? text : "",
					  text != NULL ? "; " : "", ask, free_now);
		free(text);
		text = longer;
		if (n->demand->ask_count == 1) {
			f->quantity = PLACE_DEVICES;
			f->needs = n->demand->asks[i].count;
			f->free = free_now;
		}
	}
	return text != NULL ? text : mem_strdup("not enough for all together");
}

static char *amount_failure(struct place_failure *f, enum place_quantity quantity,
			    int64_t needs, int64_t free_now)
{
	f->quantity = quantity;
	f->needs = needs;
	f->free = free_now;
	CLEANUP(freep) char *a = quantity_text(quantity, needs);
	CLEANUP(freep) char *b = quantity_text(quantity, free_now);
	return str_printf("needs %s, %s free", a, b);
}

struct place_failure row_failure(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct zhost *z = zhost_at(j->place, zhost);
	struct place_failure f = {.rule = r->rule, .what = row_what(j, r)};
	CLEANUP(freep) char *how = NULL;
	switch (r->kind) {
	case ROW_CAPABILITY:
		how = mem_strdup("not offered");
		break;
	case ROW_CONSTRAINT:
	case ROW_NEAR:
		how = constraint_failure(j, r, zhost);
		break;
	case ROW_REQUIRE:
	case ROW_FORBID:
	case ROW_UNWELCOME:
		how = affinity_failure(j, r, zhost);
		break;
	case ROW_SPREAD:
		how = spread_failure(j, r, zhost);
		break;
	case ROW_CPU:
		how = amount_failure(&f, PLACE_MILLICORES, j->need->demand->cpu, z->cpu_free);
		break;
	case ROW_MEMORY:
		how = amount_failure(&f, PLACE_BYTES, j->need->demand->memory, z->memory_free);
		break;
	case ROW_DEVICES:
		how = devices_failure(j, zhost, &f);
		break;
	}
	f.text = str_printf("%s, %s", f.what, how);
	return f;
}
