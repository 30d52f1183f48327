/* zhost/native/clearing.c: what NATIVE instances have left goes beside the loop, one thing at a time. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/sim/loop.h"
#include "base/str.h"
#include "zhost/native/clearing.h"
#include "zhost/native/kept_data.h"
#include "zhost/native/native_runtime.h"

/* ---- a disk on which nothing can be renamed ---- */

static bool is_full;
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to)
{
	if (!is_full)
		return __real_rename(from, to);
	errno = ENOSPC;
	return -1;
}

/* ---- the stage: jobs run when the test says so ---- */

enum { HELD_MAX = 8 };

static struct {
	char directory[64];
	struct loop loop;
	struct loop_ops ops;
	struct loop_job *held[HELD_MAX];
	size_t held_count;
	struct state_dir dir;
	struct closed_ports closed; /* none */
	struct native_runtime *native;
} s;

static void hold(struct loop *loop, struct loop_job *job)
{
	(void)loop;
	assert_true(s.held_count < HELD_MAX);
	s.held[s.held_count++] = job;
}

static void run_held(size_t at)
{
	struct loop_job *job = s.held[at];
	assert_true(at < s.held_count);
	memmove(&s.held[at], &s.held[at + 1],
		(--s.held_count - at) * sizeof(struct loop_job *));
	job->run(job);
	loop_job_done(job);
}

static void run_all(void)
{
	while (s.held_count > 0)
		run_held(0);
}

static void runtime_begin(void)
{
	assert_int_equal(
		native_runtime_new(&s.loop, &s.dir, "n1", &s.closed, NULL, &s.native, NULL), 0);
}

static int begin(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	is_full = false;
	(void)snprintf(s.directory, sizeof(s.directory), "/tmp/samoza-test-XXXXXX");
	assert_true(sodium_init() >= 0);
	assert_non_null(mkdtemp(s.directory));
	sim_loop_init(&s.loop);
	s.ops = *s.loop.ops;
	s.ops.run_in_thread = hold;
	s.loop.ops = &s.ops;
	assert_int_equal(state_dir_open(&s.dir, s.directory, NULL), 0);
	assert_int_equal(state_dir_begin(&s.dir, NULL), 0);
	runtime_begin();
	return 0;
}

static int end(void **state)
{
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s.directory);
	(void)state;
	native_runtime_free(s.native);
	run_all();
	state_dir_close(&s.dir);
	sim_loop_done(&s.loop);
	return system(command);
}

/* ---- instances "p" of the topology "keep" ---- */

/* Deploys a copy of that epoch; `name`: the directory that it keeps data in. */
static void expect_launch(uint64_t epoch, const char *name)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	variable_vector none = {0};
	struct launch_request request = {0};
	struct native_launch l;
	key.topology = (char *)"t1";
	key.path = (char *)"p";
	key.epoch = epoch;
	spec.topology_name = (char *)"keep";
	spec.space = (char *)"p";
	const struct native_action action = {.action = ACTION_DEPLOY,
					     .key = &key,
					     .spec = &spec,
					     .slot_id = "t1/p",
					     .file_name = "t1-p",
					     .ancestors = &none};
	CLEANUP(freep) char *wanted = str_printf("%s/data/keep/%s", s.dir.path, name);
	assert_int_equal(native_launch_init(&l, s.native, &action, &request, NULL), 0);
	assert_string_equal(l.kept, wanted);
	native_launch_done(&l);
}

static bool is_there(const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/data/keep/%s", s.dir.path, name);
	return access(path, F_OK) == 0;
}

static void next_zhost(void)
{
	native_runtime_free(s.native);
	run_all();
	runtime_begin();
}

/* ---- tests ---- */

static void what_could_not_be_moved_away_is_no_new_instances(void **state)
{
	(void)state;
	expect_launch(7, "p@7");
	is_full = true;
	native_forget(s.native, "keep", 20);
	run_all();
	assert_true(is_there("p@7"));
	assert_true(native_forgets(s.native, "keep")); /* so the record stays */
	expect_launch(25, "p@25");
	/* By that record. */
	is_full = false;
	next_zhost();
	native_forget(s.native, "keep", 20);
	expect_launch(25, "p@25");
	run_all();
	assert_false(is_there("p@7"));
	assert_true(is_there("p@25"));
	assert_false(native_forgets(s.native, "keep"));
	expect_launch(26, "p@25");
}

static void a_later_forgetting_makes_good_for_one_that_failed(void **state)
{
	(void)state;
	expect_launch(7, "p@7");
	is_full = true;
	native_forget(s.native, "keep", 20);
	run_all();
	is_full = false;
	native_forget(s.native, "other", 30);
	run_all();
	assert_false(native_forgets(s.native, "other"));
	assert_true(native_forgets(s.native, "keep"));
	native_forget(s.native, "keep", 40);
	run_all();
	assert_false(native_forgets(s.native, "keep"));
	assert_false(is_there("p@7"));
	native_forget_settled(s.native, "keep");
}

/* An instance of the former topology was started once more before it heard that it is to go. */
static void what_the_next_start_removes_is_no_new_instances(void **state)
{
	(void)state;
	native_forget(s.native, "keep", 20);
	run_all();
	assert_false(native_forgets(s.native, "keep"));
	expect_launch(15, "p@15");
	expect_launch(25, "p@25");
	next_zhost();
	native_forget(s.native, "keep", 20);
	run_all();
	assert_false(is_there("p@15"));
	assert_true(is_there("p@25"));
}

static void what_those_instances_made_goes_when_none_of_them_is_left(void **state)
{
	(void)state;
	native_forget(s.native, "keep", 20);
	run_all();
	expect_launch(15, "p@15");
	native_forget_settled(s.native, "keep");
	expect_launch(25, "p@25");
	run_all();
	assert_false(is_there("p@15"));
	assert_true(is_there("p@25"));
	assert_false(native_forgets(s.native, "keep"));
}

static void run_nothing(struct loop_job *job)
{
	(void)job;
}

static char *make_directory(const char *name)
{
	char *path = str_printf("%s/%s", s.directory, name);
	assert_int_equal(mkdir(path, 0700), 0);
	return path;
}

static void all_of_it_takes_one_job_at_a_time(void **state)
{
	struct clearing *c = clearing_new(&s.loop, s.dir.path);
	struct loop_job file = {.run = run_nothing, .done = run_nothing};
	CLEANUP(freep) char *a = make_directory("a");
	CLEANUP(freep) char *b = make_directory("b");
	(void)state;
	expect_launch(7, "p@7");
	clearing_remove(c, mem_strdup(a));
	clearing_remove(c, mem_strdup(b));
	clearing_forget(c, "keep", 20);
	clearing_forget(c, "other", 21);
	assert_int_equal(s.held_count, 1);
	/* While a removal takes long, a file of a package is written. */
	loop_run_in_thread(&s.loop, &file);
	assert_int_equal(s.held_count, 2);
	run_held(1);
	assert_int_equal(access(a, F_OK), 0);
	for (unsigned jobs = 0; jobs < 5; jobs++) { /* 3 removals, 2 forgettings */
		assert_int_equal(s.held_count, 1);
		run_held(0);
		if (jobs == 1)
			assert_false(clearing_forgets(c, "keep")); /* before other removals */
	}
	assert_int_equal(s.held_count, 0);
	assert_int_equal(access(a, F_OK), -1);
	assert_int_equal(access(b, F_OK), -1);
	assert_false(is_there("p@7"));
	path_vector left = {0};
	kept_data_gone(s.dir.path, &left);
	assert_int_equal(left.count, 0);
	assert_int_equal(clearing_counts_from(c, "keep"), 20);
	clearing_settle(c, "keep");
	run_all();
	assert_int_equal(clearing_counts_from(c, "keep"), 0);
	assert_int_equal(clearing_counts_from(c, "other"), 21);
	clearing_free(c);
}

/* The end of a zhost does not wait for more than what runs. */
static void what_has_not_begun_is_for_the_next_zhost(void **state)
{
	struct clearing *c = clearing_new(&s.loop, s.dir.path);
	CLEANUP(freep) char *a = make_directory("a");
	CLEANUP(freep) char *b = make_directory("b");
	(void)state;
	expect_launch(7, "p@7");
	clearing_remove(c, mem_strdup(a));
	clearing_remove(c, mem_strdup(b));
	clearing_forget(c, "keep", 20);
	clearing_free(c);
	assert_int_equal(s.held_count, 1);
	run_held(0);
	assert_int_equal(s.held_count, 0);
	assert_int_equal(access(a, F_OK), -1);
	assert_int_equal(access(b, F_OK), 0);
	assert_true(is_there("p@7"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_could_not_be_moved_away_is_no_new_instances),
		TEST(a_later_forgetting_makes_good_for_one_that_failed),
		TEST(what_the_next_start_removes_is_no_new_instances),
		TEST(what_those_instances_made_goes_when_none_of_them_is_left),
		TEST(all_of_it_takes_one_job_at_a_time),
		TEST(what_has_not_begun_is_for_the_next_zhost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
