#include "zhost/usage.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"

#define FIRST_MS 1000
#define EVERY_MS 5000

struct usage {
	struct loop *loop;
	const struct residents *residents;
	int dir_fd, proc_fd;
	usage_fn *on_usage;
	void *user;
	struct loop_timer *timer;
	uint64_t last_ticks;
	int64_t last_ms;
};

/* Ended processes no longer count: then the sum shrinks, and this is 0. */
static uint64_t cpu_millicores(const struct usage *u, uint64_t ticks, int64_t now_ms)
{
	if (ticks <= u->last_ticks || now_ms <= u->last_ms)
		return 0;
	return (ticks - u->last_ticks) * 1000 * 1000 / (uint64_t)sysconf(_SC_CLK_TCK) /
	       (uint64_t)(now_ms - u->last_ms);
}

static void on_timer(void *user)
{
	struct usage *u = user;
	struct usage_sum sum = {.proc_fd = u->proc_fd};
	int64_t now = loop_now(u->loop).mono_ms;
	residents_usage(u->residents, &sum);
	Samoza__V1__Usage *m = mem_new(Samoza__V1__Usage);
	samoza__v1__usage__init(m);
	m->has_cpu_millicores = m->has_memory_bytes = true;
	m->cpu_millicores = cpu_millicores(u, sum.cpu_ticks, now);
	m->memory_bytes = sum.memory_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	struct statvfs disk;
	if (fstatvfs(u->dir_fd, &disk) == 0) {
		m->has_disk_bytes = true;
		m->disk_bytes = (uint64_t)(disk.f_blocks - disk.f_bfree) * disk.f_frsize;
	}
	u->last_ticks = sum.cpu_ticks;
	u->last_ms = now;
	u->on_usage(u->user, m);
	loop_timer_at(u->timer, now + EVERY_MS);
}

struct usage *usage_new(struct loop *loop, const struct residents *residents, int dir_fd,
			usage_fn *on_usage, void *user)
{
	struct usage *u = mem_new(struct usage);
	u->loop = loop;
	u->residents = residents;
	u->dir_fd = dir_fd;
	u->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	u->on_usage = on_usage;
	u->user = user;
	u->last_ms = loop_now(loop).mono_ms;
	u->timer = loop_timer_new(loop, on_timer, u);
	loop_timer_at(u->timer, u->last_ms + FIRST_MS);
	return u;
}

void usage_free(struct usage *u)
{
	if (u == NULL)
		return;
	loop_timer_free(u->timer);
	closep(&u->proc_fd);
	free(u);
}
