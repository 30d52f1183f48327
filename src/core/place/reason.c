/*
 * FailureReason [topology.reason.rule]: the first requirement, in the order of the rules,
 * that none of the zhosts passing the earlier ones satisfies; and the smallest change that
 * would make one of them fit.
 */
#include "core/place/judge.h"

#include "base/buffer.h"
#include "base/str.h"

/* ---- the sentence ---- */

struct remaining {
	uint32_t *zhosts; /* by name */
	uint32_t count;
};

static void remaining_init(const struct judge *j, struct remaining *r)
{
	struct place *p = j->place;
	zhosts_rank(p);
	*r = (struct remaining){.zhosts = mem_new_array(uint32_t, p->by_name.count + 1)};
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t z = p->by_name.items[rank];
		if (zhost_available(zhost_at(p, z)) && !is_excluded(j->request, z))
			r->zhosts[r->count++] = z;
	}
}

/* Whether all requirements of rules `first` to `last` hold. */
static bool passes(const struct judge *j, uint32_t zhost, enum place_rule first,
		   enum place_rule last)
{
	vector_for_each (&j->rows, r) {
		if (r->rule >= first && r->rule <= last && !row_holds(j, r, zhost))
			return false;
	}
	return true;
}

/* Keeps those on which the row holds; false, and all are kept, when there is none. */
static bool narrow(const struct judge *j, const struct row *row, struct remaining *r)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < r->count; i++) {
		if (row_holds(j, row, r->zhosts[i]))
			kept++;
	}
	if (kept == 0)
		return false;
	if (kept < r->count) {
		kept = 0;
		for (uint32_t i = 0; i < r->count; i++) {
			if (row_holds(j, row, r->zhosts[i]))
				r->zhosts[kept++] = r->zhosts[i];
		}
		r->count = kept;
	}
	return true;
}

/* Rules 2 and 3 are known as a set: the rows are only asked when that is empty. */
static void narrow_terrain(const struct judge *j, struct remaining *r, bool *ret_any)
{
	const struct terrain *t = &j->place->terrains.items[j->need->demand->terrain];
	uint32_t kept = 0;
	for (uint32_t i = 0; i < r->count; i++)
		kept += terrain_has(t, r->zhosts[i]);
	*ret_any = kept > 0;
	if (kept == 0)
		return;
	kept = 0;
	for (uint32_t i = 0; i < r->count; i++) {
		if (terrain_has(t, r->zhosts[i]))
			r->zhosts[kept++] = r->zhosts[i];
	}
	r->count = kept;
}

/* "cpu 2, memory 512 MiB and 1 gpu; at most cpu 1.5 (n1), memory 128 MiB (n2) are free" */
static char *capacity_detail(const struct judge *j, const char *path, const struct remaining *r)
{
	const struct place *p = j->place;
	const struct need *n = j->need;
	uint32_t cpu = r->zhosts[0], memory = r->zhosts[0];
	for (uint32_t i = 1; i < r->count; i++) {
		if (zhost_at(p, r->zhosts[i])->cpu_free > zhost_at(p, cpu)->cpu_free)
			cpu = r->zhosts[i];
		if (zhost_at(p, r->zhosts[i])->memory_free > zhost_at(p, memory)->memory_free)
			memory = r->zhosts[i];
	}
	CLEANUP(freep) char *a = quantity_text(PLACE_MILLICORES, n->demand->cpu);
	CLEANUP(freep) char *b = quantity_text(PLACE_BYTES, n->demand->memory);
	CLEANUP(freep) char *c = quantity_text(PLACE_MILLICORES, zhost_at(p, cpu)->cpu_free);
	CLEANUP(freep) char *d = quantity_text(PLACE_BYTES, zhost_at(p, memory)->memory_free);
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(SIZE_MAX);
	(void)buffer_printf(&text, "%s needs cpu %s, memory %s", path, a, b);
	for (uint32_t i = 0; i < n->demand->ask_count && i < 8; i++) {
		CLEANUP(freep) char *ask = ask_text(p, &n->demand->asks[i]);
		(void)buffer_printf(&text, ", %s", ask);
	}
	(void)buffer_printf(&text, "; at most cpu %s (%s), memory %s (%s)", c,
			    zhost_name(p, cpu), d, zhost_name(p, memory));
	for (uint32_t i = 0; i < n->demand->ask_count && i < 8; i++) {
		uint32_t most = 0, where = r->zhosts[0];
		for (uint32_t k = 0; k < r->count; k++) {
			uint32_t now =
				devices_free(zhost_at(p, r->zhosts[k]), &n->demand->asks[i]);
			if (now > most) {
				most = now;
				where = r->zhosts[k];
			}
		}
		(void)buffer_printf(&text, ", %u %s (%s)", most,
				    symbol_text(&p->symbols, n->demand->asks[i].kind),
				    zhost_name(p, where));
	}
	(void)buffer_printf(&text, " free on %u zhost%s that pass%s the other rules", r->count,
			    r->count == 1 ? "" : "s", r->count == 1 ? "es" : "");
	return buffer_steal(&text);
}

/* The sentence of an exclusion, where only excluded zhosts would do: the first that the caller
 * names. */
static bool find_exclusion(const struct judge *j, struct place_reason *reason)
{
	const struct place *p = j->place;
	const struct place_unit_request *q = j->request;
	for (uint32_t i = 0; i < q->excluded_count; i++) {
		uint32_t z = q->excluded[i].zhost;
		if (z >= p->zhosts.count || !zhost_available(zhost_at(p, z)) ||
		    !passes(j, z, PLACE_RULE_CAPABILITY, PLACE_RULE_CAPACITY) ||
		    q->excluded[i].sentence == NULL)
			continue;
		reason->sentence = mem_strdup(q->excluded[i].sentence);
		return true;
	}
	return false;
}

static char *nobody_detail(const struct place *p, const struct place_unit_request *r)
{
	uint32_t dead = 0, cordoned = 0, out = 0;
	for (uint32_t i = 0; i < p->by_name.count; i++) {
		uint32_t z = p->by_name.items[i];
		if (!zhost_at(p, z)->alive)
			dead++;
		else if (zhost_at(p, z)->cordoned)
			cordoned++;
		else
			out += is_excluded(r, z);
	}
	if (p->by_name.count == 0)
		return mem_strdup("none has joined");
	if (r->has_only)
		return str_printf("only %s is possible, which is %s", zhost_name(p, r->only),
				  !zhost_at(p, r->only)->alive	   ? "not running"
				  : zhost_at(p, r->only)->cordoned ? "cordoned"
								   : "excluded after failures");
	return str_printf("%zu known: %u not running, %u cordoned, %u excluded after failures",
			  p->by_name.count, dead, cordoned, out);
}

static void reason_of_row(const struct judge *j, const struct row *row, const char *path,
			  const struct remaining *r, struct place_reason *reason)
{
	reason->sentence = row_sentence(j, row);
	if (row->rule == PLACE_RULE_CAPACITY)
		reason->detail = capacity_detail(j, path, r);
	else
		reason->detail =
			str_printf("needed by %s, none of %u zhost%s%s", path, r->count,
				   r->count == 1 ? "" : "s",
				   r->count < j->place->by_name.count ? " that remain" : "");
}

bool reason_find(struct judge *j, const char *path, struct place_reason *reason)
{
	struct remaining r;
	remaining_init(j, &r);
	bool any = r.count > 0, found = false;
	if (any) {
		bool ground;
		narrow_terrain(j, &r, &ground);
		vector_for_each (&j->rows, row) {
			if (ground && row->rule <= PLACE_RULE_SPATIAL)
				continue;
			if (narrow(j, row, &r))
				continue;
			found = true;
			if (!find_exclusion(j, reason))
				reason_of_row(j, row, path, &r, reason);
			break;
		}
	} else if (!find_exclusion(j, reason)) {
		reason->sentence = mem_strdup("no zhost is available");
		reason->detail = nobody_detail(j->place, j->request);
	}
	free(r.zhosts);
	return found || !any;
}

/* ---- the smallest change ---- */

#define UNCORDON "uncordon"

struct change {
	uint32_t zhost; /* PLACE_NONE: none yet */
	uint32_t rules; /* that fail there */
	double amount;	/* what is missing, against what is needed */
	uint64_t rows;	/* which requirements fail, and by how much: a hash */
	uint32_t same;	/* zhosts of which all this is true */
};

static double amount_of(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct zhost *z = zhost_at(j->place, zhost);
	if (r->kind == ROW_CPU)
		return (double)(j->need->demand->cpu - z->cpu_free) /
		       (double)j->need->demand->cpu;
	if (r->kind == ROW_MEMORY)
		return (double)(j->need->demand->memory - z->memory_free) /
		       (double)j->need->demand->memory;
	if (r->kind != ROW_DEVICES)
		return 1;
	uint32_t missing = 0, total = 1;
	for (uint32_t i = 0; i < j->need->demand->ask_count; i++) {
		uint32_t now = devices_free(z, &j->need->demand->asks[i]),
			 needs = j->need->demand->asks[i].count;
		missing += now < needs ? needs - now : 0;
		total += needs;
	}
	return (double)missing / (double)total;
}

static char *constraint_change(const struct constraint *c)
{
	switch (c->op) {
	case CONSTRAINT_EQ:
	case CONSTRAINT_IN:
		return str_printf("label %s=%s", c->label, c->values[0]);
	case CONSTRAINT_NE:
	case CONSTRAINT_NOT_IN:
		return str_printf("another value of label %s (%s)", c->label, c->text);
	case CONSTRAINT_EXISTS:
		return str_printf("label %s", c->label);
	case CONSTRAINT_LT:
		return str_printf("label %s below %g", c->label, c->number);
	case CONSTRAINT_GT:
		return str_printf("label %s above %g", c->label, c->number);
	}
	IMPOSSIBLE("operator of a constraint");
}

static char *devices_change(const struct judge *j, uint32_t zhost)
{
	const struct zhost *z = zhost_at(j->place, zhost);
	char *text = NULL;
	for (uint32_t i = 0; i < j->need->demand->ask_count; i++) {
		const struct ask *a = &j->need->demand->asks[i];
		uint32_t now = devices_free(z, a);
		if (now >= a->count)
			continue;
		char *longer = str_printf("%s%s%u %s more", text != NULL ? text : "",
					  text != NULL ? " and " : "", a->count - now,
					  symbol_text(&j->place->symbols, a->kind));
		free(text);
		text = longer;
	}
	return text != NULL ? text : mem_strdup("more devices");
}

static char *change_text(const struct judge *j, const struct row *r, uint32_t zhost)
{
	const struct zhost *z = zhost_at(j->place, zhost);
	CLEANUP(freep) char *what = NULL;
	switch (r->kind) {
	case ROW_CAPABILITY:
		return str_printf("capability %s", r->capability);
	case ROW_CONSTRAINT:
		return constraint_change(r->constraint);
	case ROW_NEAR:
		what = row_what(j, r);
		return str_printf("a position that satisfies %s", what);
	case ROW_REQUIRE:
		what = row_what(j, r);
		return str_printf("what satisfies %s", what);
	case ROW_FORBID:
	case ROW_UNWELCOME:
		what = row_what(j, r);
		return str_printf("nothing against %s", what);
	case ROW_SPREAD:
		what = row_what(j, r);
		return str_printf("room elsewhere for %s", what);
	case ROW_CPU:
		what = quantity_text(PLACE_MILLICORES, j->need->demand->cpu - z->cpu_free);
		return str_printf("%s cpu more", what);
	case ROW_MEMORY:
		what = quantity_text(PLACE_BYTES, j->need->demand->memory - z->memory_free);
		return str_printf("%s more", what);
	case ROW_DEVICES:
		return devices_change(j, zhost);
	}
	IMPOSSIBLE("kind of row");
}

static char *join(char *text, char *more)
{
	char *longer = text != NULL ? str_printf("%s and %s", text, more) : mem_strdup(more);
	free(text);
	free(more);
	return longer;
}

static char *change_on(const struct judge *j, uint32_t zhost)
{
	char *text = NULL;
	if (zhost_at(j->place, zhost)->cordoned)
		text = mem_strdup(UNCORDON);
	vector_for_each (&j->rows, r) {
		if (!row_holds(j, r, zhost))
			text = join(text, change_text(j, r, zhost));
	}
	return text;
}

static struct change change_size(const struct judge *j, uint32_t zhost)
{
	struct change c = {.zhost = zhost, .same = 1};
	bool ground = terrain_has(&j->place->terrains.items[j->need->demand->terrain], zhost);
	uint32_t last = 0;
	/* One command: nothing is less. */
	c.rules = zhost_at(j->place, zhost)->cordoned;
	for (size_t i = 0; i < j->rows.count; i++) {
		const struct row *r = &j->rows.items[i];
		if ((ground && r->rule <= PLACE_RULE_SPATIAL) || row_holds(j, r, zhost))
			continue;
		double amount = amount_of(j, r, zhost);
		uint64_t bits;
		memcpy(&bits, &amount, sizeof(bits));
		c.rules += r->rule != last;
		last = r->rule;
		c.amount += amount;
		c.rows = (c.rows + i + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ bits;
	}
	return c;
}

char *change_find(struct judge *j)
{
	struct place *p = j->place;
	struct change best = {.zhost = PLACE_NONE};
	zhosts_rank(p);
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t z = p->by_name.items[rank];
		if (!zhost_at(p, z)->alive || is_excluded(j->request, z))
			continue;
		struct change c = change_size(j, z);
		if (best.zhost == PLACE_NONE || c.rules < best.rules ||
		    (c.rules == best.rules && c.amount < best.amount))
			best = c;
		else if (c.rules == best.rules && c.amount <= best.amount)
			best.same += c.rows == best.rows;
	}
	if (best.zhost == PLACE_NONE || best.rules == 0)
		return NULL;
	CLEANUP(freep) char *text = change_on(j, best.zhost);
	const char *name = zhost_name(p, best.zhost);
	if (strcmp(text, UNCORDON) == 0)
		return str_printf(UNCORDON " %s", name);
	return best.same == 1 ? str_printf("%s on %s", text, name)
			      : str_printf("%s on one zhost", text);
}
