#include "zrun/native/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zrun/native/connects.h"
#include "zrun/native/guard.h"
#include "zrun/native/port_owner.h"
#include "zrun/native/process_tree.h"
#include "zrun/native/secret_files.h"
#include "zrun/runner/priority.h"

#define PROGRAM_MAX (8 * 1024 * 1024)

struct keeper {
	int socket;
	int children;  /* signalfd */
	int secrets;   /* directory of files in memory; -1: none */
	bool is_first; /* number 1 of a namespace */
	bool is_empty;
	pid_t jobs[KEEPER_JOBS + 1]; /* by id; 0: none */
	bool guarded[KEEPER_JOBS + 1];
};

/* ---- events ---- */

static void tell(const struct keeper *k, const struct keeper_event *event)
{
	/* Blocks while the supervisor is behind; without one all ends. */
	if (send(k->socket, event, sizeof(*event), MSG_NOSIGNAL) < 0)
		_exit(1);
}

__attribute__((format(printf, 4, 5))) static void tell_text(const struct keeper *k,
							    enum keeper_event_type type,
							    uint32_t id, const char *format,
							    ...)
{
	struct keeper_event event = {.type = (uint32_t)type, .id = id};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(event.text, sizeof(event.text), format, args);
	va_end(args);
	tell(k, &event);
}

static void note(void *data, const char *text)
{
	tell_text(data, KEEPER_NOTE, 0, "%s", text);
}

/* ---- running ---- */

/* The interpreter that a script names, "" when it is none. */
static void interpreter_of(const char *path, char *name, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[256];
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
	const char *at;

	name[0] = '\0';
	if (fd >= 0)
		close(fd);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return;
	line[n] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	(void)snprintf(name, size, "%.*s", (int)strcspn(at, " \t\r\n"), at);
}

__attribute__((format(printf, 4, 5))) static void
refuse_text(const struct keeper *k, uint32_t id, int error, const char *format, ...)
{
	struct keeper_event event = {.type = KEEPER_REFUSED, .id = id, .status = error};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(event.text, sizeof(event.text), format, args);
	va_end(args);
	tell(k, &event);
}

static void refuse(const struct keeper *k, uint32_t id, const char *path, int error)
{
	const char *slash = strstr(path, "/recipes/");
	const char *shown = slash != NULL ? slash + 1 : path;
	char interpreter[160];

	interpreter_of(path, interpreter, sizeof(interpreter));
	if (strchr(path, '/') == NULL && error == ENOENT)
		refuse_text(k, id, error, "cannot run %s: there is no such program in its PATH",
			    shown);
	else if (error == ENOENT && interpreter[0] != '\0')
		refuse_text(k, id, error, "cannot run %s: its interpreter '%s' does not exist",
			    shown, interpreter);
	else if (error == ENOEXEC)
		refuse_text(
			k, id, error,
			"cannot run %s: neither a program for this machine nor a script that "
			"begins with #!",
			shown);
	else if (error == EACCES && interpreter[0] == '\0')
		refuse_text(k, id, error, "cannot run %s: it is not executable", shown);
	else
		refuse_text(k, id, error, "cannot run %s: %s", shown, strerror(error));
}

/* Of a program that is to run. */
struct program {
	const char *path;
	char *const *arguments, *const *environment;
	int output, errors, input; /* input: -1: empty */
	bool is_terminal, is_searched;
	int failed; /* takes errno where it cannot be run */
	int socket; /* the keeper's */
};

/* Standard input, output and errors; everything else is closed by exec. */
static bool connect_program(const struct program *p)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int input = p->input >= 0 ? p->input : null;

	if ((input >= 0 && dup2(input, STDIN_FILENO) < 0) ||
	    dup2(p->output, STDOUT_FILENO) < 0 || dup2(p->errors, STDERR_FILENO) < 0)
		return false;
	return !p->is_terminal || ioctl(STDIN_FILENO, TIOCSCTTY, 0) == 0;
}

/* The files of this process that the kernel keeps belong to root while nobody may look into it, as into the
 * keeper. Without the keeper's socket it has nothing that its program will not have. */
static void take_share_of_session(int socket)
{
	close(socket);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	priority_set_session();
}

__attribute__((noreturn)) static void job(const struct program *p)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t none;
	int error;

	for (int s = 1; s < NSIG; s++)
		(void)sigaction(s, &by_default, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	take_share_of_session(p->socket);
	(void)umask(022);
	if (connect_program(p)) {
		environ = (char **)(uintptr_t)p->environment;
		if (p->is_searched)
			(void)execvp(p->path, p->arguments);
		else
			(void)execve(p->path, p->arguments, p->environment);
	}
	error = errno;
	(void)!write(p->failed, &error, sizeof(error));
	_exit(127);
}

static pid_t fork_program(void *user)
{
	const struct program *p = user;
	pid_t pid = fork();

	if (pid == 0)
		job(p);
	return pid;
}

static pid_t fork_guarded(struct program *p)
{
	pid_t pid = guard_fork();

	if (pid == 0)
		guard_run(fork_program, p);
	return pid;
}

/* `count` strings that lie one after the other, as an array that ends with NULL. */
static char **array_of(char *at, uint32_t count)
{
	char **array = calloc((size_t)count + 1, sizeof(*array));

	for (uint32_t n = 0; array != NULL && n < count; n++) {
		array[n] = at;
		at += strlen(at) + 1;
	}
	return array;
}

static pid_t wait_for(pid_t pid, bool is_guarded, int *ret_status, int flags)
{
	return is_guarded ? guard_wait(pid, ret_status, flags)
			  : waitpid(pid, ret_status, flags);
}

static void start(struct keeper *k, const struct keeper_order *order, char *program,
		  const int *files)
{
	const struct keeper_program *head = (const struct keeper_program *)program;
	uint32_t id = order->id;
	bool is_guarded = order->is_guarded != 0;
	char *path = program + sizeof(*head);
	char **arguments = array_of(path + head->path_size, head->arguments_count);
	char **environment = array_of(path + head->path_size + head->arguments_size,
				      head->environment_count);
	struct program p = {.path = path,
			    .arguments = arguments,
			    .environment = environment,
			    .output = files[0],
			    .errors = files[1],
			    .input = files[2],
			    .is_terminal = order->is_terminal != 0,
			    .is_searched = order->is_searched != 0};
	int failed[2], error = 0;
	pid_t pid;

	if (arguments == NULL || environment == NULL || pipe2(failed, O_CLOEXEC) < 0) {
		refuse(k, id, path, errno);
		free(arguments);
		free(environment);
		return;
	}
	p.failed = failed[1];
	p.socket = k->socket;
	connects_fork_begin();
	pid = is_guarded ? fork_guarded(&p) : fork_program(&p);
	connects_fork_end();
	if (pid < 0)
		error = errno;
	close(failed[1]);
	/* Nothing comes when exec succeeds. */
	if (pid > 0 && read(failed[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(failed[0]);
	free(arguments);
	free(environment);
	if (pid > 0 && error != 0)
		while (wait_for(pid, is_guarded, NULL, 0) < 0 && errno == EINTR)
			continue;
	if (error != 0) {
		refuse(k, id, path, error);
		return;
	}
	k->jobs[id] = pid;
	k->guarded[id] = is_guarded;
	k->is_empty &= is_guarded;
	tell(k, &(struct keeper_event){.type = KEEPER_STARTED, .id = id});
}

static void take_run(struct keeper *k, const struct keeper_order *order, int file,
		     const int *files)
{
	uint32_t id = order->id;
	off_t size = lseek(file, 0, SEEK_END);
	char *program;

	if (size < (off_t)sizeof(struct keeper_program) || size > PROGRAM_MAX)
		_exit(1);
	/* Private: arguments and environment are not const for execve. */
	program = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (program == MAP_FAILED) {
		refuse_text(k, id, errno, "not enough memory to run it: %s", strerror(errno));
		return;
	}
	start(k, order, program, files);
	(void)munmap(program, (size_t)size);
}

/* ---- signals ---- */

static void signal_all(const struct keeper *k, int number)
{
	if (k->is_first)
		(void)kill(-1, number); /* at one stroke: no fork slips through */
	else
		(void)process_tree_signal(getpid(), number, false);
}

static void take_signal(struct keeper *k, const struct keeper_order *order)
{
	pid_t pid = k->jobs[order->id];

	if (order->id == KEEPER_ALL) {
		signal_all(k, order->signal);
	} else if (pid > 0 && k->guarded[order->id] && order->only_first != 0) {
		guard_pass(pid, order->signal);
	} else if (pid > 0 && k->guarded[order->id]) {
		(void)kill(pid, SIGTERM);
	} else if (pid > 0 && order->only_first != 0) {
		(void)kill(pid, order->signal);
	} else if (pid > 0) {
		(void)process_tree_signal(pid, order->signal, true);
		(void)kill(-pid, order->signal);
	}
}

/* ---- ports ---- */

/* A probe's command and one of `spaces exec` are no part of the service. */
static void take_find_port(const struct keeper *k, const struct keeper_order *order)
{
	pid_t guards[KEEPER_JOBS];
	size_t count = 0;

	for (unsigned id = 1; id <= KEEPER_JOBS; id++)
		if (k->jobs[id] > 0 && k->guarded[id])
			guards[count++] = k->jobs[id];
	tell(k, &(struct keeper_event){.type = KEEPER_PORT,
				       .id = order->id,
				       .status = (int32_t)port_owner((uint16_t)order->port,
								     getpid(), guards, count,
								     order->is_own_user != 0)});
}

/* ---- secrets ---- */

static void take_secrets(const struct keeper *k, const struct keeper_order *order, char *more,
			 size_t size)
{
	int r;

	if (k->secrets < 0)
		r = ENOTSUP;
	else if (order->type == KEEPER_SECRET)
		r = secret_file_write(k->secrets, more, size);
	else
		r = secret_files_settle(k->secrets, more, size);
	explicit_bzero(more, size);
	tell(k, &(struct keeper_event){.type = KEEPER_SECRET_WRITTEN,
				       .done = (uint32_t)order->signal,
				       .status = r});
}

/* ---- the loop ---- */

static bool take_order(struct keeper *k)
{
	static char more[KEEPER_MORE];
	struct keeper_order order;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(KEEPER_FDS * sizeof(int))];
	} control;
	struct iovec parts[] = {{&order, sizeof(order)}, {more, sizeof(more)}};
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = 2,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(k->socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int fds[KEEPER_FDS] = {-1, -1, -1, -1};

	if (n < 0 && errno == EINTR)
		return true;
	if (n < (ssize_t)sizeof(order) || order.id > KEEPER_JOBS ||
	    (message.msg_flags & MSG_TRUNC) != 0)
		return false;
	if (c != NULL && c->cmsg_type == SCM_RIGHTS && c->cmsg_len <= CMSG_LEN(sizeof(fds)))
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (order.type == KEEPER_RUN && order.id != KEEPER_ALL && fds[2] >= 0)
		take_run(k, &order, fds[0], fds + 1);
	else if (order.type == KEEPER_SIGNAL)
		take_signal(k, &order);
	else if (order.type == KEEPER_FIND_PORT)
		take_find_port(k, &order);
	else if (order.type == KEEPER_SECRET || order.type == KEEPER_SECRETS)
		take_secrets(k, &order, more, (size_t)n - sizeof(order));
	for (unsigned f = 0; f < KEEPER_FDS; f++)
		if (fds[f] >= 0)
			close(fds[f]);
	return true;
}

static uint32_t job_of(const struct keeper *k, pid_t pid)
{
	for (uint32_t id = 1; id <= KEEPER_JOBS; id++)
		if (k->jobs[id] == pid)
			return id;
	return 0;
}

static void reap(struct keeper *k)
{
	struct signalfd_siginfo info[16];
	struct keeper_event ends[KEEPER_JOBS];
	unsigned count = 0;
	int status;
	pid_t pid;

	while (read(k->children, info, sizeof(info)) > 0)
		continue;
	for (uint32_t id = 1; id <= KEEPER_JOBS; id++)
		if (k->jobs[id] > 0 && k->guarded[id] &&
		    guard_wait(k->jobs[id], &status, WNOHANG) == k->jobs[id]) {
			k->jobs[id] = 0;
			ends[count++] = (struct keeper_event){
				.type = KEEPER_ENDED, .id = id, .status = status};
		}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		uint32_t id = job_of(k, pid);

		if (id == 0)
			continue; /* a process that a job left */
		k->jobs[id] = 0;
		ends[count++] =
			(struct keeper_event){.type = KEEPER_ENDED, .id = id, .status = status};
	}
	/* Now all that has ended is reaped: what a job left is ours, and lives. */
	for (unsigned n = 0; n < count; n++) {
		ends[n].left = pid == 0;
		tell(k, &ends[n]);
	}
	if (pid < 0 && !k->is_empty) { /* ECHILD */
		k->is_empty = true;
		tell(k, &(struct keeper_event){.type = KEEPER_EMPTY});
	}
}

/* The supervisor is gone. In a namespace of its own the keeper takes all with it; elsewhere it
 * stays until nothing is left, which is how zhost knows that the instance has ended. */
__attribute__((noreturn)) static void end(struct keeper *k)
{
	while (!k->is_first) {
		signal_all(k, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			continue;
		if (waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD)
			break;
		(void)poll(NULL, 0, 10);
	}
	_exit(0);
}

static void join_groups(const struct keeper *k, const char *groups, size_t size)
{
	for (const char *path = groups; path < groups + size; path += strlen(path) + 1) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) < 0)
			tell_text(k, KEEPER_NOTE, 0, "cannot join %s: %s", path,
				  strerror(errno));
		if (fd >= 0)
			close(fd);
	}
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, GUARD_EXIT_SIGNAL);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From here on this thread, and all that it forks, connect by the others. */
static void close_addresses(const struct keeper *k, const char *closed)
{
	if (closed[0] != '\0' && !connects_begin(closed))
		tell_text(k, KEEPER_NOTE, 0, "no closed ports of zrms: %s", strerror(errno));
}

void keeper_run(struct enclosure *enclosure, int socket, const char *groups, size_t groups_size,
		const char *closed)
{
	struct keeper k = {.socket = socket, .is_empty = true, .secrets = -1};
	struct keeper_event ready = {.type = KEEPER_READY};
	struct pollfd polls[2];

	k.is_first = (enclosure->namespaces & ENCLOSE_NAMESPACE_PIDS) != 0;
	k.children = watch_children();
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	enclosure->confine.note = note;
	enclosure->confine.data = &k;
	join_groups(&k, groups, groups_size);
	if (k.children < 0 || enclose_enter(enclosure) < 0) {
		tell_text(&k, KEEPER_FAILED, 0, "cannot set up its sandbox: %s",
			  strerror(errno));
		_exit(1);
	}
	k.secrets = enclosure->secrets_fd;
	close_addresses(&k, closed);
	/* After the last change of user, which would forget it. Without a namespace it must
	 * outlive its supervisor, to end what would have no owner. */
	if (k.is_first)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	ready.done = enclosure->confine.done;
	ready.left = enclosure->has_root;
	tell(&k, &ready);
	polls[0] = (struct pollfd){.fd = socket, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = k.children, .events = POLLIN};
	for (;;) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			end(&k);
		if (polls[1].revents != 0)
			reap(&k);
		if (polls[0].revents != 0 && !take_order(&k))
			end(&k);
	}
}
