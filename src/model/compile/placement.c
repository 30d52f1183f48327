/*
 * `placement` of one space: constraints, near, affinity, spread.
 */
#include <string.h>

#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/names.h"
#include "model/compile/passes.h"
#include "model/quantity.h"

/* Copies a constraint into the arena. */
static void keep_constraint(struct compile *c, struct space *s, const struct constraint *from)
{
	struct constraint *to = &s->constraints[s->constraint_count++];

	*to = *from;
	to->label = arena_strdup(c->arena, from->label);
	to->text = arena_strdup(c->arena, from->text);
	to->values = arena_new_array(c->arena, const char *, from->value_count);
	for (unsigned i = 0; i < from->value_count; i++)
		to->values[i] = arena_strdup(c->arena, from->values[i]);
}

static void add_shorthand(struct compile *c, struct space *s, const char *label,
			  const char *value)
{
	struct constraint constraint;

	if (str_is_empty(value))
		return;
	constraint_init_equal(&constraint, label, value);
	keep_constraint(c, s, &constraint);
	constraint_done(&constraint);
}

static void compile_constraints(struct compile *c, struct space *s,
				const Samoza__V1__Placement *in)
{
	s->constraints = arena_new_array(c->arena, struct constraint, in->n_constraints + 2);
	add_shorthand(c, s, "region", in->region);
	add_shorthand(c, s, "kind", in->kind);
	for (size_t i = 0; i < in->n_constraints; i++) {
		struct constraint constraint;
		struct error *err = NULL;

		if (constraint_parse(in->constraints[i], &constraint, &err) < 0) {
			finding_error(c,
				      AT("spaces[%u].placement.constraints[%zu]", s->index, i),
				      err);
			continue;
		}
		keep_constraint(c, s, &constraint);
		constraint_done(&constraint);
	}
}

static void compile_near(struct compile *c, struct space *s, const Samoza__V1__Near *in)
{
	struct place place = AT("spaces[%u].placement.near.within", s->index);
	struct error *err = NULL;
	uint64_t within_m;

	if (in == NULL)
		return;
	if (distance_parse(in->within, &within_m, &err) < 0) {
		finding_error(c, place, err);
		return;
	}
	/* Not (a <= x): also refuses what is not a number. */
	if (!(in->latitude >= -90 && in->latitude <= 90) ||
	    !(in->longitude >= -180 && in->longitude <= 180)) {
		finding(c, AT("spaces[%u].placement.near", s->index),
			"latitude is -90 to 90 and longitude -180 to 180 degrees");
		return;
	}
	s->near = (struct near_rule){.set = true,
				     .latitude = in->latitude,
				     .longitude = in->longitude,
				     .within_m = (double)within_m};
}

/* Who an affinity is with; false after a finding. */
static bool find_other(struct compile *c, const struct space *s, const char *with,
		       struct place place, struct affinity *out)
{
	const char *slash = strchr(with, '/');
	const char *name = slash != NULL ? slash + 1 : with;

	out->space_index = -1;
	if (slash != NULL) {
		char *topology = mem_strndup(with, (size_t)(slash - with));
		if (strcmp(topology, c->t->name) != 0)
			out->topology = arena_strdup(c->arena, topology);
		free(topology);
		if (strcmp(name, "self") == 0) {
			finding(c, place, "'self' is this space; it cannot follow a '/'");
			return false;
		}
	} else if (strcmp(name, "self") == 0) {
		name = s->name;
	}
	out->space = arena_strdup(c->arena, name);
	if (out->topology != NULL)
		return true;
	out->space_index =
		strcmp(name, s->name) == 0 ? (int)s->index : topology_find_space(c->t, name);
	if (out->space_index < 0) {
		char *hint = hint_for(c, name, false);
		finding(c, place, "there is no space '%s'%s", name, hint);
		free(hint);
		return false;
	}
	out->self = out->space_index == (int)s->index;
	return true;
}

static struct affinity *compile_affinities(struct compile *c, const struct space *s,
					   const char *field, Samoza__V1__Affinity *const *in,
					   size_t count, unsigned *ret_count)
{
	struct affinity *list = arena_new_array(c->arena, struct affinity, count);
	unsigned kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct affinity *out = &list[kept];

		if (!find_other(c, s, in[i]->with,
				AT("spaces[%u].placement.%s[%zu].with", s->index, field, i),
				out)) {
			*out = (struct affinity){0};
			continue;
		}
		out->scope = arena_strdup(c->arena,
					  str_is_empty(in[i]->scope) ? "zhost" : in[i]->scope);
		out->scope_is_zhost = strcmp(out->scope, "zhost") == 0;
		out->required = in[i]->has_required && in[i]->required;
		out->weight = in[i]->weight;
		out->item = (unsigned)i;
		kept++;
	}
	*ret_count = kept;
	return list;
}

void compile_placement(struct compile *c, struct space *s, const Samoza__V1__Placement *in)
{
	if (in == NULL)
		return;
	compile_constraints(c, s, in);
	compile_near(c, s, in->near);
	s->affinity = compile_affinities(c, s, "affinity", in->affinity, in->n_affinity,
					 &s->affinity_count);
	s->anti_affinity = compile_affinities(c, s, "anti_affinity", in->anti_affinity,
					      in->n_anti_affinity, &s->anti_affinity_count);
	s->spread = arena_new_array(c->arena, struct spread_rule, in->n_spread);
	s->spread_count = (unsigned)in->n_spread;
	for (size_t i = 0; i < in->n_spread; i++) {
		const Samoza__V1__Spread *spread = in->spread[i];

		s->spread[i] = (struct spread_rule){
			.over = arena_strdup(c->arena, spread->over),
			.over_is_zhost = strcmp(spread->over, "zhost") == 0,
			.max_skew = spread->max_skew,
			.required = spread->has_required && spread->required};
		if (s->spread[i].max_skew == 0)
			finding(c, AT("spaces[%u].placement.spread[%zu].max_skew", s->index, i),
				"max_skew must be at least 1");
	}
	if (in->has_strategy && in->strategy == SAMOZA__V1__PLACEMENT_STRATEGY__STRATEGY_PACK)
		s->strategy = STRATEGY_PACK;
}
