/*
 * What spaces print lives with their zhosts; zrms asks for it over the link.
 *
 *   logs_ask() ── LOG_REQUEST ──► zhost
 *                                   │
 *   done, or a stream ◄── logs_chunk() ◄── LOG_CHUNK …
 */
#ifndef SAMOZA_ZRMS_LOGS_H
#define SAMOZA_ZRMS_LOGS_H

#include "adapter/http/http.h"
#include "zrms/links.h"

#define LOGS_APART_MS  INT64_C(10000)
#define LOGS_LINES_MAX 10000

struct access_watches;
struct logs;

/* `open`: what ends with a credential. All borrowed. */
struct logs *logs_new(struct loop *loop, struct links *links, struct access_watches *open);
/* PRE: logs_end_all() and the HTTP server's end. NULL is fine. */
void logs_free(struct logs *logs);

/* Once. Negative code: nothing arrived in time (`message` is the reason). Lines are borrowed. */
typedef void logs_done_fn(void *user, int code, const char *message, char **lines,
			  size_t count);
/* Whose log is asked for. */
struct logs_of {
	const char *topology, *path;
	const char *zhost;
	uint64_t link_id; /* 0: the zhost is between two links, and is asked on the other one */
};
/* The last `lines` lines, within wait_ms. */
void logs_ask(struct logs *logs, const struct logs_of *of, uint32_t lines, int64_t wait_ms,
	      logs_done_fn *done, void *user);
/* Answers the request with server-sent events: the last `lines` lines, then each as it comes,
 * `data: {"lines": [...]}`. Ends when the zhost has no more lines, when its link is lost and it has no other one within
 * LOGS_APART_MS, and with the credential that has that hash (NULL: with none). */
void logs_follow(struct logs *logs, const struct logs_of *of, uint32_t lines,
		 const uint8_t *hash, struct http_request *request);

/* What is asked for, of one instance; for who puts the logs of several together. */
struct logs_wanted {
	uint32_t lines;
	int64_t since_ms; /* wall clock; 0: any */
	const char *text; /* only lines that have it; NULL: all */
	bool follow;
};
struct log_query;
struct logs_listener {
	void (*lines)(void *user, char **lines, size_t count); /* borrowed */
	/* Of a follow: those that were there before have come. */
	void (*caught_up)(void *user);
	/* The query is gone. 0: that was all; ERR_UNAVAILABLE: so is its link. Must not close others. */
	void (*ended)(void *user, int code);
};
/* NULL: the link is gone, and nobody is called. Everything but `listener` and `user` is copied. */
struct log_query *logs_open(struct logs *logs, uint64_t link_id, const char *topology,
			    const char *path, const struct logs_wanted *wanted,
			    const struct logs_listener *listener, void *user);
/* ended() is not called. */
void logs_close(struct log_query *query);

/* Of links_listener. */
void logs_chunk(struct logs *logs, uint64_t link_id, const Samoza__V1__LogChunk *chunk);
/* Its zhost goes to another link: what it has not answered is asked for again there. */
void logs_link_left(struct logs *logs, uint64_t link_id);
/* The zhost has that link now: what follows its logs goes on there. */
void logs_link_accepted(struct logs *logs, uint64_t link_id, const char *zhost);
void logs_link_gone(struct logs *logs, uint64_t link_id);
void logs_end_all(struct logs *logs);

#endif
