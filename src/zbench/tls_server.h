/*
 * The other process of `zbench tls`: accepts links, plain on one port and TLS on another, and sends every frame
 * back. Both are on loopback.
 */
#ifndef SAMOZA_ZBENCH_TLS_SERVER_H
#define SAMOZA_ZBENCH_TLS_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "port/stream.h"

#define BENCH_LINK_PROTOCOL "samoza-link/1"

struct tls_server {
	pid_t pid;
	int tell, told; /* what it waits for, and answers by; -1: it has begun */
	uint16_t plain_port, tls_port;
};

/* It waits, and takes no time. `directory`: its credentials. Begun while this process has no clients yet: what those need is none
 * of its memory, and their pages are not its to copy. PRE: this process has one thread. */
int tls_server_new(const char *directory, struct tls_server *ret_server,
		   struct error **err) must_check;
/* Listens when it returns. `tls_port`: 0: a free one. */
int tls_server_begin(struct tls_server *server, uint16_t tls_port,
		     struct error **err) must_check;
/* Kills it; its connections break. Also one that was never made, with zeros. */
void tls_server_stop(struct tls_server *server);
/* CPU time that it has taken. */
double tls_server_cpu_s(const struct tls_server *server);

/* A transport of TLS over TCP with the credentials in `directory`. */
int tls_bench_transport(struct loop *loop, const char *directory,
			struct stream_transport **ret_transport, struct error **err) must_check;

#endif
