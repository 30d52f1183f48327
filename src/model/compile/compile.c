#include "model/compile.h"

#include "model/compile/findings.h"
#include "model/compile/names.h"
#include "model/compile/passes.h"

static void compile_metadata(struct compile *c)
{
	const Samoza__V1__TopologyMetadata *metadata = c->in->metadata;

	c->t->name = arena_strdup(c->arena, metadata->name);
	c->t->owner = arena_strdup(c->arena, metadata->owner != NULL ? metadata->owner : "");
}

static void compile_all(struct compile *c)
{
	compile_metadata(c);
	if (c->in->n_spaces == 0) {
		finding(c, AT("spaces"), "a topology needs at least one space");
		return;
	}
	if (c->in->n_spaces > TOPOLOGY_MAX_SPACES) {
		finding(c, AT("spaces"), "%zu spaces are too many: at most %u", c->in->n_spaces,
			TOPOLOGY_MAX_SPACES);
		return;
	}
	if (!compile_names(c)) {
		/* What a name means is not known: findings about references would be guesses. */
		compile_fields(c);
		return;
	}
	bool tree = compile_tree(c);
	compile_fields(c);
	if (tree) {
		compile_optional(c);
		compile_each(c);
		compile_offline_start(c);
	}
	bool links = compile_links(c);
	if (links)
		compile_settings(c);
	if (tree && links)
		compile_startable(c);
	if (tree) {
		compile_clashes(c);
		if (compile_count_instances(c) && c->finding_count == 0)
			compile_expand(c);
	}
}

static void add_rest(struct diagnostics *all, unsigned hidden)
{
	diagnostics_add(all, NULL, 0, 0, "%u more finding%s not shown", hidden,
			hidden == 1 ? " is" : "s are");
}

static void sum_data(struct topology *t)
{
	for (unsigned i = 0; i < t->instance_count; i++) {
		uint64_t own = t->instances[i].is_pattern
				       ? 0
				       : t->spaces[t->instances[i].space].data_bytes;
		t->data_bytes =
			t->data_bytes > UINT64_MAX - own ? UINT64_MAX : t->data_bytes + own;
	}
}

int topology_compile(const Samoza__V1__Topology *in, const struct topology_source *source,
		     const struct topology_options *options, struct diagnostics *findings,
		     struct topology **ret_topology, struct error **err)
{
	struct diagnostics own = {0};
	struct compile c = {.in = in, .source = source, .options = options, .findings = &own};
	int r = 0;

	c.defaults = space_defaults();
	c.arena = arena_new();
	c.t = arena_new_array(c.arena, struct topology, 1);
	c.t->memory = c.arena;
	c.t->references = 1;
	compile_all(&c);
	if (c.finding_count == 0) {
		sum_data(c.t);
		*ret_topology = c.t;
	} else {
		topology_unref(c.t);
		diagnostics_sort(&own);
		r = diagnostics_error(&own, err);
		if (c.finding_count > SCHEMA_FINDINGS_MAX)
			add_rest(&own, c.finding_count - SCHEMA_FINDINGS_MAX);
		if (findings != NULL) {
			vector_for_each (&own.list, d)
				diagnostics_add(findings, d->file, d->line, d->column, "%s",
						d->message);
		}
	}
	diagnostics_done(&own);
	return r;
}
