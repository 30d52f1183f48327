#include "zbench/crowd.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/uv/loop.h"
#include "adapter/uv/tcp_stream.h"
#include "base/memory.h"
#include "zbench/crowd_zhost.h"

enum { COMMANDS_FD = 3, AT_A_TIME = 64 };

/* ---- in the child ---- */

struct all {
	struct loop loop;
	struct crowd_world world;
	struct crowd_zhost **zhosts;
	unsigned count, begun, lost;
	uv_poll_t *commands;
};

static void next_connects(void *user)
{
	struct all *all = user;
	if (all->begun < all->count)
		crowd_zhost_connect(all->zhosts[all->begun++]);
}

/* How many more stand still; its end is ours. */
static void on_command(uv_poll_t *handle, int status, int events)
{
	struct all *all = handle->data;
	uint32_t count = 0;
	(void)status, (void)events;
	ssize_t n = read(COMMANDS_FD, &count, sizeof(count));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n != (ssize_t)sizeof(count))
		_exit(0);
	for (; count > 0 && all->lost < all->count; count--)
		crowd_zhost_lose(all->zhosts[all->count - ++all->lost]);
}

static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int play(struct all *all, struct error **err)
{
	int r = loop_init(&all->loop, err);
	if (r == 0)
		r = tcp_transport_open(&all->loop, NULL, &all->world.transport, err);
	if (r == 0)
		r = loop_poll_new(&all->loop, COMMANDS_FD, &all->commands, err);
	if (r < 0)
		return r;
	all->commands->data = all;
	(void)uv_poll_start(all->commands, UV_READABLE, on_command);
	all->world.loop = &all->loop;
	all->world.random.state = 1;
	all->world.token = all->world.credentials == NULL ? getenv("SAMOZA_TOKEN") : NULL;
	all->world.on_accepted = next_connects;
	all->world.user = all;
	all->zhosts = mem_new_array(struct crowd_zhost *, all->count);
	for (unsigned k = 0; k < all->count && r == 0; k++)
		r = crowd_zhost_new(&all->world, k + 1, &all->zhosts[k], err);
	if (r < 0)
		return r;
	for (unsigned k = 0; k < AT_A_TIME; k++)
		next_connects(all);
	loop_run(&all->loop); /* until it is killed */
	return 0;
}

/* What the parent has open would stay open here. */
__attribute__((noreturn)) static void child(const struct crowd_options *options,
					    struct crowd_figures *figures, int commands)
{
	static struct all all;
	CLEANUP(error_freep) struct error *err = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(commands, COMMANDS_FD);
	(void)close_range(COMMANDS_FD + 1, ~0u, 0);
	raise_descriptors();
	all.count = options->zhosts;
	all.world.address = options->address;
	all.world.port = options->port;
	all.world.credentials = options->credentials;
	all.world.addresses = options->addresses > 0 ? options->addresses : options->zhosts;
	all.world.figures = figures;
	if (play(&all, &err) < 0)
		(void)fprintf(stderr, "zbench: the simulated zhosts: %s\n", err->message);
	_exit(1);
}

/* ---- in the parent ---- */

int crowd_start(const struct crowd_options *options, struct crowd *ret_crowd,
		struct error **err)
{
	int ends[2];
	struct crowd_figures *figures = mmap(NULL, sizeof(*figures), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (figures == MAP_FAILED)
		return error_errno(err, "cannot share memory");
	if (pipe(ends) < 0) {
		int r = error_errno(err, "cannot make a pipe");
		(void)munmap(figures, sizeof(*figures));
		return r;
	}
	(void)malloc_trim(0);
	pid_t pid = fork();
	if (pid == 0)
		child(options, figures, ends[0]);
	(void)close(ends[0]);
	if (pid < 0) {
		int r = error_errno(err, "cannot start the simulated zhosts");
		(void)close(ends[1]);
		(void)munmap(figures, sizeof(*figures));
		return r;
	}
	*ret_crowd = (struct crowd){.pid = pid, .commands = ends[1], .figures = figures};
	return 0;
}

int crowd_lose(struct crowd *crowd, unsigned count, struct error **err)
{
	uint32_t command = count;
	if (write(crowd->commands, &command, sizeof(command)) != (ssize_t)sizeof(command))
		return error_errno(err, "cannot reach the simulated zhosts");
	return 0;
}

void crowd_stop(struct crowd *crowd)
{
	if (crowd->pid <= 0)
		return;
	(void)close(crowd->commands);
	(void)kill(crowd->pid, SIGKILL);
	while (waitpid(crowd->pid, NULL, 0) < 0 && errno == EINTR)
		;
	(void)munmap((void *)(uintptr_t)crowd->figures, sizeof(*crowd->figures));
	*crowd = (struct crowd){0};
}
