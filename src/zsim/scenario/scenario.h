/*
 * One scenario file (docs/scenarios.md): read, and run step by step in a world of its own.
 *
 *   scenario.h   reading and running
 *   steps.h      steps that do, expect.h steps that look
 *   packages.h   what a submit step submits
 *   step_run.h   a step as it runs
 *   history.h    what instances went through
 */
#ifndef SAMOZA_ZSIM_SCENARIO_SCENARIO_H
#define SAMOZA_ZSIM_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/diagnostics.h"
#include "base/error.h"
#include "core/instant.h"
#include "proto/scenario.pb-c.h"
#include "schema/yaml.h"
#include "zsim/world/options.h"

struct control;

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
/* Where it begins, instead of at nothing; borrowed. */
struct scenario_origin {
	struct control *control; /* every input is flushed */
	struct instant now;
};
/* Its own zhosts come in addition. NULL: as scenario_run(). */
bool scenario_run_from(const struct scenario *s, const struct scenario_origin *origin,
		       const struct scenario_print *print, FILE *out);
bool scenario_run(const struct scenario *s, const struct scenario_print *print, FILE *out);

#endif
