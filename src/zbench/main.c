/*
 * zbench: what Samoza costs and how fast it is, measured on real daemons.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/output/output.h"
#include "base/heap.h"
#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/keeper.h"
#include "zbench/version.h"

/* The options of every benchmark, and what follows from them. */
struct settings {
	char *format, *bin, *scratch;
	uint32_t runs;
	bool keep, quiet;
};

struct program {
	struct bench_runner runner; /* the context of every command */
	struct settings settings;
	struct bench bench;
	struct output output;
	char *own_directory; /* of the executable */
	char *guests;
	char *scratch;
	const struct cli_run *line;
	const struct benchmark *only; /* NULL: all */
};

static const char *const formats[] = {"table", "json", NULL};

#define AT(field) offsetof(struct settings, field)

static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_CHOICE,
	 .offset = AT(format),
	 .fallback = "table",
	 .choices = formats,
	 .value = "FORMAT",
	 .help = "format of results"},
	{.name = "runs",
	 .type = CLI_U32,
	 .offset = AT(runs),
	 .fallback = "5",
	 .min = 1,
	 .max = 1000,
	 .help = "repetitions; the median is reported, with the extremes"},
	{.name = "bin",
	 .environment = "ZBENCH_BIN",
	 .type = CLI_PATH,
	 .offset = AT(bin),
	 .value = "DIR",
	 .help = "directory of zrms, zhost, zrun and mex, by default that of zbench"},
	{.name = "scratch",
	 .environment = "TMPDIR",
	 .type = CLI_PATH,
	 .offset = AT(scratch),
	 .value = "DIR",
	 .fallback = "/var/tmp",
	 .help = "directory of the clusters, on the disk to be measured"},
	{.name = "keep",
	 .offset = AT(keep),
	 .help = "keep the clusters' directories, with their logs, and print where they are"},
	{.name = "quiet", .offset = AT(quiet), .help = "no progress on standard error"},
	{0},
};

static const struct cli_exit exits[] = {
	{CLI_DONE, "measured"},
	{CLI_FAILED, "something failed"},
	{CLI_USAGE, "incorrect usage"},
	{0},
};

static const struct cli_program zbench_program = {
	.name = "zbench",
	.summary = "what Samoza costs and how fast it is, measured on real daemons",
	.version = ZBENCH_VERSION " (commit " ZBENCH_COMMIT ")",
	.commands = benchmark_commands,
	.command_name = "BENCHMARK",
	.options = options,
	.exits = exits,
	.notes = "A benchmark of the cluster starts its own cluster on free ports of the "
		 "loopback "
		 "interface and always stops it; `place` and `openb` need no other program.",
};

/* ---------------------------------------------------------------- directories */

static int find_own_directory(struct program *p, struct error **err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return error_errno(err, "cannot read /proc/self/exe");
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	p->own_directory = mem_strdup(path);
	return 0;
}

/* The sources of our spaces: PREFIX/share/samoza/zbench for PREFIX/bin/zbench, or those of the
 * source tree above a build directory. */
static int find_guests(struct program *p, struct error **err)
{
	static const char *const places[] = {"../share/samoza/zbench", "../../src/zbench/guest",
					     "../../../src/zbench/guest"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP(freep)
		char *directory = str_printf("%s/%s", p->own_directory, places[i]);
		CLEANUP(freep) char *one = str_printf("%s/idle.c", directory);

		if (access(one, R_OK) == 0) {
			p->guests = steal_ptr(&directory);
			return 0;
		}
	}
	return error_set(err, ERR_NOT_FOUND,
			 "cannot find the sources of the benchmarks' spaces "
			 "beside %s",
			 p->own_directory);
}

static int check_programs(const struct program *p, struct error **err)
{
	static const char *const names[] = {"zrms", "zhost", "zrun", "mex"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", p->bench.bin, names[i]);

		if (access(path, X_OK) < 0)
			return error_set(
				err, ERR_NOT_FOUND,
				"cannot run %s: %s; give the directory of the programs "
				"with --bin DIR",
				path, strerror(errno));
	}
	return 0;
}

static int make_scratch(struct program *p, struct error **err)
{
	p->scratch = str_printf("%s/zbench-XXXXXX", p->settings.scratch);
	if (mkdtemp(p->scratch) == NULL)
		return error_errno(err, "cannot make a directory in %s", p->settings.scratch);
	p->bench.scratch = p->scratch;
	return 0;
}

/* What a cluster is made of; not needed where none is started. */
static int find_directories(struct program *p, struct error **err)
{
	int r = 0;

	if (p->only != NULL && p->only->engine_only)
		return 0;
	r = find_own_directory(p, err);
	p->bench.bin = p->settings.bin != NULL ? p->settings.bin : p->own_directory;
	if (r == 0)
		r = find_guests(p, err);
	p->bench.guests = p->guests;
	return r == 0 ? check_programs(p, err) : r;
}

/* ---------------------------------------------------------------- running */

static int measure(const struct program *p, const struct benchmark *b,
		   const struct cli_run *line, struct named_report *named)
{
	struct error *err = NULL;

	named->name = b->command.words;
	report_init(&named->report);
	if (b->measure(&p->bench, line, &named->report, &err) >= 0) {
		if (json_object_get(named->report.json, "runs") == NULL)
			report_number(&named->report, "runs", p->bench.runs);
		return CLI_DONE;
	}
	(void)error_wrap(&err, "%s", b->command.words);
	cli_print_error(&zbench_program, err);
	error_free(err);
	report_done(&named->report);
	return CLI_FAILED;
}

/* A benchmark of `all`, with the defaults of its options. */
static int measure_default(const struct program *p, const struct benchmark *b,
			   struct named_report *named)
{
	CLEANUP(cli_run_done)
	struct cli_run line = {.program = &zbench_program, .command = &b->command};

	cli_options_default(&line);
	return measure(p, b, &line, named);
}

/* Those that fail are reported and left out; the others still count. */
static int work(void *data)
{
	struct program *p = data;
	VECTOR(struct named_report) reports = {0};
	int status = CLI_DONE;

	for (const struct benchmark *const *b = benchmarks; *b != NULL; b++) {
		struct named_report named = {0};
		int result;

		if (p->only != NULL ? *b != p->only : (*b)->is_separate)
			continue;
		result = p->only != NULL ? measure(p, *b, p->line, &named)
					 : measure_default(p, *b, &named);
		if (result == CLI_DONE)
			vector_push(&reports, named);
		else
			status = CLI_FAILED;
	}
	if (reports.count > 0)
		reports_print(&p->output, reports.items, reports.count, p->only == NULL);
	vector_for_each (&reports, r)
		report_done(&r->report);
	vector_done(&reports);
	return status;
}

static int run(struct bench_runner *runner, const struct cli_run *line, struct error **err)
{
	struct program *p = container_of(runner, struct program, runner);
	int status, r;

	p->line = line;
	p->only = line->command == &benchmark_all ? NULL
						  : (const struct benchmark *)line->command;
	p->bench.runs = p->settings.runs;
	p->bench.keep = p->settings.keep;
	p->bench.quiet = p->settings.quiet;
	output_init(&p->output, stdout, stderr);
	r = output_format_parse(p->settings.format, &p->output.format, err);
	if (r == 0)
		r = find_directories(p, err);
	if (r == 0)
		r = make_scratch(p, err);
	if (r < 0)
		return r;
	status = keeper_run(p->scratch, p->bench.keep, work, p);
	if (p->bench.keep)
		(void)fprintf(stderr, "zbench: the clusters' directories are in %s\n",
			      p->scratch);
	return status;
}

int main(int argc, char **argv)
{
	struct program p = {.runner = {run}};
	int status = cli_main(&zbench_program, argc, argv, &p.settings, &p.runner);

	cli_settings_done(&zbench_program, &p.settings);
	free(p.own_directory);
	free(p.guests);
	free(p.scratch);
	return status;
}
