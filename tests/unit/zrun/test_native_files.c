/* The directory of a NATIVE instance: made from a list, removed whatever was made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zrun/native/native_files.h"

#define DIGEST "0123456789012345678901234567890123456789012345678901234567890123"

static char top[] = "/tmp/samoza-files-XXXXXX";
static char path[300];

static const char *in_top(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_top(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void expect_file(const char *name, const char *wanted, mode_t mode)
{
	char text[100] = "";
	struct stat st;
	FILE *f = fopen(in_top(name), "r");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, wanted);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static int begin(void **state)
{
	(void)state;
	strcpy(strrchr(top, '-'), "-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(mkdir(in_top("cache"), 0700), 0);
	write_file("cache/" DIGEST, "content");
	return 0;
}

static int end(void **state)
{
	char text[300];

	(void)state;
	return native_remove(top, text, sizeof(text));
}

static int install(const char *list, char *text, size_t size)
{
	char list_path[300], directory[300], cache[300];

	write_file("list", list);
	(void)snprintf(list_path, sizeof(list_path), "%s/list", top);
	(void)snprintf(directory, sizeof(directory), "%s/one", top);
	(void)snprintf(cache, sizeof(cache), "%s/cache", top);
	return native_install(directory, list_path, cache, geteuid(), text, size);
}

static void test_install(void **state)
{
	char text[300] = "";

	(void)state;
	assert_int_equal(install("755 " DIGEST " recipes/start\n644 " DIGEST " a/b/c d\n", text,
				 sizeof(text)),
			 0);
	expect_file("one/package/recipes/start", "content", 0755);
	expect_file("one/package/a/b/c d", "content", 0644);
	write_file("one/data/left", "over");
	/* Again: what an earlier one left is gone. */
	assert_int_equal(install("755 " DIGEST " recipes/start\n", text, sizeof(text)), 0);
	assert_int_equal(access(in_top("one/data/left"), F_OK), -1);
	assert_int_equal(access(in_top("one/package/a"), F_OK), -1);
	assert_int_equal(access(in_top("one/tmp"), F_OK), 0);
}

static void test_names_cannot_escape_the_package(void **state)
{
	static const char *const names[] = {"../out", "a/../../../out", "/out", "a//b",
					    "./out"};
	char line[200], text[300];

	(void)state;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		(void)snprintf(line, sizeof(line), "755 " DIGEST " %s\n", names[n]);
		assert_int_equal(install(line, text, sizeof(text)), -1);
		assert_non_null(strstr(text, "cannot install"));
		assert_int_equal(access(in_top("out"), F_OK), -1);
		assert_int_equal(access(in_top("one/out"), F_OK), -1);
	}
}

static void test_a_missing_file_is_named(void **state)
{
	char text[300];

	(void)state;
	assert_int_equal(install("755 ffff recipes/start\n", text, sizeof(text)), -1);
	assert_non_null(strstr(text, "recipes/start"));
	assert_non_null(strstr(text, "No such file"));
}

static void test_remove_follows_no_links(void **state)
{
	char directory[300], target[300], text[300];

	(void)state;
	assert_int_equal(mkdir(in_top("kept"), 0700), 0);
	write_file("kept/file", "kept");
	assert_int_equal(mkdir(in_top("gone"), 0700), 0);
	(void)snprintf(target, sizeof(target), "%s/kept", top);
	assert_int_equal(symlink(target, in_top("gone/link")), 0);
	assert_int_equal(symlink("/", in_top("gone/root")), 0);
	assert_int_equal(mkdir(in_top("gone/closed"), 0700), 0);
	write_file("gone/closed/file", "x");
	assert_int_equal(chmod(in_top("gone/closed"), 0), 0);
	(void)snprintf(directory, sizeof(directory), "%s/gone", top);
	assert_int_equal(native_remove(directory, text, sizeof(text)), 0);
	assert_int_equal(access(directory, F_OK), -1);
	expect_file("kept/file", "kept", 0644);
	assert_int_equal(native_remove(directory, text, sizeof(text)), 0); /* there is none */
}

static void *remove_it(void *directory)
{
	char text[300];
	return native_remove(directory, text, sizeof(text)) == 0 ? NULL : directory;
}

static void test_two_may_remove_the_same_directory(void **state)
{
	char directory[300], name[60];

	(void)state;
	(void)snprintf(directory, sizeof(directory), "%s/both", top);
	assert_int_equal(mkdir(directory, 0700), 0);
	for (unsigned d = 0; d < 300; d++) {
		(void)snprintf(name, sizeof(name), "both/%u", d);
		assert_int_equal(mkdir(in_top(name), 0700), 0);
		for (unsigned f = 0; f < 5; f++) {
			(void)snprintf(name, sizeof(name), "both/%u/%u", d, f);
			assert_int_equal(mkdir(in_top(name), 0700), 0);
		}
	}
	pthread_t other;
	void *others_result;
	assert_int_equal(pthread_create(&other, NULL, remove_it, directory), 0);
	void *result = remove_it(directory);
	assert_int_equal(pthread_join(other, &others_result), 0);
	assert_null(result);
	assert_null(others_result);
	assert_int_equal(access(directory, F_OK), -1);
}

static void test_directories_deeper_than_any_path_are_removed(void **state)
{
	char directory[300], text[300];
	int at;

	(void)state;
	(void)snprintf(directory, sizeof(directory), "%s/deep", top);
	assert_int_equal(mkdir(directory, 0700), 0);
	at = open(directory, O_RDONLY | O_DIRECTORY);
	for (unsigned n = 0; n < 3000; n++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(native_remove(directory, text, sizeof(text)), 0);
	assert_int_equal(access(directory, F_OK), -1);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name[0] != '\0' ? in_top(name) : top, &st), 0);
	return st.st_mode & 07777;
}

static void the_way_is_opened_for_passing_but_not_for_looking(void **state)
{
	(void)state;
	assert_int_equal(chmod(top, 0700), 0);
	assert_int_equal(mkdir(in_top("a"), 0750), 0);
	assert_int_equal(mkdir(in_top("a/b"), 0711), 0);
	assert_int_equal(mkdir(in_top("a/b/c"), 0700), 0);
	assert_int_equal(native_open_way(top, in_top("a/b/c")), 0);
	assert_int_equal(mode_of(""), 0701);
	assert_int_equal(mode_of("a"), 0751);
	assert_int_equal(mode_of("a/b"), 0711);
	assert_int_equal(mode_of("a/b/c"), 0700);
	assert_int_equal(native_open_way(in_top("cache"), "/elsewhere"), -1);
	assert_int_equal(native_open_way("", "/elsewhere"), -1);
	assert_int_equal(native_open_way(top, in_top("missing/b")), -1);
}

static void others_do_not_look_into_it(void **state)
{
	char text[300];

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: an ordinary user has no other user to keep out\n");
		skip();
	}
	assert_int_equal(install("", text, sizeof(text)), 0);
	assert_int_equal(mode_of("one"), 0750);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_install, begin, end),
		cmocka_unit_test_setup_teardown(test_names_cannot_escape_the_package, begin,
						end),
		cmocka_unit_test_setup_teardown(test_a_missing_file_is_named, begin, end),
		cmocka_unit_test_setup_teardown(test_remove_follows_no_links, begin, end),
		cmocka_unit_test_setup_teardown(test_two_may_remove_the_same_directory, begin,
						end),
		cmocka_unit_test_setup_teardown(
			test_directories_deeper_than_any_path_are_removed, begin, end),
		cmocka_unit_test_setup_teardown(
			the_way_is_opened_for_passing_but_not_for_looking, begin, end),
		cmocka_unit_test_setup_teardown(others_do_not_look_into_it, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
