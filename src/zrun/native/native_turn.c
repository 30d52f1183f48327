#include "zrun/native/native_turn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zrun/native/native_exec.h"
#include "zrun/native/native_memory.h"
#include "zrun/native/native_programs.h"
#include "zrun/native/native_secret_uses.h"
#include "zrun/native/native_settings.h"
#include "zrun/runner/clocks.h"
#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_wait.h"

#define TURN_MAX_MS  60000
#define FIRST_OUTPUT 3 /* among what is waited for: two of each job */

/* ---- what the keeper reports ---- */

static void take_keeper_end(struct native *n)
{
	int status = 0;

	close(n->socket);
	n->socket = -1;
	while (waitpid(n->keeper, &status, 0) < 0 && errno == EINTR)
		continue;
	n->keeper = 0;
	n->is_empty = true;
	/* In control groups of version 2 what is out of memory is killed as a whole, the keeper
	 * with it (memory.oom.group); in version 1 one process is, and the keeper reports it. */
	if (n->keeper_error[0] == '\0')
		(void)snprintf(n->keeper_error, sizeof(n->keeper_error), "%s",
			       native_memory_text(n)[0] != '\0'
				       ? "killed by signal 9"
				       : "its processes were killed from outside");
	n->has_failed = true;
	native_exec_gone(n);
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		if (n->jobs[job].is_running) {
			n->jobs[job].is_running = false;
			n->jobs[job].status = SIGKILL;
			n->jobs[job].left = false;
		}
}

static void take_event(struct native *n, const struct keeper_event *event)
{
	struct job_state *job =
		event->id >= JOB_MAIN && event->id < JOB_COUNT ? &n->jobs[event->id] : NULL;

	if (event->id >= JOB_COUNT) {
		native_exec_event(n, event);
		return;
	}
	switch (event->type) {
	case KEEPER_READY:
		n->is_ready = true;
		n->enclosure.has_root = event->left != 0;
		n->instance->sandbox |= event->done;
		return;
	case KEEPER_NOTE:
		connection_note(n->instance, ZRUN_LEVEL_WARN, "sandbox: %.*s", KEEPER_TEXT,
				event->text);
		return;
	case KEEPER_FAILED:
		n->has_failed = true;
		(void)snprintf(n->keeper_error, sizeof(n->keeper_error), "%.*s",
			       KEEPER_TEXT - 1, event->text);
		return;
	case KEEPER_STARTED:
		if (event->id != JOB_PROBE)
			n->is_empty = false;
		return;
	case KEEPER_SECRET_WRITTEN:
		native_secret_event(n, event);
		return;
	case KEEPER_PORT:
		n->knows_owner = n->asks_owner;
		n->owner = (enum port_owner)event->status;
		return;
	case KEEPER_REFUSED:
		if (job == NULL)
			return;
		job->is_running = false;
		job->is_refused = true;
		native_text(job->refusal, sizeof(job->refusal), "%.*s", KEEPER_TEXT - 1,
			    event->text);
		return;
	case KEEPER_ENDED:
		if (job == NULL)
			return;
		job->is_running = false;
		job->status = event->status;
		job->left = event->left != 0;
		return;
	case KEEPER_EMPTY:
		n->is_empty = true;
		return;
	default:
		return; /* it runs as the recipes do: nothing that it sends ends zrun */
	}
}

static void take_events(struct native *n)
{
	struct keeper_event event;
	ssize_t size = 0;

	while (n->socket >= 0) {
		size = recv(n->socket, &event, sizeof(event), MSG_DONTWAIT);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == EAGAIN)
			return;
		if (size <= 0) {
			take_keeper_end(n);
			return;
		}
		event.text[KEEPER_TEXT - 1] = '\0';
		if (size == sizeof(event))
			take_event(n, &event);
	}
}

/* ---- one turn ---- */

static struct probe *asking(struct native *n)
{
	return n->ready.fd >= 0 ? &n->ready : n->health.fd >= 0 ? &n->health : NULL;
}

static int wait_ms(const struct native *n, uint64_t until_ms)
{
	const struct runner *i = n->instance;
	uint64_t now = mono_ms(), until = until_ms, boot = boot_ms();

	if (until > now + TURN_MAX_MS)
		until = now + TURN_MAX_MS;
	if (!runner_stopping(i)) {
		if (i->connection.fd < 0 &&
		    i->connection.lost_ms + i->request->orphan_ms < until)
			until = i->connection.lost_ms + i->request->orphan_ms;
		if (i->stop_at_boot_ms != 0 &&
		    now + (i->stop_at_boot_ms > boot ? i->stop_at_boot_ms - boot : 0) < until)
			until = now +
				(i->stop_at_boot_ms > boot ? i->stop_at_boot_ms - boot : 0);
	}
	return until > now ? (int)(until - now) : 0;
}

void native_turn(struct native *n, uint64_t until_ms)
{
	struct runner *i = n->instance;
	const struct zhost_connection *l = &i->connection;
	struct pollfd polls[FIRST_OUTPUT + 2 * JOB_COUNT];
	const nfds_t count = sizeof(polls) / sizeof(polls[0]);
	struct probe *probe = asking(n);

	polls[0] = (struct pollfd){.fd = l->fd >= 0 ? l->fd : l->listener, .events = POLLIN};
	if (l->fd >= 0 && l->out_sent < l->out_size)
		polls[0].events |= POLLOUT;
	polls[1] = (struct pollfd){.fd = n->socket, .events = POLLIN};
	polls[2] = (struct pollfd){.fd = probe != NULL ? probe->fd : -1};
	if (probe != NULL)
		polls[2].events = probe_events(probe);
	for (int job = 0; job < JOB_COUNT; job++) {
		const struct job_state *state = &n->jobs[job];

		polls[FIRST_OUTPUT + 2 * job] = (struct pollfd){
			.fd = job >= JOB_MAIN ? state->output.fd : -1, .events = POLLIN};
		polls[FIRST_OUTPUT + 2 * job + 1] = (struct pollfd){
			.fd = job >= JOB_MAIN ? state->errors.fd : -1, .events = POLLIN};
	}
	(void)poll(polls, count, wait_ms(n, until_ms));
	if ((polls[0].revents & POLLOUT) != 0)
		connection_flush(i);
	connection_poll(i); /* looks at the clocks, too */
	native_exec_check(n);
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		if (polls[FIRST_OUTPUT + 2 * job].revents != 0 ||
		    polls[FIRST_OUTPUT + 2 * job + 1].revents != 0)
			native_read_outputs(n, (enum job)job);
	n->has_answer |= polls[2].revents != 0;
	if (polls[1].revents != 0)
		take_events(n);
	termination_overdue(i);
}
