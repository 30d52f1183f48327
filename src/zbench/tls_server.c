#include "zbench/tls_server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/tls/tls.h"
#include "adapter/uv/tcp_stream.h"
#include "adapter/wire/wire_link.h"

enum { ECHO_ROOM = 1024 * 1024, PORTS_FD = 3, PORT_FD = 4 };

int tls_bench_transport(struct loop *loop, const char *directory,
			struct stream_transport **ret_transport, struct error **err)
{
	struct stream_transport *plain = NULL;
	int r = tcp_transport_open(loop, NULL, &plain, err);
	if (r < 0)
		return r;
	const struct tls_options options = {.directory = directory};
	return tls_transport_new(loop, plain, &options, ret_transport, err);
}

/* ---- in the child ---- */

static int echo(void *user, struct wire_link *link, const struct frame *frame,
		struct error **err)
{
	(void)user;
	return wire_link_forward(link, frame, ECHO_ROOM, err);
}

static void on_closed(void *user, struct wire_link *link, const struct error *why)
{
	(void)user, (void)link, (void)why;
}

static const struct wire_link_handler link_handler = {.frame = echo, .closed = on_closed};

static void on_accepted(void *user, struct stream *stream)
{
	(void)user;
	(void)wire_link_new(stream, 0, &link_handler, NULL);
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

static int listen_on(struct stream_transport *transport, uint16_t port, uint16_t *ret_port,
		     struct error **err)
{
	static const struct stream_protocol protocols[] = {
		{.name = BENCH_LINK_PROTOCOL, .needs_identity = true}, {0}};
	const struct stream_listen_options at = {
		.at = {"127.0.0.1", port}, .loopback_only = true, .protocols = protocols};
	struct stream_listener *listener = NULL;
	int r = stream_listen(transport, &at, &listen_handler, NULL, &listener, err);
	if (r == 0)
		*ret_port = stream_listener_port(listener);
	return r;
}

static int serve(const char *directory, uint16_t tls_port, struct error **err)
{
	static struct loop loop;
	struct stream_transport *plain = NULL, *tls = NULL;
	uint16_t ports[2] = {0};
	int r = loop_init(&loop, err);
	if (r == 0)
		r = tcp_transport_open(&loop, NULL, &plain, err);
	if (r == 0)
		r = tls_bench_transport(&loop, directory, &tls, err);
	if (r == 0)
		r = listen_on(plain, 0, &ports[0], err);
	if (r == 0)
		r = listen_on(tls, tls_port, &ports[1], err);
	if (r == 0 && write(PORTS_FD, ports, sizeof(ports)) != (ssize_t)sizeof(ports))
		r = error_errno(err, "cannot say which ports");
	if (r == 0)
		loop_run(&loop); /* until it is killed */
	return r;
}

/* What the parent has open would stay open here. */
__attribute__((noreturn)) static void child(const char *directory, int in, int out)
{
	CLEANUP(error_freep) struct error *err = NULL;
	uint16_t tls_port = 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Neither may be in the other's place. */
	int from = fcntl(in, F_DUPFD, PORT_FD + 1), to = fcntl(out, F_DUPFD, PORT_FD + 1);
	(void)dup2(to, PORTS_FD);
	(void)dup2(from, PORT_FD);
	(void)close_range(PORT_FD + 1, ~0u, 0);
	if (read(PORT_FD, &tls_port, sizeof(tls_port)) != (ssize_t)sizeof(tls_port))
		_exit(1); /* it was not needed */
	if (serve(directory, tls_port, &err) < 0)
		(void)fprintf(stderr, "zbench: the server of tls: %s\n", err->message);
	_exit(1);
}

/* ---- in the parent ---- */

int tls_server_new(const char *directory, struct tls_server *ret_server, struct error **err)
{
	int down[2], up[2];
	if (pipe2(down, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	if (pipe2(up, O_CLOEXEC) < 0) {
		(void)error_errno(err, "cannot make a pipe");
		closep(&down[0]);
		closep(&down[1]);
		return ERR_IO;
	}
	(void)malloc_trim(0); /* free memory of ours would be the server's to use, unseen */
	pid_t pid = fork();
	if (pid == 0)
		child(directory, down[0], up[1]);
	closep(&down[0]);
	closep(&up[1]);
	struct tls_server server = {.pid = pid, .tell = down[1], .told = up[0]};
	if (pid < 0) {
		(void)error_errno(err, "cannot begin the server of tls");
		tls_server_stop(&server);
		return ERR_IO;
	}
	*ret_server = server;
	return 0;
}

int tls_server_begin(struct tls_server *server, uint16_t tls_port, struct error **err)
{
	uint16_t ports[2] = {0};
	ssize_t n = write(server->tell, &tls_port, sizeof(tls_port));
	if (n == (ssize_t)sizeof(tls_port))
		n = read(server->told, ports, sizeof(ports));
	closep(&server->tell);
	closep(&server->told);
	if (n != (ssize_t)sizeof(ports)) {
		tls_server_stop(server);
		return error_set(err, ERR_UNAVAILABLE, "the server of tls does not start");
	}
	server->plain_port = ports[0];
	server->tls_port = ports[1];
	return 0;
}

void tls_server_stop(struct tls_server *server)
{
	if (server->pid == 0)
		return;
	closep(&server->tell);
	closep(&server->told);
	if (server->pid < 0)
		return;
	(void)kill(server->pid, SIGKILL);
	while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	server->pid = 0;
}

double tls_server_cpu_s(const struct tls_server *server)
{
	clockid_t clock;
	struct timespec spent = {0};
	if (clock_getcpuclockid(server->pid, &clock) != 0 || clock_gettime(clock, &spent) != 0)
		return 0;
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}
