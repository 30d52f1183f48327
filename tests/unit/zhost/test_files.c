/* Names of files: those of a URL, those of a zhost's directory, and the logs in it. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "base/str.h"
#include "zhost/edge/file_type.h"
#include "zhost/log/spacelog.h"
#include "zhost/state/instance_file.h"
#include "zhost/state/state_dir.h"

static char root[64];

static int begin(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/samoza-test-XXXXXX");
	return mkdtemp(root) != NULL && sodium_init() >= 0 ? 0 : -1;
}

static void remove_all(const char *path)
{
	DIR *dir = opendir(path);

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		CLEANUP(freep) char *name = str_printf("%s/%s", path, e->d_name);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlink(name) < 0)
			remove_all(name);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

static int end(void **state)
{
	(void)state;
	remove_all(root);
	return 0;
}

static void expect_file(const char *url, const char *expected)
{
	CLEANUP(freep) char *name = file_of_url(url);

	if (expected == NULL)
		assert_null(name);
	else
		assert_string_equal(name, expected);
}

static void urls_map_to_files_of_the_space(void **state)
{
	(void)state;
	expect_file("", "index.html");
	expect_file("a.js", "a.js");
	expect_file("img/", "img/index.html");
	expect_file("img/a b.png", "img/a b.png");
	expect_file("../secret", NULL);
	expect_file("img/../../secret", NULL);
	expect_file("./a.js", NULL);
	expect_file("/etc/passwd", NULL);
	expect_file("img//a.png", NULL);
	expect_file("..", NULL);
	expect_file("...", "...");
}

static void files_have_types(void **state)
{
	(void)state;
	assert_string_equal(file_type("index.html"), "text/html; charset=utf-8");
	assert_string_equal(file_type("a/b.c/x.MJS"), "text/javascript; charset=utf-8");
	assert_string_equal(file_type("a.html/x"), "application/octet-stream");
	assert_string_equal(file_type("core.wasm"), "application/wasm");
	assert_string_equal(file_type("noext"), "application/octet-stream");
}

static void a_directory_keeps_its_identity_and_counts_incarnations(void **state)
{
	CLEANUP(freep) char *path = str_printf("%s/deep/er", root);
	struct state_dir first, second;
	struct error *err = NULL;
	char identity[37];

	(void)state;
	assert_int_equal(state_dir_open(&first, path, NULL), 0);
	assert_int_equal(state_dir_begin(&first, NULL), 0);
	assert_int_equal(strlen(first.identity), 36);
	assert_int_equal(first.incarnation, 1);
	memcpy(identity, first.identity, sizeof(identity));
	/* One at a time. */
	assert_int_equal(state_dir_open(&second, path, &err), ERR_CONFLICT);
	error_free(err);
	state_dir_close(&second);
	state_dir_close(&first);
	assert_int_equal(state_dir_open(&second, path, NULL), 0);
	assert_int_equal(state_dir_begin(&second, NULL), 0);
	assert_string_equal(second.identity, identity);
	assert_int_equal(second.incarnation, 2);
	state_dir_close(&second);
}

static void names_depend_on_all_their_parts(void **state)
{
	char a[INSTANCE_FILE_NAME_SIZE], b[INSTANCE_FILE_NAME_SIZE];

	(void)state;
	instance_file_name("t", "a/b", 1, a);
	instance_file_name("t", "a/b", 1, b);
	assert_string_equal(a, b);
	instance_file_name("t", "a/b", 2, b);
	assert_string_not_equal(a, b);
	instance_file_name("ta", "/b", 1, b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), INSTANCE_FILE_NAME_SIZE - 1);
}

static void tail(struct spacelogs *logs, const char *name, size_t lines, const char *expected)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(4 * 1024 * 1024);

	(void)spacelogs_flush(logs);
	(void)spacelog_tail(logs, name, lines, &text);
	assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static void logs_keep_time_and_level(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	struct spacelogs *logs = spacelogs_new(fd);
	struct spacelog *log = spacelog_open(logs, "abc");

	(void)state;
	tail(logs, "abc", 5, "");
	spacelog_add(log, 1777545000123, "info", "hello\tw\033orld", 12);
	spacelog_add(log, 1777545001000, "error", "two", 3);
	tail(logs, "abc", 5,
	     "2026-04-30T10:30:00.123Z info  hello w orld\n"
	     "2026-04-30T10:30:01.000Z error two\n");
	tail(logs, "abc", 1, "2026-04-30T10:30:01.000Z error two\n");
	tail(logs, "abc", 0, "");
	spacelog_close(log);
	spacelogs_free(logs);
}

#define FILE_BYTES 1048576
static const struct spacelog_budget small_budget = {(uint64_t)FILE_BYTES * SPACELOG_FILES,
						    SPACELOG_KEEP_MS, SPACELOG_RATE};

static void copies_of_an_instance_share_its_log(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	struct spacelogs *logs = spacelogs_new(fd);
	struct spacelog *older = spacelog_open(logs, "shared");
	struct spacelog *newer = spacelog_open(logs, "shared");
	char line[1000];
	struct stat st;

	(void)state;
	spacelog_set_budget(newer, &small_budget);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 1500; i++) {
		spacelog_add(older, i, "info", line, sizeof(line));
		spacelog_add(newer, i, "info", line, sizeof(line));
		(void)spacelogs_flush(logs);
	}
	/* 3 MB through one log: the file before the last was full when it was rotated. */
	assert_int_equal(fstatat(fd, "shared.log.1", &st, 0), 0);
	assert_in_range(st.st_size, FILE_BYTES, FILE_BYTES + 3000);
	spacelog_close(older);
	assert_ptr_equal(spacelogs_find(logs, "shared"), newer);
	spacelog_add(newer, 0, "info", "still here", 10);
	tail(logs, "shared", 1, "1970-01-01T00:00:00.000Z info  still here\n");
	spacelog_close(newer);
	assert_null(spacelogs_find(logs, "shared"));
	spacelogs_free(logs);
}

static void logs_are_bounded_and_read_across_their_files(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	struct spacelogs *logs = spacelogs_new(fd);
	struct spacelog *log = spacelog_open(logs, "abc");
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(4 * 1024 * 1024);
	CLEANUP(buffer_done) struct buffer little = BUFFER_INIT(10000);
	struct stat st;
	char line[1000];
	off_t all = 0;

	(void)state;
	spacelog_set_budget(log, &small_budget);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 9000; i++) {
		spacelog_add(log, i, "info", line, sizeof(line));
		(void)spacelogs_flush(logs);
	}
	for (unsigned age = 0; age < SPACELOG_FILES; age++) {
		char file[64];

		spacelog_file_name("abc", age, file, sizeof(file));
		assert_int_equal(fstatat(fd, file, &st, 0), 0);
		assert_in_range(st.st_size, 1, FILE_BYTES + 2000);
		all += st.st_size;
	}
	assert_in_range(all, 3 * FILE_BYTES, 4 * FILE_BYTES + 8000);
	assert_int_equal(fstatat(fd, "abc.log.4", &st, 0), -1);
	assert_int_equal(spacelog_tail(logs, "abc", 1500, &text), 1500);
	assert_int_equal(text.size, 1500 * (1000 + 32));
	assert_memory_equal(text.data + text.size - 1032, "1970-01-01T00:00:08.999Z", 24);
	assert_memory_equal(text.data, "1970-01-01T00:00:07.500Z", 24);
	/* More than there is room for: the newest. */
	assert_int_equal(spacelog_tail(logs, "abc", 1500, &little), 9);
	assert_memory_equal(little.data + little.size - 1032, "1970-01-01T00:00:08.999Z", 24);
	spacelog_close(log);
	spacelogs_free(logs);
}

static size_t found(struct spacelogs *logs, int64_t since_ms, const char *text, char *ret_first)
{
	const struct spacelog_search search = {
		.lines = 100, .since_ms = since_ms, .text = text};
	CLEANUP(buffer_done) struct buffer to = BUFFER_INIT(1 << 20);
	size_t n;

	(void)spacelogs_flush(logs);
	n = spacelogs_search(logs, "search", &search, &to);
	ret_first[0] = '\0';
	if (n > 0)
		(void)snprintf(ret_first, 16, "%.*s", (int)strcspn(to.data + 31, "\n"),
			       to.data + 31);
	return n;
}

static void lines_are_found_by_time_and_text(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	struct spacelogs *logs = spacelogs_new(fd);
	struct spacelog *log = spacelog_open(logs, "search");
	const int64_t begin = 1777545000000;
	char first[16];

	(void)state;
	for (int i = 0; i < 10; i++) {
		char text[16];
		int size = snprintf(text, sizeof(text), "line %d", i);

		spacelog_add(log, begin + i * 100000, "info", text, (size_t)size);
	}
	assert_int_equal(found(logs, 0, NULL, first), 10);
	assert_int_equal(found(logs, begin + 300000, NULL, first), 7);
	assert_string_equal(first, "line 3");
	assert_int_equal(found(logs, begin + 300001, NULL, first), 6);
	assert_int_equal(found(logs, begin, "line 4", first), 1);
	assert_string_equal(first, "line 4");
	/* Neither times nor levels are text. */
	assert_int_equal(found(logs, 0, "info", first), 0);
	assert_int_equal(found(logs, 0, "2026", first), 0);
	/* A clock that was set back a little hides nothing. */
	spacelog_add(log, begin + 850000, "info", "back", 4);
	assert_int_equal(found(logs, begin + 900000, NULL, first), 1);
	assert_string_equal(first, "line 9");
	spacelog_close(log);
	spacelogs_free(logs);
}

static size_t lines_of(struct spacelogs *logs, const char *name, struct buffer *to)
{
	buffer_clear(to);
	(void)spacelogs_flush(logs);
	return spacelog_tail(logs, name, 10000, to);
}

static void what_is_printed_faster_than_the_budget_is_dropped_and_said(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	struct spacelogs *logs = spacelogs_new(fd);
	struct spacelog *log = spacelog_open(logs, "rate");
	CLEANUP(buffer_done) struct buffer to = BUFFER_INIT(1 << 20);
	char line[1000 - 32];

	(void)state;
	memset(line, 'x', sizeof(line));
	spacelog_set_budget(log, &(struct spacelog_budget){1 << 20, SPACELOG_KEEP_MS, 1000});
	for (int i = 0; i < 20; i++)
		spacelog_add(log, 1777545000000, "info", line, sizeof(line));
	/* Eight seconds' worth at once. */
	assert_int_equal(lines_of(logs, "rate", &to), 8);
	/* Two seconds later there is room for two, after the line that says it. */
	for (int i = 0; i < 5; i++)
		spacelog_add(log, 1777545002000, "info", line, sizeof(line));
	assert_int_equal(lines_of(logs, "rate", &to), 11);
	assert_non_null(strstr(to.data, "it prints more than 1000 bytes a second (logs.rate): "
					"12000 bytes are not in this log"));
	/* The budget grows in place. */
	spacelog_set_budget(
		log, &(struct spacelog_budget){1 << 20, SPACELOG_KEEP_MS, SPACELOG_RATE});
	for (int i = 0; i < 100; i++)
		spacelog_add(log, 1777545002000, "info", line, sizeof(line));
	assert_in_range(lines_of(logs, "rate", &to), 111, 112);
	spacelog_close(log);
	spacelogs_free(logs);
}

#define NAME_A "0123456789abcdef0123456789abcdef"
#define NAME_B "fedcba9876543210fedcba9876543210"

static void what_is_older_than_it_is_kept_is_removed(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	struct spacelogs *logs = spacelogs_new(fd);
	struct spacelog *gone = spacelog_open(logs, NAME_A),
			*here = spacelog_open(logs, NAME_B);
	CLEANUP(buffer_done) struct buffer to = BUFFER_INIT(1 << 20);
	struct timespec now;
	struct stat st;

	(void)state;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	int64_t wall_ms = (int64_t)now.tv_sec * 1000;
	spacelog_set_budget(gone, &(struct spacelog_budget){1 << 20, 3600000, SPACELOG_RATE});
	spacelog_add(gone, wall_ms, "info", "of one that is gone", 19);
	spacelog_add(here, wall_ms, "info", "old", 3);
	(void)spacelogs_flush(logs);
	spacelog_close(gone);
	/* How long it is to be kept outlives the instance, and zhost. */
	spacelogs_trim(logs, wall_ms + 3500000);
	assert_int_equal(lines_of(logs, NAME_A, &to), 1);
	spacelogs_trim(logs, wall_ms + 3700000);
	assert_int_equal(lines_of(logs, NAME_A, &to), 0);
	assert_int_equal(fstatat(fd, NAME_A ".keep", &st, 0), -1);
	assert_int_equal(lines_of(logs, NAME_B, &to), 1);
	/* Of one that is here, too; it goes on in another file. */
	spacelogs_trim(logs, wall_ms + SPACELOG_KEEP_MS + 100000);
	assert_int_equal(lines_of(logs, NAME_B, &to), 0);
	spacelog_add(here, wall_ms, "info", "new", 3);
	assert_int_equal(lines_of(logs, NAME_B, &to), 1);
	/* A file is left when a quarter of the time has passed, so that what is older than it is kept can go. */
	spacelog_add(here, wall_ms + SPACELOG_KEEP_MS / 4, "info", "later", 5);
	(void)spacelogs_flush(logs);
	assert_int_equal(fstatat(fd, NAME_B ".log.1", &st, 0), 0);
	spacelog_close(here);
	spacelogs_free(logs);
}

static void a_line_that_was_cut_off_by_a_crash_is_read(void **state)
{
	CLEANUP(closep) int fd = open(root, O_RDONLY | O_DIRECTORY);
	CLEANUP(closep)
	int file = openat(fd, "torn.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct spacelogs *logs = spacelogs_new(fd);
	static const char text[] = "2026-04-30T10:30:00.123Z info  whole\n"
				   "2026-04-30T10:30:00.124Z info  to";

	(void)state;
	assert_int_equal(write(file, text, sizeof(text) - 1), sizeof(text) - 1);
	tail(logs, "torn", 5,
	     "2026-04-30T10:30:00.123Z info  whole\n"
	     "2026-04-30T10:30:00.124Z info  to\n");
	spacelogs_free(logs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static off_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static void fill(int fd, unsigned lines)
{
	char line[1025];

	memset(line, 'x', sizeof(line));
	line[1023] = '\n';
	for (unsigned i = 0; i < lines; i++)
		assert_int_equal(write(fd, line, 1024), 1024);
	assert_int_equal(write(fd, "the end\n", 8), 8);
}

/* Processes that outlive their zhost hold the file, so it stays the same one. */
static void standard_error_of_processes_is_bounded_while_they_write(void **state)
{
	struct state_dir f;
	char path[100], text[4096] = "";
	int earlier;
	(void)state;
	snprintf(path, sizeof(path), "%s/bounded", root);
	assert_int_equal(state_dir_open(&f, path, NULL), 0);
	fill(f.stderr_fd, 1000);
	state_dir_bound_stderr(&f);
	assert_int_equal(size_of(f.stderr_fd), 1000 * 1024 + 8); /* not too long yet */
	fill(f.stderr_fd, 2000);
	state_dir_bound_stderr(&f);
	assert_in_range(size_of(f.stderr_fd), 1024, 256 * 1024);
	assert_int_equal(write(f.stderr_fd, "more\n", 5), 5);
	CLEANUP(closep) int fd = openat(f.log_fd, "zrun.err", O_RDONLY);
	assert_true(pread(fd, text, 1000, 0) > 0);
	assert_int_equal(text[0], 'x'); /* a whole line */
	memset(text, 0, sizeof(text));
	assert_int_equal(pread(fd, text, 100, size_of(fd) - 13), 13);
	assert_string_equal(text, "the end\nmore\n");
	fill(f.stderr_fd, 2000);
	earlier = dup(f.stderr_fd);
	state_dir_close(&f);
	assert_int_equal(state_dir_open(&f, path, NULL), 0);
	assert_in_range(size_of(earlier), 1024, 256 * 1024);
	fill(earlier, 10);
	assert_int_equal(size_of(earlier), size_of(f.stderr_fd));
	close(earlier);
	state_dir_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(urls_map_to_files_of_the_space),
		TEST(files_have_types),
		TEST(a_directory_keeps_its_identity_and_counts_incarnations),
		TEST(standard_error_of_processes_is_bounded_while_they_write),
		TEST(names_depend_on_all_their_parts),
		TEST(logs_keep_time_and_level),
		TEST(copies_of_an_instance_share_its_log),
		TEST(logs_are_bounded_and_read_across_their_files),
		TEST(lines_are_found_by_time_and_text),
		TEST(what_is_printed_faster_than_the_budget_is_dropped_and_said),
		TEST(what_is_older_than_it_is_kept_is_removed),
		TEST(a_line_that_was_cut_off_by_a_crash_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
