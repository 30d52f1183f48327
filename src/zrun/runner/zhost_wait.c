#include "zrun/runner/zhost_wait.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "zrun/runner/clocks.h"
#include "zrun/runner/runner.h"
#include "zrun/runner/stopping.h"
#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_frames.h"

/* A wait shorter than twice this is one of a conversation. */
#define SPIN_NS 60000ull

void connection_poll(struct runner *i)
{
	connection_accept(i);
	while (i->connection.fd >= 0 && zhost_frames_read(i))
		continue;
	runner_check_clocks(i);
}

static uint64_t mono_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* poll() that spins for some microseconds before it sleeps, yielding the processor to others,
 * because waking a sleeping processor takes longer than most answers take to arrive. It spins
 * only after a short wait (after a long one the next wait sleeps at once), and only while it pays. */
static int poll_spin(struct zhost_connection *l, struct pollfd *p, int timeout_ms)
{
	uint64_t begin = mono_ns(), now = begin;
	bool in_conversation = l->spin_next;
	int r = 0;

	while (r == 0 && in_conversation && timeout_ms > 0 && now - begin < SPIN_NS &&
	       spin_may(&l->spin, now)) {
		r = poll(p, 1, 0);
		if (r != 0)
			break;
		now = mono_ns();
		(void)sched_yield();
		spin_yielded(&l->spin, now, mono_ns());
		now = mono_ns();
	}
	if (r == 0)
		r = poll(p, 1, timeout_ms);
	now = mono_ns();
	l->spin_next = r > 0 && now - begin < 2 * SPIN_NS;
	if (in_conversation)
		spin_waited(&l->spin, now - begin);
	return r;
}

void connection_wait(struct runner *i, uint64_t until_ms)
{
	struct zhost_connection *l = &i->connection;
	struct pollfd p = {.fd = l->fd >= 0 ? l->fd : l->listener, .events = POLLIN};
	uint64_t now = mono_ms(), until = until_ms;

	termination_overdue(i);
	if (l->fd < 0 && l->lost_ms + i->request->orphan_ms < until)
		until = l->lost_ms + i->request->orphan_ms;
	if (i->stop_at_boot_ms != 0 && !runner_stopping(i)) {
		uint64_t boot = boot_ms();
		uint64_t left = i->stop_at_boot_ms > boot ? i->stop_at_boot_ms - boot : 0;

		if (now + left < until)
			until = now + left;
	}
	if (l->out_sent < l->out_size)
		p.events |= POLLOUT;
	now = until > now ? until - now : 0;
	if (poll_spin(l, &p, now > 3600000 ? 3600000 : (int)now) > 0) {
		if ((p.revents & POLLOUT) != 0)
			connection_flush(i);
		if ((p.revents & ~POLLOUT) != 0) {
			connection_poll(i);
			return;
		}
	}
	runner_check_clocks(i);
	termination_overdue(i);
}

int32_t connection_call(struct runner *i, enum zrun_frame_type type, bool again,
			uint64_t until_ms, const void *fixed, size_t fixed_size, const void *b,
			size_t b_size, const void *c, size_t c_size)
{
	struct zhost_connection *l = &i->connection;

	do {
		uint32_t generation = l->generation;

		connection_accept(i);
		if (l->fd < 0 && !again)
			return -EAGAIN;
		l->correlation = l->correlation == UINT32_MAX ? 1 : l->correlation + 1;
		l->awaited = l->correlation;
		l->answered = false;
		if (!connection_send3(i, type, l->awaited, fixed, fixed_size, b, b_size, c,
				      c_size)) {
			/* No zhost, or it does not read: wait for either. */
			connection_wait(i, until_ms);
			continue;
		}
		while (!l->answered && l->generation == generation && mono_ms() < until_ms)
			connection_wait(i, until_ms);
		l->awaited = 0;
		if (l->answered)
			return l->answer_status;
		if (l->generation != generation && !again)
			return -EHOSTUNREACH;
	} while (mono_ms() < until_ms);
	l->awaited = 0;
	return -EAGAIN;
}
