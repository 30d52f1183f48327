/* zsim run: scenarios, one world each. */
#include <stdio.h>
#include <string.h>

#include "zsim/command.h"
#include "zsim/scenario.h"

static int run(const struct command *self, int argc, char **argv);

const struct command run_command = {
	.name = "run",
	.usage = "[-v] [--log] FILE.yaml...",
	.summary = "run scenarios and check what they expect",
	.help = "Runs each scenario on the decision core in a world of its own, prints each "
		"step\n"
		"with its line and the virtual time after it, PASS or FAIL with expected and\n"
		"seen values, and ends with 'N passed, N failed'.\n\n"
		"  -v      the table of all instances after each step\n"
		"  --log   everything that happens: messages, actions, events\n",
	.run = run,
};

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

static int run(const struct command *self, int argc, char **argv)
{
	struct scenario_print print = {0};
	unsigned passed = 0;
	unsigned failed = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0)
			print.table = true;
		else if (strcmp(argv[i], "--log") == 0)
			print.log = true;
		else if (argv[i][0] == '-')
			return command_usage(self, "unknown option '%s'", argv[i]);
	}
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		if (run_file(argv[i], &print))
			passed++;
		else
			failed++;
	}
	if (passed + failed == 0)
		return command_usage(self, "a scenario is missing");
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? EXIT_DONE : EXIT_FAILED;
}
