/*
 * One scenario file (docs/scenarios.md): read, and run step by step in a world of its own.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_H
#define SAMOZA_ZSIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/diagnostics.h"
#include "base/error.h"
#include "proto/scenario.pb-c.h"
#include "schema/yaml.h"
#include "zsim/world.h"

struct scenario {
	const char *file; /* borrowed */
	Samoza__V1__Scenario *message;
	struct schema_positions *positions;
	struct world_options options;
};

/* ERR_INVALID: all findings are in `findings`. */
int scenario_read(const char *file, struct scenario *ret_scenario, struct diagnostics *findings,
		  struct error **err) must_check;
void scenario_done(struct scenario *s);

/* Runs it and prints each step to `out`; true when all of them passed. */
struct scenario_print {
	bool table; /* of all instances after each step */
	bool log;   /* everything that happens */
};
bool scenario_run(const struct scenario *s, const struct scenario_print *print, FILE *out);

/* ---- between its files ---- */

/* What an instance went through, out of the committed events (history.c). */
struct history;
struct history *history_new(void);
void history_free(struct history *h);
/* Takes the events that are new since the last call. */
void history_follow(struct history *h, const struct world *w);
/* States since the last trace, separated by ", ", and begins the next trace. `now` is its
 * state, for one that never moved. The caller frees. */
char *history_trace(struct history *h, const char *topology, const char *path, const char *now);
/* When it last reached deployed-started, as the number of the event; 0: never. */
uint64_t history_started(const struct history *h, const char *topology, const char *path);

/* A step as it runs. */
struct step_run {
	const struct scenario *scenario;
	struct world *world;
	struct history *history;
	const struct scenario_print *print;
	VECTOR(char *) wrong; /* "what: expected X, seen Y" */
	bool known_seen;      /* the known failure was among them */
};

void step_fail(struct step_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "shop/app/child": id of the topology, borrowed from the core until its next input, and the
 * path within; false: said in `run->wrong` unless ret_refusal takes it. */
bool step_find(struct step_run *run, const char *name, const char **ret_id,
	       const char **ret_path, char **ret_refusal);

/* expect.c: steps that look. */
void expect_states(struct step_run *run, const Samoza__V1__ExpectStep *step);
void expect_trace(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_order(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_reason(struct step_run *run, const Samoza__V1__ReasonStep *step);
void expect_live(struct step_run *run, const Samoza__V1__ScenarioStep *step);
/* steps.c: steps that do. */
void step_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);
/* What it does, for people. The caller frees. */
char *step_text(const Samoza__V1__ScenarioStep *step);

#endif
