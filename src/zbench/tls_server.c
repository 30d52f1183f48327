#include "zbench/tls_server.h"

#include <errno.h>
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

enum { ECHO_ROOM = 1024 * 1024, PORTS_FD = 3 };

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
__attribute__((noreturn)) static void child(const char *directory, uint16_t tls_port, int out)
{
	CLEANUP(error_freep) struct error *err = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(out, PORTS_FD);
	(void)close_range(PORTS_FD + 1, ~0u, 0);
	if (serve(directory, tls_port, &err) < 0)
		(void)fprintf(stderr, "zbench: the server of tls: %s\n", err->message);
	_exit(1);
}

/* ---- in the parent ---- */

int tls_server_start(const char *directory, uint16_t tls_port, struct tls_server *ret_server,
		     struct error **err)
{
	int ends[2];
	uint16_t ports[2] = {0};
	if (pipe(ends) < 0)
		return error_errno(err, "cannot make a pipe");
	(void)malloc_trim(0); /* free memory of ours would be the server's to use, unseen */
	pid_t pid = fork();
	if (pid == 0)
		child(directory, tls_port, ends[1]);
	(void)close(ends[1]);
	ssize_t n = pid > 0 ? read(ends[0], ports, sizeof(ports)) : -1;
	(void)close(ends[0]);
	struct tls_server server = {.pid = pid, .plain_port = ports[0], .tls_port = ports[1]};
	if (n != (ssize_t)sizeof(ports)) {
		tls_server_stop(&server);
		return error_set(err, ERR_UNAVAILABLE, "the server of tls does not start");
	}
	*ret_server = server;
	return 0;
}

void tls_server_stop(struct tls_server *server)
{
	if (server->pid <= 0)
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
