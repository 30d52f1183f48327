#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/cli/cli.h"
#include "base/str.h"

struct settings {
	struct cli_address listen;
	int64_t timeout_ms;
	char *dir, *zrms, *level;
	uint32_t count;
	uint64_t size;
	bool unsigned_too;
};

static const char *const levels[] = {"info", "debug", NULL};
static const char *const others[] = {"zhosts", NULL};
static const struct cli_option options[] = {{.key = "listen",
					     .name = "listen",
					     .environment = "TEST_LISTEN",
					     .type = CLI_LISTEN,
					     .offset = offsetof(struct settings, listen),
					     .fallback = "127.0.0.1:7331",
					     .help = "Where it listens"},
					    {.key = "failure_detection.timeout",
					     .name = "failure-timeout",
					     .environment = "TEST_TIMEOUT",
					     .type = CLI_DURATION,
					     .offset = offsetof(struct settings, timeout_ms),
					     .fallback = "30s",
					     .min = 1000,
					     .max = 3600000,
					     .help = "Silence"},
					    {.key = "dir",
					     .name = "dir",
					     .environment = NULL,
					     .type = CLI_PATH,
					     .offset = offsetof(struct settings, dir),
					     .help = "Directory"},
					    {.key = "zrms",
					     .name = "zrms",
					     .environment = NULL,
					     .type = CLI_URL,
					     .offset = offsetof(struct settings, zrms),
					     .help = "Where zrms is"},
					    {.key = "log.level",
					     .name = "log-level",
					     .environment = NULL,
					     .type = CLI_CHOICE,
					     .offset = offsetof(struct settings, level),
					     .fallback = "info",
					     .choices = levels,
					     .help = "Level"},
					    {.key = "count",
					     .name = "count",
					     .environment = NULL,
					     .type = CLI_U32,
					     .offset = offsetof(struct settings, count),
					     .min = 1,
					     .max = 9,
					     .help = "How many"},
					    {.key = "size",
					     .name = "size",
					     .environment = NULL,
					     .type = CLI_SIZE,
					     .offset = offsetof(struct settings, size),
					     .help = "How large"},
					    {.key = "allow_unsigned",
					     .name = "allow-unsigned",
					     .environment = NULL,
					     .type = CLI_FLAG,
					     .offset = offsetof(struct settings, unsigned_too),
					     .help = "Whether"},
					    {0}};
static const struct cli_program program = {.name = "test",
					   .summary = "is a test",
					   .options = options,
					   .has_file = true,
					   .other_keys = others};

/* Loads with these arguments, and --config with a file of this content unless it is NULL. */
static int load(struct settings *s, const char *content, struct error **err, int argc,
		const char *const *words)
{
	char path[] = "/tmp/test-config-XXXXXX";
	char *argv[20] = {(char[]){"test"}};
	struct cli_run run;
	int n = 1;
	int r;

	*s = (struct settings){0};
	for (int i = 0; i < argc; i++)
		argv[n++] = mem_strdup(words[i]);
	if (content != NULL) {
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, content, strlen(content)), strlen(content));
		(void)close(fd);
		argv[n++] = mem_strdup("--config");
		argv[n++] = mem_strdup(path);
	}
	r = cli_load(&program, n, argv, s, &run, err);
	cli_run_done(&run);
	for (int i = 1; i < n; i++)
		free(argv[i]);
	if (content != NULL)
		(void)unlink(path);
	return r;
}

#define WORDS(...)                                                                   \
	(int)ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), (const char *const[]) \
	{                                                                            \
		__VA_ARGS__                                                          \
	}

static void later_sources_win(void **state)
{
	struct settings s;

	assert_int_equal(load(&s, NULL, NULL, 0, NULL), 0);
	assert_int_equal(s.timeout_ms, 30000);
	cli_settings_done(&program, &s);
	assert_int_equal(load(&s, "failure_detection: {timeout: 4s}\n", NULL, 0, NULL), 0);
	assert_int_equal(s.timeout_ms, 4000);
	cli_settings_done(&program, &s);
	(void)setenv("TEST_TIMEOUT", "5s", 1);
	assert_int_equal(load(&s, "failure_detection.timeout: 4s\n", NULL, 0, NULL), 0);
	assert_int_equal(s.timeout_ms, 5000);
	cli_settings_done(&program, &s);
	assert_int_equal(load(&s, "failure_detection.timeout: 4s\n", NULL,
			      WORDS("--failure-timeout=6s")),
			 0);
	assert_int_equal(s.timeout_ms, 6000);
	cli_settings_done(&program, &s);
	(void)unsetenv("TEST_TIMEOUT");
}

static void every_type_is_read(void **state)
{
	struct settings s;

	assert_int_equal(
		load(&s,
		     "listen: \"[::1]:80\"\ndir: /a b\nzrms: http://127.0.0.1:7331/\n"
		     "log: {level: debug}\ncount: 9\nsize: 32MiB\nallow_unsigned: true\n"
		     "zhosts: [{name: a, labels: {b: c}}, {name: d}]\n",
		     NULL, 0, NULL),
		0);
	assert_string_equal(s.listen.host, "::1");
	assert_int_equal(s.listen.port, 80);
	assert_string_equal(s.dir, "/a b");
	assert_string_equal(s.zrms, "http://127.0.0.1:7331");
	assert_string_equal(s.level, "debug");
	assert_int_equal(s.count, 9);
	assert_int_equal(s.size, 32 << 20);
	assert_true(s.unsigned_too);
	cli_settings_done(&program, &s);
}

static void mistakes_are_refused_with_place_and_hint(void **state)
{
	static const struct {
		const char *file, *word, *message;
		unsigned line;
	} cases[] = {
		{"count: 1\nlissten: x\n", NULL,
		 "unknown key 'lissten'; did you mean 'listen'?", 2},
		{"failure_detection: {timeuot: 3s}\n", NULL,
		 "unknown key 'failure_detection.timeuot'; did you mean "
		 "'failure_detection.timeout'?",
		 1},
		{"count: 1\n\ncount: 2\n", NULL, "duplicate key 'count'", 3},
		{"log.level: info\nlog: {level: info}\n", NULL, "duplicate key 'log.level'", 2},
		{"count: 10\n", NULL, "count: 10 is out of range: expected 1 to 9", 1},
		{"count: many\n", NULL, "count: 'many' is not a number", 1},
		{"count: [1]\n", NULL, "count: expected N", 1},
		{"log: 3\n", NULL, "log: expected keys below it", 1},
		{"log: {level: loud}\n", NULL, "log.level: 'loud': expected one of info, debug",
		 1},
		{"dir: &a x\nzrms: *a\n", NULL, "aliases are not accepted", 2},
		{"allow_unsigned: yes\n", NULL, "'yes' is neither true nor false", 1},
		{"- a\n", NULL, "expected `key: value`", 1},
		{"a: b: c\n", NULL, "unknown key 'a'", 1},
		{"count: 1\n---\ncount: 2\n", NULL, "more than one document", 2},
		{NULL, "--count=0", "--count: 0 is out of range: expected 1 to 9", 0},
		{NULL, "--failure-timeout=9d", "9d is out of range: expected 1s to 1h", 0},
		{NULL, "--cuont=1", "unknown option --cuont; did you mean --count?", 0},
		{NULL, "--count", "--count needs a value: N", 0},
		{NULL, "word", "unexpected argument 'word'", 0},
		{NULL, "-x", "unknown option -x", 0},
		{NULL, "--zrms=ftp://a:1", "expected http://HOST:PORT", 0},
		{NULL, "--zrms=http://a", "expected http://HOST:PORT", 0},
		{NULL, "--zrms=http://a:1/b:2", "expected http://HOST:PORT", 0},
		{NULL, "--dir=", "the name of a file is empty", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct settings s;
		int r = load(&s, cases[i].file, &err, cases[i].word != NULL, &cases[i].word);

		cli_settings_done(&program, &s);
		if (r != ERR_INVALID || strstr(err->message, cases[i].message) == NULL ||
		    err->line != cases[i].line)
			fail_msg("case %zu: %d, line %u: %s; expected line %u: %s", i, r,
				 err != NULL ? err->line : 0,
				 err != NULL ? err->message : "none", cases[i].line,
				 cases[i].message);
	}
}

static void only_loopback_addresses_are_listened_on(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"127.0.0.1:0", 0},
		{"127.1.2.3:65535", 0},
		{"[::1]:1", 0},
		{"localhost:7331", 0},
		{"0.0.0.0:7331", ERR_DENIED},
		{"192.168.1.2:1", ERR_DENIED},
		{"[::]:1", ERR_DENIED},
		{"[::ffff:127.0.0.1]:1", ERR_DENIED},
		{"128.0.0.1:1", ERR_DENIED},
		{"127.0.0.1", ERR_INVALID},
		{"127.0.0.1:65536", ERR_INVALID},
		{"::1:1", ERR_INVALID},
		{":7331", ERR_INVALID},
		{"example.org:1", ERR_INVALID},
		{"127.0.0.1:-1", ERR_INVALID},
		{"127.1:1", ERR_INVALID},
		{"", ERR_INVALID},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct cli_address address;
		int r = cli_address_parse(cases[i].text, &address, &err);

		if (r != cases[i].result)
			fail_msg("%s: %d, expected %d", cases[i].text, r, cases[i].result);
		if (r == ERR_DENIED)
			assert_non_null(strstr(err->message, "there is no access control yet"));
	}
}

static void a_required_setting_is_asked_for(void **state)
{
	static const struct cli_option needed[] = {{.key = NULL,
						    .name = "dir",
						    .environment = NULL,
						    .type = CLI_PATH,
						    .offset = 0,
						    .required = true,
						    .help = "Directory"},
						   {0}};
	const struct cli_program p = {.name = "test", .summary = "x", .options = needed};
	CLEANUP(error_freep) struct error *err = NULL;
	struct cli_run run;
	char *dir = NULL;

	assert_int_equal(cli_load(&p, 1, (char *[]){(char[]){"test"}, NULL}, &dir, &run, &err),
			 ERR_INVALID);
	cli_run_done(&run);
	assert_string_equal(err->message, "--dir FILE is required: Directory");
}

/* What --print-config prints is a file that gives the same settings. */
static void printed_configuration_reads_back(void **state)
{
	struct settings s = {0};
	struct cli_run run;
	FILE *file = tmpfile();
	int old = dup(STDOUT_FILENO);
	char text[4096] = "";

	assert_non_null(file);
	(void)fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_int_equal(cli_start(&program, 6,
				   (char *[]){(char[]){"test"}, (char[]){"--dir=a \"b\" \\c"},
					      (char[]){"--count=3"}, (char[]){"--size=3MiB"},
					      (char[]){"--allow-unsigned"},
					      (char[]){"--print-config"}, NULL},
				   &s, &run),
			 CLI_DONE);
	cli_run_done(&run);
	(void)fflush(stdout);
	(void)dup2(old, STDOUT_FILENO);
	(void)close(old);
	cli_settings_done(&program, &s);
	rewind(file);
	(void)fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	assert_non_null(strstr(text, "count: 3  # --count\n"));
	assert_non_null(strstr(text, "failure_detection.timeout: 30s  # default\n"));
	assert_int_equal(load(&s, text, NULL, 0, NULL), 0);
	assert_string_equal(s.dir, "a \"b\" \\c");
	assert_int_equal(s.size, 3 << 20);
	assert_true(s.unsigned_too);
	cli_settings_done(&program, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_sources_win),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(mistakes_are_refused_with_place_and_hint),
		cmocka_unit_test(only_loopback_addresses_are_listened_on),
		cmocka_unit_test(a_required_setting_is_asked_for),
		cmocka_unit_test(printed_configuration_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
