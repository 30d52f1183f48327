/*
 * zbench: what Samoza costs and how fast it is, measured on real daemons.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/output/output.h"
#include "base/str.h"
#include "zbench/command.h"
#include "zbench/keeper.h"
#include "zbench/version.h"

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The command line, and what follows from it. */
struct program {
	struct bench bench;
	enum output_format format;
	const char *scratch_parent;
	bool help, version, manual;
	VECTOR(char *) words; /* what is not a global option; borrowed */
	char *own_folder;     /* of the executable */
	char *guests;
	char *scratch;
	const struct command *command; /* NULL: all */
	struct invocation in;
};

/* ---------------------------------------------------------------- command line */

static int take_runs(struct program *p, const char *text, struct error **err)
{
	uint64_t value;

	if (str_to_u64(text, &value) < 0 || value < 1 || value > 1000)
		return error_set(err, ERR_INVALID, "--runs %s: expected 1 to 1000", text);
	p->bench.runs = (uint32_t)value;
	return 0;
}

static int take_format(struct program *p, const char *text, struct error **err)
{
	int r = output_format_parse(text, &p->format, err);

	return r == 0 && p->format == OUTPUT_YAML
		       ? error_set(err, ERR_INVALID, "-o %s: expected table or json", text)
		       : r;
}

static bool take_flag(struct program *p, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"--help", &p->help},	    {"-h", &p->help},
		{"--version", &p->version}, {"--print-manual", &p->manual},
		{"--keep", &p->bench.keep}, {"--quiet", &p->bench.quiet},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (str_equal(word, flags[i].name)) {
			*flags[i].flag = true;
			return true;
		}
	}
	return false;
}

/* "--runs 5", "--runs=5": NULL when `word` is not this option. ERR_INVALID as *ret_error. */
static const char *take_value(const char *option, char **argv, int argc, int *at,
			      int *ret_result, struct error **err)
{
	const char *word = argv[*at];
	size_t n = strlen(option);

	if (strncmp(word, option, n) != 0 || (word[n] != '\0' && word[n] != '='))
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	if (*at + 1 < argc)
		return argv[++*at];
	*ret_result = error_set(err, ERR_INVALID, "%s needs a value", option);
	return NULL;
}

static int parse(struct program *p, int argc, char **argv, struct error **err)
{
	int r = 0;

	for (int i = 1; i < argc && r == 0; i++) {
		const char *value;

		if (take_flag(p, argv[i]))
			continue;
		if ((value = take_value("-o", argv, argc, &i, &r, err)) != NULL)
			r = take_format(p, value, err);
		else if (r == 0 &&
			 (value = take_value("--runs", argv, argc, &i, &r, err)) != NULL)
			r = take_runs(p, value, err);
		else if (r == 0 &&
			 (value = take_value("--bin", argv, argc, &i, &r, err)) != NULL)
			p->bench.bin = value;
		else if (r == 0 &&
			 (value = take_value("--scratch", argv, argc, &i, &r, err)) != NULL)
			p->scratch_parent = value;
		else if (r == 0)
			vector_push(&p->words, argv[i]);
	}
	return r;
}

/* ---------------------------------------------------------------- folders */

static int find_own_folder(struct program *p, struct error **err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return error_errno(err, "cannot read /proc/self/exe");
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	p->own_folder = mem_strdup(path);
	return 0;
}

/* The sources of our spaces: PREFIX/share/samoza/zbench for PREFIX/bin/zbench, or those of the
 * source tree above a build folder. */
static int find_guests(struct program *p, struct error **err)
{
	static const char *const places[] = {"../share/samoza/zbench", "../../src/zbench/guest",
					     "../../../src/zbench/guest"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP(freep) char *folder = str_printf("%s/%s", p->own_folder, places[i]);
		CLEANUP(freep) char *one = str_printf("%s/idle.c", folder);

		if (access(one, R_OK) == 0) {
			p->guests = steal_ptr(&folder);
			return 0;
		}
	}
	return error_set(err, ERR_NOT_FOUND,
			 "the sources of the benchmarks' spaces are not at "
			 "their place beside %s",
			 p->own_folder);
}

static int check_programs(const struct program *p, struct error **err)
{
	static const char *const names[] = {"zrms", "zhost", "zrun", "mex"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", p->bench.bin, names[i]);

		if (access(path, X_OK) < 0)
			return error_set(err, ERR_NOT_FOUND,
					 "cannot run %s: %s; --bin DIR says where the programs "
					 "are",
					 path, strerror(errno));
	}
	return 0;
}

static int make_scratch(struct program *p, struct error **err)
{
	const char *parent = p->scratch_parent;

	if (parent == NULL)
		parent = getenv("TMPDIR");
	if (str_is_empty(parent))
		parent = "/var/tmp";
	p->scratch = str_printf("%s/zbench-XXXXXX", parent);
	if (mkdtemp(p->scratch) == NULL)
		return error_errno(err, "cannot make a folder in %s", parent);
	p->bench.scratch = p->scratch;
	return 0;
}

/* What clusters are made of; where none is started, nobody misses it. */
static int find_folders(struct program *p, struct error **err)
{
	int r = 0;

	if (p->command != NULL && p->command->engine_only)
		return 0;
	r = find_own_folder(p, err);

	if (p->bench.bin == NULL)
		p->bench.bin = getenv("ZBENCH_BIN");
	if (str_is_empty(p->bench.bin))
		p->bench.bin = p->own_folder;
	if (r == 0)
		r = find_guests(p, err);
	p->bench.guests = p->guests;
	return r == 0 ? check_programs(p, err) : r;
}

/* ---------------------------------------------------------------- running */

static int run_one(const struct program *p, const struct command *command,
		   const struct invocation *in, struct named_report *named)
{
	struct error *err = NULL;

	named->name = command->name;
	report_init(&named->report);
	if (command->run(&p->bench, in, &named->report, &err) >= 0) {
		if (json_object_get(named->report.json, "runs") == NULL)
			report_number(&named->report, "runs", p->bench.runs);
		return EXIT_DONE;
	}
	CLEANUP(freep) char *text = error_text(err);
	(void)fprintf(stderr, "zbench: %s: %s\n", command->name, text);
	error_free(err);
	report_done(&named->report);
	return EXIT_FAILED;
}

/* Those that fail are said and left out; the others still count. */
static int work(void *data)
{
	struct program *p = data;
	VECTOR(struct named_report) reports = {0};
	struct output output;
	int status = EXIT_DONE;

	output_init(&output, stdout, stderr);
	output.format = p->format;
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		struct invocation in = p->in;
		struct named_report named = {0};

		if (p->command != NULL ? *c != p->command : (*c)->by_itself)
			continue;
		if (p->command == NULL && command_parse(*c, NULL, 0, &in, NULL) < 0)
			continue; /* it needs options: by_itself says so */
		if (run_one(p, *c, &in, &named) == EXIT_DONE)
			vector_push(&reports, named);
		else
			status = EXIT_FAILED;
	}
	if (reports.count > 0)
		reports_print(&output, reports.items, reports.count, p->command == NULL);
	vector_for_each (&reports, r)
		report_done(&r->report);
	vector_done(&reports);
	return status;
}

static int usage_error(struct error *err)
{
	CLEANUP(freep) char *text = error_text(err);

	(void)fprintf(stderr, "zbench: %s\n", text);
	error_free(err);
	return EXIT_USAGE;
}

/* What was asked for and is no benchmark: -1 when it is one. */
static int answer_at_once(struct program *p, struct error **err)
{
	const char *word = p->words.count > 0 ? p->words.items[0] : NULL;
	bool help = p->help || word == NULL || str_equal(word, "help");

	if (p->version) {
		(void)printf("zbench %s (commit %s)\n", ZBENCH_VERSION, ZBENCH_COMMIT);
		return EXIT_DONE;
	}
	if (p->manual) {
		help_print_manual(stdout);
		return EXIT_DONE;
	}
	if (str_equal(word, "help"))
		word = p->words.count > 1 ? p->words.items[1] : NULL;
	if (word != NULL && !str_equal(word, "all")) {
		p->command = command_find(word);
		if (p->command == NULL) {
			(void)error_set(err, ERR_INVALID,
					"there is no benchmark '%s': see 'zbench help'", word);
			return EXIT_USAGE;
		}
	}
	if (!help)
		return -1;
	if (p->command != NULL)
		help_print_command(p->command, stdout);
	else
		help_print_all(p->help || word != NULL || p->words.count > 0 ? stdout : stderr);
	return p->help || p->words.count > 0 ? EXIT_DONE : EXIT_USAGE;
}

static int run(struct program *p, int argc, char **argv)
{
	struct error *err = NULL;
	int r = parse(p, argc, argv, &err), status;

	if (r < 0)
		return usage_error(err);
	status = answer_at_once(p, &err);
	if (err != NULL)
		return usage_error(err);
	if (status >= 0)
		return status;
	if (p->command != NULL)
		r = command_parse(p->command, p->words.items + 1, p->words.count - 1, &p->in,
				  &err);
	else if (p->words.count > 1)
		r = error_set(&err, ERR_INVALID, "'all' takes no options of benchmarks");
	if (r == 0)
		r = find_folders(p, &err);
	if (r == 0)
		r = make_scratch(p, &err);
	if (r < 0)
		return usage_error(err);
	status = keeper_run(p->scratch, p->bench.keep, work, p);
	if (p->bench.keep)
		(void)fprintf(stderr, "zbench: everything is in %s\n", p->scratch);
	return status;
}

int main(int argc, char **argv)
{
	struct program p = {.bench = {.runs = 5}};
	int status = run(&p, argc, argv);

	vector_done(&p.words);
	free(p.own_folder);
	free(p.guests);
	free(p.scratch);
	return status;
}
