/*
 * Every way in which an instance ends by itself, and what watches over it: traps, the
 * watchdog, deadlines. One process per instance, so nothing is unwound: the reason is sent
 * as the last frame and the process exits.
 *
 * One timer (SIGALRM) serves the watchdog and the deadlines. Its handler ends the process at
 * once when the guest's code runs; while the host's code runs it sets a mark that is checked
 * when that code waits or returns (termination_overdue), so that no frame is cut in half.
 */
#include "zrun/runner/termination.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "zrun/runner/clocks.h"
#include "zrun/runner/secret_set.h"

#define SIGNAL_STACK_SIZE (128 * 1024) /* over _SC_SIGSTKSZ with the largest vector state */
#define LAST_FRAME_MS	  200
#define TICK_MIN_MS	  10
#define TICK_MAX_MS	  7500
#define EXCLUSIVE_TICK_MS 1000 /* after the machine slept, this late at most */
#define OVERDUE_TICKS	  100  /* host's code that does not pause within 1 s is hung */

static struct runner instance = {.stop_cause = NOT_STOPPING, .running = "zrun"};
struct runner *const the_runner = &instance;

void die(enum zrun_failed_kind kind, int32_t code, const char *format, ...)
{
	struct zrun_failed failed = {.kind = (uint8_t)kind, .code = code};
	struct itimerval off = {{0, 0}, {0, 0}};
	char text[400];
	va_list args;

	(void)setitimer(ITIMER_REAL, &off, NULL);
	secrets_wipe();
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	connection_last(the_runner, ZRUN_FAILED, &failed, sizeof(failed), text, strlen(text),
			LAST_FRAME_MS);
	_exit(ZRUN_EXIT_FAILED + (int)kind);
}

void end_stopped(struct runner *i)
{
	struct zrun_stopped stopped = {
		.cause = (uint8_t)i->stop_cause,
		.result = i->finish_result,
	};

	secrets_wipe();
	log_budget_report(i, &i->log_budget, true);
	connection_last(i, ZRUN_STOPPED, &stopped, sizeof(stopped), NULL, 0, LAST_FRAME_MS);
	_exit(0);
}

static void end_of(struct runner *i, enum zrun_failed_kind kind)
{
	switch (kind) {
	case ZRUN_FAILED_WATCHDOG:
		die(kind, 0, "looped in %s for more than %u ms without calling the host",
		    i->running, i->request->watchdog_ms);
	case ZRUN_FAILED_DEADLINE:
		die(kind, 0, "%s did not return within %u ms of the start", i->running,
		    i->request->init_ms);
	case ZRUN_FAILED_GRACE:
		die(kind, 0, "%s did not return within the grace period", i->running);
	case ZRUN_FAILED_NOT_RENEWED:
		die(kind, 0,
		    "its zhost was cut off from zrms for too long, and %s did not return "
		    "before the end",
		    i->running);
	case ZRUN_FAILED_LOAD:
	case ZRUN_FAILED_SANDBOX:
	case ZRUN_FAILED_INIT:
	case ZRUN_FAILED_TRAP:
	case ZRUN_FAILED_MEMORY:
	case ZRUN_FAILED_EXIT:
	case ZRUN_FAILED_RECIPE:
	case ZRUN_FAILED_HEALTH:
	case ZRUN_FAILED_ENDED:
		break;
	}
	die(kind, 0, "ended by its timer");
}

void termination_overdue(struct runner *i)
{
	if (i->overdue != 0)
		end_of(i, (enum zrun_failed_kind)i->overdue);
}

/* Which hard end has come; 0: none. */
static uint8_t due(struct runner *i, uint64_t now)
{
	if (i->end_at_boot_ms != 0 && boot_ms() >= i->end_at_boot_ms)
		return ZRUN_FAILED_NOT_RENEWED;
	if (i->deadline_ms != 0 && now >= i->deadline_ms)
		return i->deadline_kind;
	if (i->in_host || i->host_calls != i->watched_calls) {
		i->watched_calls = i->host_calls;
		i->watched_since_ms = now;
		return 0;
	}
	return now - i->watched_since_ms >= i->request->watchdog_ms ? ZRUN_FAILED_WATCHDOG : 0;
}

static void arm(uint64_t ms)
{
	struct itimerval timer = {.it_value = {.tv_sec = (time_t)(ms / 1000),
					       .tv_usec = (suseconds_t)(ms % 1000) * 1000}};

	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

void termination_arm(struct runner *i)
{
	uint64_t now = mono_ms(), wait = i->request->watchdog_ms / 4;

	if (wait > TICK_MAX_MS)
		wait = TICK_MAX_MS;
	if (i->end_at_boot_ms != 0 && wait > EXCLUSIVE_TICK_MS)
		wait = EXCLUSIVE_TICK_MS;
	if (i->end_at_boot_ms != 0) {
		uint64_t boot = boot_ms();
		uint64_t left = i->end_at_boot_ms > boot ? i->end_at_boot_ms - boot : 0;

		if (left < wait)
			wait = left;
	}
	if (i->deadline_ms != 0) {
		uint64_t left = i->deadline_ms > now ? i->deadline_ms - now : 0;

		if (left < wait)
			wait = left;
	}
	arm(i->overdue != 0 || wait < TICK_MIN_MS ? TICK_MIN_MS : wait);
}

void termination_deadline(struct runner *i, uint64_t at_ms, enum zrun_failed_kind kind)
{
	i->deadline_ms = 0;
	i->deadline_kind = (uint8_t)kind;
	i->deadline_ms = at_ms;
	termination_arm(i);
}

static void on_alarm(int number)
{
	struct runner *i = the_runner;
	int saved = errno;
	uint8_t kind = due(i, mono_ms());

	if (kind != 0) {
		if (!i->in_host || ++i->overdue_ticks > OVERDUE_TICKS)
			end_of(i, (enum zrun_failed_kind)kind);
		i->overdue = kind;
	}
	termination_arm(i);
	errno = saved;
}

/* A fault that is not the space's is ours: the default action, which kills. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	struct runner *i = the_runner;
	struct sigaction by_default = {.sa_handler = SIG_DFL};

	if (i->kind->fault != NULL)
		i->kind->fault(i, info->si_addr);
	(void)sigaction(number, &by_default, NULL);
}

void termination_install(struct runner *i)
{
	struct sigaction fault = {.sa_sigaction = on_fault,
				  .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	struct sigaction alarm = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	stack_t stack = {.ss_size = SIGNAL_STACK_SIZE};

	stack.ss_sp = mmap(NULL, SIGNAL_STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
		die(ZRUN_FAILED_SANDBOX, errno, "no memory for the signal stack: %s",
		    strerror(errno));
	(void)sigaction(SIGSEGV, &fault, NULL);
	(void)sigaction(SIGBUS, &fault, NULL);
	(void)sigaction(SIGALRM, &alarm, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	i->watched_since_ms = mono_ms();
}
