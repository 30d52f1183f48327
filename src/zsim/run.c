/* zsim run: scenarios, one world each. */
#include <stdio.h>

#include "zsim/command.h"
#include "zsim/scenario/scenario.h"
#include "zsim/watchdog.h"

/* Of processor time, for one scenario: the longest takes a hundredth of a second. */
#define HANGS_SECONDS 20

static bool run_file(const char *file, const struct scenario_print *print)
{
	struct scenario s;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	if (scenario_read(file, &s, &findings, &err) < 0) {
		printf("%s\n", file);
		if (!diagnostics_any(&findings)) {
			CLEANUP(freep) char *text = error_text(err);
			printf("         %s\n", text);
		}
		vector_for_each (&findings.list, d) {
			CLEANUP(freep) char *text = diagnostic_text(d);
			printf("         %s\n", text);
		}
		printf("FAIL %s\n", file);
		return false;
	}
	bool passed = scenario_run(&s, print, stdout);
	scenario_done(&s);
	return passed;
}

struct options {
	bool verbose, log;
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const struct scenario_print print = {.table = given->verbose, .log = given->log};
	unsigned passed = 0;
	unsigned failed = 0;

	/* The step after the last one that is printed is the one that hangs. */
	(void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	watchdog_start(HANGS_SECONDS);
	vector_for_each (&line->arguments, file) {
		watchdog_watch(*file);
		if (run_file(*file, &print))
			passed++;
		else
			failed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? CLI_DONE : CLI_FAILED;
}

static const struct cli_argument arguments[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE, .repeated = true},
	{0},
};

static const struct cli_option options[] = {
	{.name = "verbose",
	 .letter = 'v',
	 .offset = offsetof(struct options, verbose),
	 .help = "print the table of all instances after each step"},
	{.name = "log",
	 .offset = offsetof(struct options, log),
	 .help = "print everything that happens: messages, actions, events"},
	{0},
};

const struct cli_command run_command = {
	.words = "run",
	.summary = "run scenarios and check their expectations",
	.details =
		"Runs each scenario on the decision core in a world of its own, prints each "
		"step with its line and the virtual time after it, PASS or FAIL with expected "
		"and actual values, and ends with 'N passed, N failed'. A scenario in which "
		"the "
		"core does not return from a call, or stops at an assertion, ends the run: it "
		"is named, and its step is the one after the last that is printed.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
