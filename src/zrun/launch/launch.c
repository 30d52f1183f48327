#include "zrun/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "zrun/launch/launch_request.h"
#include "zrun/launch/spawn.h"

#define ZYGOTE_READY_MS	  5000
#define ZYGOTE_RESTART_MS 5000 /* if it dies sooner, it is not replaced before */
#define CHILD_SOCKET	  3
#define DEFAULT_UID	  65534

/* A request from launcher_launch() to its callback. */
struct flight {
	uint32_t sequence;
	struct launch_packet packet;
	bool sent;
	launch_done_fn *done;
	void *data;
};

struct launcher {
	struct launcher_options options;
	char *zrun_path;
	void *filter;
	int fd;
	pid_t zygote;
	uint64_t zygote_since_ms;
	uint32_t last_sequence;
	VECTOR(struct flight) flights; /* oldest first; unsent ones at the end */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int pidfd_open_cloexec(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0); /* close on exec by itself */
}

struct launcher *launcher_new(const struct launcher_options *options)
{
	struct launcher *l = mem_new(struct launcher);

	l->options = *options;
	l->zrun_path = mem_strdup(options->zrun_path);
	if (options->seccomp_program != NULL)
		l->filter = mem_memdup(options->seccomp_program, options->seccomp_size);
	else
		l->options.seccomp_size = 0;
	if (l->options.unprivileged_uid == 0)
		l->options.unprivileged_uid = DEFAULT_UID;
	l->fd = -1;
	return l;
}

static void reap_zygote(struct launcher *l)
{
	if (l->zygote <= 0)
		return;
	(void)kill(l->zygote, SIGKILL);
	while (waitpid(l->zygote, NULL, 0) < 0 && errno == EINTR)
		continue;
	l->zygote = 0;
}

void launcher_free(struct launcher *l)
{
	if (l == NULL)
		return;
	closep(&l->fd);
	reap_zygote(l);
	vector_for_each (&l->flights, flight)
		launch_packet_done(&flight->packet);
	vector_done(&l->flights);
	free(l->zrun_path);
	free(l->filter);
	free(l);
}

/* Between fork and exec: async-signal-safe calls only. */
__attribute__((noreturn)) static void child(const char *path, char *const *argv, int socket)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	char *environment[] = {NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	for (int s = 1; s < NSIG; s++)
		(void)sigaction(s, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(126);
	if (socket == CHILD_SOCKET ? fcntl(socket, F_SETFD, 0) < 0
				   : dup2(socket, CHILD_SOCKET) < 0)
		_exit(126);
	(void)syscall(SYS_close_range, (unsigned)CHILD_SOCKET + 1, ~0u, 0u);
	(void)chdir("/");
	execve(path, argv, environment);
	_exit(127);
}

/* fork and exec with one end of a socket pair as descriptor 3. */
static pid_t exec_zrun(const struct launcher *l, char *const *argv, int *ret_socket,
		       struct error **err)
{
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_errno(err, "cannot make a socket pair");
	pid = fork();
	if (pid == 0)
		child(l->zrun_path, argv, sockets[1]);
	close(sockets[1]);
	if (pid < 0) {
		int r = error_errno(err, "cannot fork");

		close(sockets[0]);
		return r;
	}
	*ret_socket = sockets[0];
	return pid;
}

/* Room for what the instances call themselves in ps. */
static char padding[] = "                                                            "
			"                                                            ";

static void fd_changed(struct launcher *l)
{
	if (l->options.on_fd_changed != NULL)
		l->options.on_fd_changed(l->options.data);
}

int launcher_start(struct launcher *l, struct error **err)
{
	char program[] = "zhost-zygote", mode[] = "--zygote", uid[16], socket_text[4];
	char yes[] = "yes", no[] = "no";
	char *argv[] = {
		program, mode, socket_text, uid, l->options.without_namespaces ? no : yes,
		padding, NULL};
	struct spawn_answer ready = {0};
	struct pollfd p = {.events = POLLIN};

	PRE(l->fd < 0);
	if (l->options.without_zygote)
		return 0;
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)l->options.unprivileged_uid);
	(void)snprintf(socket_text, sizeof(socket_text), "%d", CHILD_SOCKET);
	l->zygote = exec_zrun(l, argv, &p.fd, err);
	if (l->zygote < 0) {
		int r = l->zygote;

		l->zygote = 0;
		return r;
	}
	l->zygote_since_ms = now_ms();
	if (poll(&p, 1, ZYGOTE_READY_MS) <= 0 ||
	    recv(p.fd, &ready, sizeof(ready), 0) != sizeof(ready) || ready.sequence != 0) {
		close(p.fd);
		reap_zygote(l);
		return error_set(err, ERR_UNAVAILABLE, "the zygote %s did not start",
				 l->zrun_path);
	}
	(void)fcntl(p.fd, F_SETFL, O_NONBLOCK);
	l->fd = p.fd;
	fd_changed(l);
	return 0;
}

int launcher_fd(const struct launcher *l)
{
	return l->fd;
}

pid_t launcher_zygote_pid(const struct launcher *l)
{
	return l->zygote;
}

bool launcher_wants_write(const struct launcher *l)
{
	return l->flights.count > 0 && !vector_last(&l->flights)->sent;
}

/* Takes the flight out of the list, then calls back: the callee may launch again. */
static void landed(struct launcher *l, size_t index, pid_t pid, struct error *error)
{
	struct flight flight = l->flights.items[index];
	struct error *none = NULL;
	int pidfd = -1;

	vector_remove_at(&l->flights, index);
	launch_packet_done(&flight.packet);
	if (pid > 0) {
		pidfd = pidfd_open_cloexec(pid);
		if (pidfd < 0) {
			(void)error_errno(&none, "cannot watch process %d", (int)pid);
			error = none;
			(void)kill(pid,
				   SIGKILL); /* our child, not reaped: the number is its own */
			(void)waitpid(pid, NULL, 0);
			pid = -1;
		}
	}
	flight.done(flight.data, pid > 0 ? pid : -1, pidfd, pid > 0 ? NULL : error);
	error_free(none);
}

/* The fallback. */
static void launch_by_exec(struct launcher *l, size_t index)
{
	char program[] = "zrun", mode[] = "--instance", socket_text[4];
	char *argv[] = {program, mode, socket_text, padding, NULL};
	struct launch_packet *packet = &l->flights.items[index].packet;
	CLEANUP(error_freep) struct error *error = NULL;
	CLEANUP(closep) int socket = -1;
	pid_t pid;

	(void)snprintf(socket_text, sizeof(socket_text), "%d", CHILD_SOCKET);
	pid = exec_zrun(l, argv, &socket, &error);
	/* One packet into an empty socket: does not block. */
	if (pid > 0 && launch_packet_send(packet, socket) < 0) {
		(void)error_errno(&error, "cannot hand the request to zrun");
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	landed(l, index, pid, error);
}

/* What was sent may or may not have been forked: reported as failed, never done twice. */
static void zygote_died(struct launcher *l)
{
	CLEANUP(error_freep) struct error *error = NULL;
	bool early = now_ms() - l->zygote_since_ms < ZYGOTE_RESTART_MS;

	close(l->fd);
	l->fd = -1;
	reap_zygote(l);
	if (early || launcher_start(l, NULL) < 0)
		fd_changed(l);
	(void)error_set(&error, ERR_UNAVAILABLE, "the zygote died");
	for (size_t n = l->flights.count; n > 0; n--)
		if (n <= l->flights.count && l->flights.items[0].sent)
			landed(l, 0, -1, error);
}

static void send_waiting(struct launcher *l)
{
	for (size_t n = 0; n < l->flights.count;) {
		struct flight *flight = &l->flights.items[n];

		if (flight->sent) {
			n++;
			continue;
		}
		if (l->fd < 0) {
			launch_by_exec(l, n);
			continue;
		}
		if (launch_packet_send(&flight->packet, l->fd) < 0) {
			if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
				return;
			if (errno == EPIPE || errno == ECONNRESET) {
				zygote_died(l);
				continue;
			}
			CLEANUP(error_freep) struct error *error = NULL;
			(void)error_errno(&error, "cannot hand the request to the zygote");
			landed(l, n, -1, error);
			continue;
		}
		flight->sent = true;
		launch_packet_done(&flight->packet);
		n++;
	}
}

static void take_answer(struct launcher *l, const struct spawn_answer *answer)
{
	for (size_t n = 0; n < l->flights.count; n++) {
		CLEANUP(error_freep) struct error *error = NULL;

		if (l->flights.items[n].sequence != answer->sequence)
			continue;
		if (answer->pid <= 0) {
			errno = -answer->pid;
			(void)error_errno(&error, "the zygote cannot fork");
		}
		landed(l, n, answer->pid, error);
		return;
	}
}

void launcher_process(struct launcher *l)
{
	while (l->fd >= 0) {
		struct spawn_answer answer;
		ssize_t n = recv(l->fd, &answer, sizeof(answer), MSG_DONTWAIT);

		if (n == sizeof(answer)) {
			take_answer(l, &answer);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			break;
		} else {
			zygote_died(l);
			break;
		}
	}
	send_waiting(l);
}

int launcher_launch(struct launcher *l, const struct launch_request *request,
		    launch_done_fn *done, void *data, struct error **err)
{
	struct flight flight = {.done = done, .data = data};
	int r;

	flight.sequence = l->last_sequence == UINT32_MAX ? 1 : l->last_sequence + 1;
	r = launch_packet_init(&flight.packet, request, flight.sequence, l->filter,
			       l->options.seccomp_size, l->options.unprivileged_uid,
			       l->options.without_namespaces, err);
	if (r < 0)
		return r;
	l->last_sequence = flight.sequence;
	vector_push(&l->flights, flight);
	if (l->fd < 0 && !l->options.without_zygote &&
	    now_ms() - l->zygote_since_ms >= ZYGOTE_RESTART_MS && l->zygote_since_ms != 0 &&
	    launcher_start(l, NULL) < 0)
		l->zygote_since_ms = now_ms(); /* this one goes through exec */
	send_waiting(l);
	return 0;
}
