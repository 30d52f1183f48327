#include "zsim/watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "adapter/cli/cli.h"

static char watched[256];
static struct itimerval patience;

static void print(const char *text)
{
	(void)!write(STDOUT_FILENO, text, strlen(text));
}

/* No printf in here. */
static void on_signal(int signal_number)
{
	print("FAIL ");
	print(watched);
	if (signal_number == SIGPROF)
		print(": the core does not return from a call\n");
	else if (signal_number == SIGSEGV)
		print(": it crashes\n");
	else
		print(": an assertion of the core failed\n");
	_exit(CLI_FAILED);
}

void watchdog_start(unsigned seconds)
{
	patience = (struct itimerval){.it_value = {.tv_sec = seconds}};
	(void)signal(SIGPROF, on_signal);
	(void)signal(SIGABRT, on_signal);
	(void)signal(SIGSEGV, on_signal);
}

void watchdog_watch(const char *name)
{
	(void)fflush(stdout);
	(void)snprintf(watched, sizeof(watched), "%s", name);
	(void)setitimer(ITIMER_PROF, &patience, NULL);
}
