#include "adapter/client/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/check.h"

static volatile sig_atomic_t pending;
static int ends[2] = {-1, -1};

static void on_interrupt(int number)
{
	int saved = errno;

	pending = 1;
	/* A full pipe is readable already. */
	if (write(ends[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

void interrupt_catch(void)
{
	/* No SA_RESTART: a read of the terminal returns. */
	struct sigaction action = {.sa_handler = on_interrupt};

	if (ends[0] < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		IMPOSSIBLE("no pipe");
	(void)sigaction(SIGINT, &action, NULL);
}

bool interrupt_pending(void)
{
	return pending != 0;
}

void interrupt_clear(void)
{
	char drop[64];

	pending = 0;
	while (ends[0] >= 0 && read(ends[0], drop, sizeof(drop)) > 0)
		;
	/* One that came meanwhile may have been read, too. */
	if (pending != 0)
		(void)!write(ends[1], "", 1);
}

int interrupt_fd(void)
{
	return ends[0];
}
