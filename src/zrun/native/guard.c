#include "zrun/native/guard.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "zrun/native/process_tree.h"

#define PASS_SIGNAL SIGUSR2  /* with the number of another one as its value */
#define AGAIN_NS    10000000 /* between two rounds of killing */

pid_t guard_fork(void)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)GUARD_EXIT_SIGNAL, 0, 0, 0, 0);
}

pid_t guard_wait(pid_t pid, int *ret_status, int flags)
{
	return waitpid(pid, ret_status, flags | (int)__WCLONE);
}

void guard_pass(pid_t guard, int number)
{
	(void)sigqueue(guard, PASS_SIGNAL, (union sigval){.sival_int = number});
}

__attribute__((noreturn)) static void end_as(int status)
{
	sigset_t set;

	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	(void)signal(WTERMSIG(status), SIG_DFL);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

/* Takes the ends that have come. False: there is no child any more. */
static bool reap(pid_t program, int *status, bool *has_ended)
{
	int one;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0)
		if (pid == program) {
			*status = one;
			*has_ended = true;
		}
	return pid == 0 || errno != ECHILD;
}

void guard_run(pid_t (*program)(void *user), void *user)
{
	const struct timespec again = {.tv_nsec = AGAIN_NS};
	bool is_over = false;
	int status = SIGKILL;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, PASS_SIGNAL);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = program(user);
	if (pid < 0)
		_exit(127);
	/* Whose ends are waited for: the output's, the keeper's socket. */
	(void)syscall(SYS_close_range, 0u, ~0u, 0u);
	while (reap(pid, &status, &is_over)) {
		siginfo_t info = {0};
		int number;

		if (is_over) {
			(void)process_tree_signal(getpid(), SIGKILL, false);
			(void)kill(-pid, SIGKILL);
			(void)sigtimedwait(&set, &info, &again);
			continue;
		}
		number = sigwaitinfo(&set, &info);
		if (number == SIGTERM)
			is_over = true;
		else if (number == PASS_SIGNAL && info.si_code == SI_QUEUE &&
			 info.si_value.sival_int > 0)
			(void)kill(-pid, info.si_value.sival_int);
	}
	end_as(status);
}
