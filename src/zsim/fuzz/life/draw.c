/* Random zhosts and topologies: small, so that they clash. */

#include "zsim/fuzz/life/draw.h"

#include "base/str.h"
#include "schema/message.h"

static const char *const racks[] = {"a", "b", "c"};

static const char *pick(struct random *r, const char *const *list, size_t count)
{
	return list[random_below(r, (uint32_t)count)];
}

/* ---- zhosts ---- */

Samoza__V1__ZhostSpec *draw_zhost(struct random *r, unsigned number)
{
	static const char *const cpus[] = {"1", "2", "4"};
	static const char *const memories[] = {"1GiB", "2GiB", "4GiB"};
	Samoza__V1__ZhostSpec *z = (Samoza__V1__ZhostSpec *)schema_message_new(
		&samoza__v1__zhost_spec__descriptor);
	z->name = str_printf("n%u", number);
	z->cpu = mem_strdup(pick(r, cpus, ARRAY_SIZE(cpus)));
	z->memory = mem_strdup(pick(r, memories, ARRAY_SIZE(memories)));
	z->labels = mem_new_array(Samoza__V1__ZhostSpec__LabelsEntry *, 1);
	z->labels[0] = (Samoza__V1__ZhostSpec__LabelsEntry *)schema_message_new(
		&samoza__v1__zhost_spec__labels_entry__descriptor);
	schema_set_string(&z->labels[0]->key, z->labels[0]->key, "rack");
	schema_set_string(&z->labels[0]->value, z->labels[0]->value,
			  pick(r, racks, ARRAY_SIZE(racks)));
	z->n_labels = 1;
	if (random_percent(r, 40)) {
		z->capabilities = mem_new_array(char *, 1);
		z->capabilities[0] = mem_strdup("sensors.camera");
		z->n_capabilities = 1;
	}
	return z;
}

/* ---- spaces ---- */

/* `item` is drawn before the list grows. */
#define ADD(list, count, item)                                             \
	do {                                                               \
		__typeof__(*(list)) add_item_ = (item);                    \
		(list) = mem_resize((list), (count) + 1, sizeof(*(list))); \
		(list)[(count)++] = add_item_;                             \
	} while (0)

static char *space_name(unsigned index)
{
	return str_printf("%c", (char)('a' + index));
}

static void draw_resources(struct random *r, Samoza__V1__Space *s)
{
	static const char *const cpus[] = {"50m", "200m", "500m", "1"};
	static const char *const memories[] = {"32MiB", "128MiB", "500MiB"};
	s->resources =
		(Samoza__V1__Resources *)schema_message_new(&samoza__v1__resources__descriptor);
	schema_set_string(&s->resources->cpu, s->resources->cpu,
			  pick(r, cpus, ARRAY_SIZE(cpus)));
	schema_set_string(&s->resources->memory, s->resources->memory,
			  pick(r, memories, ARRAY_SIZE(memories)));
}

static Samoza__V1__Affinity *draw_affinity(struct random *r, char *take_with)
{
	Samoza__V1__Affinity *a =
		(Samoza__V1__Affinity *)schema_message_new(&samoza__v1__affinity__descriptor);
	a->with = take_with;
	schema_set_string(&a->scope, a->scope, random_percent(r, 60) ? "zhost" : "rack");
	a->has_required = true;
	a->required = random_percent(r, 60);
	return a;
}

/* Only of and with spaces that are inside of nothing, so that place.c can judge by roots. */
static void draw_placement(struct random *r, Samoza__V1__Space *s,
			   const Samoza__V1__Topology *t)
{
	static const char *const constraints[] = {"rack == a", "rack != b", "rack in (a, b)",
						  "rack exists", "rack not in (c)"};
	Samoza__V1__Placement *p =
		(Samoza__V1__Placement *)schema_message_new(&samoza__v1__placement__descriptor);
	s->placement = p;
	if (random_percent(r, 25)) {
		char *c = mem_strdup(pick(r, constraints, ARRAY_SIZE(constraints)));
		ADD(p->constraints, p->n_constraints, c);
	}
	if (random_percent(r, 20)) {
		p->has_strategy = true;
		p->strategy = SAMOZA__V1__PLACEMENT_STRATEGY__STRATEGY_PACK;
	}
	if (random_percent(r, 10)) {
		Samoza__V1__Spread *spread = (Samoza__V1__Spread *)schema_message_new(
			&samoza__v1__spread__descriptor);
		spread->over = mem_strdup(random_percent(r, 50) ? "rack" : "zhost");
		ADD(p->spread, p->n_spread, spread); /* a preference: place.c knows no rule 5 */
	}
	if (s->inside != NULL)
		return;
	if (random_percent(r, 12))
		ADD(p->anti_affinity, p->n_anti_affinity, draw_affinity(r, mem_strdup("self")));
	if (t->n_spaces > 0 && random_percent(r, 15)) {
		const Samoza__V1__Space *with =
			t->spaces[random_below(r, (uint32_t)t->n_spaces)];
		Samoza__V1__Affinity *a = draw_affinity(r, mem_strdup(with->name));
		if (with->inside != NULL)
			a->required = false;
		if (random_percent(r, 50))
			ADD(p->affinity, p->n_affinity, a);
		else
			ADD(p->anti_affinity, p->n_anti_affinity, a);
	}
}

static void draw_imports(struct random *r, Samoza__V1__Space *s, unsigned spaces)
{
	unsigned count = random_below(r, 3);
	for (unsigned i = 0; i < count; i++) {
		Samoza__V1__Import *import = (Samoza__V1__Import *)schema_message_new(
			&samoza__v1__import__descriptor);
		import->from = random_percent(r, 25)
				       ? mem_strdup(random_percent(r, 50) ? "red" : "blue")
				       : space_name(random_below(r, spaces));
		import->has_optional = true;
		import->optional = random_percent(r, 40);
		ADD(s->imports, s->n_imports, import);
	}
}

static void draw_policies(struct random *r, Samoza__V1__Space *s)
{
	static const char *const windows[] = {"20s", "1m", "10m"};
	static const char *const graces[] = {"0s", "50ms", "5s", "30s"};
	s->restart =
		(Samoza__V1__Restart *)schema_message_new(&samoza__v1__restart__descriptor);
	s->restart->has_attempts = true;
	s->restart->attempts = random_below(r, 4);
	schema_set_string(&s->restart->window, s->restart->window,
			  pick(r, windows, ARRAY_SIZE(windows)));
	s->stop = (Samoza__V1__Stop *)schema_message_new(&samoza__v1__stop__descriptor);
	schema_set_string(&s->stop->grace, s->stop->grace, pick(r, graces, ARRAY_SIZE(graces)));
	s->has_exclusive = s->exclusive = random_percent(r, 20);
}

static void draw_exports(struct random *r, Samoza__V1__Space *s)
{
	if (!random_percent(r, 60))
		return;
	static const char *const names[] = {"ip", "port"};
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		Samoza__V1__Space__ExportsEntry *e =
			(Samoza__V1__Space__ExportsEntry *)schema_message_new(
				&samoza__v1__space__exports_entry__descriptor);
		schema_set_string(&e->key, e->key, names[i]);
		schema_set_string(&e->value, e->value, "");
		ADD(s->exports, s->n_exports, e);
	}
}

static Samoza__V1__Space *draw_space(struct random *r, const Samoza__V1__Topology *t,
				     unsigned index, unsigned spaces)
{
	Samoza__V1__Space *s =
		(Samoza__V1__Space *)schema_message_new(&samoza__v1__space__descriptor);
	s->name = space_name(index);
	s->has_type = true;
	s->type = random_percent(r, 30) ? SAMOZA__V1__SPACE_TYPE__NATIVE
					: SAMOZA__V1__SPACE_TYPE__CALL;
	s->has_count = true;
	s->count = random_percent(r, 70) ? 1 : 2 + random_below(r, 2);
	if (index > 0 && random_percent(r, 35))
		s->inside = space_name(random_below(r, index));
	if (random_percent(r, 25))
		ADD(s->provides, s->n_provides,
		    mem_strdup(random_percent(r, 50) ? "red" : "blue"));
	if (random_percent(r, 12))
		ADD(s->capabilities, s->n_capabilities, mem_strdup("sensors.camera"));
	draw_resources(r, s);
	draw_placement(r, s, t);
	draw_imports(r, s, spaces);
	draw_exports(r, s);
	draw_policies(r, s);
	return s;
}

/* Some imports name variables, so that not all of one space are the same. */
static void draw_variables(struct random *r, const Samoza__V1__Topology *t,
			   Samoza__V1__Import *import)
{
	static const char *const names[] = {"port", "ip"};
	bool has_them = false;
	for (size_t i = 0; i < t->n_spaces; i++)
		has_them |= str_equal(t->spaces[i]->name, import->from) &&
			    t->spaces[i]->n_exports == ARRAY_SIZE(names);
	if (!has_them || !random_percent(r, 30))
		return;
	unsigned chosen = 1 + random_below(r, 3);
	for (unsigned k = 0; k < ARRAY_SIZE(names); k++)
		if ((chosen & 1u << k) != 0)
			ADD(import->variables, import->n_variables, mem_strdup(names[k]));
}

Samoza__V1__Topology *draw_topology(struct random *r, unsigned number)
{
	Samoza__V1__Topology *t =
		(Samoza__V1__Topology *)schema_message_new(&samoza__v1__topology__descriptor);
	t->metadata = (Samoza__V1__TopologyMetadata *)schema_message_new(
		&samoza__v1__topology_metadata__descriptor);
	t->metadata->name = str_printf("t%u", number);
	unsigned spaces = 1 + random_below(r, 7);
	for (unsigned i = 0; i < spaces; i++)
		ADD(t->spaces, t->n_spaces, draw_space(r, t, i, spaces));
	for (size_t i = 0; i < t->n_spaces; i++)
		for (size_t k = 0; k < t->spaces[i]->n_imports; k++)
			draw_variables(r, t, t->spaces[i]->imports[k]);
	return t;
}
