#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/log/log_file.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

static void formatted(const char *expected, const struct log_field *fields)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);

	log_format(&b, 1777458600123, LOG_LEVEL_INFO, "place", "chosen", fields);
	assert_string_equal(b.data, expected);
}

static void a_line_is_time_level_subsystem_event_and_values(void **state)
{
	formatted("2026-04-29T10:30:00.123Z info  place   chosen zhost=edge-node-1 count=3 "
		  "left=-4 "
		  "silent=30.2s took=250ms bytes=4096 exclusive=yes",
		  (const struct log_field[]){LOG_S("zhost", "edge-node-1"),
					     LOG_U("count", 3),
					     LOG_I("left", -4),
					     LOG_MS("silent", 30250),
					     LOG_MS("took", 250),
					     LOG_BYTES("bytes", 4096),
					     LOG_B("exclusive", true),
					     {0}});
}

static void null_values_are_left_out(void **state)
{
	formatted("2026-04-29T10:30:00.123Z info  place   chosen a=1",
		  (const struct log_field[]){
			  LOG_S("x", NULL), LOG_U("a", 1), LOG_E((struct error *)NULL), {0}});
}

static void values_cannot_make_lines_or_fields_or_move_the_cursor(void **state)
{
	static const struct {
		const char *value, *shown;
	} cases[] = {
		{"a b", "\"a b\""},
		{"", "\"\""},
		{"a=b", "\"a=b\""},
		{"a\nb", "\"a\\nb\""},
		{"a\r\tb", "\"a\\r\\tb\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"back\\slash", "\"back\\\\slash\""},
		{"\x1b[31m", "\"\\x1b[31m\""},
		{"\x7f", "\"\\x7f\""},
		{"\xc2\x9b"
		 "31m",
		 "\"\\u{9b}31m\""}, /* CSI as one character */
		{"\xe2\x80\xae"
		 "abc",
		 "\"\\u{202e}abc\""},		   /* right to left */
		{"\xe2\x80\xa8", "\"\\u{2028}\""}, /* line separator */
		{"caf\xc3\xa9", "\"caf\xc3\xa9\""},
		{"\xff", "\"\\xff\""},
		{"\xc3", "\"\\xc3\""},			 /* cut short */
		{"\xc0\xaf", "\"\\xc0\\xaf\""},		 /* overlong */
		{"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* surrogate */
		{"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);

		text_quote(&b, cases[i].value);
		assert_string_equal(b.data, cases[i].shown);
	}
}

static void escaping_stops_where_the_buffer_is_full(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(6);

	text_escape(&b, "abc\x1b"
			"def");
	assert_string_equal(b.data, "abc");
}

/* What one log_write() leaves in a file. The caller frees. */
static char *written(enum log_level level, const char *value)
{
	FILE *file = tmpfile();
	char *text = mem_calloc(1, 3 * LOG_LINE_MAX);

	assert_non_null(file);
	log_init(LOG_LEVEL_INFO, fileno(file));
	errno = 42;
	LOG_EVENT_(level, "test", "event", LOG_S("value", value));
	assert_int_equal(errno, 42);
	rewind(file);
	(void)fread(text, 1, 3 * LOG_LINE_MAX - 1, file);
	(void)fclose(file);
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
	return text;
}

static void levels_below_the_chosen_one_are_not_written(void **state)
{
	CLEANUP(freep) char *debug = written(LOG_LEVEL_DEBUG, "x");
	CLEANUP(freep) char *warn = written(LOG_LEVEL_WARNING, "x");

	assert_string_equal(debug, "");
	assert_true(str_has_suffix(warn, "Z warn  test    event value=x\n"));
}

static void a_long_line_is_cut_within_its_bound(void **state)
{
	CLEANUP(freep) char *value = mem_calloc(1, 1 << 20);
	CLEANUP(freep) char *line = NULL;

	/* Three bytes each: the cut must not fall within one. */
	for (size_t i = 0; i + 3 < 1 << 20; i += 3)
		memcpy(value + i, "\xe2\x82\xac", 3);
	line = written(LOG_LEVEL_INFO, value);
	assert_in_range(strlen(line), LOG_LINE_MAX - 8, LOG_LINE_MAX);
	assert_true(str_has_suffix(line, "\xe2\x82\xac...\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* How many lines the file has so far. */
static int lines_of(FILE *file)
{
	char line[2 * LOG_LINE_MAX];
	int count = 0;
	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL)
		count++;
	return count;
}

static FILE *log_to_file(void)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	log_init(LOG_LEVEL_INFO, fileno(file));
	return file;
}

static void held_lines_wait_until_they_are_released(void **state)
{
	FILE *file = log_to_file();
	log_hold();
	log_info("test", "one");
	log_info("test", "two");
	assert_int_equal(lines_of(file), 0);
	log_release();
	assert_int_equal(lines_of(file), 2);
	log_info("test", "three");
	assert_int_equal(lines_of(file), 3);
	(void)fclose(file);
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
}

static void a_warning_takes_along_the_lines_that_are_held(void **state)
{
	FILE *file = log_to_file();
	log_hold();
	log_info("test", "one");
	log_warn("test", "two");
	assert_int_equal(lines_of(file), 2);
	log_release();
	(void)fclose(file);
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
}

static void no_more_lines_are_held_than_a_pipe_takes_at_once(void **state)
{
	enum { LINES = 1000 };
	FILE *file = log_to_file();
	size_t before = 0;
	struct stat st;
	log_hold();
	for (int n = 0; n < LINES; n++) {
		log_info("test", "line", LOG_I("n", n));
		assert_int_equal(fstat(fileno(file), &st), 0);
		assert_true((size_t)st.st_size - before <= PIPE_BUF);
		before = (size_t)st.st_size;
	}
	assert_true(before > 0);
	log_release();
	assert_int_equal(lines_of(file), LINES);
	(void)fclose(file);
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
}

static void a_check_that_fails_takes_along_the_lines_that_are_held(void **state)
{
	FILE *file = log_to_file();
	pid_t child = fork();
	if (child == 0) {
		(void)dup2(fileno(file), STDERR_FILENO);
		log_hold();
		log_info("test", "one");
		IMPOSSIBLE("a test");
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(lines_of(file), 2);
	(void)fclose(file);
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
}

static void the_journal_gets_its_priority(void **state)
{
	FILE *file = tmpfile();
	CLEANUP(freep) char *stream = NULL;
	char text[200] = "";
	struct stat st;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	stream = str_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_init(LOG_LEVEL_INFO, fileno(file));
	log_warn("test", "event");
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	log_init(LOG_LEVEL_INFO, fileno(file));
	log_warn("test", "event");
	(void)unsetenv("JOURNAL_STREAM");
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
	rewind(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_memory_equal(text, "<4>2", 4);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_int_equal(text[0], '2');
	(void)fclose(file);
}

static void level_names_are_parsed_again(void **state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	enum log_level level = LOG_LEVEL_ERROR;

	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		assert_int_equal(
			log_level_parse(log_level_name((enum log_level)i), &level, NULL), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log_level_parse("loud", &level, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "error, warn, info or debug"));
}

/* The number in the first or the last line of FILE.N; -1: there is no such file. */
static long numbered_line(const char *path, int number, bool last)
{
	CLEANUP(freep)
	char *name = number == 0 ? mem_strdup(path) : str_printf("%s.%d", path, number);
	FILE *f = fopen(name, "r");
	char line[200];
	long n = -1;

	while (f != NULL && (n < 0 || last) && fgets(line, sizeof(line), f) != NULL) {
		const char *value = strstr(line, " n=");
		if (value != NULL)
			n = strtol(value + 3, NULL, 10);
	}
	if (f != NULL)
		(void)fclose(f);
	return n;
}

/* As startz has it: standard error leads to the file as well. */
static void a_log_in_a_file_has_a_bound_and_loses_only_what_is_oldest(void **state)
{
	enum { LINES = 1000, BYTES = 4096 };
	char directory[] = "/tmp/samoza-test-XXXXXX";
	assert_non_null(mkdtemp(directory));
	CLEANUP(freep) char *path = str_printf("%s/zrms.log", directory);
	int saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);

	assert_int_equal(log_file_open(path, NULL), 0);
	log_file_set_bytes(BYTES);
	for (int n = 0; n < LINES; n++)
		log_info("test", "line", LOG_I("n", n));
	assert_int_equal(write(STDERR_FILENO, "a crash says why n=4711\n", 24), 24);
	log_file_set_bytes(LOG_FILE_BYTES);
	log_init(LOG_LEVEL_INFO, STDERR_FILENO);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);

	assert_int_equal(numbered_line(path, 0, true), 4711);
	long next = LINES;
	for (int n = 0; n <= LOG_FILES_KEPT; n++) {
		CLEANUP(freep)
		char *name = n == 0 ? mem_strdup(path) : str_printf("%s.%d", path, n);
		struct stat st;
		assert_int_equal(stat(name, &st), 0);
		assert_true(st.st_size < BYTES + LOG_LINE_MAX);
		if (n > 0)
			assert_int_equal(numbered_line(path, n, true), next - 1);
		next = numbered_line(path, n, false);
		assert_int_equal(unlink(name), 0);
	}
	assert_int_equal(numbered_line(path, LOG_FILES_KEPT + 1, false), -1);
	assert_int_equal(rmdir(directory), 0); /* nothing else is left */
}

/* In a child: a program has one log. 0: all is as it should be. */
static int log_without_descriptors(const char *path)
{
	enum { BYTES = 4096, LINES = 300 };
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
	CLEANUP(freep) char *shifted = str_printf("%s.1", path);
	struct stat st;
	if (log_file_open(path, NULL) < 0)
		return 1;
	log_file_set_bytes(BYTES);
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return 2;
	for (int n = 0; n < LINES; n++)
		log_info("test", "line", LOG_I("n", n));
	if (access(shifted, F_OK) == 0 || stat(path, &st) < 0)
		return 3; /* it was put aside, and none took its place */
	return st.st_size > BYTES ? 0 : 4;
}

static void a_log_grows_on_where_no_other_can_be_begun(void **state)
{
	char directory[] = "/tmp/samoza-test-XXXXXX";
	int status = 0;
	assert_non_null(mkdtemp(directory));
	CLEANUP(freep) char *path = str_printf("%s/zrms.log", directory);
	pid_t pid = fork();
	if (pid == 0)
		_exit(log_without_descriptors(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(numbered_line(path, 0, false), 0);
	assert_int_equal(numbered_line(path, 0, true), 299);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void a_log_is_not_written_through_a_link(void **state)
{
	char directory[] = "/tmp/samoza-test-XXXXXX";
	assert_non_null(mkdtemp(directory));
	CLEANUP(freep) char *path = str_printf("%s/zrms.log", directory);
	CLEANUP(freep) char *elsewhere = str_printf("%s/elsewhere", directory);
	assert_int_equal(symlink(elsewhere, path), 0);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_true(log_file_open(path, &err) < 0);
	assert_int_equal(access(elsewhere, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void a_log_that_cannot_be_opened_is_refused(void **state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	assert_true(log_file_open("/nowhere/zrms.log", &err) < 0);
	assert_non_null(strstr(err->message, "/nowhere/zrms.log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_time_level_subsystem_event_and_values),
		cmocka_unit_test(null_values_are_left_out),
		cmocka_unit_test(values_cannot_make_lines_or_fields_or_move_the_cursor),
		cmocka_unit_test(escaping_stops_where_the_buffer_is_full),
		cmocka_unit_test(levels_below_the_chosen_one_are_not_written),
		cmocka_unit_test(a_long_line_is_cut_within_its_bound),
		cmocka_unit_test(held_lines_wait_until_they_are_released),
		cmocka_unit_test(a_warning_takes_along_the_lines_that_are_held),
		cmocka_unit_test(no_more_lines_are_held_than_a_pipe_takes_at_once),
		cmocka_unit_test(a_check_that_fails_takes_along_the_lines_that_are_held),
		cmocka_unit_test(the_journal_gets_its_priority),
		cmocka_unit_test(a_log_in_a_file_has_a_bound_and_loses_only_what_is_oldest),
		cmocka_unit_test(a_log_grows_on_where_no_other_can_be_begun),
		cmocka_unit_test(a_log_is_not_written_through_a_link),
		cmocka_unit_test(a_log_that_cannot_be_opened_is_refused),
		cmocka_unit_test(level_names_are_parsed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
