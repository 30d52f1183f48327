/* zhost/process/: an instance has ended when nothing that its zrun ran lives any more. */
#include "zrun_stage.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zhost/process/end_spaces.h"
#include "zrun/protocol/process_identity.h"

/* As a keeper: it lives until it is killed. */
static pid_t keeper_new(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	return pid;
}

static void keeper_kill(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_killed(pid);
}

static bool runs(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

struct keeper_frame {
	struct zrun_frame frame;
	struct zrun_keeper keeper;
} __attribute__((packed));

static struct keeper_frame frame_of(pid_t pid, bool is_first)
{
	struct keeper_frame f = {
		.frame = {.size = sizeof(struct zrun_keeper), .type = ZRUN_KEEPER},
		.keeper = {.pid = (uint32_t)pid, .is_first = is_first}};
	uint64_t began;
	assert_true(process_identity_start(pid, &began));
	f.keeper.start = began;
	return f;
}

/* As zrun does before it runs anything. */
static void record(const struct fake_zrun *z, const struct keeper_frame *f)
{
	assert_int_equal(write(z->status_fd, f, sizeof(*f)), sizeof(*f));
}

/* What a zrun that was killed while no zhost watched has left in run/. */
static void leave_record(const struct stage *s, const struct keeper_frame *f)
{
	int fd = openat(s->run_fd, FILE_NAME ".e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, f, sizeof(*f)), sizeof(*f));
	(void)close(fd);
}

static bool is_ended(void *user)
{
	return ((struct stage *)user)->is_ended;
}

static void an_instance_lives_as_long_as_its_keeper(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, false);
	record(z, &f);
	fake_zrun_exit(z, SIGKILL);
	loop_run_ready(&s->loop);
	assert_log(s, "");
	assert_true(file_exists(s, "e")); /* for the next zhost */
	assert_true(runs(keeper));	  /* it ends what it has by itself */
	keeper_kill(keeper);
	loop_run_until(&s->loop, is_ended, s);
	assert_report(s, false, false, false, "killed by signal 9 (Killed)");
	assert_false(file_exists(s, "e"));
}

static void a_keeper_that_is_first_of_its_namespace_is_killed(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, true);
	record(z, &f);
	fake_zrun_exit(z, SIGKILL);
	loop_run_until(&s->loop, is_ended, s);
	assert_killed(keeper);
}

static void the_report_of_the_process_is_kept_meanwhile(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, true);
	record(z, &f);
	fake_zrun_failed(z, "exit status 3");
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_RECIPE) << 8);
	loop_run_until(&s->loop, is_ended, s);
	assert_report(s, true, false, false, "exit status 3");
	assert_killed(keeper);
}

static void another_process_with_the_number_of_a_keeper_is_let_alone(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	pid_t other = keeper_new();
	struct keeper_frame f = frame_of(other, true);
	f.keeper.start--;
	record(z, &f);
	fake_zrun_exit(z, SIGKILL);
	assert_log(s, "ended");
	assert_true(runs(other));
	keeper_kill(other);
}

static void after_a_restart_what_is_left_is_ended_first(void **state)
{
	struct stage *s = *state;
	struct exit_report report;
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, false);
	leave_record(s, &f);
	s->process =
		zrun_process_find(s->processes, &s->identity, &zrun_stage_listener, s, &report);
	assert_non_null(s->process); /* it counts as running */
	zrun_processes_await_hello(s->processes, 10000);
	loop_run_ready(&s->loop);
	assert_log(s, "");
	keeper_kill(keeper);
	loop_run_until(&s->loop, is_ended, s);
	assert_log(s, "ended");
	assert_report(s, false, false, false, "ended while no zhost was watching it");
}

static void an_eviction_waits_for_all(void **state)
{
	struct stage *s = *state;
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, true);
	leave_record(s, &f);
	assert_int_equal(zrun_process_evict(s->processes, &s->identity, NULL), 0);
	assert_killed(keeper);
}

static void an_eviction_of_what_does_not_end_fails(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, false);
	leave_record(s, &f);
	assert_int_equal(zrun_process_evict(s->processes, &s->identity, &err), ERR_CONFLICT);
	assert_string_equal(err->message, "its earlier processes have not ended yet");
	keeper_kill(keeper);
}

static void the_end_of_all_spaces_is_that_of_all_processes(void **state)
{
	struct stage *s = *state;
	unsigned count = 0;
	pid_t keeper = keeper_new();
	struct keeper_frame f = frame_of(keeper, true);
	leave_record(s, &f);
	assert_int_equal(end_spaces(s->run_fd, s->directory, &count, NULL), 0);
	assert_killed(keeper);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, zrun_stage_begin, zrun_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_instance_lives_as_long_as_its_keeper),
		TEST(a_keeper_that_is_first_of_its_namespace_is_killed),
		TEST(the_report_of_the_process_is_kept_meanwhile),
		TEST(another_process_with_the_number_of_a_keeper_is_let_alone),
		TEST(after_a_restart_what_is_left_is_ended_first),
		TEST(an_eviction_waits_for_all),
		TEST(an_eviction_of_what_does_not_end_fails),
		TEST(the_end_of_all_spaces_is_that_of_all_processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
