/* zsim fuzz: random topologies, requests and faults; each seed is a life of its own. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "zsim/command.h"
#include "zsim/fuzz/fuzz.h"

static int run(const struct command *self, int argc, char **argv);

const struct command fuzz_command = {
	.name = "fuzz",
	.usage = "--seeds A..B [--zhosts N] [--topologies N] [--steps N] [-v]",
	.summary = "search for what must never be, with random faults",
	.help = "Each seed draws topologies, requests and faults (crashes, partitions, slow "
		"and\n"
		"lost messages, a crash of zrms between any two steps that loses what was not "
		"yet\n"
		"synced) and checks the invariants after every step; then the faults end and\n"
		"everything must come right. The same seed gives the same life. Failing seeds "
		"are\n"
		"printed.\n\n"
		"  --seeds A..B      the seeds, both included\n"
		"  --zhosts N        machines (otherwise drawn, 1 to 6)\n"
		"  --topologies N    topologies (otherwise drawn, 1 to 5)\n"
		"  --steps N         requests and faults (otherwise drawn, 20 to 300)\n"
		"  -v                everything that happens; for one seed: --seeds S..S -v\n",
	.run = run,
};

#define NUMBER_MAX 1000

static int read_seeds(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	const char *dots = strstr(text, "..");
	CLEANUP(freep)
	char *first =
		dots != NULL ? mem_strndup(text, (size_t)(dots - text)) : mem_strdup(text);
	if (str_to_u64(first, ret_first) < 0 ||
	    str_to_u64(dots != NULL ? dots + 2 : text, ret_last) < 0)
		return -1;
	return *ret_first <= *ret_last ? 0 : -1;
}

static int read_number(const char *text, unsigned *ret_number)
{
	uint64_t number = 0;
	if (str_to_u64(text, &number) < 0 || number == 0 || number > NUMBER_MAX)
		return -1;
	*ret_number = (unsigned)number;
	return 0;
}

struct arguments {
	struct fuzz_options options;
	bool has_seeds;
	uint64_t first, last;
};

static int read_arguments(const struct command *self, int argc, char **argv,
			  struct arguments *a)
{
	const struct {
		const char *name;
		unsigned *number;
	} numbers[] = {
		{"--zhosts", &a->options.zhosts},
		{"--topologies", &a->options.topologies},
		{"--steps", &a->options.steps},
	};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0) {
			a->options.verbose = true;
			continue;
		}
		if (strcmp(argv[i], "--seeds") == 0) {
			if (read_seeds(value, &a->first, &a->last) < 0)
				return command_usage(self, "'%s' is no range of seeds: 1..1000",
						     value);
			a->has_seeds = true;
			i++;
			continue;
		}
		unsigned *number = NULL;
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++)
			if (strcmp(argv[i], numbers[k].name) == 0)
				number = numbers[k].number;
		if (number == NULL)
			return command_usage(self, "unknown option '%s'", argv[i]);
		if (read_number(value, number) < 0)
			return command_usage(self, "%s wants a number from 1 to %d, not '%s'",
					     argv[i], NUMBER_MAX, value);
		i++;
	}
	if (!a->has_seeds)
		return command_usage(self, "--seeds is missing");
	return 0;
}

/* A core that never comes back from one call. */
#define HANGS_SECONDS 20

static volatile uint64_t seed_now;

/* An assertion, or a call that does not come back: the only thing left to do is to say which
 * seed it was. No printf in here. */
static void on_signal(int signal_number)
{
	char digits[21];
	size_t at = sizeof(digits);
	for (uint64_t seed = seed_now; at == sizeof(digits) || seed > 0; seed /= 10)
		digits[--at] = (char)('0' + seed % 10);
	static const char before[] = "FAIL seed ";
	static const char hangs[] = ": the core does not come back from a call\n";
	static const char aborts[] = ": the core stops with an assertion\n";
	(void)!write(STDOUT_FILENO, before, sizeof(before) - 1);
	(void)!write(STDOUT_FILENO, digits + at, sizeof(digits) - at);
	if (signal_number == SIGALRM)
		(void)!write(STDOUT_FILENO, hangs, sizeof(hangs) - 1);
	else
		(void)!write(STDOUT_FILENO, aborts, sizeof(aborts) - 1);
	_exit(EXIT_FAILED);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = {0};
	int r = read_arguments(self, argc, argv, &a);
	if (r != 0)
		return r;
	uint64_t passed = 0;
	uint64_t failed = 0;
	(void)signal(SIGALRM, on_signal);
	(void)signal(SIGABRT, on_signal);
	for (uint64_t seed = a.first;; seed++) {
		char *why = NULL;
		seed_now = seed;
		fflush(stdout);
		(void)alarm(HANGS_SECONDS);
		if (fuzz_live(seed, &a.options, &why)) {
			passed++;
		} else {
			failed++;
			printf("FAIL seed %" PRIu64 ": %s\n", seed, why);
			fflush(stdout);
			free(why);
		}
		if (seed == a.last)
			break;
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
	if (failed > 0 && !a.options.verbose)
		puts("Replay one with: zsim fuzz --seeds S..S -v (and the same other options)");
	return failed == 0 ? EXIT_DONE : EXIT_FAILED;
}
