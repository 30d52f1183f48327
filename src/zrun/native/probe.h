/*
 * Looks whether an instance serves ([formats.topology.ready], [formats.topology.health]): one
 * question at a time, never blocking. The caller runs a command (native.c); here are TCP
 * and HTTP.
 */
#ifndef SAMOZA_ZRUN_NATIVE_PROBE_H
#define SAMOZA_ZRUN_NATIVE_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An answer is read to its end before the connection is closed, so that the server can send it; up to
 * ANSWER_MAX bytes. */
#define ANSWER_MAX  (256 * 1024)
#define ANSWER_KEPT 1024

enum probe_kind { PROBE_NONE, PROBE_TCP, PROBE_HTTP, PROBE_COMMAND };
enum probe_result { PROBE_PENDING, PROBE_GOOD, PROBE_BAD };

struct probe {
	enum probe_kind kind;
	const char *value; /* borrowed: a port, a URL, a command */
	uint32_t interval_ms, timeout_ms, failures;

	/* the question that is asked now */
	int fd; /* -1: none */
	bool is_connected;
	bool is_local; /* what is connected is on this machine */
	uint16_t port;
	char answer[ANSWER_KEPT]; /* the beginning of it, with a NUL */
	size_t answer_size;	  /* of all that has come */
	struct sockaddr_storage address;
	socklen_t address_size;
	char host[80];	  /* as in the URL */
	const char *path; /* borrowed from value */
};

/* Reads the value. False with a text when it cannot be asked: "http://db/: …". */
bool probe_prepare(struct probe *p, char *text, size_t size);
/* The port of this machine that it will ask; 0: none. */
uint16_t probe_local_port(const struct probe *p);
/* Begins a question. PROBE_BAD with a text at once, or PROBE_PENDING: poll p->fd. */
enum probe_result probe_begin(struct probe *p, char *text, size_t size);
/* What to poll for. */
short probe_events(const struct probe *p);
/* After an event. */
enum probe_result probe_step(struct probe *p, char *text, size_t size);
/* Its time is over: what has come is judged, where it has said how it is (a page without end). */
enum probe_result probe_timeout(struct probe *p, char *text, size_t size);
/* Ends the question, if one is asked. */
void probe_end(struct probe *p);

#endif
