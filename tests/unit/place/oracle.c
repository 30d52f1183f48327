#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules 2 and 3 ---- */

static const char *label_of(const struct zhost_spec *z, const char *name)
{
	for (unsigned i = 0; i < z->labels.count; i++) {
		if (strcmp(z->labels.items[i].name, name) == 0)
			return z->labels.items[i].value;
	}
	return NULL;
}

static bool offers(const struct zhost_spec *z, const char *capability)
{
	static const char *const common[] = {"sys.", "net.", "data.", "events."};
	for (unsigned i = 0; i < 4; i++) {
		if (strncmp(capability, common[i], strlen(common[i])) == 0)
			return true;
	}
	for (unsigned i = 0; i < z->capability_count; i++) {
		if (strcmp(z->capabilities[i], capability) == 0)
			return true;
	}
	return false;
}

static bool constraint_true(const struct constraint *c, const struct zhost_spec *z)
{
	const char *value = label_of(z, c->label);
	bool among = false;
	for (unsigned i = 0; value != NULL && i < c->value_count; i++)
		among |= strcmp(c->values[i], value) == 0;
	char *end = NULL;
	double number = value != NULL ? strtod(value, &end) : 0;
	bool is_number = value != NULL && *value != '\0' && *end == '\0';
	switch (c->op) {
	case CONSTRAINT_EQ:
	case CONSTRAINT_IN:
		return among;
	case CONSTRAINT_NE:
	case CONSTRAINT_NOT_IN:
		return !among;
	case CONSTRAINT_EXISTS:
		return value != NULL;
	case CONSTRAINT_LT:
		return is_number && number < c->number;
	case CONSTRAINT_GT:
		return is_number && number > c->number;
	}
	abort();
}

static bool is_near(const struct near_rule *near, const struct zhost_spec *z)
{
	if (!near->set)
		return true;
	if (!z->has_position)
		return false;
	double rad = M_PI / 180;
	double a = near->latitude * rad, b = z->latitude * rad;
	double c =
		sin(a) * sin(b) + cos(a) * cos(b) * cos((near->longitude - z->longitude) * rad);
	return 6371008.8 * acos(c > 1 ? 1 : c < -1 ? -1 : c) <= near->within_m;
}

static const char *breaks_static(const struct fact *f, const struct zhost_spec *z)
{
	const struct topology *t = f->topology;
	for (unsigned i = f->root; i < f->root + t->instances[f->root].subtree_count; i++) {
		const struct space *s = instance_space(t, i);
		if (s->asks_token && !offers(z, "page.access"))
			return "capability";
		for (unsigned k = 0; k < s->capability_count; k++) {
			if (!offers(z, s->capabilities[k]))
				return "capability";
		}
		for (unsigned k = 0; k < s->constraint_count; k++) {
			if (!constraint_true(&s->constraints[k], z))
				return "constraint";
		}
		if (!is_near(&s->near, z))
			return "near";
	}
	return NULL;
}

/* ---- rule 4 ---- */

/* Whether two zhosts are one in that scope. */
static bool same_scope(const struct oracle *o, unsigned a, unsigned b, bool is_zhost,
		       const char *scope)
{
	if (is_zhost)
		return a == b;
	const char *x = label_of(&o->zhosts[a], scope), *y = label_of(&o->zhosts[b], scope);
	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static bool is_with(const struct affinity *rule, const struct topology *owner,
		    const struct topology *t, unsigned instance)
{
	const char *name = rule->topology != NULL ? rule->topology : owner->name;
	return strcmp(t->name, name) == 0 &&
	       strcmp(instance_space(t, instance)->name, rule->space) == 0;
}

/* Another unit of the same slot: rules 4 and 5 do not count it. */
static bool is_replaced(const struct oracle *o, unsigned f, unsigned g)
{
	return f != g && o->facts[f].slot == o->facts[g].slot;
}

struct company {
	unsigned in_scope, anywhere;
};

/* Instances with which `rule` of instance `i` of fact `f` is, with the fact on zhost z; those that leave, too,
 * or not. */
static struct company company_of(const struct oracle *o, unsigned f, unsigned z, unsigned i,
				 const struct affinity *rule, bool leaving)
{
	const struct fact *self = &o->facts[f];
	struct company c = {0};
	for (unsigned g = 0; g < o->fact_count; g++) {
		const struct fact *other = &o->facts[g];
		int where = g == f ? (int)z : other->zhost;
		if (where < 0 || is_replaced(o, f, g) || (other->leaves && !leaving && g != f))
			continue;
		unsigned end =
			other->root + other->topology->instances[other->root].subtree_count;
		for (unsigned k = other->root; k < end; k++) {
			if ((g == f && k == i) ||
			    !is_with(rule, self->topology, other->topology, k))
				continue;
			c.anywhere++;
			c.in_scope += same_scope(o, (unsigned)where, z, rule->scope_is_zhost,
						 rule->scope);
		}
	}
	return c;
}

static const char *breaks_own(const struct oracle *o, unsigned f, unsigned z, unsigned i)
{
	const struct topology *t = o->facts[f].topology;
	const struct space *s = instance_space(t, i);
	for (unsigned k = 0; k < s->affinity_count; k++) {
		const struct affinity *rule = &s->affinity[k];
		if (!rule->required)
			continue;
		struct company c = company_of(o, f, z, i, rule, false);
		bool has_scope = rule->scope_is_zhost || label_of(&o->zhosts[z], rule->scope);
		/* Satisfied while it is the only one of its space. */
		bool alone = c.anywhere == 0 && is_with(rule, t, t, i);
		if (!has_scope || (c.in_scope == 0 && !alone))
			return "affinity";
	}
	for (unsigned k = 0; k < s->anti_affinity_count; k++) {
		const struct affinity *rule = &s->anti_affinity[k];
		if (rule->required && company_of(o, f, z, i, rule, true).in_scope > 0)
			return "anti-affinity";
	}
	return NULL;
}

/* Whether a placed fact forbids fact `f` on z. */
static bool is_forbidden(const struct oracle *o, unsigned f, unsigned z)
{
	const struct fact *self = &o->facts[f];
	unsigned self_end = self->root + self->topology->instances[self->root].subtree_count;
	for (unsigned g = 0; g < o->fact_count; g++) {
		const struct fact *other = &o->facts[g];
		if (g == f || other->zhost < 0 || is_replaced(o, f, g))
			continue;
		unsigned end =
			other->root + other->topology->instances[other->root].subtree_count;
		for (unsigned k = other->root; k < end; k++) {
			const struct space *s = instance_space(other->topology, k);
			for (unsigned r = 0; r < s->anti_affinity_count; r++) {
				const struct affinity *rule = &s->anti_affinity[r];
				if (!rule->required ||
				    !same_scope(o, (unsigned)other->zhost, z,
						rule->scope_is_zhost, rule->scope))
					continue;
				for (unsigned i = self->root; i < self_end; i++) {
					if (is_with(rule, other->topology, self->topology, i))
						return true;
				}
			}
		}
	}
	return false;
}

static const char *breaks_affinity(const struct oracle *o, unsigned f, unsigned z)
{
	const struct fact *fact = &o->facts[f];
	unsigned end = fact->root + fact->topology->instances[fact->root].subtree_count;
	for (unsigned i = fact->root; i < end; i++) {
		const char *rule = breaks_own(o, f, z, i);
		if (rule != NULL)
			return rule;
	}
	return is_forbidden(o, f, z) ? "anti-affinity of others" : NULL;
}

/* ---- rule 6 ---- */

struct slots {
	const char *kind[64], *model[64];
	int free[64];
	unsigned count;
};

static void slots_of(const struct zhost_spec *z, struct slots *s)
{
	s->count = 0;
	for (unsigned i = 0; i < z->device_count; i++) {
		for (unsigned k = 0; k < z->devices[i].count && s->count < 64; k++) {
			s->kind[s->count] = z->devices[i].kind;
			s->model[s->count] = z->devices[i].model;
			s->free[s->count++] = 1000;
		}
	}
}

static bool suits(const struct device_need *d, const struct slots *s, unsigned slot)
{
	bool model = d->model_count == 0;
	for (unsigned i = 0; i < d->model_count; i++)
		model |= strcmp(d->models[i], s->model[slot]) == 0;
	return model && strcmp(d->kind, s->kind[slot]) == 0;
}

/* Every device need of a fact, in order. */
static unsigned device_needs(const struct fact *f, const struct device_need **needs)
{
	unsigned count = 0;
	const struct topology *t = f->topology;
	for (unsigned i = f->root; i < f->root + t->instances[f->root].subtree_count; i++) {
		const struct space *s = instance_space(t, i);
		for (unsigned k = 0; k < s->device_count; k++)
			needs[count++] = &s->devices[k];
	}
	return count;
}

/* Adds what a fact with known devices holds of each slot; an error text, or NULL. */
static const char *held_by(const struct fact *fact, const struct slots *s, int *held)
{
	const struct device_need *needs[64];
	unsigned count = device_needs(fact, needs), at = 0;
	for (unsigned i = 0; i < count; i++) {
		int share = needs[i]->share_milli > 0 ? (int)needs[i]->share_milli : 1000;
		for (unsigned k = 0; k < needs[i]->count; k++) {
			unsigned slot = fact->devices[at + k];
			if (slot >= s->count)
				return "a device that is not there";
			if (!suits(needs[i], s, slot))
				return "a device of another kind or model";
			for (unsigned m = 0; m < k; m++) {
				if (fact->devices[at + m] == slot)
					return "one device twice for one need";
			}
			held[slot] += share;
		}
		at += needs[i]->count;
	}
	return NULL;
}

/* Whether an earlier fact of the same room is on the same zhost: the room is counted there. */
static bool is_counted(const struct oracle *o, unsigned f)
{
	for (unsigned g = 0; g < f; g++) {
		if (o->facts[g].room == o->facts[f].room &&
		    o->facts[g].zhost == o->facts[f].zhost)
			return true;
	}
	return false;
}

/* Takes the known devices of the room of fact `f` on zhost `z`: of each the most. */
static const char *take_room(const struct oracle *o, unsigned f, unsigned z, struct slots *s)
{
	int most[64] = {0};
	for (unsigned g = f; g < o->fact_count; g++) {
		const struct fact *fact = &o->facts[g];
		int held[64] = {0};
		if (fact->room != o->facts[f].room || fact->zhost != (int)z ||
		    fact->devices == NULL)
			continue;
		const char *why = held_by(fact, s, held);
		if (why != NULL)
			return why;
		for (unsigned i = 0; i < s->count; i++)
			most[i] = held[i] > most[i] ? held[i] : most[i];
	}
	for (unsigned i = 0; i < s->count; i++)
		s->free[i] -= most[i];
	return NULL;
}

const char *oracle_devices(const struct oracle *o, unsigned z)
{
	struct slots s;
	slots_of(&o->zhosts[z], &s);
	for (unsigned f = 0; f < o->fact_count; f++) {
		if (o->facts[f].zhost != (int)z || is_counted(o, f))
			continue;
		const char *why = take_room(o, f, z, &s);
		if (why != NULL)
			return why;
	}
	for (unsigned i = 0; i < s.count; i++) {
		if (s.free[i] < 0)
			return "more of a device than there is";
	}
	return NULL;
}

static bool give(const struct device_need *const *needs, unsigned count, unsigned i, unsigned k,
		 unsigned from, struct slots *s)
{
	if (i == count)
		return true;
	if (k == needs[i]->count)
		return give(needs, count, i + 1, 0, 0, s);
	int share = needs[i]->share_milli > 0 ? (int)needs[i]->share_milli : 1000;
	for (unsigned slot = from; slot < s->count; slot++) {
		if (s->free[slot] < share || !suits(needs[i], s, slot))
			continue;
		s->free[slot] -= share;
		if (give(needs, count, i, k + 1, slot + 1, s))
			return true;
		s->free[slot] += share;
	}
	return false;
}

/* Whether devices could be assigned to all facts on z that have none yet, and to f. Facts that
 * share room with f leave theirs to it. */
static bool devices_possible(const struct oracle *o, unsigned f, unsigned z)
{
	struct slots s;
	slots_of(&o->zhosts[z], &s);
	const struct device_need *needs[256];
	unsigned count = device_needs(&o->facts[f], needs);
	for (unsigned g = 0; g < o->fact_count; g++) {
		const struct fact *fact = &o->facts[g];
		if (g == f || fact->zhost != (int)z || fact->room == o->facts[f].room)
			continue;
		if (fact->devices == NULL)
			count += device_needs(fact, needs + count);
		if (!is_counted(o, g))
			(void)take_room(o, g, z, &s);
	}
	return give(needs, count, 0, 0, 0, &s);
}

static uint64_t cpu_of(const struct fact *f)
{
	uint64_t cpu = 0;
	const struct topology *t = f->topology;
	for (unsigned i = f->root; i < f->root + t->instances[f->root].subtree_count; i++)
		cpu += instance_space(t, i)->cpu_millicores;
	return cpu;
}

static uint64_t memory_of(const struct fact *f)
{
	uint64_t memory = 0;
	const struct topology *t = f->topology;
	for (unsigned i = f->root; i < f->root + t->instances[f->root].subtree_count; i++)
		memory += instance_space(t, i)->memory_bytes;
	return memory;
}

/* All rooms on z but that of fact `without` (or none: ORACLE_FACTS). */
static uint64_t amount_on(const struct oracle *o, unsigned z, unsigned without,
			  uint64_t (*amount)(const struct fact *f))
{
	uint64_t sum = 0;
	for (unsigned f = 0; f < o->fact_count; f++) {
		if (o->facts[f].zhost != (int)z || is_counted(o, f) ||
		    (without < o->fact_count && o->facts[f].room == o->facts[without].room))
			continue;
		uint64_t most = 0;
		for (unsigned g = f; g < o->fact_count; g++) {
			if (o->facts[g].zhost == (int)z &&
			    o->facts[g].room == o->facts[f].room && amount(&o->facts[g]) > most)
				most = amount(&o->facts[g]);
		}
		sum += most;
	}
	return sum;
}

uint64_t oracle_cpu(const struct oracle *o, unsigned z)
{
	return amount_on(o, z, ORACLE_FACTS, cpu_of);
}

uint64_t oracle_memory(const struct oracle *o, unsigned z)
{
	return amount_on(o, z, ORACLE_FACTS, memory_of);
}

static const char *breaks_capacity(const struct oracle *o, unsigned f, unsigned z)
{
	const struct fact *fact = &o->facts[f];
	if (amount_on(o, z, f, cpu_of) + cpu_of(fact) > o->zhosts[z].cpu_millicores)
		return "cpu";
	if (amount_on(o, z, f, memory_of) + memory_of(fact) > o->zhosts[z].memory_bytes)
		return "memory";
	return devices_possible(o, f, z) ? NULL : "devices";
}

static bool breaks_state(const struct oracle *o, unsigned f, unsigned z)
{
	const struct fact *fact = &o->facts[f];
	return !o->alive[z] || (o->cordoned[z] && !fact->ignore_cordon) ||
	       (fact->excluded >> z & 1);
}

/* ---- rule 5, and all of them ---- */

static const char *breaks_others(const struct oracle *o, unsigned f, unsigned z)
{
	if (breaks_state(o, f, z))
		return "state";
	const char *rule = breaks_static(&o->facts[f], &o->zhosts[z]);
	if (rule == NULL)
		rule = breaks_affinity(o, f, z);
	return rule != NULL ? rule : breaks_capacity(o, f, z);
}

/* Instances of the space in the domain of zhost w, with fact f on z. */
static unsigned count_in(const struct oracle *o, unsigned f, unsigned z, unsigned w,
			 const struct space *s, const struct spread_rule *rule)
{
	unsigned count = 0;
	for (unsigned g = 0; g < o->fact_count; g++) {
		const struct fact *fact = &o->facts[g];
		int where = g == f ? (int)z : fact->zhost;
		if (where < 0 || is_replaced(o, f, g) || (fact->leaves && g != f) ||
		    strcmp(fact->topology->name, o->facts[f].topology->name) != 0 ||
		    !same_scope(o, (unsigned)where, w, rule->over_is_zhost, rule->over))
			continue;
		unsigned end = fact->root + fact->topology->instances[fact->root].subtree_count;
		for (unsigned i = fact->root; i < end; i++)
			count += strcmp(instance_space(fact->topology, i)->name, s->name) == 0;
	}
	return count;
}

static const char *breaks_spread(const struct oracle *o, unsigned f, unsigned z)
{
	const struct fact *fact = &o->facts[f];
	unsigned end = fact->root + fact->topology->instances[fact->root].subtree_count;
	for (unsigned i = fact->root; i < end; i++) {
		const struct space *s = instance_space(fact->topology, i);
		for (unsigned k = 0; k < s->spread_count; k++) {
			const struct spread_rule *rule = &s->spread[k];
			if (!rule->required)
				continue;
			if (!rule->over_is_zhost && label_of(&o->zhosts[z], rule->over) == NULL)
				return "spread without label";
			unsigned here = count_in(o, f, z, z, s, rule);
			for (unsigned w = 0; w < o->zhost_count; w++) {
				if (!rule->over_is_zhost &&
				    label_of(&o->zhosts[w], rule->over) == NULL)
					continue;
				if (breaks_others(o, f, w) == NULL &&
				    here > count_in(o, f, z, w, s, rule) + rule->max_skew)
					return "spread";
			}
		}
	}
	return NULL;
}

const char *oracle_breaks(const struct oracle *o, unsigned f, unsigned z)
{
	const char *rule = breaks_others(o, f, z);
	return rule != NULL ? rule : breaks_spread(o, f, z);
}

/* A branch ends early only for rules that later facts cannot satisfy. */
static bool is_hopeless(const struct oracle *o, unsigned f, unsigned z)
{
	if (breaks_state(o, f, z) || breaks_static(&o->facts[f], &o->zhosts[z]) != NULL ||
	    breaks_capacity(o, f, z) != NULL || is_forbidden(o, f, z))
		return true;
	return false;
}

static bool solve(struct oracle *o, unsigned first, unsigned f)
{
	if (f == o->fact_count) {
		for (unsigned g = first; g < o->fact_count; g++) {
			if (oracle_breaks(o, g, (unsigned)o->facts[g].zhost) != NULL)
				return false;
		}
		return true;
	}
	for (unsigned z = 0; z < o->zhost_count; z++) {
		if (is_hopeless(o, f, z))
			continue;
		o->facts[f].zhost = (int)z;
		if (solve(o, first, f + 1))
			return true;
		o->facts[f].zhost = -1;
	}
	return false;
}

bool oracle_solvable(struct oracle *o, unsigned first)
{
	for (unsigned f = first; f < o->fact_count; f++) {
		o->facts[f].zhost = -1;
		o->facts[f].devices = NULL;
	}
	return solve(o, first, first);
}
