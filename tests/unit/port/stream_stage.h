/*
 * Two ends of a stream under test, and the kinds of stream that they may be of.
 */
#ifndef TEST_PORT_STREAM_STAGE_H
#define TEST_PORT_STREAM_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "port/stream.h"

/* One end of a connection under test. */
struct end {
	struct stream *stream;
	struct buffer got; /* what was read */
	size_t read_max;   /* per read; 0: as much as there is */
	const char *to_write;
	size_t write_size, written;
	struct error *why; /* of connected() or of what broke */
	bool is_connected, is_ended, is_broken, has_all;
	size_t wanted_size; /* has_all: that much was read */
	unsigned ready_calls, connected_calls;
	bool close_when_ready, close_when_connected;
	bool inside; /* a function of the port is running */
};

struct kind;

struct stage {
	const struct kind *kind;
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *server, *client;
	struct stream_listener *listener;
	const char *host;
	struct tls_identities *identities; /* of kinds that have some, or NULL */
	struct end near, far;		   /* of the client, of the server */
	bool is_accepted, stop_listening;
	unsigned accepted;
};

struct kind {
	const char *name;
	bool is_certified; /* both ends prove who they are: server "zrms", client "alpha" */
	void (*open)(struct stage *s);
	void (*close)(struct stage *s);
};

enum {
	STAGE_PLAIN,
	STAGE_SIMULATED,
	STAGE_SIMULATED_POOR,
	STAGE_TLS,
	STAGE_TLS_SIMULATED,
	STAGE_TLS_POOR,
	STAGE_KINDS
};
extern const struct kind stage_kinds[STAGE_KINDS];
extern const struct stream_handler end_handler;		  /* its user is a struct end */
extern const struct stream_listen_handler listen_handler; /* its user is the stage */

void stage_listen(struct stage *s);
/* The client connects. */
void stage_connect(struct stage *s, uint16_t port);
/* Both ends connected, nothing wanted. */
void stage_connect_both(struct stage *s);

void end_close(struct end *e);
/* Forgets what the end has seen. */
void end_reset(struct end *e);
void end_write_all(struct stage *s, struct end *e, const char *text, size_t size);
/* A text in which each byte depends on its place. */
char *long_text(size_t size);

int stage_begin(void **state);
int stage_end(void **state);
/* A test on one kind of stream: stage_run(). */
#define STAGE_TEST(test)                                       \
	{                                                      \
#test, test, stage_begin, stage_end, (void *)0 \
	}
int stage_run(const struct kind *kind, const char *name, const struct CMUnitTest *tests,
	      size_t count);

#endif
