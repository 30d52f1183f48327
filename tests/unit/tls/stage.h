/* A server "zrms" that listens with TLS on a simulated network, and clients of all sorts. */
#ifndef TEST_TLS_STAGE_H
#define TEST_TLS_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "adapter/tls/tls.h"
#include "certificates.h"

enum { PORT = 7331, CLIENTS_MAX = 48 };

struct end {
	struct stream *stream;
	struct error *why; /* of connected(), or of what broke */
	struct buffer got;
	bool is_connected, is_ended, is_broken, is_told; /* told: connected, ended or broken */
};

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct pki_authority *authority, *foreign;
	struct pki_trust *trust;
	struct machine zrms;
	char *directories[CLIENTS_MAX + 1];
	size_t directory_count;
	struct stream_transport *server, *clients[CLIENTS_MAX];
	size_t client_count;
	struct stream_listener *listener;
	struct tls_options options; /* of the server, until stage_listen() */
	struct end near, far;	    /* far: the newest that was accepted */
	unsigned links, pages;	    /* accepted, by protocol */
	char *refused;		    /* the newest reason */
	bool is_accepted, is_refused;
	const char *removed; /* a name that admit() does not know */
};

int stage_begin(void **state);
int stage_end(void **state);
/* `trust`: the server's. */
void stage_listen(struct stage *s);
int64_t stage_now_ms(struct stage *s);
/* Another machine on the network. NULL: without an identity. */
struct stream_transport *client_new(struct stage *s, const struct machine *machine,
				    const struct pki_trust *trust);
/* One that believes pins. */
struct stream_transport *client_pinned(struct stage *s, const struct pki_trust *trust);
/* The network without TLS. */
struct stream_transport *client_plain(struct stage *s);
/* The same at that address. */
struct stream_transport *client_at(struct stage *s, const char *address);
/* s->near connects; ends when it is connected or not. */
void stage_connect(struct stage *s, struct stream_transport *client,
		   const struct stream_connect_options *options);
void stage_run(struct stage *s, int64_t ms);
void stage_until(struct stage *s, const bool *flag);
/* Both ends read from now on. */
void end_listen(struct end *e);
void end_write(struct end *e, const char *text);
void end_close(struct end *e);
void assert_says(const char *message, const char *text);

extern const struct stream_handler end_handler;

#endif
