#include "zrun/runner/priority.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "zrun/runner/clocks.h"

/* sched_prio_to_weight of the kernel, from nice 0 on. */
static const uint32_t weights[] = {1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
				   110,	 87,  70,  56,	45,  36,  29,  23,  18,	 15};
#define COUNT ((int)(sizeof(weights) / sizeof(weights[0])))

int priority_nice(uint32_t cpu_millicores)
{
	uint64_t wanted = (uint64_t)cpu_millicores * 1024 / 1000;
	int nice = 0;

	if (cpu_millicores == 0)
		return 0;
	/* The next one, while it is nearer. */
	while (nice + 1 < COUNT && 2 * wanted < weights[nice] + weights[nice + 1])
		nice++;
	return nice;
}

void priority_set(uint32_t cpu_millicores)
{
	(void)setpriority(PRIO_PROCESS, 0, priority_nice(cpu_millicores));
}

#define TRIES	 4
#define TRIES_MS 100 /* others than root may set one in this time */

void priority_set_session(void)
{
	int nice = getpriority(PRIO_PROCESS, 0), fd;
	char text[16];

	if (nice <= 0 || getsid(0) != getpid())
		return;
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* a kernel without */
	(void)snprintf(text, sizeof(text), "%d", nice);
	for (int n = 0; n < TRIES && write(fd, text, strlen(text)) < 0 && errno == EAGAIN; n++)
		(void)poll(NULL, 0, TRIES_MS);
	close(fd);
}

/* ---- the limit ---- */

#define QUOTA_MS 10 /* of its own time, between two looks at the clock */

static uint32_t limit_millicores;
static uint64_t paused_ms;     /* when the last pause ended */
static uint64_t paused_cpu_us; /* what the process had used then */

/* The timer counts by whole ticks of the kernel: a signal that wakes a pause at a tick counts as one, and
 * enough of them would let one pause follow the other for ever. So what was used is asked for, and a pause
 * itself does not count. */
static void on_quota(int number)
{
	int saved = errno;
	uint64_t used_us = cpu_us() - paused_cpu_us, now;
	uint64_t until = paused_ms + used_us / limit_millicores;

	(void)number;
	/* Again after other signals. */
	while ((now = mono_ms()) < until)
		(void)poll(NULL, 0, (int)(until - now));
	paused_ms = now;
	paused_cpu_us = cpu_us();
	errno = saved;
}

void priority_limit(uint32_t cpu_millicores)
{
	struct sigaction quota = {.sa_handler = on_quota, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct itimerval timer = {.it_value = {.tv_usec = QUOTA_MS * 1000},
				  .it_interval = {.tv_usec = QUOTA_MS * 1000}};

	if (cpu_millicores == 0 || cpu_millicores >= 1000)
		return; /* it has one thread */
	limit_millicores = cpu_millicores;
	paused_ms = mono_ms();
	paused_cpu_us = cpu_us();
	(void)sigaction(SIGPROF, &quota, NULL);
	(void)setitimer(ITIMER_PROF, &timer, NULL);
}
