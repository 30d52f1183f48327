/* The launcher: zygote, fallback, death of the zygote, sockets, processes by pidfd. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "harness.h"

static struct play p;

static void echoes(void)
{
	play_until(&p, ZRUN_STARTED);
	play_message(&p, "p#s", "hello", 5);
	play_until(&p, ZRUN_EMIT);
	assert_memory_equal(p.emit_payload, "hello", 5);
}

static void test_exec(void **state)
{
	play_start(&p, &(struct part){.guest = GUEST_ABI,
				      .test_case = "echo",
				      .without_zygote = true});
	echoes();
	play_stop(&p, 5000);
	play_until(&p, 0);
	assert_int_equal(p.status, 0);
	play_end(&p);
}

/* Instances outlive their zygote; what comes next goes through exec until it may be replaced.
 */
static void test_zygote_dies(void **state)
{
	static struct play survivor;
	struct launcher *l;
	struct pollfd fd = {.events = POLLIN};

	play_start(&survivor, &(struct part){.guest = GUEST_ABI, .test_case = "busy"});
	play_until(&survivor, ZRUN_STARTED);
	l = survivor.launcher;
	assert_int_equal(kill(launcher_zygote_pid(l), SIGKILL), 0);
	fd.fd = launcher_fd(l);
	assert_int_equal(poll(&fd, 1, PLAY_DEADLINE_MS), 1);
	launcher_process(l);
	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	echoes();
	play_end(&p);
	assert_int_equal(kill(survivor.pid, 0), 0);
	play_end(&survivor);
}

static void unexpected(void *data, pid_t pid, int pidfd, const struct error *error)
{
	fail_msg("called back for a request that was refused");
}

static void test_refusals(void **state)
{
	struct launcher *l = play_launcher(false);
	static char large[200 * 1024];
	struct launch_variable imports = {"a.b", large};
	struct launch_request request = {.topology = "t",
					 .instance = "i",
					 .module_path = "relative.so",
					 .listener_fd = 0,
					 .log_fd = -1,
					 .status_fd = -1};
	struct error *error = NULL;

	assert_int_equal(launcher_launch(l, &request, unexpected, NULL, &error), ERR_INVALID);
	assert_non_null(strstr(error->message, "relative.so"));
	error_free(error);
	error = NULL;
	request.module_path = "/x.so";
	request.imports = &imports;
	request.imports_count = 1;
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(launcher_launch(l, &request, unexpected, NULL, &error), ERR_LIMIT);
	error_free(error);
}

static void test_sockets(void **state)
{
	int dir = play_directory_fd(), listener = -1, fd = -1, pidfd = -1;
	char long_name[200];
	pid_t pid = 0;

	assert_int_equal(launch_connect(dir, "nobody.sock", &fd, NULL), ERR_NOT_FOUND);
	assert_int_equal(launch_listen(dir, "a.sock", &listener, NULL), 0);
	assert_int_equal(launch_connect(dir, "a.sock", &fd, NULL), 0);
	/* Made by ourselves and taken by no instance. */
	assert_int_equal(launch_adopt(fd, &pid, &pidfd, NULL), ERR_UNAVAILABLE);
	close(fd);
	close(listener);
	assert_int_equal(launch_connect(dir, "a.sock", &fd, NULL), ERR_UNAVAILABLE);
	assert_int_equal(launch_listen(dir, "a.sock", &listener, NULL), 0);
	close(listener);
	assert_int_equal(launch_listen(dir, "a/b", &listener, NULL), ERR_INVALID);
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(launch_listen(dir, long_name, &listener, NULL), ERR_INVALID);
}

static void test_reap(void **state)
{
	int status = 0;
	char *text;

	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "busy"});
	play_until(&p, ZRUN_STARTED);
	assert_int_equal(launch_reap(p.pidfd, &status, NULL), ERR_CONFLICT);
	launch_kill(p.pidfd);
	play_until(&p, 0);
	assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGKILL);
	text = launch_status_text(p.status);
	assert_string_equal(text, "killed by signal 9 (Killed)");
	free(text);
	play_end(&p);
}

static void test_capability_names(void **state)
{
	assert_int_equal(zrun_capability_bit("sys.log"), ZRUN_CAP_SYS_LOG);
	assert_int_equal(zrun_capability_bit("data.write"), ZRUN_CAP_DATA_WRITE);
	assert_int_equal(zrun_capability_bit("sensors.camera"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),	    cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_sockets),	    cmocka_unit_test(test_reap),
		cmocka_unit_test(test_zygote_dies), cmocka_unit_test(test_capability_names),
	};

	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}
