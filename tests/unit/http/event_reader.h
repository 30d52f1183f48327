/*
 * A client's side of a stream of server-sent events, from a blocking socket. The server cuts the
 * body into chunks wherever its buffer is full, and TCP cuts again: the reader takes the chunks
 * apart first (http_response_take()), then the lines, so no cut shows in an event.
 */
#ifndef TEST_HTTP_EVENT_READER_H
#define TEST_HTTP_EVENT_READER_H

#include <stddef.h>
#include <stdint.h>

#include "adapter/http/message.h"
#include "base/buffer.h"

struct event_reader {
	int fd; /* closed by event_reader_done() */
	/* Bit n: a chunk ended n bytes after the start of some event's "id: 17", n > 0. */
	uint32_t id_cuts;
	/* private */
	struct http_response response;
	char input[16384];
	size_t used, size;
	struct buffer line; /* of the body, not complete yet */
	size_t line_cut;    /* where a chunk ended in it; 0: nowhere */
	bool between_chunks;
	char *id; /* of the event whose data is to come, or NULL */
};

void event_reader_init(struct event_reader *reader, int fd);
void event_reader_done(struct event_reader *reader);
/* The `seq` of the next event. Fails the test when ten seconds pass without one, when the
 * response is not 200, and when the event is not an id and the JSON of the event with that seq. */
uint64_t event_reader_next(struct event_reader *reader);

#endif
