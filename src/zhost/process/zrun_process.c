#include "zhost/process/zrun_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/environment/variables.h"
#include "zhost/native/native_runtime.h"
#include "zhost/process/zrun_process_internal.h"

#define FILE_NAME_SIZE (INSTANCE_FILE_NAME_SIZE + 4)

static void socket_name(const struct resident *r, char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, "%s.s", r->run_name);
}

static void exit_report_name(const struct resident *r, char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, "%s.e", r->run_name);
}

void process_forget_files(const struct resident *r)
{
	char name[FILE_NAME_SIZE];

	socket_name(r, name);
	(void)unlinkat(r->zhost->state_dir.run_fd, name, 0);
	exit_report_name(r, name);
	(void)unlinkat(r->zhost->state_dir.run_fd, name, 0);
	snprintf(name, sizeof(name), "%s.f", r->run_name);
	(void)unlinkat(r->zhost->state_dir.run_fd, name, 0);
}

static struct zrun_process *process_new(struct resident *r)
{
	struct zrun_process *p = mem_new(struct zrun_process);

	p->zhost = r->zhost;
	p->resident = r;
	p->fd = -1;
	p->pid = -1;
	p->in = p->out = BUFFER_INIT(PROCESS_OUT_MAX);
	return p;
}

static void process_free(struct zrun_process *p)
{
	struct zrun_process **link = &p->zhost->unwritten;

	process_disconnect(p);
	if (p->is_unwritten) {
		while (*link != p)
			link = &(*link)->unwritten_next;
		*link = p->unwritten_next;
		if (p->unwritten_next == NULL)
			p->zhost->unwritten_end = link;
	}
	loop_timer_free(p->reconnect);
	pid_watch_free(p->watch);
	buffer_done(&p->in);
	buffer_done(&p->out);
	free(p->last.error);
	free(p);
}

void process_release(struct zrun_process *p)
{
	p->resident->process = NULL;
	process_free(p);
}

int64_t process_pid(const struct zrun_process *p)
{
	return p->pid;
}

/* ---- the end ---- */

/* What a zrun that nobody listened to has written down. */
static void read_exit_report(struct zrun_process *p)
{
	uint8_t text[8192];
	char name[FILE_NAME_SIZE];
	struct zrun_frame frame;
	const uint8_t *body;
	size_t need;
	ssize_t n;
	int fd;

	exit_report_name(p->resident, name);
	fd = openat(p->zhost->state_dir.run_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n > 0 && zrun_frame_parse(text, (size_t)n, &frame, &body, &need) == 1)
		(void)process_take_exit_report(p, frame.type, body, frame.size);
}

static void process_end(struct zrun_process *p, const char *error)
{
	struct resident *r = p->resident;
	/* It may have begun to stop by itself just before it was told to. */
	bool was_right = p->last.is_asked && r->action != 0 && r->kind == ACTION_STOP;
	CLEANUP(freep) char *text = mem_strdup(was_right ? "" : error);
	bool is_finished = p->last.is_known && p->last.is_finished;

	process_forget_files(r);
	process_release(p);
	resident_ended(r, is_finished, text);
}

static void on_exit_seen(void *user, pid_t pid, int status)
{
	struct zrun_process *p = user;
	CLEANUP(freep) char *text = NULL;

	(void)pid;
	process_drain(p);
	if (!p->last.is_known)
		read_exit_report(p);
	if (!p->last.is_known)
		text = launch_status_text(status);
	process_end(p, p->last.is_known ? p->last.error : text);
}

/* ---- the beginning ---- */

static void on_launched(void *data, pid_t pid, int pidfd, const struct error *error)
{
	struct zrun_process *p = data;
	CLEANUP(error_freep) struct error *err = NULL;

	p->is_launching = false;
	if (pid < 0) {
		process_end(p, error->message);
		return;
	}
	p->pid = pid;
	if (p->kill_wanted)
		launch_kill(pidfd);
	if (pid_watch_new(&p->zhost->loop, pid, pidfd, on_exit_seen, p, &p->watch, &err) < 0) {
		log_error("spaces", "process.unwatched", LOG_U("pid", pid), LOG_E(err));
		process_end(p, err->message);
	}
}

static uint64_t boottime_ms(int64_t mono_ms)
{
	struct timespec now;
	int64_t at;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + mono_ms - clock_now().mono_ms;
	return at > 1 ? (uint64_t)at : 1;
}

/* The times of zrun's own clock for an exclusive instance [topology.exclusive.zhost]: asked to
 * stop early enough for its grace, which is at most the timeout less two heartbeats. */
static void lease_times(const struct resident *r, uint64_t *ret_stop, uint64_t *ret_end)
{
	const struct zhost *z = r->zhost;
	int64_t grace = r->spec->has_stop_grace_ms ? (int64_t)r->spec->stop_grace_ms : 10000;
	int64_t most = z->timing.failure_timeout_ms - 2 * z->timing.heartbeat_ms;

	if (grace > most)
		grace = most > 0 ? most : 0;
	*ret_end = boottime_ms(r->deadline_ms);
	*ret_stop = boottime_ms(r->deadline_ms - grace);
}

_Static_assert(sizeof(struct variable) == sizeof(struct launch_variable) &&
		       offsetof(struct variable, value) ==
			       offsetof(struct launch_variable, value),
	       "one is handed over as the other");

/* Who it is and what it exports; for WASI programs. */
static int guest_environment(variable_vector *v, const struct resident *r,
			     struct launch_request *q)
{
	variables_identity(v, r->key, r->spec, r->zhost->settings.name);
	variables_exports(v, r->exports, r->n_exports);
	q->environment = (const struct launch_variable *)v->items;
	q->environment_count = v->count;
	return 0;
}

static int launch(struct zrun_process *p, int listener_fd, int status_fd, struct error **err)
{
	struct resident *r = p->resident;
	struct native_launch native = {0};
	variable_vector environment = {0};
	struct launch_request q = {
		.topology = r->key->topology,
		.instance = r->key->path,
		.epoch = r->key->epoch,
		.module_path = r->module_path,
		.memory_bytes = r->spec->memory_bytes > 0 ? r->spec->memory_bytes
							  : (uint64_t)32 * 1024 * 1024,
		.capabilities = r->capabilities,
		.watchdog_ms = (uint32_t)r->zhost->settings.watchdog_ms,
		.orphan_ms = (uint32_t)r->zhost->settings.orphan_ms,
		.grace_ms = r->spec->has_stop_grace_ms ? (uint32_t)r->spec->stop_grace_ms : 0,
		.imports_count = r->imports.count,
		.listener_fd = listener_fd,
		.log_fd = r->zhost->state_dir.stderr_fd,
		.status_fd = status_fd,
	};
	CLEANUP(freep)
	struct launch_variable *imports =
		mem_new_array(struct launch_variable, r->imports.count + 1);
	int result;

	for (size_t i = 0; i < r->imports.count; i++)
		imports[i] = (struct launch_variable){r->imports.items[i].name,
						      r->imports.items[i].value};
	q.imports = imports;
	result = native_is(r->spec) ? native_launch_init(&native, r, &q, err)
				    : guest_environment(&environment, r, &q);
	if (r->spec->exclusive && r->deadline_ms != NEVER_MS)
		lease_times(r, &q.stop_at_ms, &q.end_at_ms);
	p->is_launching = result == 0;
	if (result == 0)
		result = launcher_launch(r->zhost->launcher, &q, on_launched, p, err);
	variables_done(&environment);
	native_launch_done(&native);
	return result;
}

int process_start(struct resident *r, struct error **err)
{
	struct zhost *z = r->zhost;
	CLEANUP(closep) int listener = -1;
	CLEANUP(closep) int words = -1;
	char name[FILE_NAME_SIZE];
	struct zrun_process *p;
	int fd, result;

	result = native_is(r->spec) ? native_prepare(r, err) : 0;
	if (result < 0)
		return result;
	exit_report_name(r, name);
	words = openat(z->state_dir.run_fd, name,
		       O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (words < 0)
		return error_errno(err, "cannot make %s", name);
	socket_name(r, name);
	result = launch_listen(z->state_dir.run_fd, name, &listener, err);
	if (result == 0)
		result = launch_connect(z->state_dir.run_fd, name, &fd, err);
	if (result < 0) {
		process_forget_files(r);
		return result;
	}
	p = r->process = process_new(r);
	process_connect(p, fd);
	result = launch(p, listener, words, err);
	if (result < 0) {
		process_forget_files(r);
		process_release(p);
	}
	return result;
}

/* ---- after a restart of zhost ---- */

static bool is_zrun(pid_t pid)
{
	CLEANUP(freep) char *path = str_printf("/proc/%d/comm", (int)pid);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char comm[32] = "";

	return fd >= 0 && read(fd, comm, sizeof(comm) - 1) > 0 && str_has_prefix(comm, "zrun");
}

static bool adopt(struct zrun_process *p)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int pidfd;

	if (launch_adopt(p->fd, &p->pid, &pidfd, &err) < 0) {
		log_warn("spaces", "process.lost", LOG_S("path", p->resident->key->path),
			 LOG_E(err));
		return false;
	}
	if (!is_zrun(p->pid)) {
		close(pidfd);
		return false;
	}
	return pid_watch_new(&p->zhost->loop, p->pid, pidfd, on_exit_seen, p, &p->watch,
			     &err) == 0;
}

bool process_find(struct resident *r, struct exit_report *ret_last)
{
	char name[FILE_NAME_SIZE];
	struct zrun_process *p = process_new(r);
	int fd;

	*ret_last = (struct exit_report){0};
	socket_name(r, name);
	if (launch_connect(r->zhost->state_dir.run_fd, name, &fd, NULL) == 0) {
		process_connect(p, fd);
		if (adopt(p)) {
			r->process = p;
			return true;
		}
	}
	read_exit_report(p);
	*ret_last = p->last;
	p->last.error = NULL;
	process_forget_files(r);
	process_free(p);
	return false;
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
	int r;

	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	r = zrun_frame_parse(data, (size_t)n, &frame, &body, &need);
	if (r != 1)
		return n == 0 || r < 0 ? -1 : 0;
	return frame.type == ZRUN_HELLO &&
			       process_hello_is_right(p->resident, body, frame.size, &hello)
		       ? 1
		       : -1;
}

void processes_greet(struct zhost *z, int64_t wait_ms)
{
	int64_t until = loop_now(&z->loop).mono_ms + wait_ms;
	VECTOR(struct zrun_process *) waiting = {0};
	VECTOR(struct pollfd) polls = {0};

	for (struct resident *r = z->residents; r != NULL; r = r->hh.next)
		if (r->process != NULL)
			vector_push(&waiting, r->process);
	for (;;) {
		int64_t left = until - loop_now(&z->loop).mono_ms;
		size_t kept = 0;

		vector_clear(&polls);
		for (size_t i = 0; i < waiting.count; i++) {
			struct zrun_process *p = waiting.items[i];
			int said = peek_hello(p);

			if (said == 0) {
				waiting.items[kept++] = p;
				vector_push(&polls,
					    ((struct pollfd){.fd = p->fd, .events = POLLIN}));
			} else if (said < 0) {
				log_error("spaces", "process.stranger",
					  LOG_S("path", p->resident->key->path),
					  LOG_U("pid", p->pid));
				process_kill(p);
				process_release(p);
			}
		}
		waiting.count = kept;
		if (kept == 0 || left <= 0 ||
		    poll(polls.items, (nfds_t)polls.count, (int)left) <= 0)
			break;
	}
	vector_done(&waiting);
	vector_done(&polls);
}

/* ---- a connection that broke while the process lives ---- */

static void on_reconnect(void *user)
{
	struct zrun_process *p = user;
	char name[FILE_NAME_SIZE];
	int fd;

	if (p->fd >= 0)
		return;
	socket_name(p->resident, name);
	if (launch_connect(p->zhost->state_dir.run_fd, name, &fd, NULL) == 0)
		process_connect(p, fd);
	else
		process_reconnect_soon(p);
}

void process_reconnect_soon(struct zrun_process *p)
{
	if (p->kill_wanted)
		return;
	if (p->reconnect == NULL)
		p->reconnect = loop_timer_new(&p->zhost->loop, on_reconnect, p);
	loop_timer_at(p->reconnect, loop_now(&p->zhost->loop).mono_ms + PROCESS_RECONNECT_MS);
}

static void send_stop(struct zrun_process *p)
{
	int64_t left = p->stop_by_ms - loop_now(&p->zhost->loop).mono_ms;
	struct zrun_stop stop = {.grace_ms = (uint32_t)(left > 0 ? left : 0)};
	void *body = process_frame(p, ZRUN_STOP, 0, sizeof(stop));

	if (body != NULL)
		memcpy(body, &stop, sizeof(stop));
}

static void send_renew(struct zrun_process *p)
{
	struct zrun_renew renew;
	uint64_t stop_at, end_at;
	void *body = process_frame(p, ZRUN_RENEW, 0, sizeof(renew));

	if (body == NULL)
		return;
	lease_times(p->resident, &stop_at, &end_at);
	renew = (struct zrun_renew){.stop_at_ms = stop_at, .end_at_ms = end_at};
	memcpy(body, &renew, sizeof(renew));
}

void process_resend(struct zrun_process *p)
{
	if (p->resident->spec->exclusive && p->resident->deadline_ms != NEVER_MS)
		send_renew(p);
	if (p->stop_asked)
		send_stop(p);
}

/* ---- orders ---- */

void process_stop(struct zrun_process *p, int64_t grace_ms)
{
	p->stop_asked = true;
	p->stop_by_ms = loop_now(&p->zhost->loop).mono_ms + grace_ms;
	if (p->is_greeted)
		send_stop(p);
}

void process_renew(struct zrun_process *p)
{
	if (p->is_greeted && p->resident->deadline_ms != NEVER_MS)
		send_renew(p);
}

void process_update(struct zrun_process *p, const import_vector *imports)
{
	struct zrun_update head = {.count = (uint32_t)imports->count};
	size_t size = sizeof(head);
	char *to;

	vector_for_each (imports, v)
		size += sizeof(struct zrun_import) + strlen(v->name) + strlen(v->value);
	to = size <= ZRUN_BODY_MAX ? process_frame(p, ZRUN_UPDATE, 0, size) : NULL;
	if (to == NULL) {
		resident_say(p->resident, "error", "update: the imports are too large");
		resident_updated(p->resident, -EMSGSIZE, "", 0);
		return;
	}
	to = mempcpy(to, &head, sizeof(head));
	vector_for_each (imports, v) {
		struct zrun_import import = {.name_size = (uint16_t)strlen(v->name),
					     .value_size = (uint32_t)strlen(v->value)};

		to = mempcpy(to, &import, sizeof(import));
		to = mempcpy(to, v->name, import.name_size);
		to = mempcpy(to, v->value, import.value_size);
	}
}

void process_cancel(struct zrun_process *p)
{
	(void)!process_frame(p, ZRUN_CANCEL, 0, 0);
}

void process_kill(struct zrun_process *p)
{
	p->kill_wanted = true;
	if (p->watch != NULL)
		(void)!pid_watch_kill(p->watch, SIGKILL, NULL);
}
