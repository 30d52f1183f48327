#include "zhost/process/zrun_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/process/zrun_frames.h"
#include "zhost/process/zrun_process_private.h"
#include "zhost/process/zrun_socket.h"
#include "zhost/state/instance_file.h"

#define FILE_NAME_SIZE (INSTANCE_FILE_NAME_SIZE + 4)
#define EVICT_MS       2000
#define RECONNECT_MS   100
/* Between looks at what a process has left: grows from the first to the last. */
#define REMAINS_FIRST_MS 2
#define REMAINS_LAST_MS	 100
#define REMAINS_LOG_MS	 10000

static void file_name(const char *instance, const char *suffix, char ret_name[FILE_NAME_SIZE])
{
	snprintf(ret_name, FILE_NAME_SIZE, "%s.%s", instance, suffix);
}

static void socket_name(const char *instance, char ret_name[FILE_NAME_SIZE])
{
	file_name(instance, "s", ret_name);
}

static void exit_report_name(const char *instance, char ret_name[FILE_NAME_SIZE])
{
	file_name(instance, "e", ret_name);
}

/* Socket, exit report, and the list of files of a NATIVE deploy. */
void zrun_process_remove_files(struct zrun_processes *ps, const char *instance)
{
	static const char *const suffixes[] = {"s", "e", "f", "a"};
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char name[FILE_NAME_SIZE];
		file_name(instance, suffixes[i], name);
		(void)unlinkat(ps->options.run_fd, name, 0);
	}
}

static int64_t now_ms(const struct zrun_process *p)
{
	return loop_now(p->owner->options.loop).mono_ms;
}

/* ---- the connection ---- */

void zrun_process_kill(struct zrun_process *p)
{
	p->kill_wanted = true;
	if (p->watch != NULL)
		p->owner->options.host->methods->kill(p->watch);
}

static void reconnect_soon(struct zrun_process *p);

static void on_reconnect(void *user)
{
	struct zrun_process *p = user;
	char name[FILE_NAME_SIZE];
	int fd;
	if (p->fd >= 0 || p->has_exited)
		return;
	socket_name(p->identity.file_name, name);
	if (launch_connect(p->owner->options.run_fd, name, &fd, NULL) < 0 ||
	    process_connect(p, fd, NULL) < 0)
		reconnect_soon(p);
}

static void reconnect_soon(struct zrun_process *p)
{
	if (p->kill_wanted || p->has_exited)
		return;
	if (p->reconnect == NULL)
		p->reconnect = loop_timer_new(p->owner->options.loop, on_reconnect, p);
	loop_timer_at(p->reconnect, now_ms(p) + RECONNECT_MS);
}

/* A process that breaks the protocol is killed. */
static void on_broken(struct zrun_process *p, const char *what)
{
	log_error("spaces", "process.broken", LOG_S("topology", p->identity.topology),
		  LOG_S("path", p->identity.path), LOG_S("what", what));
	if (!p->report.is_known) {
		p->report.is_known = true;
		p->report.error = str_printf("broke the protocol with its zhost: %s", what);
	}
	zrun_process_kill(p);
	process_disconnect(p);
}

static const struct zrun_socket_events socket_events = {
	.frame = process_take_frame,
	.broken = on_broken,
	.lost = reconnect_soon,
};

/* ---- the object ---- */

static struct zrun_process *process_new(struct zrun_processes *ps,
					const struct zrun_identity *identity,
					const struct zrun_process_listener *listener,
					void *user)
{
	struct zrun_process *p = mem_new(struct zrun_process);
	p->owner = ps;
	p->identity = *identity;
	p->listener = listener;
	p->user = user;
	p->events = &socket_events;
	p->fd = -1;
	p->pid = -1;
	p->in = p->out = BUFFER_INIT(PROCESS_OUT_MAX);
	DL_APPEND(ps->all, p);
	return p;
}

static void leave_unwritten(struct zrun_process *p)
{
	struct zrun_processes *ps = p->owner;
	struct zrun_process **link = &ps->unwritten;
	if (!p->is_unwritten)
		return;
	while (*link != p)
		link = &(*link)->unwritten_next;
	*link = p->unwritten_next;
	if (p->unwritten_next == NULL)
		ps->unwritten_end = link;
}

void zrun_process_release(struct zrun_process *p)
{
	if (p == NULL)
		return;
	process_disconnect(p);
	leave_unwritten(p);
	DL_DELETE(p->owner->all, p);
	loop_timer_free(p->reconnect);
	loop_timer_free(p->remains_timer);
	if (p->watch != NULL)
		p->owner->options.host->methods->watch_free(p->watch);
	buffer_done(&p->in);
	buffer_done(&p->out);
	vector_done(&p->passed);
	free(p->report.error);
	free(p->exit_text);
	free(p);
}

int64_t zrun_process_pid(const struct zrun_process *p)
{
	return p->pid;
}

/* ---- the end ---- */

/* The exit report that zrun wrote to its file while no zhost was connected. */
static void read_exit_report(struct zrun_process *p)
{
	char name[FILE_NAME_SIZE];
	exit_report_name(p->identity.file_name, name);
	CLEANUP(closep)
	int fd = openat(p->owner->options.run_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	uint8_t text[8192];
	struct zrun_frame frame;
	const uint8_t *body;
	size_t need;
	ssize_t n = read(fd, text, sizeof(text));
	for (size_t at = 0;
	     n > 0 && zrun_frame_parse(text + at, (size_t)n - at, &frame, &body, &need) == 1;
	     at += need)
		(void)process_take_exit_report(p, frame.type, body, frame.size);
}

/* `error`: why, where the process has not said so itself. */
static void process_ended(struct zrun_process *p, const char *error)
{
	struct exit_report report = p->report;
	CLEANUP(freep) char *text = mem_strdup(report.is_known ? report.error : error);
	const struct zrun_process_listener *listener = p->listener;
	void *user = p->user;
	report.error = text;
	zrun_process_remove_files(p->owner, p->identity.file_name);
	zrun_process_release(p);
	listener->ended(user, &report);
}

static void end_remains(void *user);

/* Later, never from within the caller. */
static void look_again(struct zrun_process *p)
{
	if (p->remains_timer == NULL)
		p->remains_timer = loop_timer_new(p->owner->options.loop, end_remains, p);
	loop_timer_at(p->remains_timer, now_ms(p) + p->remains_wait_ms);
	p->remains_wait_ms *= 2;
	if (p->remains_wait_ms > REMAINS_LAST_MS)
		p->remains_wait_ms = REMAINS_LAST_MS;
}

/* Its zrun has ended. It has ended itself when nothing of it lives any more: never before, because
 * the next one must not meet this one's processes. */
static void end_remains(void *user)
{
	struct zrun_process *p = user;
	int64_t now = now_ms(p);
	if (remains_end(&p->remains)) {
		CLEANUP(freep) char *text = steal_ptr(&p->exit_text);
		process_ended(p, text);
		return;
	}
	if (now - p->remains_logged_ms >= REMAINS_LOG_MS) {
		p->remains_logged_ms = now;
		log_warn("spaces", "process.remains", LOG_S("topology", p->identity.topology),
			 LOG_S("path", p->identity.path), LOG_U("keeper", p->remains.keeper),
			 LOG_U("for_ms", now - p->remains_since_ms),
			 LOG_S("why", "killed, but has not exited yet: it counts as running"));
	}
	look_again(p);
}

/* `text`: of its wait status; taken over. */
static void exited(struct zrun_process *p, char *text)
{
	p->has_exited = true;
	p->exit_text = text;
	if (p->watch != NULL)
		p->owner->options.host->methods->watch_free(p->watch);
	p->watch = NULL;
	p->remains_since_ms = p->remains_logged_ms = now_ms(p);
	p->remains_wait_ms = REMAINS_FIRST_MS;
	remains_read(&p->remains, p->owner->options.run_fd, p->identity.file_name);
}

static void on_exit_seen(void *user, pid_t pid, int status)
{
	struct zrun_process *p = user;
	(void)pid;
	process_drain(p);
	process_disconnect(p);
	if (!p->report.is_known)
		read_exit_report(p);
	exited(p, launch_status_text(status));
	end_remains(p);
}

/* ---- the beginning ---- */

static int watch(struct zrun_process *p, int pidfd, struct error **err)
{
	struct process_host *host = p->owner->options.host;
	return host->methods->watch(host, p->pid, pidfd, on_exit_seen, p, &p->watch, err);
}

static void on_launched(void *data, pid_t pid, int pidfd, const struct error *error)
{
	struct zrun_process *p = data;
	if (pid < 0) {
		process_ended(p, error->message);
		return;
	}
	p->pid = pid;
	if (p->kill_wanted)
		launch_kill(pidfd);
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(closep) int copy = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	if (watch(p, pidfd, &err) < 0) {
		log_error("spaces", "process.unwatched", LOG_U("pid", pid), LOG_E(err));
		if (copy >= 0) { /* nobody would see its end */
			launch_kill(copy);
			(void)poll(&(struct pollfd){.fd = copy, .events = POLLIN}, 1, EVICT_MS);
		}
		exited(p, mem_strdup(err->message));
		end_remains(p);
	}
}

static int open_exit_report(struct zrun_processes *ps, const char *instance, int *ret_fd,
			    struct error **err)
{
	char name[FILE_NAME_SIZE];
	exit_report_name(instance, name);
	*ret_fd = openat(ps->options.run_fd, name,
			 O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	return *ret_fd < 0 ? error_errno(err, "cannot create %s", name) : 0;
}

static int listen_and_connect(struct zrun_processes *ps, const char *instance,
			      int *ret_listener, int *ret_fd, struct error **err)
{
	char name[FILE_NAME_SIZE];
	socket_name(instance, name);
	int r = launch_listen(ps->options.run_fd, name, ret_listener, err);
	return r == 0 ? launch_connect(ps->options.run_fd, name, ret_fd, err) : r;
}

static int launch(struct zrun_process *p, struct launch_request *q, struct error **err)
{
	const struct zrun_processes_options *o = &p->owner->options;
	q->topology = p->identity.topology;
	q->instance = p->identity.path;
	q->epoch = p->identity.epoch;
	q->watchdog_ms = (uint32_t)o->watchdog_ms;
	q->orphan_ms = (uint32_t)o->orphan_ms;
	q->stop_at_ms = p->lease.stop_at_ms;
	q->end_at_ms = p->lease.end_at_ms;
	q->log_fd = o->stderr_fd;
	return o->host->methods->launch(o->host, q, on_launched, p, err);
}

int zrun_process_start(struct zrun_processes *ps, const struct zrun_identity *identity,
		       struct launch_request *request, const struct zrun_lease *lease,
		       const struct zrun_process_listener *listener, void *user,
		       struct zrun_process **ret_process, struct error **err)
{
	CLEANUP(closep) int listener_fd = -1;
	CLEANUP(closep) int status_fd = -1;
	int fd = -1;
	int r = open_exit_report(ps, identity->file_name, &status_fd, err);
	if (r == 0)
		r = listen_and_connect(ps, identity->file_name, &listener_fd, &fd, err);
	if (r < 0) {
		zrun_process_remove_files(ps, identity->file_name);
		return r;
	}
	struct zrun_process *p = process_new(ps, identity, listener, user);
	p->lease = *lease;
	r = process_connect(p, fd, err);
	request->listener_fd = listener_fd;
	request->status_fd = status_fd;
	*ret_process = p;
	if (r == 0)
		r = launch(p, request, err);
	if (r < 0) {
		*ret_process = NULL;
		zrun_process_remove_files(ps, identity->file_name);
		zrun_process_release(p);
	}
	return r;
}

/* ---- processes of an earlier zhost ---- */

/* 1: it is a zrun, and watched; 0: it is not, or is gone; or an error: it is not known. */
static int adopt(struct zrun_process *p, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int pidfd;
	int r = launch_adopt(p->fd, &p->pid, &pidfd, &why);
	if (r == ERR_UNAVAILABLE || r == ERR_NOT_FOUND) {
		log_warn("spaces", "process.lost", LOG_S("path", p->identity.path), LOG_E(why));
		return 0;
	}
	if (r < 0)
		return error_move(err, steal_ptr(&why));
	if (!launch_is_zrun(p->pid)) {
		close(pidfd);
		return 0;
	}
	r = watch(p, pidfd, &why);
	if (r == ERR_NOT_FOUND)
		return 0;
	return r < 0 ? error_move(err, steal_ptr(&why)) : 1;
}

/* 1: it lives; 0: it does not; or an error: for want of descriptors or memory it is not known. */
static int connect_again(struct zrun_process *p, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	char name[FILE_NAME_SIZE];
	int fd;
	socket_name(p->identity.file_name, name);
	int r = launch_connect(p->owner->options.run_fd, name, &fd, &why);
	/* Nobody listens, there is no such socket, or one that takes no further connection. */
	if (r == ERR_UNAVAILABLE || r == ERR_NOT_FOUND || r == ERR_TIMEOUT)
		return 0;
	if (r < 0)
		return error_move(err, steal_ptr(&why));
	r = process_connect(p, fd, err);
	return r < 0 ? r : adopt(p, err);
}

struct zrun_process *zrun_process_find(struct zrun_processes *ps,
				       const struct zrun_identity *identity,
				       const struct zrun_process_listener *listener, void *user,
				       struct exit_report *ret_report)
{
	*ret_report = (struct exit_report){0};
	struct zrun_process *p = process_new(ps, identity, listener, user);
	struct error *err = NULL;
	int r = connect_again(p, &err);
	if (r > 0)
		return p;
	process_disconnect(p);
	if (r < 0) {
		if (ps->unknown == NULL)
			ps->unknown = steal_ptr(&err);
		error_free(err);
		zrun_process_release(p);
		return NULL;
	}
	read_exit_report(p);
	exited(p, launch_status_text(-1));
	if (!remains_end(&p->remains)) {
		look_again(p); /* its end comes as `ended`, from the loop */
		return p;
	}
	*ret_report = p->report;
	p->report.error = NULL;
	zrun_process_remove_files(ps, identity->file_name);
	zrun_process_release(p);
	return NULL;
}

int zrun_processes_found(struct zrun_processes *ps, struct error **err)
{
	if (ps->unknown == NULL)
		return 0;
	(void)error_move(err, steal_ptr(&ps->unknown));
	return error_wrap(err, "cannot look for what an earlier zhost left running");
}

int zrun_process_evict(struct zrun_processes *ps, const struct zrun_identity *identity,
		       struct error **err)
{
	char name[FILE_NAME_SIZE];
	CLEANUP(closep) int fd = -1;
	CLEANUP(closep) int pidfd = -1;
	int64_t until = loop_now(ps->options.loop).mono_ms + EVICT_MS;
	struct remains remains;
	pid_t pid;
	socket_name(identity->file_name, name);
	if (launch_connect(ps->options.run_fd, name, &fd, NULL) == 0 &&
	    launch_adopt(fd, &pid, &pidfd, NULL) == 0) {
		log_warn("spaces", "process.evicted", LOG_S("path", identity->path),
			 LOG_U("pid", pid));
		launch_kill(pidfd);
		if (poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, EVICT_MS) != 1)
			return error_set(err, ERR_CONFLICT,
					 "its earlier process %d has not ended yet", (int)pid);
	}
	remains_read(&remains, ps->options.run_fd, identity->file_name);
	while (!remains_end(&remains)) {
		if (loop_now(ps->options.loop).mono_ms >= until)
			return error_set(err, ERR_CONFLICT,
					 "its earlier processes have not ended yet");
		(void)poll(NULL, 0, REMAINS_FIRST_MS);
	}
	return 0;
}

/* Looks at the HELLO without taking it. 1: right, 0: not there yet, -1: wrong or gone. */
static int peek_hello(struct zrun_process *p)
{
	uint8_t data[2048];
	struct zrun_frame frame;
	struct zrun_hello hello;
	const uint8_t *body;
	size_t need;
	ssize_t n = recv(p->fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	int r = zrun_frame_parse(data, (size_t)n, &frame, &body, &need);
	if (r != 1)
		return n == 0 || r < 0 ? -1 : 0;
	return frame.type == ZRUN_HELLO && process_hello_matches(p, body, frame.size, &hello)
		       ? 1
		       : -1;
}

static void reject(struct zrun_process *p)
{
	const struct zrun_process_listener *listener = p->listener;
	void *user = p->user;
	log_error("spaces", "adopt.rejected", LOG_S("path", p->identity.path),
		  LOG_U("pid", p->pid), LOG_S("reason", "unexpected or missing HELLO"));
	zrun_process_kill(p);
	zrun_process_release(p);
	listener->rejected(user);
}

void zrun_processes_await_hello(struct zrun_processes *ps, int64_t wait_ms)
{
	int64_t until = loop_now(ps->options.loop).mono_ms + wait_ms;
	VECTOR(struct zrun_process *) waiting = {0};
	VECTOR(struct pollfd) polls = {0};
	for (struct zrun_process *p = ps->all; p != NULL; p = p->next)
		if (!p->has_exited)
			vector_push(&waiting, p);
	for (;;) {
		int64_t left = until - loop_now(ps->options.loop).mono_ms;
		size_t kept = 0;
		vector_clear(&polls);
		for (size_t i = 0; i < waiting.count; i++) {
			struct zrun_process *p = waiting.items[i];
			int r = peek_hello(p);
			if (r < 0)
				reject(p);
			if (r != 0)
				continue;
			waiting.items[kept++] = p;
			vector_push(&polls, ((struct pollfd){.fd = p->fd, .events = POLLIN}));
		}
		waiting.count = kept;
		if (kept == 0 || left <= 0 ||
		    poll(polls.items, (nfds_t)polls.count, (int)left) <= 0)
			break;
	}
	vector_done(&waiting);
	vector_done(&polls);
}

/* ---- orders ---- */

void zrun_process_stop(struct zrun_process *p, int64_t grace_ms)
{
	p->stop_asked = true;
	p->stop_by_ms = now_ms(p) + grace_ms;
	if (p->is_connected)
		process_send_stop(p);
}

void zrun_process_renew(struct zrun_process *p, const struct zrun_lease *lease)
{
	p->lease = *lease;
	if (p->is_connected)
		process_send_renew(p);
}

/* ---- all of them ---- */

static void on_turn(void *user)
{
	zrun_processes_flush(user);
}

struct zrun_processes *zrun_processes_new(const struct zrun_processes_options *options)
{
	struct zrun_processes *ps = mem_new(struct zrun_processes);
	ps->options = *options;
	ps->unwritten_end = &ps->unwritten;
	ps->turn = (struct loop_task){.fn = on_turn, .user = ps};
	return ps;
}

void zrun_processes_free(struct zrun_processes *ps)
{
	if (ps == NULL)
		return;
	PRE(ps->all == NULL);
	loop_defer_cancel(ps->options.loop, &ps->turn);
	error_free(ps->unknown);
	free(ps);
}
