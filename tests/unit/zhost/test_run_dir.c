/* DIR/run: in memory or not, it is found again, belongs to one DIR, and goes with it. */
#include "test.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sodium.h>

#include "base/str.h"
#include "zhost/state/run_dir.h"

static char root[64];

static int begin(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/samoza-test-XXXXXX");
	return mkdtemp(root) != NULL && sodium_init() >= 0 ? 0 : -1;
}

/* Files of tests lie in a and b, and where their `run` leads to. */
static int end(void **state)
{
	static const char *const names[] = {"a/run/x.s", "a/run/owner", "a/run", "a",
					    "b/run/x.s", "b/run/owner", "b/run", "b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", root, names[i]);
		char target[PATH_MAX];
		ssize_t n = readlink(path, target, sizeof(target) - 1);

		if (n > 0 && str_has_suffix(path, "run")) {
			target[n] = '\0';
			(void)rmdir(target);
		}
		if (unlink(path) < 0)
			(void)rmdir(path);
	}
	(void)rmdir(root);
	return 0;
}

/* The directory of the DIR ROOT/name, which is made. */
static int open_run(const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", root, name);
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(closep) int dir_fd = -1;
	int fd = -1;

	(void)mkdir(path, 0700);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY);
	if (run_dir_open(dir_fd, path, &fd, &err) < 0)
		print_error("%s\n", err->message);
	assert_null(err);
	assert_true(fd >= 0);
	return fd;
}

static void make(int fd, const char *name)
{
	CLEANUP(closep) int file = openat(fd, name, O_WRONLY | O_CREAT, 0600);

	assert_true(file >= 0);
}

static bool has(int fd, const char *name)
{
	return faccessat(fd, name, F_OK, 0) == 0;
}

/* Where DIR/run leads to; "" for a real directory. */
static void target_of(const char *name, char ret_target[PATH_MAX])
{
	CLEANUP(freep) char *path = str_printf("%s/%s/run", root, name);
	ssize_t n = readlink(path, ret_target, PATH_MAX - 1);

	ret_target[n > 0 ? n : 0] = '\0';
}

static void its_contents_survive_a_restart(void **state)
{
	CLEANUP(closep) int first = open_run("a");
	CLEANUP(closep) int second = -1;
	CLEANUP(freep) char *path = str_printf("%s/a/run/x.s", root);

	(void)state;
	make(first, "x.s");
	second = open_run("a");
	assert_true(has(second, "x.s"));
	assert_int_equal(access(path, F_OK), 0);
}

static void a_real_directory_stays_one(void **state)
{
	CLEANUP(freep) char *dir = str_printf("%s/a", root);
	CLEANUP(freep) char *run = str_printf("%s/a/run", root);
	CLEANUP(closep) int fd = -1;
	char target[PATH_MAX];

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(run, 0700), 0);
	fd = open_run("a");
	make(fd, "x.s");
	target_of("a", target);
	assert_string_equal(target, "");
}

static void it_is_created_again_after_a_reboot(void **state)
{
	CLEANUP(closep) int fd = open_run("a");
	char target[PATH_MAX];

	(void)state;
	target_of("a", target);
	if (target[0] != '\0') {
		assert_int_equal(unlinkat(fd, "owner", 0), 0);
		assert_int_equal(rmdir(target), 0);
	}
	CLEANUP(closep) int again = open_run("a");
	make(again, "x.s");
	assert_true(has(again, "x.s"));
}

static void a_copied_dir_gets_its_own(void **state)
{
	CLEANUP(closep) int original = open_run("a");
	CLEANUP(freep) char *dir = str_printf("%s/b", root);
	CLEANUP(freep) char *run = str_printf("%s/b/run", root);
	char target[PATH_MAX];

	(void)state;
	make(original, "x.s");
	target_of("a", target);
	assert_int_equal(mkdir(dir, 0700), 0);
	if (target[0] != '\0')
		assert_int_equal(symlink(target, run), 0);
	CLEANUP(closep) int copy = open_run("b");
	assert_false(has(copy, "x.s"));
	assert_true(has(original, "x.s"));
}

static void a_moved_dir_keeps_it(void **state)
{
	CLEANUP(closep) int fd = open_run("a");
	CLEANUP(freep) char *from = str_printf("%s/a", root);
	CLEANUP(freep) char *to = str_printf("%s/b", root);

	(void)state;
	make(fd, "x.s");
	assert_int_equal(rename(from, to), 0);
	CLEANUP(closep) int moved = open_run("b");
	assert_true(has(moved, "x.s"));
}

static void leftovers_of_a_removed_dir_are_deleted(void **state)
{
	CLEANUP(closep) int fd = open_run("a");
	CLEANUP(freep) char *run = str_printf("%s/a/run", root);
	CLEANUP(freep) char *dir = str_printf("%s/a", root);
	char target[PATH_MAX];

	(void)state;
	make(fd, "x.s");
	target_of("a", target);
	if (target[0] == '\0')
		return; /* it goes with DIR */
	assert_int_equal(unlink(run), 0);
	assert_int_equal(rmdir(dir), 0);
	CLEANUP(closep) int other = open_run("b");
	assert_true(other >= 0);
	assert_int_equal(access(target, F_OK), -1);
}

static void a_directory_of_another_user_is_refused(void **state)
{
	CLEANUP(freep) char *dir = str_printf("%s/a", root);
	CLEANUP(freep) char *run = str_printf("%s/a/run", root);
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(closep) int dir_fd = -1;
	int fd = -1;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink("/tmp/any", run), 0); /* /tmp is everybody's */
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(run_dir_open(dir_fd, dir, &fd, &err), ERR_DENIED);
	assert_int_equal(fd, -1);
}

/* One DIR is removed and made again at its path, again and again, while another one looks for what is left over. */
static void what_is_opened_is_never_taken_for_left_over(void **state)
{
	CLEANUP(freep) char *run = str_printf("%s/a/run", root);
	pid_t sweeper;

	(void)state;
	closep(&(int){open_run("b")});
	sweeper = fork();
	while (sweeper == 0)
		closep(&(int){open_run("b")});
	assert_true(sweeper > 0);
	bool is_there = true;
	for (unsigned turn = 0; turn < 2000 && is_there; turn++) {
		CLEANUP(closep) int fd = open_run("a");
		CLEANUP(closep) int file = openat(fd, "x.s", O_CREAT | O_RDWR, 0600);
		is_there = file >= 0;
		(void)unlink(run); /* as of a DIR that was removed: `owner` still leads to it */
	}
	assert_int_equal(kill(sweeper, SIGKILL), 0);
	assert_int_equal(waitpid(sweeper, NULL, 0), sweeper);
	assert_true(is_there);
}

/* Where this machine keeps directories in memory there may be thousands of others, which each opening looks through: here are
 * none. Where nothing may be mounted, it is as it is. */
static void be_alone(void)
{
	static const char *const bases[] = {"/run", "/dev/shm"};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct statfs base;

		if (statfs(bases[i], &base) == 0 && base.f_type == TMPFS_MAGIC)
			(void)mount("none", bases[i], "tmpfs", 0, "mode=755");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_contents_survive_a_restart),
		TEST(a_real_directory_stays_one),
		TEST(it_is_created_again_after_a_reboot),
		TEST(a_copied_dir_gets_its_own),
		TEST(a_moved_dir_keeps_it),
		TEST(leftovers_of_a_removed_dir_are_deleted),
		TEST(a_directory_of_another_user_is_refused),
		TEST(what_is_opened_is_never_taken_for_left_over),
	};

	be_alone();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
