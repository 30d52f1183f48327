/* zsim fuzz: random topologies, requests and faults; each seed is a life of its own. */
#include <inttypes.h>
#include <stdio.h>

#include "adapter/cli/version.h"
#include "base/str.h"
#include "zsim/command.h"
#include "zsim/fuzz/life.h"
#include "zsim/fuzz/life/commits.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/watchdog.h"
#include "zsim/world/recorder.h"

#define NUMBER_MAX 1000

struct options {
	struct cli_range seeds;
	uint32_t zhosts, topologies, steps;
	char *draws, *record;
	bool verbose;
};

static const struct cli_option options[] = {
	{.name = "seeds",
	 .type = CLI_RANGE,
	 .offset = offsetof(struct options, seeds),
	 .required = true,
	 .help = "the seeds, both ends included"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .min = 1,
	 .max = NUMBER_MAX,
	 .help = "number of machines, by default drawn, 1 to 6"},
	{.name = "topologies",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, topologies),
	 .min = 1,
	 .max = NUMBER_MAX,
	 .help = "number of topologies, by default drawn, 1 to 5"},
	{.name = "steps",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, steps),
	 .min = 1,
	 .max = NUMBER_MAX,
	 .help = "number of requests and faults, by default drawn, 20 to 300"},
	{.name = "draws",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, draws),
	 .value = "NAMES",
	 .help = "what every run draws beyond the ordinary, separated by commas (or all, "
		 "none); rotations draw joins, and names and values draw rollouts, too; by "
		 "default each seed has its own"},
	{.name = "record",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, record),
	 .value = "FILE",
	 .help = "record what zrms is told and what comes out, for zsim replay"},
	{.name = "verbose",
	 .letter = 'v',
	 .offset = offsetof(struct options, verbose),
	 .help = "print everything that happens; for one seed: --seeds S..S -v"},
	{0},
};

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command fuzz_command = {
	.words = "fuzz",
	.summary = "search for violated invariants, with random faults",
	.details =
		"Each seed draws topologies, requests and faults (crashes, partitions, slow "
		"and "
		"lost messages, commits that take long or fail, a crash of zrms or of a zhost "
		"between any two steps of its commit loop) and checks the invariants after "
		"every step; then the faults end "
		"and everything must recover. The same seed gives the same run. Failing "
		"seeds are printed.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

/* So many seeds pass every step of the commit loops often: a step at which nothing was killed shows
 * that the search no longer gets there. The same seeds always do the same, so luck plays no part. */
#define COUNTED_SEEDS 2000

/* Of processor time, for one seed. */
#define HANGS_SECONDS 20

static int finish_recording(struct sim_recorder *recorder, struct error **err)
{
	struct sim_recorder_counts counts = sim_recorder_counts(recorder);
	printf("recorded: %" PRIu64 " lives of zrms, %" PRIu64 " inputs (%" PRIu64
	       " of them as counts), %" PRIu64 " bytes\n",
	       counts.lives, counts.inputs, counts.counted, counts.bytes);
	int r = sim_recorder_finish(recorder, err);
	sim_recorder_free(recorder);
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	struct fuzz_options drawn = {.zhosts = given->zhosts,
				     .topologies = given->topologies,
				     .steps = given->steps,
				     .draws = DRAWS_BY_SEED,
				     .verbose = given->verbose};
	if (given->draws != NULL) {
		int r = draws_parse(given->draws, &drawn.draws, err);
		if (r < 0)
			return r;
	}
	if (given->record != NULL) {
		int r = sim_recorder_new(given->record, SAMOZA_VERSION, &drawn.recorder, err);
		if (r < 0)
			return r;
	}
	uint64_t passed = 0;
	uint64_t failed = 0;
	struct fuzz_counts counts = {0};
	watchdog_start(HANGS_SECONDS);
	for (uint64_t seed = given->seeds.first;; seed++) {
		char *why = NULL;
		CLEANUP(freep) char *name = str_printf("seed %" PRIu64, seed);
		watchdog_watch(name);
		if (fuzz_live(seed, &drawn, &counts, &why)) {
			passed++;
		} else {
			failed++;
			printf("FAIL seed %" PRIu64 ": %s\n", seed, why);
			CLEANUP(freep)
			char *draws = draws_text(draws_of_seed(seed, drawn.draws));
			printf("    it draws %s\n", draws);
			(void)fflush(stdout);
			free(why);
		}
		if (seed == given->seeds.last)
			break;
	}
	fuzz_counts_print(&counts);
	CLEANUP(freep) char *missing = fuzz_counts_missing(&counts);
	if (missing != NULL && given->draws == NULL && passed + failed >= COUNTED_SEEDS) {
		failed++;
		printf("FAIL over all seeds: %s\n", missing);
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
	if (drawn.recorder != NULL) {
		int r = finish_recording(drawn.recorder, err);
		if (r < 0)
			return r;
	}
	if (failed > 0 && !given->verbose)
		puts("Replay one with: zsim fuzz --seeds S..S -v (and the same other options)");
	return failed == 0 ? CLI_DONE : CLI_FAILED;
}
