/*
 * Following zrms: what happens is waited for, never polled for.
 *
 * One stream is open as long as a cluster lives; it is read whenever something is waited for,
 * and each wait continues after the event that ended the one before.
 */
#ifndef SAMOZA_ZBENCH_EVENTS_H
#define SAMOZA_ZBENCH_EVENTS_H

#include "zbench/client.h"

/* Borrowed for the call; texts that an event lacks are "". */
struct event {
	const char *kind;    /* topology | space | placement | zhost */
	const char *subject; /* NAME, TOPOLOGY/PATH, ZHOST */
	const char *from, *to, *cause;
	uint64_t arrived_ns; /* here */
};

struct events {
	struct client client;
	struct buffer text; /* from the last line end on */
	uint64_t arrived_ns;
};

/* Everything from the beginning of the history on. */
int events_open(struct events *e, uint16_t port, struct error **err) must_check;
/* Those that the query chooses, "newest=1&topology=ID". */
int events_open_query(struct events *events, uint16_t port, const char *query,
		      struct error **err) must_check;
void events_done(struct events *e);

/* 0: not yet; 1: that was it; or an error. */
typedef int event_handler(void *data, const struct event *event, struct error **err);
/* Hands over each event until the handler is content. ERR_TIMEOUT after that many seconds. */
int events_until(struct events *e, event_handler *handler, void *data, unsigned seconds,
		 struct error **err) must_check;

/* Until the topology NAME is `state`; when the news arrived. It fails when the topology does.
 */
int events_topology(struct events *e, const char *name, const char *state, unsigned seconds,
		    uint64_t *ret_arrived_ns, struct error **err) must_check;
/* Until `count` events "space of the topology NAME is now `state`" have come. */
int events_spaces(struct events *e, const char *name, const char *state, uint64_t count,
		  unsigned seconds, struct error **err) must_check;
/* Until `count` zhosts have gone to `state`. */
int events_zhosts(struct events *e, const char *state, uint64_t count, unsigned seconds,
		  uint64_t *ret_arrived_ns, struct error **err) must_check;

/* 0: not yet; 1: that was it; or an error. `line`: from the mark to the end of the line. */
typedef int log_handler(void *data, const char *line, struct error **err);
/* Follows the log of an instance from its last 100 lines on, and hands over each line that contains `mark`, until the
 * handler is content. ERR_TIMEOUT after that many seconds. */
int log_until(uint16_t port, const char *topology_id, const char *path, const char *mark,
	      log_handler *handler, void *data, unsigned seconds,
	      struct error **err) must_check;
/* The first one of them; the caller frees. */
int log_find(uint16_t port, const char *topology_id, const char *path, const char *mark,
	     unsigned seconds, char **ret_line, struct error **err) must_check;

#endif
