/*
 * A server with a loop in a thread of its own, and a client with blocking sockets that give up
 * after ten seconds: a test that would hang fails.
 */
#ifndef TEST_HTTP_SERVING_H
#define TEST_HTTP_SERVING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "adapter/http/http.h"
#include "adapter/uv/loop.h"
#include "adapter/wire/wire_link.h"

struct serving {
	struct loop loop;
	struct http_server *server;
	uv_async_t ask;
	pthread_t thread;
	atomic_int asked; /* what the thread is to do: enum below */
	/* For handlers. */
	struct http_stream *stream;
	struct http_request *held;
	struct wire_link *link;
	atomic_int streams_closed, links_closed, frames, handled, refused_writes;
};

/* `options`: address, port, context and spool_dir are filled in. */
struct serving *serving_new(const struct http_options *options);
/* Ends the server in its thread (with everything that is open), joins it. */
void serving_free(struct serving *s);
/* Runs `fn` in the loop's thread and waits for it. */
void serving_do(struct serving *s, void (*fn)(struct serving *s));
/* Waits until the counter is at least `value`; fails the test after ten seconds. */
void serving_wait(atomic_int *counter, int value);

int client_connect(struct serving *s);
/* The same in two steps. */
int client_socket(void);
void client_connect_socket(struct serving *s, int fd);
void client_send(int fd, const char *text);
/* Everything until the connection closes; the caller frees. */
char *client_read_all(int fd);
/* Until `end` has arrived (it is part of the result); fails when the connection closes first.
 */
char *client_read_until(int fd, const char *end);
/* Sends, and reads until the server closes: put "Connection: close" into it. */
char *client_exchange(struct serving *s, const char *request);
int64_t now_ms(void);

#endif
