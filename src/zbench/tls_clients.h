/*
 * Clients of the server of `zbench tls`, all in this process: what each part of it does with them.
 */
#ifndef SAMOZA_ZBENCH_TLS_CLIENTS_H
#define SAMOZA_ZBENCH_TLS_CLIENTS_H

#include "zbench/report.h"
#include "zbench/tls_server.h"

struct tls_clients {
	struct loop loop;
	struct stream_transport *plain, *tls;
	struct tls_server *server; /* borrowed */
};

int tls_clients_init(struct tls_clients *c, struct tls_server *server, const char *directory,
		     struct error **err) must_check;
void tls_clients_done(struct tls_clients *c);

/* `count` connections, a few at a time, each closed when its handshake is done. */
int clients_shake_hands(struct tls_clients *c, unsigned count, double *ret_per_s,
			struct error **err) must_check;
/* `count` frames with 200 bytes over one link, one after the other; samples in microseconds. */
int clients_ping(struct tls_clients *c, bool is_tls, unsigned count, struct samples *to_us,
		 struct error **err) must_check;
/* Links that do nothing; how many bytes of memory each takes in the server. */
int clients_idle(struct tls_clients *c, unsigned count, double *ret_bytes,
		 struct error **err) must_check;
/* `count` links whose server is killed, and `next` begins in its place. Each tries again after a random time that grows from
 * 100 ms to 10 s; how long until a frame has come back over each of them, and what that took of either side. */
struct storm {
	double seconds, attempts /* of each client */;
	double server_cpu_s, clients_cpu_s;
	double server_bytes, clients_bytes; /* of memory for each link */
};
int clients_storm(struct tls_clients *c, struct tls_server *next, unsigned count,
		  struct storm *ret_storm, struct error **err) must_check;

#endif
