/* zrms/driver_process.h: one process of a driver, whatever it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zrms/driver_process.h"

enum { LONG_MS = 20000, MEGABYTE = 1024 * 1024 };

struct stage {
	struct loop loop;
	char directory[64];
	struct driver_process *process;
	unsigned ends, ticks;
	int status;
	bool is_late;
	bool is_cut;
	char *out, *err;
	struct loop_timer *tick;
};

/* ---- reads, which never find the pipe empty where the test wants it ---- */

static bool is_endless;
static unsigned reads, most_reads; /* in one turn of the loop */

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);

ssize_t __wrap_read(int fd, void *data, size_t size)
{
	struct stat st;
	if (!is_endless || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return __real_read(fd, data, size);
	if (++reads > most_reads)
		most_reads = reads;
	if (reads > 1000)
		fail_msg("it reads without end");
	memset(data, 'x', size);
	return (ssize_t)size;
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-driver-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	return loop_init(&s->loop, NULL);
}

static int end(void **state)
{
	struct stage *s = *state;
	driver_process_free(s->process);
	loop_timer_free(s->tick);
	(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
	loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	free(s->out);
	free(s->err);
	free(s);
	return r;
}

static void on_end(void *user, const struct driver_end *e)
{
	struct stage *s = user;
	s->ends++;
	s->status = e->status;
	s->is_late = e->is_late;
	s->is_cut = e->is_cut;
	s->out = mem_strdup(e->out);
	s->err = mem_strdup(e->err);
}

static void on_tick(void *user)
{
	struct stage *s = user;
	s->ticks++;
	loop_timer_at(s->tick, loop_now(&s->loop).mono_ms + 1);
}

/* The driver is this text for a shell. Until it has ended. */
static void run(struct stage *s, const char *text, const char *input, int64_t timeout_ms)
{
	CLEANUP(freep) char *path = str_printf("%s/driver", s->directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	(void)fprintf(file, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(driver_process_new(&s->loop, path, s->directory, input, strlen(input),
					    timeout_ms, on_end, s, &s->process, NULL),
			 0);
	s->tick = loop_timer_new(&s->loop, on_tick, s);
	on_tick(s);
	int64_t limit_ms = loop_now(&s->loop).mono_ms + LONG_MS;
	while (s->ends == 0) {
		if (loop_now(&s->loop).mono_ms > limit_ms)
			fail_msg("it has not ended");
		reads = 0;
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	}
	assert_int_equal(s->ends, 1);
}

static bool file_is_there(const struct stage *s, const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", s->directory, name);
	return access(path, F_OK) == 0;
}

/* The number in the file of that name. */
static pid_t pid_in(const struct stage *s, const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", s->directory, name);
	int pid = 0;
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	(void)fclose(file);
	return pid;
}

static void await_end_of(pid_t pid)
{
	for (int k = 0; k < 2000; k++) {
		CLEANUP(freep) char *path = str_printf("/proc/%d/stat", (int)pid);
		char text[256] = "";
		FILE *file = fopen(path, "r");
		if (file == NULL)
			return;
		(void)!fgets(text, sizeof(text), file);
		(void)fclose(file);
		if (strstr(text, ") Z ") != NULL)
			return;
		(void)usleep(5000);
	}
	fail_msg("process %d is still there", (int)pid);
}

static void it_gets_all_of_its_input_and_what_it_writes_is_told(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *input = mem_calloc(1, 3 * MEGABYTE + 1);
	memset(input, 'x', 3 * MEGABYTE);
	run(s, "wc -c; pwd; echo wrong >&2; exit 3", input, LONG_MS);
	CLEANUP(freep) char *out = str_printf("%d\n%s\n", 3 * MEGABYTE, s->directory);
	assert_string_equal(s->out, out);
	assert_string_equal(s->err, "wrong\n");
	assert_false(s->is_cut);
	assert_true(WIFEXITED(s->status) && WEXITSTATUS(s->status) == 3);
	assert_false(s->is_late);
}

static void one_that_hangs_is_ended_in_time_with_all_that_it_has_started(void **state)
{
	struct stage *s = *state;
	run(s, "echo begun; sleep 1000 & echo $! >child; wait", "", 300);
	assert_true(s->is_late);
	assert_true(WIFSIGNALED(s->status) && WTERMSIG(s->status) == SIGKILL);
	assert_string_equal(s->out, "begun\n");
	await_end_of(pid_in(s, "child"));
}

static void half_a_line_is_told_as_it_is(void **state)
{
	struct stage *s = *state;
	run(s, "printf '{\"state\":\"rea'", "", LONG_MS);
	assert_string_equal(s->out, "{\"state\":\"rea");
	assert_int_equal(s->status, 0);
}

static void what_is_beyond_a_megabyte_is_read_and_dropped(void **state)
{
	struct stage *s = *state;
	run(s,
	    "head -c 3000000 /dev/zero | tr '\\0' a; head -c 3000000 /dev/zero | tr '\\0' b "
	    ">&2\n"
	    "touch went-on; printf end; printf end >&2",
	    "", LONG_MS);
	assert_true(file_is_there(s, "went-on"));
	assert_int_equal(s->status, 0);
	assert_true(s->is_cut);
	assert_null(strchr(s->out, 'e'));
	assert_null(strchr(s->err, 'e'));
	assert_in_range(strlen(s->out), MEGABYTE - 4096, MEGABYTE);
	assert_in_range(strlen(s->err), 60 * 1024, 64 * 1024);
}

/* As if the pipe were full again after each read. */
static void one_that_writes_without_end_leaves_the_loop_its_turns(void **state)
{
	struct stage *s = *state;
	is_endless = true;
	run(s, "exec cat /dev/zero", "", 500);
	is_endless = false;
	assert_true(s->is_late);
	assert_true(s->ticks > 10);
	assert_in_range(most_reads, 2, 300);
}

static void a_child_that_writes_on_when_it_has_ended_does_not_hold_its_end_up(void **state)
{
	struct stage *s = *state;
	run(s, "setsid cat /dev/zero 2>/dev/null & echo $! >child", "", LONG_MS);
	assert_int_equal(s->status, 0);
	assert_false(s->is_late);
	driver_process_free(steal_ptr(&s->process)); /* the pipe ends, and with it the child */
	await_end_of(pid_in(s, "child"));
}

static void a_signal_that_ends_it_is_told(void **state)
{
	struct stage *s = *state;
	run(s, "kill -TERM $$", "", LONG_MS);
	assert_true(WIFSIGNALED(s->status) && WTERMSIG(s->status) == SIGTERM);
	assert_false(s->is_late);
}

static void it_inherits_no_descriptor_and_no_secret(void **state)
{
	struct stage *s = *state;
	assert_int_equal(setenv("ZRMS_SECRET_OF_TEST", "hidden", 1), 0);
	int fd = fcntl(0, F_DUPFD, 300);
	assert_true(fd >= 300);
	CLEANUP(freep)
	char *text = str_printf("[ -e /proc/$$/fd/%d ] || echo closed; env", fd);
	run(s, text, "", LONG_MS);
	close(fd);
	assert_true(str_has_prefix(s->out, "closed\n"));
	assert_null(strstr(s->out, "SECRET"));
	assert_non_null(strstr(s->out, "SAMOZA_BIN="));
}

static void a_program_that_is_not_there_ends_with_127(void **state)
{
	struct stage *s = *state;
	assert_int_equal(driver_process_new(&s->loop, "/nonexistent", s->directory, "", 0,
					    LONG_MS, on_end, s, &s->process, NULL),
			 0);
	while (s->ends == 0)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	assert_true(WIFEXITED(s->status) && WEXITSTATUS(s->status) == 127);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_gets_all_of_its_input_and_what_it_writes_is_told),
		TEST(one_that_hangs_is_ended_in_time_with_all_that_it_has_started),
		TEST(half_a_line_is_told_as_it_is),
		TEST(what_is_beyond_a_megabyte_is_read_and_dropped),
		TEST(one_that_writes_without_end_leaves_the_loop_its_turns),
		TEST(a_child_that_writes_on_when_it_has_ended_does_not_hold_its_end_up),
		TEST(a_signal_that_ends_it_is_told),
		TEST(it_inherits_no_descriptor_and_no_secret),
		TEST(a_program_that_is_not_there_ends_with_127),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
