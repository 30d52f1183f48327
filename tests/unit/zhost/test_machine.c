/* What a copy of a zhost's directory does not have. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/state/machine.h"
#include "zhost/state/state_dir.h"

static char root[64];
static char *paths[4]; /* of the machine's id, its hardware and its boot; of DIR/lock */
enum { ID, HARDWARE, BOOT, LOCK };

static void put(int which, const char *text)
{
	CLEANUP(closep)
	int fd = open(paths[which], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int begin(void **state)
{
	static const char *const names[] = {"machine-id", "hardware", "boot", "lock"};

	(void)state;
	snprintf(root, sizeof(root), "/tmp/samoza-test-XXXXXX");
	if (mkdtemp(root) == NULL || sodium_init() < 0)
		return -1;
	for (int i = 0; i < 4; i++)
		paths[i] = str_printf("%s/%s", root, names[i]);
	put(LOCK, "");
	put(BOOT, "1\n");
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		(void)unlink(paths[i]);
		free(paths[i]);
	}
	(void)rmdir(root);
	return 0;
}

static char *digest(void)
{
	const struct machine_files files = {paths[ID], paths[HARDWARE], paths[BOOT]};
	CLEANUP(closep) int fd = open(paths[LOCK], O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return machine_digest(&files, fd);
}

/* Compares with what it was before the change. */
static void expect(char **before, bool is_same)
{
	char *now = digest();

	assert_int_equal(strlen(now), 32);
	assert_int_equal(str_equal(*before, now), is_same);
	free(*before);
	*before = now;
}

static void it_stays_over_boots_of_a_machine_that_has_an_id(void **state)
{
	put(ID, "4f1d\n");
	CLEANUP(freep) char *d = digest();
	put(BOOT, "2\n");
	expect(&d, true);
	put(ID, "4f1e\n");
	expect(&d, false);
}

static void the_hardware_tells_machines_apart_that_were_cloned(void **state)
{
	put(ID, "4f1d\n");
	put(HARDWARE, "a\n");
	CLEANUP(freep) char *d = digest();
	put(HARDWARE, "b\n");
	expect(&d, false);
}

static void without_an_id_it_is_the_boot(void **state)
{
	CLEANUP(freep) char *d = digest();
	expect(&d, true);
	put(BOOT, "2\n");
	expect(&d, false);
	put(ID, "uninitialized\n"); /* as an image that was never booted */
	expect(&d, true);
	put(BOOT, "3\n");
	expect(&d, false);
}

static void another_directory_on_the_same_machine_has_another_one(void **state)
{
	CLEANUP(freep) char *moved = str_printf("%s/moved", root);
	put(ID, "4f1d\n");
	CLEANUP(freep) char *d = digest();
	assert_int_equal(rename(paths[LOCK], moved), 0);
	put(LOCK, "");
	expect(&d, false);
	assert_int_equal(rename(moved, paths[LOCK]), 0);
	expect(&d, false);
}

static void without_files_there_is_one_as_well(void **state)
{
	assert_int_equal(unlink(paths[BOOT]), 0);
	CLEANUP(freep) char *d = digest();
	expect(&d, true);
}

/* The identity of a directory, which is made; its incarnation. */
static void open_dir(const char *path, char ret_identity[37], uint64_t *ret_incarnation)
{
	struct state_dir dir;
	assert_int_equal(state_dir_open(&dir, path, NULL), 0);
	assert_int_equal(state_dir_begin(&dir, NULL), 0);
	memcpy(ret_identity, dir.identity, 37);
	*ret_incarnation = dir.incarnation;
	state_dir_close(&dir);
}

static void a_new_identity_is_drawn_once_and_stays(void **state)
{
	CLEANUP(freep) char *path = str_printf("%s/zhost", root);
	char before[37], said[37], after[37];
	uint64_t incarnation;
	struct state_dir dir;

	open_dir(path, before, &incarnation);
	assert_int_equal(state_dir_open(&dir, path, NULL), 0);
	assert_int_equal(state_dir_renew_identity(&dir, said, NULL), 0);
	assert_string_equal(said, before);
	assert_string_not_equal(dir.identity, before);
	state_dir_close(&dir);
	open_dir(path, after, &incarnation);
	assert_string_equal(after, dir.identity);
	assert_int_equal(incarnation, 2);
	CLEANUP(freep) char *command = str_printf("rm -r %s", path);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_stays_over_boots_of_a_machine_that_has_an_id,
						begin, end),
		cmocka_unit_test_setup_teardown(
			the_hardware_tells_machines_apart_that_were_cloned, begin, end),
		cmocka_unit_test_setup_teardown(without_an_id_it_is_the_boot, begin, end),
		cmocka_unit_test_setup_teardown(
			another_directory_on_the_same_machine_has_another_one, begin, end),
		cmocka_unit_test_setup_teardown(without_files_there_is_one_as_well, begin, end),
		cmocka_unit_test_setup_teardown(a_new_identity_is_drawn_once_and_stays, begin,
						end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
