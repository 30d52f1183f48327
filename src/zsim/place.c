/* zsim place: on which zhosts topologies would be placed, and why, without running anything. */
#include <stdio.h>

#include "base/str.h"
#include "core/place/place.h"
#include "model/compile.h"
#include "model/zhost.h"
#include "proto/scenario.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"
#include "zsim/command.h"
#include "zsim/scenario/files.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const char *const formats[] = {"table", "json", NULL};

struct options {
	char *zhosts, *format;
	bool explain;
};

static const struct cli_argument arguments[] = {
	{.name = "TOPOLOGY", .kind = CLI_ARGUMENT_FILE, .repeated = true},
	{0},
};

static const struct cli_option options[] = {
	{.name = "zhosts",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, zhosts),
	 .required = true,
	 .help = "a file with a list `zhosts`, as in scenarios"},
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct options, format),
	 .fallback = "table",
	 .choices = formats,
	 .value = "FORMAT",
	 .help = "how the result is printed"},
	{.name = "explain",
	 .offset = offsetof(struct options, explain),
	 .help = "each zhost for each instance: its score, or every rule that failed"},
	{0},
};

const struct cli_command place_command = {
	.words = "place",
	.summary = "place topologies on zhosts without running anything",
	.details =
		"Places the topologies one after another on the same zhosts, with the engine "
		"and the rules of zrms. A topology that is refused is not placed; the refusal "
		"is its reason. Exit status 1 when a topology was not placed.\n\n"
		"Files are YAML or JSON. A zhost without cpu or memory has 64 cores and 256 "
		"GiB.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

struct placement_run {
	const char *zhosts_file;
	bool json, explain;
	struct place *place;
	Samoza__V1__PlaceAnswer *answer;
};

/* ---- zhosts ---- */

/* They are of this version, which no file says. */
static void offer_by_version(Samoza__V1__ZhostSpec *zhost)
{
	zhost->capabilities = mem_resize(zhost->capabilities, zhost->n_capabilities + 3,
					 sizeof(*zhost->capabilities));
	zhost->capabilities[zhost->n_capabilities++] = mem_strdup(CAPABILITY_PAGE_ACCESS);
	zhost->capabilities[zhost->n_capabilities++] = mem_strdup(CAPABILITY_SETTINGS);
	zhost->capabilities[zhost->n_capabilities++] = mem_strdup(CAPABILITY_SECRETS);
}

static int add_zhosts(struct placement_run *p, const Samoza__V1__ZhostList *list,
		      const struct schema_positions *positions, struct diagnostics *findings)
{
	for (size_t i = 0; i < list->n_zhosts; i++) {
		CLEANUP(freep) char *path = str_printf("zhosts[%zu]", i);
		struct zhost_spec spec;
		zhost_fill_machine(list->zhosts[i]);
		offer_by_version(list->zhosts[i]);
		if (zhost_spec_compile(list->zhosts[i], path, positions, findings, &spec,
				       NULL) < 0)
			continue;
		if (place_zhost_find(p->place, spec.name) != PLACE_NONE) {
			struct schema_position at =
				schema_position_of(positions, "%s.name", path);
			diagnostics_add(findings, at.file, at.line, at.column,
					"there are two zhosts '%s'", spec.name);
		} else {
			(void)place_zhost_set(p->place, &spec, true, false);
		}
		zhost_spec_done(&spec);
	}
	return diagnostics_any(findings) ? -1 : 0;
}

static int read_zhosts(struct placement_run *p, struct error **err)
{
	CLEANUP(freep) char *text = NULL;
	size_t size = 0;
	int r = file_read(p->zhosts_file, &text, &size, err);
	if (r < 0)
		return r;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	ProtobufCMessage *message = NULL;
	r = schema_read_yaml(&samoza__v1__zhost_list__descriptor, p->zhosts_file, text, size, 0,
			     &findings, &message, &positions, err);
	if (r < 0)
		return r;
	if (add_zhosts(p, (Samoza__V1__ZhostList *)message, positions, &findings) < 0)
		r = diagnostics_error(&findings, err);
	schema_message_free(message);
	return r;
}

/* ---- one topology ---- */

static char *all_findings(const struct diagnostics *findings, const struct error *err)
{
	if (!diagnostics_any(findings))
		return error_text(err);
	char *text = mem_strdup("");
	for (size_t i = 0; i < findings->list.count; i++) {
		CLEANUP(freep) char *one = diagnostic_text(&findings->list.items[i]);
		char *longer = str_printf("%s%s%s", text, i > 0 ? "\n" : "", one);
		free(text);
		text = longer;
	}
	return text;
}

/* The compiled topology, or NULL with the refusal. Writes *ret_name in both cases; the caller
 * frees. */
static struct topology *read_topology(const char *file, char **ret_name, char **ret_refusal)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	ProtobufCMessage *message = NULL;
	struct topology *topology = NULL;
	size_t size = 0;
	*ret_name = mem_strdup(file);
	int r = file_read(file, &text, &size, &err);
	if (r == 0)
		r = schema_read_yaml(&samoza__v1__topology__descriptor, file, text, size,
				     SCHEMA_PARTIAL, &findings, &message, &positions, &err);
	if (r == 0) {
		const Samoza__V1__Topology *in = (const Samoza__V1__Topology *)message;
		free(*ret_name);
		*ret_name = mem_strdup(in->metadata->name);
		r = topology_compile(in, &(struct topology_source){.positions = positions},
				     NULL, &findings, &topology, &err);
	}
	if (r < 0) {
		diagnostics_sort(&findings);
		*ret_refusal = all_findings(&findings, err);
	}
	schema_message_free(message);
	return topology;
}

static Samoza__V1__PlaceTopology *answer_add(struct placement_run *p, char *take_name)
{
	Samoza__V1__PlaceTopology *t = (Samoza__V1__PlaceTopology *)schema_message_new(
		&samoza__v1__place_topology__descriptor);
	t->name = take_name;
	t->reason = mem_strdup("");
	p->answer->topologies[p->answer->n_topologies++] = t;
	return t;
}

static void set_reason(Samoza__V1__PlaceTopology *t, char *take_reason)
{
	free(t->reason);
	t->reason = take_reason;
}

static void add_placements(struct placement_run *p, Samoza__V1__PlaceTopology *to,
			   const struct topology *t, const uint32_t *units)
{
	to->placements = mem_new_array(Samoza__V1__PlacePlacement *, t->instance_count);
	uint32_t zhost = PLACE_NONE;
	for (unsigned i = 0; i < t->instance_count; i++) {
		if (t->instances[i].parent < 0)
			zhost = place_where(p->place, units[i]);
		Samoza__V1__PlacePlacement *one =
			(Samoza__V1__PlacePlacement *)schema_message_new(
				&samoza__v1__place_placement__descriptor);
		one->space = mem_strdup(t->instances[i].path);
		if (zhost != PLACE_NONE) /* else it is optional */
			one->zhost = mem_strdup(place_zhost_name(p->place, zhost));
		to->placements[to->n_placements++] = one;
	}
}

static Samoza__V1__PlaceExplain *explain_new(const struct placement_run *p, const char *space,
					     const struct place_verdict *v)
{
	Samoza__V1__PlaceExplain *e = (Samoza__V1__PlaceExplain *)schema_message_new(
		&samoza__v1__place_explain__descriptor);
	e->space = mem_strdup(space);
	e->zhost = mem_strdup(place_zhost_name(p->place, v->zhost));
	e->eligible = v->eligible;
	e->has_score = true;
	e->score = v->eligible ? (double)v->score.total : 0;
	e->failed_rules = mem_new_array(char *, v->failure_count + 1);
	for (uint32_t i = 0; i < v->failure_count; i++)
		e->failed_rules[e->n_failed_rules++] = mem_strdup(v->failures[i].text);
	return e;
}

/* Children are placed with their parent: the verdicts are about instances without a parent. */
static void explain(struct placement_run *p, Samoza__V1__PlaceTopology *to,
		    const struct topology *t, const uint32_t *units)
{
	for (unsigned i = 0; i < t->instance_count; i += t->instances[i].subtree_count) {
		struct place_explanation e;
		place_explain(p->place, &(struct place_unit_request){.unit = units[i]}, &e);
		to->explain = mem_resize(to->explain, to->n_explain + e.verdict_count + 1,
					 sizeof(*to->explain));
		for (uint32_t v = 0; v < e.verdict_count; v++)
			to->explain[to->n_explain++] =
				explain_new(p, t->instances[i].path, &e.verdicts[v]);
		if (!p->json) {
			CLEANUP(freep)
			char *text = place_explanation_text(p->place, &e);
			printf("\n%s", text);
		}
		place_explanation_done(&e);
	}
}

static void print_placements(const Samoza__V1__PlaceTopology *t)
{
	if (!t->placed) {
		printf("%s: not placed\n  %s\n", t->name, t->reason);
		return;
	}
	printf("%s: placed\n  %-32s %s\n", t->name, "SPACE", "ZHOST");
	for (size_t i = 0; i < t->n_placements; i++)
		printf("  %-32s %s\n", t->placements[i]->space,
		       t->placements[i]->zhost != NULL ? t->placements[i]->zhost
						       : "- (optional: no place)");
}

/* False, with the reason: what is on every zhost that fits has no place to be looked for. */
static bool has_places(const struct placement_run *p, Samoza__V1__PlaceTopology *to,
		       const struct topology *t)
{
	for (unsigned k = 0; k < t->space_count; k++) {
		if (!t->spaces[k].each)
			continue;
		set_reason(to,
			   str_printf("space '%s' has count: each, for which zsim place looks "
				      "for no place; topo submit --dry-run says where it "
				      "would be",
				      t->spaces[k].name));
		if (!p->json)
			print_placements(to);
		return false;
	}
	return true;
}

static void try_topology(struct placement_run *p, Samoza__V1__PlaceTopology *to,
			 struct topology *t)
{
	if (!has_places(p, to, t))
		return;
	uint32_t handle = place_topology_add(p->place, t, p->answer->n_topologies);
	CLEANUP(freep) uint32_t *units = mem_new_array(uint32_t, t->instance_count);
	place_units_new(p->place, handle, units);
	struct place_result result;
	place_try_topology(p->place, t, units, &result);
	to->placed = result.complete;
	if (result.complete)
		add_placements(p, to, t, units);
	else
		set_reason(to, place_reason_text(&result.reason));
	if (!p->json)
		print_placements(to);
	if (p->explain)
		explain(p, to, t, units);
	place_result_done(&result);
}

/* ---- all topologies ---- */

static bool place_file(struct placement_run *p, const char *file, const char *zhosts_error)
{
	char *name = NULL;
	char *refusal = NULL;
	CLEANUP(topology_unrefp) struct topology *t = read_topology(file, &name, &refusal);
	Samoza__V1__PlaceTopology *to = answer_add(p, name);
	if (t != NULL && zhosts_error == NULL) {
		try_topology(p, to, t);
		return to->placed;
	}
	set_reason(to, refusal != NULL ? refusal : mem_strdup(zhosts_error));
	if (!p->json)
		print_placements(to);
	return false;
}

static int place_files(struct placement_run *p, const char *const *files, size_t count)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(freep) char *zhosts_error = NULL;
	p->place = place_new(NULL);
	p->answer = (Samoza__V1__PlaceAnswer *)schema_message_new(
		&samoza__v1__place_answer__descriptor);
	p->answer->topologies = mem_new_array(Samoza__V1__PlaceTopology *, count);
	if (read_zhosts(p, &err) < 0)
		zhosts_error = error_text(err);
	bool all = true;
	for (size_t i = 0; i < count; i++)
		all &= place_file(p, files[i], zhosts_error);
	if (p->json) {
		CLEANUP(freep)
		char *json = schema_write_json(&p->answer->base, SCHEMA_JSON_PRETTY);
		fputs(json, stdout);
	}
	schema_message_free(p->answer);
	place_free(p->place);
	return all ? CLI_DONE : CLI_FAILED;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	struct placement_run p = {.zhosts_file = given->zhosts,
				  .json = strcmp(given->format, "json") == 0,
				  .explain = given->explain};

	return place_files(&p, line->arguments.items, line->arguments.count);
}
