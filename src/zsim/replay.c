/* zsim replay: a recording is handed to the core again, and what comes out is compared. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "adapter/cli/moment.h"
#include "adapter/cli/version.h"
#include "adapter/recorder/directory.h"
#include "adapter/recorder/segment.h"
#include "base/str.h"
#include "core/record/replay.h"
#include "schema/message.h"
#include "zsim/command.h"
#include "zsim/replay_text.h"
#include "zsim/scenario/scenario.h"
#include "zsim/shrink.h"
#include "zsim/story.h"

struct reading {
	struct segment_reader *file;
	struct replay *replay;
	struct block block;
	uint64_t next_block; /* number that is expected; of the life before, where one begins */
	uint64_t blocks;
	int64_t until_wall_ms; /* what comes later is not played */
	bool steps, is_foreign;
	struct story *story; /* NULL: none is asked for */
};

/* ---- reading ---- */

/* Results of playing: 0, a difference, which is printed, or that the time has come at which it ends. */
enum { DIFFERS = 1, ENDS = 2 };

/* A batch that has begun is played to its end. */
static bool is_later(const struct reading *r, const struct replay_entry *entry)
{
	return entry->at.wall_ms > r->until_wall_ms &&
	       entry->message->what_case != SAMOZA__V1__RECORDING_ENTRY__WHAT_FLUSH;
}

static int play_entry(struct reading *r, const void *data, size_t size, struct error **err)
{
	struct replay_entry entry;
	CLEANUP(freep) char *difference = NULL;
	int result = replay_read(r->replay, data, size, &entry, err);
	if (result < 0)
		return result;
	if (is_later(r, &entry)) {
		replay_entry_done(&entry);
		return ENDS;
	}
	if (r->steps)
		replay_print_entry(&entry);
	if (entry.message->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_ABOUT)
		replay_print_gaps(entry.message->about);
	if (r->story != NULL)
		story_before(r->story, replay_control(r->replay), &entry);
	result = replay_do(r->replay, &entry, &difference, err);
	if (r->story != NULL && result == 0)
		story_after(r->story, replay_control(r->replay), &entry);
	replay_entry_done(&entry);
	if (result == DIFFERS)
		printf("DIFFERENCE: %s\n", difference);
	return result;
}

static int play_block(struct reading *r, struct error **err)
{
	const void *data;
	size_t at = 0, size;
	replay_block(r->replay);
	while (block_next(&r->block, &at, &data, &size)) {
		int result = play_entry(r, data, size, err);
		if (result != 0)
			return result;
	}
	return 0;
}

/* What is missing is said, and what depends on it passed over. */
static void notice_gap(struct reading *r, uint64_t lost, bool is_end)
{
	bool is_next = !is_end && r->block.head.number == r->next_block;
	bool is_other_life = !is_end && r->block.head.begins && r->block.head.number == 0;
	if (lost > 0)
		printf("gap: %" PRIu64 " byte%s that %s no whole block\n", lost,
		       str_plural(lost), str_are(lost));
	if (!is_end && !is_next && !is_other_life && r->blocks > 0)
		printf("gap: blocks are missing before number %" PRIu64 "\n",
		       r->block.head.number);
	if (!is_end && !is_next)
		replay_skip(r->replay);
}

static int play_file(struct reading *r, struct error **err)
{
	for (;;) {
		uint64_t lost = 0;
		int result = segment_next(r->file, &r->block, &lost, err);
		if (result < 0)
			return result;
		notice_gap(r, lost, result == 0);
		if (result == 0)
			return 0;
		r->blocks++;
		r->next_block = block_next_number(&r->block.head);
		result = play_block(r, err);
		if (result != 0)
			return result;
	}
}

static void print_counts(const struct reading *r, bool is_equal)
{
	struct replay_counts counts = replay_counts(r->replay);
	printf("%" PRIu64 " li%s, %" PRIu64 " input%s (and %" PRIu64 " as counts), %" PRIu64
	       " output%s, %" PRIu64 " checkpoint%s, %" PRIu64 " state%s: %s\n",
	       counts.lives, counts.lives == 1 ? "fe" : "ves", counts.inputs,
	       str_plural(counts.inputs), counts.counted, counts.outputs,
	       str_plural(counts.outputs), counts.checkpoints, str_plural(counts.checkpoints),
	       counts.digests, str_plural(counts.digests),
	       is_equal ? "no difference" : "differs");
}

struct options {
	char *at, *until, *what_if, *to_scenario;
	bool step;
};

static const struct cli_option options[] = {
	{.name = "at",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, at),
	 .value = "TIME",
	 .help = "print the cluster as it was then: zhosts, topologies, instances, reasons"},
	{.name = "until",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, until),
	 .value = "TIME",
	 .help = "end there: 2026-11-28T14:30:00Z"},
	{.name = "what-if",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, what_if),
	 .value = "STEPS.yaml",
	 .help = "go on from there with the steps of this scenario, instead of what happened"},
	{.name = "to-scenario",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, to_scenario),
	 .value = "OUT.yaml",
	 .help = "write the smallest scenario in which the same goes wrong up to there"},
	{.name = "step",
	 .offset = offsetof(struct options, step),
	 .help = "print every entry: what came in, and what came out"},
	{0},
};

/* One file of a recording. */
static int play(struct reading *r, const char *path, struct error **err)
{
	int result = segment_open(path, &r->file, err);
	if (result < 0)
		return result;
	const char *program = segment_header(r->file)->program;
	if (!r->is_foreign && !str_equal(program, SAMOZA_VERSION)) {
		r->is_foreign = true;
		printf("note: version %s recorded it, and this is %s, which may decide "
		       "otherwise\n",
		       program, SAMOZA_VERSION);
	}
	result = play_file(r, err);
	segment_reader_free(steal_ptr(&r->file));
	return result < 0 ? error_wrap(err, "%s", path) : result;
}

/* A file that a process began and did not come to write anything into is none. */
static int play_all(struct reading *r, const char *path, struct error **err)
{
	struct recording_files files;
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return play(r, path, err);
	int result = recording_files_list(path, &files, err);
	if (result == 0 && files.all.count == 0)
		result = error_set(err, ERR_NOT_FOUND, "no recordings in %s", path);
	for (size_t k = 0; k < files.all.count && result == 0; k++)
		result = play(r, files.all.items[k].path, err);
	recording_files_done(&files);
	return result;
}

/* ---- what follows ---- */

static struct scenario_origin origin_of(const struct reading *r)
{
	return (struct scenario_origin){replay_control(r->replay), replay_now(r->replay)};
}

static int run_what_if(const struct reading *r, const char *path, struct error **err)
{
	const struct scenario_print print = {.table = true};
	const struct scenario_origin origin = origin_of(r);
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	struct scenario s;
	int result = scenario_read(path, &s, &findings, err);
	vector_for_each (&findings.list, d) {
		CLEANUP(freep) char *text = diagnostic_text(d);
		printf("         %s\n", text);
	}
	if (result < 0)
		return result;
	bool passed = scenario_run_from(&s, &origin, &print, stdout);
	scenario_done(&s);
	return passed ? CLI_DONE : CLI_FAILED;
}

static int write_scenario(const struct reading *r, const char *path, struct error **err)
{
	struct shrunk shrunk = {0};
	const struct scenario_origin origin = origin_of(r);
	CLEANUP(schema_message_freep)
	Samoza__V1__Scenario *scenario = story_end(r->story, origin.control, origin.now);
	if (scenario == NULL)
		return error_set(err, ERR_NOT_FOUND,
				 "nothing was replayed: there is nothing "
				 "to make a scenario of");
	schema_set_string(&scenario->scenario, NULL, "what a recording tells");
	int result = shrink_to_file(scenario, path, &shrunk, err);
	if (result < 0)
		return result;
	if (result > 0)
		printf("%s: %zu steps, and they do not lead to the same: something of it has "
		       "no "
		       "step, such as what zhosts reported late\n",
		       path, shrunk.steps);
	else
		printf("%s: %zu of %zu steps, after %u tries; it passes\n", path, shrunk.steps,
		       shrunk.steps_before, shrunk.tries);
	return result > 0 ? CLI_FAILED : CLI_DONE;
}

static int go_on(const struct reading *r, const struct options *given, struct error **err)
{
	int status = CLI_DONE;
	if (replay_control(r->replay) == NULL)
		return error_set(
			err, ERR_NOT_FOUND,
			"the recording has nothing up to then: no life of zrms, and no "
			"checkpoint");
	replay_end_batch(r->replay);
	if (given->at != NULL)
		replay_print_cluster(replay_control(r->replay), replay_now(r->replay));
	if (given->to_scenario != NULL)
		status = write_scenario(r, given->to_scenario, err);
	if (status == CLI_DONE && given->what_if != NULL)
		status = run_what_if(r, given->what_if, err);
	return status;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	struct reading r = {.steps = given->step, .until_wall_ms = INT64_MAX};
	const char *path = cli_argument(line, 0);
	const char *until = given->at != NULL ? given->at : given->until;
	int result = 0, status = CLI_DONE;
	if (given->at != NULL && given->until != NULL)
		return cli_usage_error(line, "--at and --until exclude each other");
	if (until != NULL)
		result = cli_time_parse(until, &r.until_wall_ms, err);
	if (result < 0)
		return result;
	r.replay = replay_new();
	r.story = given->to_scenario != NULL ? story_new() : NULL;
	block_init(&r.block);
	result = play_all(&r, path, err);
	if (result >= 0)
		print_counts(&r, result != DIFFERS);
	bool goes_on =
		given->at != NULL || given->what_if != NULL || given->to_scenario != NULL;
	if (result >= 0 && result != DIFFERS && goes_on)
		status = go_on(&r, given, err);
	story_free(r.story);
	block_done(&r.block);
	replay_free(r.replay);
	if (result < 0 || status < 0)
		return result < 0 ? result : status;
	return result != DIFFERS ? status : CLI_FAILED;
}

static const struct cli_argument arguments[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command replay_command = {
	.words = "replay",
	.summary = "hand a recording to the core again, and compare what comes out",
	.details =
		"Runs the core over what zrms was told (DIR/recorder of a "
		"zrms, or a file of zsim fuzz --record), and "
		"compares everything that comes out with what came out then. The first "
		"difference is shown "
		"with both sides. Blocks that are torn or damaged are passed over, and named.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
