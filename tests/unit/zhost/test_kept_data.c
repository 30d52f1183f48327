/* zhost/native/kept_data.c: what NATIVE instances keep over an undeploy. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/native/kept_data.h"

static char dir[64];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/samoza-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int end(void **state)
{
	CLEANUP(freep) char *command = str_printf("rm -rf %s", dir);
	(void)state;
	return system(command);
}

/* Of shop, below DIR/data/shop. The caller frees. */
static char *make(const char *path, uint64_t epoch)
{
	char *made = NULL;
	assert_int_equal(kept_data_make(dir, "shop", path, epoch, 1234, &made, NULL), 0);
	return made;
}

static void expect_found(const char *topology, const char *path, const char *name)
{
	CLEANUP(freep) char *found = kept_data_find(dir, topology, path, 0);
	CLEANUP(freep)
	char *wanted = name != NULL ? str_printf("%s/data/%s", dir, name) : NULL;
	if (wanted == NULL)
		assert_null(found);
	else
		assert_string_equal(found, wanted);
}

static void forget(uint64_t epoch, size_t wanted)
{
	path_vector gone = {0}, left = {0};
	assert_int_equal(kept_data_forget(dir, "shop", epoch, &gone, NULL), 0);
	assert_int_equal(gone.count, wanted);
	kept_data_gone(dir, &left);
	assert_int_equal(left.count, wanted); /* where the next zhost would look */
	vector_for_each (&gone, path) {
		assert_int_equal(rmdir(*path), 0);
		free(*path);
	}
	vector_for_each (&left, path)
		free(*path);
	vector_done(&gone);
	vector_done(&left);
}

static void each_instance_finds_its_own_directory_again(void **state)
{
	CLEANUP(freep) char *a = make("api-2/cache", 7);
	free(make("api-2", 7));
	struct stat st;
	(void)state;
	expect_found("shop", "api-2/cache", "shop/api-2+cache@7");
	expect_found("shop", "api-2", "shop/api-2@7");
	expect_found("shop", "api", NULL);
	expect_found("other", "api-2", NULL);
	assert_int_equal(stat(a, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	if (geteuid() == 0)
		assert_int_equal(st.st_uid, 1234);
}

static void a_making_that_was_interrupted_is_repeated(void **state)
{
	CLEANUP(freep) char *a = make("db", 7);
	CLEANUP(freep) char *again = make("db", 7);
	(void)state;
	assert_string_equal(a, again);
}

static void what_was_made_before_the_epoch_is_forgotten(void **state)
{
	free(make("db", 7));
	free(make("web", 8));
	(void)state;
	forget(9, 2);
	expect_found("shop", "db", NULL);
	forget(9, 0);
}

/* zrms asks again after a crash, and the name may be in use again. */
static void what_was_made_since_stays(void **state)
{
	free(make("db", 7));
	free(make("db", 12));
	(void)state;
	expect_found("shop", "db", "shop/db@12");
	forget(9, 1);
	forget(9, 0);
	expect_found("shop", "db", "shop/db@12");
}

static void what_is_being_forgotten_does_not_count(void **state)
{
	free(make("db", 7));
	free(make("web", 9));
	(void)state;
	assert_null(kept_data_find(dir, "shop", "db", 9));
	CLEANUP(freep) char *web = kept_data_find(dir, "shop", "web", 9);
	assert_non_null(web);
}

static void a_name_that_was_never_here_is_forgotten(void **state)
{
	(void)state;
	forget(9, 0);
}

static void a_long_path_has_a_short_name(void **state)
{
	char path[400];
	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CLEANUP(freep) char *made = make(path, 7);
	CLEANUP(freep) char *found = kept_data_find(dir, "shop", path, 0);
	assert_string_equal(made, found);
	path[0] = 'y';
	expect_found("shop", path, NULL);
}

/* Each name is a file's, both together would not be. */
static void a_long_path_of_a_long_name_is_forgotten(void **state)
{
	char topology[64], path[181], *made = NULL;
	path_vector gone = {0};
	(void)state;
	memset(topology, 't', sizeof(topology) - 1);
	topology[sizeof(topology) - 1] = '\0';
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (uint64_t epoch = 1000000007; epoch < 1000000009; epoch++) {
		assert_int_equal(kept_data_make(dir, topology, path, epoch, 1234, &made, NULL),
				 0);
		free(made);
	}
	assert_int_equal(kept_data_forget(dir, topology, 1000000009, &gone, NULL), 0);
	assert_int_equal(gone.count, 2);
	expect_found(topology, path, NULL);
	vector_for_each (&gone, directory)
		free(*directory);
	vector_done(&gone);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_instance_finds_its_own_directory_again),
		TEST(a_making_that_was_interrupted_is_repeated),
		TEST(what_was_made_before_the_epoch_is_forgotten),
		TEST(what_was_made_since_stays),
		TEST(what_is_being_forgotten_does_not_count),
		TEST(a_name_that_was_never_here_is_forgotten),
		TEST(a_long_path_has_a_short_name),
		TEST(a_long_path_of_a_long_name_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
