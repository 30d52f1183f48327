/*
 * The other end of what is under test: a machine "server" on a simulated network that listens on
 * port 7331, keeps what it reads of the newest connection, and writes what the test asks for.
 */
#ifndef TEST_PORT_PEER_H
#define TEST_PORT_PEER_H

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "base/buffer.h"

#define PEER_HOST "server"
#define PEER_PORT 7331

struct peer {
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *server, *client; /* client: for the part under test */
	struct stream_listener *listener;
	struct stream *stream; /* the newest connection, or NULL */
	bool keeps_first;      /* a further connection does not end the first one */
	struct stream *first;  /* which is this, then */
	struct buffer got;     /* read from it, since peer_forget() */
	bool is_ended, is_broken;
	unsigned accepted;
	struct buffer out; /* not taken by the stream yet */
	/* peer_until_got() */
	const char *awaited;
};

/* Loop, network and machines stand, and the server listens. */
struct peer *peer_new(void);
/* PRE: everything on the client's side is closed. */
void peer_free(struct peer *p);
void peer_send(struct peer *p, const void *data, size_t size);
void peer_send_text(struct peer *p, const char *text);
/* Closes the connection from the server's side. */
void peer_close(struct peer *p);
void peer_forget(struct peer *p);
/* Runs until the bytes read contain `text`; fails the test after ten virtual seconds. */
void peer_until_got(struct peer *p, const char *text);
/* Runs until `flag`; fails the test after ten virtual seconds. */
void peer_until(struct peer *p, const bool *flag);

#endif
