/* Reads a scenario, runs it, prints what happened. */

#include "zsim/scenario/scenario.h"

#include <inttypes.h>

#include "base/str.h"
#include "model/quantity.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "zsim/scenario/availability.h"
#include "zsim/scenario/files.h"
#include "zsim/scenario/history.h"
#include "zsim/scenario/machines.h"
#include "zsim/scenario/packages.h"
#include "zsim/scenario/step_run.h"
#include "zsim/scenario/steps.h"
#include "zsim/world/controller.h"
#include "zsim/world/machine.h"
#include "zsim/world/options.h"
#include "zsim/world/resume.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* ---- read ---- */

static int64_t read_duration(const struct scenario *s, const char *key, const char *text,
			     struct diagnostics *findings)
{
	CLEANUP(error_freep) struct error *err = NULL;
	uint64_t ms = 0;
	if (duration_parse(text, &ms, &err) == 0)
		return (int64_t)ms;
	struct schema_position at = schema_position_of(s->positions, "options.%s", key);
	diagnostics_add(findings, s->file, at.line, at.column, "%s", err->message);
	return 1;
}

static void read_options(struct scenario *s, struct diagnostics *findings)
{
	Samoza__V1__ScenarioOptions none = SAMOZA__V1__SCENARIO_OPTIONS__INIT;
	const Samoza__V1__ScenarioOptions *o =
		s->message->options != NULL ? s->message->options : &none;
	s->options = (struct world_options){
		.heartbeat_ms = read_duration(s, "heartbeat", o->heartbeat, findings),
		.timeout_ms = read_duration(s, "timeout", o->timeout, findings),
		.check_ms = read_duration(s, "check", o->check, findings),
		.margin_ms = read_duration(s, "margin", o->margin, findings),
		.on_disconnect_ms =
			read_duration(s, "on_disconnect", o->on_disconnect, findings),
		.recipe_ms = read_duration(s, "recipe_time", o->recipe_time, findings),
		.restart_attempts = o->restart_attempts,
		.drain_units = o->drain_units,
	};
	struct schema_position at = schema_position_of(s->positions, "options");
	if (s->options.heartbeat_ms <= 0 || s->options.timeout_ms <= 0 ||
	    s->options.check_ms <= 0)
		diagnostics_add(findings, s->file, at.line, at.column,
				"heartbeat, timeout and check must be longer than 0");
}

/* How many of the things that a step can do are in it. */
static unsigned count_kinds(const Samoza__V1__ScenarioStep *step)
{
	unsigned count = 0;
	const ProtobufCMessageDescriptor *type = &samoza__v1__scenario_step__descriptor;
	for (unsigned i = 0; i < type->n_fields; i++)
		count += schema_message_has(&step->base, type->fields[i].name);
	return count;
}

static void check_zhosts(const struct scenario *s, struct diagnostics *findings)
{
	for (size_t i = 0; i < s->message->n_zhosts; i++) {
		struct zhost_spec spec;
		CLEANUP(error_freep) struct error *err = NULL;
		CLEANUP(freep) char *path = str_printf("zhosts[%zu]", i);
		if (zhost_spec_compile(s->message->zhosts[i], path, s->positions, findings,
				       &spec, &err) == 0)
			zhost_spec_done(&spec);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(s->message->zhosts[i]->name, s->message->zhosts[k]->name) !=
			    0)
				continue;
			struct schema_position at =
				schema_position_of(s->positions, "zhosts[%zu].name", i);
			diagnostics_add(findings, s->file, at.line, at.column,
					"there are two zhosts '%s'",
					s->message->zhosts[i]->name);
		}
	}
}

static void check_topologies(const struct scenario *s, struct diagnostics *findings)
{
	const Samoza__V1__Scenario *m = s->message;
	for (size_t i = 0; i < m->n_topologies; i++)
		for (size_t k = 0; k < i; k++) {
			if (strcmp(m->topologies[i]->metadata->name,
				   m->topologies[k]->metadata->name) != 0 ||
			    strcmp(m->topologies[i]->version, m->topologies[k]->version) != 0)
				continue;
			struct schema_position at =
				schema_position_of(s->positions, "topologies[%zu].metadata", i);
			diagnostics_add(findings, s->file, at.line, at.column,
					"there are two topologies '%s' %s",
					m->topologies[i]->metadata->name,
					m->topologies[i]->version);
		}
}

/* Asks zrms for nothing, so that zrms cannot refuse it. */
static bool is_plain_fault(Samoza__V1__ZhostEvent event)
{
	return event == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_KILL ||
	       event == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_PARTITION ||
	       event == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_HEAL ||
	       event == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_SUSPEND ||
	       event == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_RESUME;
}

static void check_duration(const struct scenario *s, struct schema_position at,
			   const char *text, struct diagnostics *findings)
{
	uint64_t ms = 0;
	CLEANUP(error_freep) struct error *err = NULL;
	if (text != NULL && duration_parse(text, &ms, &err) < 0)
		diagnostics_add(findings, s->file, at.line, at.column, "%s", err->message);
}

static void check_durations(const struct scenario *s, size_t index,
			    struct diagnostics *findings)
{
	const Samoza__V1__ScenarioStep *step = s->message->steps[index];
	struct schema_position at = schema_position_of(s->positions, "steps[%zu]", index);
	check_duration(s, at, step->slow != NULL ? step->slow->by : NULL, findings);
	check_duration(s, at, step->slow != NULL ? step->slow->disk : NULL, findings);
	check_duration(s, at, step->unhealthy != NULL ? step->unhealthy->for_ : NULL, findings);
	check_duration(s, at, step->stall, findings);
	check_duration(s, at, step->advance, findings);
	at = schema_position_of(s->positions, "steps[%zu].away", index);
	for (size_t n = 0; n < step->n_away; n++)
		check_duration(s, at, step->away[n]->value, findings);
}

static void check_steps(const struct scenario *s, struct diagnostics *findings)
{
	for (size_t i = 0; i < s->message->n_steps; i++) {
		const Samoza__V1__ScenarioStep *step = s->message->steps[i];
		struct schema_position at = schema_position_of(s->positions, "steps[%zu]", i);
		unsigned kinds = count_kinds(step);
		if (kinds != 1)
			diagnostics_add(findings, s->file, at.line, at.column,
					kinds == 0
						? "a step must do something"
						: "a step does one thing: begin each with '-'");
		if (step->zhost != NULL && step->zhost->error != NULL &&
		    is_plain_fault(step->zhost->do_)) {
			at = schema_position_of(s->positions, "steps[%zu].zhost.error", i);
			diagnostics_add(
				findings, s->file, at.line, at.column,
				"zrms cannot refuse this: only add, start, restart, remove, "
				"cordon, uncordon and drain take an error");
		}
		check_durations(s, i, findings);
	}
}

/* What depends on parameters is read when it is submitted, with their values. */
static enum schema_parameter leave_out(void *user, const char *name, const char **ret_value)
{
	(void)user;
	(void)name;
	(void)ret_value;
	return SCHEMA_PARAMETER_UNSET;
}

int scenario_read(const char *file, struct scenario *ret_scenario, struct diagnostics *findings,
		  struct error **err)
{
	CLEANUP(freep) char *text = NULL;
	size_t size = 0;
	int r = file_read(file, &text, &size, err);
	if (r < 0)
		return r;
	struct scenario s = {.file = file};
	ProtobufCMessage *message = NULL;
	const struct schema_substitution without = {.find = leave_out};
	r = schema_read_template(&samoza__v1__scenario__descriptor, file, text, size,
				 SCHEMA_SCENARIO, &without, findings, &message, &s.positions,
				 err);
	if (r < 0)
		return r;
	s.message = (Samoza__V1__Scenario *)message;
	size_t before = findings->list.count;
	read_options(&s, findings);
	for (size_t i = 0; i < s.message->n_topologies; i++)
		package_fill(&s, s.message->topologies[i]);
	check_zhosts(&s, findings);
	check_topologies(&s, findings);
	check_steps(&s, findings);
	if (findings->list.count > before) {
		scenario_done(&s);
		diagnostics_sort(findings);
		return diagnostics_error(findings, err);
	}
	for (size_t i = 0; i < s.message->n_zhosts; i++)
		zhost_fill_machine(s.message->zhosts[i]);
	*ret_scenario = s;
	return 0;
}

void scenario_done(struct scenario *s)
{
	schema_message_free(s->message);
	schema_positions_free(s->positions);
	*s = (struct scenario){0};
}

/* ---- run ---- */

static void print_table(const struct world *w, FILE *out)
{
	if (w->control == NULL) {
		fputs("                       zrms is not running\n", out);
		return;
	}
	Samoza__V1__SpaceListView *list = control_view_spaces(w->control, NULL);
	for (size_t i = 0; i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *v = list->spaces[i];
		fprintf(out, "         %-24s %-21s %-17s %-10s %s\n", v->name, v->state,
			v->goal, v->zhost != NULL ? v->zhost : "-",
			v->last_error != NULL ? v->last_error : "");
	}
	samoza__v1__space_list_view__free_unpacked(list, NULL);
}

static void print_log(struct world *w, FILE *out)
{
	vector_for_each (&w->log, line) {
		fprintf(out, "    %s\n", *line);
		free(*line);
	}
	vector_clear(&w->log);
}

static bool run_step(struct step_run *run, size_t index, FILE *out)
{
	const struct scenario *s = run->scenario;
	const Samoza__V1__ScenarioStep *step = s->message->steps[index];
	step_do(run, step);
	world_drain(run->world);
	history_follow(run->history, run->world);
	if (run->world->violation != NULL)
		step_fail(run, "%s", run->world->violation);
	bool passed = run->wrong.count == 0;
	print_log(run->world, out);
	CLEANUP(freep) char *text = step_text(step);
	struct schema_position at = schema_position_of(s->positions, "steps[%zu]", index);
	fprintf(out, "  %s %5u %10.3f s  %s\n", passed ? "PASS" : "FAIL", at.line,
		(double)run->world->now_ms / 1000.0, text);
	const char *known = s->message->known_failure;
	vector_for_each (&run->wrong, line) {
		fprintf(out, "         %s\n", *line);
		run->known_seen |= known != NULL && strstr(*line, known) != NULL;
		free(*line);
	}
	vector_clear(&run->wrong);
	if (run->print->table)
		print_table(run->world, out);
	return passed;
}

/* A scenario with a known failure passes while it fails in that way, so that a repair of the
 * fault, or a different fault, is noticed. */
static bool check_known_failure(const struct step_run *run, bool passed, FILE *out)
{
	const char *known = run->scenario->message->known_failure;
	if (known == NULL)
		return passed;
	if (passed)
		fprintf(out,
			"         the known failure '%s' no longer occurs: remove "
			"known_failure\n",
			known);
	else if (!run->known_seen)
		fprintf(out, "         failed, but not with the known failure '%s'\n", known);
	return !passed && run->known_seen;
}

static void after_step(void *user)
{
	availability_follow(user);
}

/* As its certificate proves it. */
static const uint8_t *hello_key(void *user, const struct sim_machine *n)
{
	const Samoza__V1__IdentityRecord *r =
		n->world->control != NULL ? control_identity(n->world->control, n->name) : NULL;
	(void)user;
	return r != NULL && r->key.len > 0 ? r->key.data : NULL;
}

static int begin(struct world *w, const struct scenario *s,
		 const struct scenario_origin *origin, struct error **err)
{
	if (origin != NULL) {
		w->hooks.hello_key = hello_key;
		int r = world_resume(w, origin->control, origin->now, err);
		if (r < 0)
			return r;
	} else {
		controller_start(w);
	}
	for (size_t i = 0; i < s->message->n_zhosts; i++)
		machine_add(w, s->message->zhosts[i]);
	world_drain(w);
	return 0;
}

bool scenario_run(const struct scenario *s, const struct scenario_print *print, FILE *out)
{
	return scenario_run_from(s, NULL, print, out);
}

bool scenario_run_from(const struct scenario *s, const struct scenario_origin *origin,
		       const struct scenario_print *print, FILE *out)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct world w;
	world_init(&w, &s->options);
	w.options.has_drivers = machines_are_made(s->message);
	w.keep_log = print->log;
	struct step_run run = {
		.scenario = s, .world = &w, .history = history_new(), .print = print};
	run.availability = availability_new(s->message, &w);
	w.hooks.user = run.availability;
	w.hooks.after_step = after_step;
	if (begin(&w, s, origin, &err) < 0)
		world_violate(&w, "%s", err->message);
	history_follow(run.history, &w);

	fprintf(out, "%s: %s\n", s->file, s->message->scenario);
	print_log(&w, out);
	bool passed = true;
	for (size_t i = 0; i < s->message->n_steps && w.violation == NULL; i++)
		passed &= run_step(&run, i, out);
	if (w.violation != NULL && passed) {
		fprintf(out, "         %s\n", w.violation);
		passed = false;
	}
	passed = check_known_failure(&run, passed, out);
	fprintf(out, "%s %s%s\n", passed ? "PASS" : "FAIL", s->message->scenario,
		passed && s->message->known_failure != NULL ? " (known failure)" : "");
	vector_done(&run.wrong);
	availability_free(run.availability);
	history_free(run.history);
	world_done(&w);
	return passed;
}
