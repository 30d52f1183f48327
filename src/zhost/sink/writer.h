/*
 * What a sink writes to: journald, files, or a syslog server. Each has a thread of its own (sink.h), so a writer may wait, within
 * reason; it is used by that thread alone.
 */
#ifndef SAMOZA_ZHOST_SINK_WRITER_H
#define SAMOZA_ZHOST_SINK_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A line of a space. Everything is borrowed; texts have no control characters. */
struct sink_record {
	int64_t wall_ms;
	const char *level; /* "debug", "info", "warn", "error" */
	const char *zhost;
	const char *topology, *id; /* its name and id */
	const char *space, *path;
	const char *text;
	size_t size; /* of `text` */
};

struct sink_writer;
struct sink_writer_ops {
	/* Negative: it was not written, and is given again later, except after ERR_LIMIT: it can never be written. */
	int (*write)(struct sink_writer *writer, const struct sink_record *record,
		     struct error **err);
	/* Files may have been renamed: others are opened with the next line. NULL: nothing is to be done. */
	void (*reopen)(struct sink_writer *writer);
	void (*free)(struct sink_writer *writer);
};
/* Implementations begin with it. */
struct sink_writer {
	const struct sink_writer_ops *ops;
};

/* How urgent syslog and journald take it to be: 3 error, 4 warning, 6 information, 7 debug. */
int sink_severity(const char *level);

/* Datagrams to the native protocol of journald; `socket`: its path. Copies, as do all. */
struct sink_writer *journal_writer_new(const char *socket);
/* DIR/TOPOLOGY/INSTANCE.log, '+' in place of '/'. */
struct sink_writer *files_writer_new(const char *dir);
/* RFC 5424, by TCP with octet counting (RFC 6587), or by UDP. */
struct sink_writer *syslog_writer_new(const char *host, const char *port, bool is_tcp);

#endif
