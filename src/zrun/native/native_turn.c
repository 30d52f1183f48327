#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zrun/native/native.h"
#include "zrun/native/process_tree.h"

#define ENCLOSE_MS  10000
#define KILL_MS	    10000 /* how long the kernel may take to end what was killed */
#define TURN_MAX_MS 60000
#define SHELL	    "/bin/sh"

void native_text(char *text, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, size, format, args);
	va_end(args);
}

/* ---- the keeper ---- */

__attribute__((noreturn)) static void keep(struct native *n, int socket)
{
	struct strings groups = {0};
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "keeper:%s", n->instance->path);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	(void)!signal(SIGALRM, SIG_IGN);
	/* Nothing of the supervisor's stays open but standard error. */
	fd = dup2(socket, 3) == 3 ? 3 : -1;
	(void)syscall(SYS_close_range, 4u, ~0u, 0u);
	if (fd < 0)
		_exit(1);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (unsigned k = 0; k < n->group.procs_count; k++)
		strings_add_text(&groups, n->group.procs[k], strlen(n->group.procs[k]));
	keeper_run(&n->enclosure, fd, groups.data, groups.size);
}

static void take_keeper_end(struct native *n)
{
	int status = 0;

	close(n->socket);
	n->socket = -1;
	while (waitpid(n->keeper, &status, 0) < 0 && errno == EINTR)
		continue;
	n->keeper = 0;
	n->is_empty = true;
	if (n->keeper_error[0] == '\0')
		(void)snprintf(n->keeper_error, sizeof(n->keeper_error),
			       "its processes were ended from outside");
	n->has_failed = true;
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
		n->is_empty = false;
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
		return; /* it runs as the recipes do: nothing that it says ends us */
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

bool native_enclose(struct native *n, char *text, size_t size)
{
	uint64_t until = mono_ms() + ENCLOSE_MS;
	int sockets[2];

	cgroup_make(&n->group, native_setting(n, "group"),
		    (uint32_t)native_number(n, "cpu_millicores"),
		    native_number(n, "memory_bytes"));
	if (n->group.missing[0] != '\0')
		connection_note(n->instance, ZRUN_LEVEL_WARN, "resources: %s",
				n->group.missing);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		native_text(text, size, "no socket for its keeper: %s", strerror(errno));
		return false;
	}
	n->keeper = enclose_fork(&n->enclosure);
	if (n->keeper == 0)
		keep(n, sockets[1]);
	close(sockets[1]);
	if (n->keeper < 0) {
		native_text(text, size, "cannot fork its keeper: %s", strerror(errno));
		close(sockets[0]);
		n->keeper = 0;
		return false;
	}
	n->socket = sockets[0];
	n->is_empty = true;
	while (!n->is_ready && !n->has_failed && mono_ms() < until)
		native_turn(n, until);
	if (!n->is_ready)
		native_text(text, size, "%s",
			    n->has_failed ? n->keeper_error : "its keeper does not start");
	return n->is_ready;
}

/* ---- programs ---- */

/* The path of a directory of the instance as its programs see it. Without a root directory of their
 * own an unprivileged user may not be let through the directories above: then it is told from
 * data/, where they begin. */
static const char *inside(const struct native *n, const char *folder, const char *name)
{
	static char path[4200];

	if (n->enclosure.has_root)
		native_text(path, sizeof(path), "%s", folder);
	else if (n->is_root)
		native_text(path, sizeof(path), "../%s", name);
	else
		native_text(path, sizeof(path), "%s/%s", n->folder, name);
	return path;
}

static void fill_environment(const struct native *n, struct strings *e, const char *recipe)
{
	const struct runner *i = n->instance;
	const char *at = i->environment;

	strings_add(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strings_add(e, "HOME", inside(n, ENCLOSE_DATA, "data"));
	strings_add(e, "TMPDIR", inside(n, ENCLOSE_TMP, "tmp"));
	strings_add(e, "LANG", "C.UTF-8");
	strings_add(e, "SAMOZA_RECIPE", recipe);
	strings_add(e, "SAMOZA_DIR", inside(n, ENCLOSE_DATA, "data"));
	strings_add(e, "SAMOZA_PACKAGE", inside(n, ENCLOSE_PACKAGE, "package"));
	for (uint32_t k = 0; k < i->request->environment_count; k++) {
		strings_add_text(e, at, strlen(at));
		at += strlen(at) + 1;
	}
	environment_imports(e, "SAMOZA", i->imports.data, i->imports.size);
	if (strcmp(recipe, "update") == 0) {
		environment_imports(e, "SAMOZA_OLD", n->known.data, n->known.size);
		environment_changes(e, n->known.data, n->known.size, i->imports.data,
				    i->imports.size);
	}
}

/* The program in a file without a name. */
static int write_program(const char *path, const struct strings *arguments,
			 const struct strings *environment)
{
	struct keeper_program head = {
		.path_size = (uint32_t)strlen(path) + 1,
		.arguments_size = (uint32_t)arguments->size,
		.arguments_count = arguments->count,
		.environment_size = (uint32_t)environment->size,
		.environment_count = environment->count,
	};
	int fd = (int)syscall(SYS_memfd_create, "program", 1u /* CLOEXEC */);

	if (fd < 0)
		return -1;
	if (write(fd, &head, sizeof(head)) != sizeof(head) ||
	    write(fd, path, head.path_size) != (ssize_t)head.path_size ||
	    write(fd, arguments->data, arguments->size) != (ssize_t)arguments->size ||
	    write(fd, environment->data, environment->size) != (ssize_t)environment->size) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool send_run(const struct native *n, enum job job, int program, int output)
{
	struct keeper_order order = {.type = KEEPER_RUN, .id = (uint32_t)job};
	int fds[2] = {program, output};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {.bytes = {0}};
	struct iovec vector = {&order, sizeof(order)};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	return n->socket >= 0 && sendmsg(n->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

static bool run(struct native *n, enum job job, const char *path,
		const struct strings *arguments, const char *recipe)
{
	struct job_state *state = &n->jobs[job];
	struct strings environment = {0};
	int program, output = -1;
	bool is_sent = false;

	output_close(n->instance, &state->output, &n->budget);
	fill_environment(n, &environment, recipe);
	program = write_program(path, arguments, &environment);
	strings_done(&environment);
	if (program >= 0 && output_open(&state->output, &output) == 0)
		is_sent = send_run(n, job, program, output);
	state->is_running = is_sent;
	state->is_refused = !is_sent;
	state->status = 0;
	if (!is_sent)
		native_text(state->refusal, sizeof(state->refusal), "cannot run it: %s",
			    n->socket < 0 ? n->keeper_error : strerror(errno));
	if (output >= 0)
		close(output);
	if (program >= 0)
		close(program);
	return is_sent;
}

bool native_has_recipe(const struct native *n, const char *name)
{
	const char *at = native_setting(n, "recipes"); /* with a blank between */

	while (at[0] != '\0') {
		size_t size = strcspn(at, " ");

		if (size == strlen(name) && memcmp(at, name, size) == 0)
			return true;
		at += size + (at[size] == ' ');
	}
	return false;
}

bool native_start_recipe(struct native *n, enum job job, const char *name)
{
	struct strings arguments = {0};
	char path[4300], title[32];
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/recipes/%s",
		       inside(n, ENCLOSE_PACKAGE, "package"), name);
	(void)snprintf(title, sizeof(title), "%s", name);
	strings_add_text(&arguments, path, strlen(path));
	ok = run(n, job, path, &arguments, title);
	strings_done(&arguments);
	return ok;
}

bool native_start_command(struct native *n, enum job job, const char *command)
{
	struct strings arguments = {0};
	bool ok;

	strings_add_text(&arguments, SHELL, strlen(SHELL));
	strings_add_text(&arguments, "-c", 2);
	strings_add_text(&arguments, command, strlen(command));
	ok = run(n, job, SHELL, &arguments, "probe");
	strings_done(&arguments);
	return ok;
}

void native_job_error(const struct native *n, enum job job, char *text, size_t size)
{
	const struct job_state *state = &n->jobs[job];
	char last[NATIVE_TEXT];

	text[0] = '\0';
	output_last(&state->output, last, sizeof(last));
	if (state->is_refused)
		native_text(text, size, "%s", state->refusal);
	else if (WIFSIGNALED(state->status))
		native_text(text, size, "killed by signal %d%s", WTERMSIG(state->status), last);
	else if (WEXITSTATUS(state->status) != 0)
		native_text(text, size, "exit status %d%s", WEXITSTATUS(state->status), last);
}

void native_signal(struct native *n, uint32_t id, int number, bool only_first)
{
	struct keeper_order order = {
		.type = KEEPER_SIGNAL, .id = id, .signal = number, .only_first = only_first};

	if (n->socket >= 0)
		(void)!send(n->socket, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- the end ---- */

static void reap_keeper(struct native *n)
{
	uint64_t until = mono_ms() + KILL_MS;
	pid_t pid = n->keeper;

	/* The end of its socket ends it; where it is number 1, its death ends all. */
	close(n->socket);
	n->socket = -1;
	n->keeper = 0;
	if ((n->enclosure.namespaces & ENCLOSE_NAMESPACE_PIDS) != 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0 && mono_ms() < until)
		(void)poll(NULL, 0, 2);
}

void native_end_all(struct native *n)
{
	uint64_t until = mono_ms() + KILL_MS;

	native_probe_stop(n, &n->ready);
	native_probe_stop(n, &n->health);
	if (n->keeper > 0 && !n->is_empty)
		native_signal(n, KEEPER_ALL, SIGKILL, false);
	while (n->keeper > 0 && !n->is_empty && mono_ms() < until)
		native_turn(n, until);
	if (n->keeper > 0)
		reap_keeper(n);
	if (n->group.kill_fd >= 0 && !n->is_empty)
		(void)!write(n->group.kill_fd, "1", 1);
	/* Where the keeper is no more and was no number 1, what it had is ours. */
	if ((n->enclosure.namespaces & ENCLOSE_NAMESPACE_PIDS) == 0)
		while (process_tree_signal(getpid(), SIGKILL, false) > 0 && mono_ms() < until) {
			while (waitpid(-1, NULL, WNOHANG) > 0)
				continue;
			(void)poll(NULL, 0, 5);
		}
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		output_close(n->instance, &n->jobs[job].output, &n->budget);
	output_tell(n->instance, &n->budget, true);
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
	struct pollfd polls[3 + JOB_COUNT];
	struct probe *probe = asking(n);

	polls[0] = (struct pollfd){.fd = l->fd >= 0 ? l->fd : l->listener, .events = POLLIN};
	if (l->fd >= 0 && l->out_sent < l->out_size)
		polls[0].events |= POLLOUT;
	polls[1] = (struct pollfd){.fd = n->socket, .events = POLLIN};
	polls[2] = (struct pollfd){.fd = probe != NULL ? probe->fd : -1};
	if (probe != NULL)
		polls[2].events = probe_events(probe);
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		polls[2 + job] =
			(struct pollfd){.fd = n->jobs[job].output.fd, .events = POLLIN};
	(void)poll(polls, 3 + JOB_COUNT - 1, wait_ms(n, until_ms));
	if ((polls[0].revents & POLLOUT) != 0)
		connection_flush(i);
	connection_poll(i); /* looks at the clocks, too */
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		if (polls[2 + job].revents != 0)
			output_read(i, &n->jobs[job].output, &n->budget);
	if (polls[1].revents != 0)
		take_events(n);
	termination_overdue(i);
}
