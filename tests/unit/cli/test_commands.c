#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/cli/cli.h"
#include "base/str.h"

struct global {
	char *format, *api;
};
struct submit {
	int64_t wait_ms;
	bool dry_run;
	uint32_t lines;
	char *sets;
};

static const char *const formats[] = {"table", "json", NULL};
static const struct cli_option globals[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct global, format),
	 .choices = formats,
	 .help = "format"},
	{.name = "api",
	 .environment = "TEST_API",
	 .type = CLI_STRING,
	 .offset = offsetof(struct global, api),
	 .help = "address"},
	{0},
};
static const struct cli_option submit_options[] = {
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct submit, wait_ms),
	 .implied = "60s",
	 .help = "wait"},
	{.name = "dry-run",
	 .letter = 'd',
	 .offset = offsetof(struct submit, dry_run),
	 .help = "change nothing"},
	{.name = "lines",
	 .letter = 'n',
	 .type = CLI_U32,
	 .offset = offsetof(struct submit, lines),
	 .environment = "TEST_LINES",
	 .fallback = "200",
	 .max = 1000,
	 .help = "lines"},
	{.name = "set",
	 .type = CLI_LINES,
	 .offset = offsetof(struct submit, sets),
	 .help = "a value"},
	{0},
};
static const struct cli_option sign_options[] = {
	{.name = "key", .type = CLI_PATH, .offset = 0, .required = true, .help = "key"},
	{0},
};
static const struct cli_argument file[] = {{.name = "FILE", .kind = CLI_ARGUMENT_FILE}, {0}};
static const struct cli_argument files[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE, .repeated = true}, {0}};
static const struct cli_argument names[] = {
	{.name = "ID", .kind = CLI_ARGUMENT_NAMES}, {.name = "SPACE", .optional = true}, {0}};

static int run_nothing(void *context, const struct cli_run *run, struct error **err)
{
	(void)context, (void)run, (void)err;
	return CLI_DONE;
}

static const struct cli_command topo = {.words = "topo", .summary = "list", .run = run_nothing};
static const struct cli_command submit = {.words = "topo submit",
					  .summary = "submit one",
					  .arguments = file,
					  .options = submit_options,
					  .options_size = sizeof(struct submit),
					  .run = run_nothing};
static const struct cli_command status = {
	.words = "topo status", .summary = "show one", .arguments = names, .run = run_nothing};
static const struct cli_command mesh = {
	.words = "mesh spaces", .summary = "list", .run = run_nothing};
static const struct cli_command merge = {
	.words = "merge", .summary = "several", .arguments = files, .run = run_nothing};
static const struct cli_command sign = {.words = "sign",
					.summary = "sign",
					.options = sign_options,
					.options_size = sizeof(char *),
					.run = run_nothing};
static const struct cli_command secret = {
	.words = "secret", .summary = "hidden", .hidden = true, .run = run_nothing};
static const struct cli_command *const commands[] = {
	&topo, &submit, &status, &mesh, &merge, &sign, &secret, &cli_help_command, NULL};
static const struct cli_program program = {.name = "test",
					   .summary = "is a test",
					   .version = "1",
					   .commands = commands,
					   .options = globals};

/* One line, parsed. Words are separated by blanks. */
struct line {
	char *text;
	const char *words[20];
	size_t count;
	struct global global;
	struct cli_run run;
	struct error *error;
	int result;
};

static void parse(struct line *l, const char *text)
{
	char *rest = NULL;

	*l = (struct line){.text = mem_strdup(text)};
	for (char *w = strtok_r(l->text, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest))
		l->words[l->count++] = w;
	l->result = cli_parse(&program, l->words, l->count, &l->global, &l->run, &l->error);
}

static void line_done(struct line *l)
{
	cli_run_done(&l->run);
	cli_settings_done(&program, &l->global);
	error_free(l->error);
	free(l->text);
}

static void the_longest_command_is_found_and_options_stand_anywhere(void **state)
{
	struct line l;
	const struct submit *given;

	parse(&l, "-o json topo --api http://a:1 submit --wait=2s -d a.mex --lines 7");
	given = l.run.options;
	assert_int_equal(l.result, 0);
	assert_ptr_equal(l.run.command, &submit);
	assert_string_equal(l.global.format, "json");
	assert_string_equal(l.global.api, "http://a:1");
	assert_int_equal(given->wait_ms, 2000);
	assert_true(given->dry_run);
	assert_int_equal(given->lines, 7);
	assert_int_equal(l.run.arguments.count, 1);
	assert_string_equal(cli_argument(&l.run, 0), "a.mex");
	assert_null(cli_argument(&l.run, 1));
	line_done(&l);
}

static void an_implied_value_never_takes_the_next_word(void **state)
{
	struct line l;

	parse(&l, "topo submit --wait a.mex");
	assert_int_equal(l.result, 0);
	assert_int_equal(((const struct submit *)l.run.options)->wait_ms, 60000);
	assert_string_equal(cli_argument(&l.run, 0), "a.mex");
	line_done(&l);
	parse(&l, "topo submit a.mex -n5");
	assert_int_equal(((const struct submit *)l.run.options)->wait_ms, 0);
	assert_int_equal(((const struct submit *)l.run.options)->lines, 5);
	line_done(&l);
}

static void an_option_of_lines_gets_one_more_each_time(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "topo submit a.mex --set a=1 --set=b=2 --set c");
	assert_int_equal(l.result, 0);
	assert_string_equal(((const struct submit *)l.run.options)->sets, "a=1\nb=2\nc");
	line_done(&l);
	parse(&l, "topo submit a.mex");
	assert_null(((const struct submit *)l.run.options)->sets);
	line_done(&l);
	parse(&l, "topo submit a.mex --set a=1\nb=2");
	assert_int_equal(l.result, ERR_INVALID);
	line_done(&l);
}

static void defaults_and_variables_reach_the_options_of_a_command(void **state)
{
	struct line l;

	parse(&l, "topo submit a.mex");
	assert_int_equal(((const struct submit *)l.run.options)->lines, 200);
	line_done(&l);
	(void)setenv("TEST_LINES", "9", 1);
	parse(&l, "topo submit a.mex");
	assert_int_equal(((const struct submit *)l.run.options)->lines, 9);
	line_done(&l);
	(void)setenv("TEST_LINES", "many", 1);
	parse(&l, "topo submit a.mex");
	assert_int_equal(l.result, ERR_INVALID);
	assert_non_null(strstr(l.error->message, "environment variable TEST_LINES"));
	line_done(&l);
	(void)unsetenv("TEST_LINES");
}

static void words_after_two_dashes_are_arguments(void **state)
{
	struct line l;

	parse(&l, "merge a -- --api b");
	assert_int_equal(l.result, 0);
	assert_int_equal(l.run.arguments.count, 3);
	assert_string_equal(cli_argument(&l.run, 1), "--api");
	line_done(&l);
}

static void mistakes_are_refused_with_a_hint(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{"topo sumbit a", "unknown command 'topo sumbit'; did you mean 'topo submit'?"},
		{"mesh", "incomplete command 'mesh'; did you mean 'mesh spaces'?"},
		{"topo bogus", "unknown command 'topo bogus'"},
		{"secrte", "unknown command 'secrte'"},
		{"topo submit", "FILE is missing"},
		{"topo submit a b", "unexpected argument 'b'"},
		{"topo status a b c", "unexpected argument 'c'"},
		{"topo submit a --wiat", "unknown option --wiat; did you mean --wait?"},
		{"topo submit a -x", "unknown option -x"},
		{"topo submit a --lines", "--lines needs a value: N"},
		{"topo submit a --lines=1001",
		 "--lines: 1001 is out of range: expected 0 to 1000"},
		{"topo submit a --dry-run=yes", "--dry-run takes no value"},
		{"topo submit a --wait=soon", "--wait: "},
		{"topo --output xml", "--output: 'xml': expected one of table, json"},
		{"sign", "--key FILE is required"},
		{"merge", "FILE is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line l;

		parse(&l, cases[i].line);
		if (l.result != ERR_INVALID ||
		    !str_has_prefix(l.error->message, cases[i].message))
			fail_msg("%s: %d: %s; expected %s", cases[i].line, l.result,
				 l.error != NULL ? l.error->message : "none", cases[i].message);
		line_done(&l);
	}
}

static void help_wins_over_what_is_missing(void **state)
{
	struct line l;

	parse(&l, "topo submit --help");
	assert_int_equal(l.result, 0);
	assert_true(l.run.help);
	assert_ptr_equal(l.run.command, &submit);
	line_done(&l);
}

/* ---- completion ---- */

static void add_ids(void *context, int kind, const char *current, struct cli_candidates *c)
{
	assert_int_equal(kind, CLI_ARGUMENT_NAMES);
	cli_add_candidate(c, current, context);
}

static void assert_completes(const char *const *words, size_t count, const char *current,
			     const char *expected, bool expected_files)
{
	struct cli_candidates c = {0};
	char text[1000] = "";
	bool has_files = false;

	cli_complete(&program, words, count, current, add_ids, (char[]){"my-app"}, &c,
		     &has_files);
	vector_for_each (&c.list, s)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", *s);
	assert_string_equal(text, expected);
	assert_int_equal(has_files, expected_files);
	cli_candidates_done(&c);
}

#define COMPLETES(current, expected, files, ...)                                               \
	assert_completes((const char *const[]){__VA_ARGS__},                                   \
			 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), current, \
			 expected, files)

static void completion_follows_the_tables(void **state)
{
	assert_completes(NULL, 0, "", "help merge mesh sign topo ", false);
	COMPLETES("s", "status submit ", false, "topo");
	COMPLETES("", "", true, "topo", "submit");
	COMPLETES("", "my-app ", false, "topo", "status");
	COMPLETES("--", "--api --dry-run --help --lines --output --set --version --wait ",
		  false, "topo", "submit");
	COMPLETES("", "json table ", false, "topo", "-o");
	COMPLETES("s", "status submit ", false, "-o", "json", "topo");
	COMPLETES("", "", true, "sign", "--key");
	COMPLETES("", "", true, "merge", "a", "b");
	COMPLETES("st", "status ", false, "help", "topo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_command_is_found_and_options_stand_anywhere),
		cmocka_unit_test(an_implied_value_never_takes_the_next_word),
		cmocka_unit_test(an_option_of_lines_gets_one_more_each_time),
		cmocka_unit_test(defaults_and_variables_reach_the_options_of_a_command),
		cmocka_unit_test(words_after_two_dashes_are_arguments),
		cmocka_unit_test(mistakes_are_refused_with_a_hint),
		cmocka_unit_test(help_wins_over_what_is_missing),
		cmocka_unit_test(completion_follows_the_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
