/*
 * What native code in a zrun cannot do: as root, as an ordinary user, from the zygote, by
 * exec, and without namespaces, where seccomp and Landlock must be enough.
 */
#include <grp.h>
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

static void refused_everything(bool without_zygote)
{
	static const char *const cases[] = {"files", "network", "processes", "privileges",
					    "code"};

	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		play_start(&p, &(struct part){.guest = PROBE,
					      .test_case = cases[n],
					      .without_zygote = without_zygote});
		play_until(&p, 0);
		if (p.count[ZRUN_STOPPED] != 1 || p.stopped.result != 1)
			fail_msg("%s: line %d of probe.c was allowed (%s '%s'), log:\n%s",
				 cases[n], p.stopped.result, launch_status_text(p.status),
				 p.failed_text, p.log);
		play_end(&p);
	}
}

static void test_zygote(void **state)
{
	refused_everything(false);
}

static void test_exec(void **state)
{
	refused_everything(true);
}

/* What must stand on every kernel that this project supports; the rest has a line in the log.
 */
static void test_steps(void **state)
{
	const uint32_t always = ZRUN_SANDBOX_SESSION | ZRUN_SANDBOX_NO_NEW_PRIVS |
				ZRUN_SANDBOX_LIMITS | ZRUN_SANDBOX_UNPRIVILEGED |
				ZRUN_SANDBOX_SECCOMP;
	static const struct {
		uint32_t bit;
		const char *note;
	} optional[] = {
		{ZRUN_SANDBOX_USER, "no user namespace"},
		{ZRUN_SANDBOX_NETWORK, "no "},
		{ZRUN_SANDBOX_MOUNT, "no "},
		{ZRUN_SANDBOX_LANDLOCK, "no Landlock"},
	};

	play_start(&p, &(struct part){.guest = PROBE, .test_case = "files"});
	play_until(&p, 0);
	assert_int_equal(p.hello.sandbox & always, always);
	for (size_t n = 0; n < ARRAY_SIZE(optional); n++)
		if ((p.hello.sandbox & optional[n].bit) == 0 &&
		    !play_logged(&p, optional[n].note))
			fail_msg("step 0x%x is missing without a word; log:\n%s",
				 optional[n].bit, p.log);
	print_message("sandbox steps as uid %d: 0x%03x\n", (int)getuid(), p.hello.sandbox);
	play_end(&p);
}

/* A fault outside the guest's memory is not called a trap. */
static void test_host_fault(void **state)
{
	play_start(&p, &(struct part){.guest = PROBE, .test_case = "crash"});
	play_until(&p, 0);
	assert_true(WIFSIGNALED(p.status));
	assert_int_equal(WTERMSIG(p.status), SIGSEGV);
	assert_int_equal(p.count[ZRUN_FAILED], 0);
	play_end(&p);
}

/* The user id that the process really has, seen from outside. */
static void test_user(void **state)
{
	char path[64], line[256];
	unsigned real = 0;
	FILE *f;

	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "busy"});
	play_until(&p, ZRUN_STARTED);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "Uid: %u", &real) == 1)
			assert_int_equal(real, getuid() == 0 ? 65534 : getuid());
		if (strncmp(line, "Cap", 3) == 0 && strncmp(line, "CapBnd", 6) != 0)
			assert_non_null(strstr(line, "0000000000000000"));
		if (strncmp(line, "Name:", 5) == 0)
			assert_non_null(strstr(line, "zrun"));
		if (strncmp(line, "Seccomp:", 8) == 0)
			assert_non_null(strstr(line, "2"));
	}
	fclose(f);
	play_end(&p);
}

/* The module lies in another user's directory, which only the real root may enter. */
static void test_closed_directory(void **state)
{
	const char *so = play_translate(GUEST_MEMORYLESS);
	char closed[] = "/tmp/samoza-closed-XXXXXX", path[64];

	if (getuid() != 0)
		skip(); /* the directory could not be opened before either */
	assert_non_null(mkdtemp(closed));
	(void)snprintf(path, sizeof(path), "%s/m.so", closed);
	assert_int_equal(link(so, path), 0);
	assert_int_equal(chown(closed, 12345, 12345), 0);
	play_start(&p, &(struct part){.guest = path, .test_case = ""});
	play_until(&p, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(closed), 0);
	assert_string_equal(p.failed_text, "");
	assert_int_equal(p.stopped.result, 1);
	play_end(&p);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_directory), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_zygote),		 cmocka_unit_test(test_exec),
		cmocka_unit_test(test_host_fault),	 cmocka_unit_test(test_user),
	};

	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}

/* Root runs all of it a second time as an ordinary user. */
int main(int argc, char **argv)
{
	int failed = run(), status = 0;
	pid_t pid;

	if (getuid() != 0)
		return failed;
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
		    setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		(void)execl("/proc/self/exe", argv[0], NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		failed++;
	return failed;
}
