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

enum probe_kind { PROBE_NONE, PROBE_TCP, PROBE_HTTP, PROBE_COMMAND };
enum probe_result { PROBE_PENDING, PROBE_GOOD, PROBE_BAD };

struct probe {
	enum probe_kind kind;
	const char *value; /* borrowed: a port, a URL, a command */
	uint32_t interval_ms, timeout_ms, failures;

	/* the question that is asked now */
	int fd; /* -1: none */
	bool is_connected;
	char answer[32];
	size_t answer_size;
	struct sockaddr_storage address;
	socklen_t address_size;
	char host[80];	  /* as in the URL */
	const char *path; /* borrowed from value */
};

/* Reads the value. False with a text when it cannot be asked: "http://db/: …". */
bool probe_prepare(struct probe *p, char *text, size_t size);
/* Begins a question. PROBE_BAD with a text at once, or PROBE_PENDING: poll p->fd. */
enum probe_result probe_begin(struct probe *p, char *text, size_t size);
/* What to poll for. */
short probe_events(const struct probe *p);
/* After an event. */
enum probe_result probe_step(struct probe *p, char *text, size_t size);
/* Ends the question, if one is asked. */
void probe_end(struct probe *p);

#endif
