#include "zrun/native/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zrun/runner/zhost_connection.h"

#define READ_SIZE      (64 * 1024)
#define READS_AT_ONCE  16 /* of one program, before others have their turn */
#define READS_AT_CLOSE 64 /* what a pipe can hold, and more */

int output_open(struct output *o, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	/* The recipes' user opens it as /dev/stderr. */
	(void)fchmod(fds[1], 0622);
	*o = (struct output){.fd = fds[0], .is_quiet = o->is_quiet};
	*ret_write = fds[1];
	return 0;
}

/* ---- lines ---- */

static void keep_last(struct output *o, const char *line, size_t size)
{
	char *to = o->last[o->last_count % OUTPUT_LAST];

	if (size >= OUTPUT_LAST_SIZE)
		size = OUTPUT_LAST_SIZE - 1;
	memcpy(to, line, size);
	to[size] = '\0';
	for (size_t n = 0; n < size; n++)
		if ((unsigned char)to[n] < ' ' || to[n] == 0x7f)
			to[n] = ' ';
	o->last_count++;
}

static void line_end(struct runner *i, struct output *o, struct log_budget *b)
{
	size_t size = o->line_size;

	o->line_size = 0;
	while (size > 0 && (o->line[size - 1] == '\r' || o->line[size - 1] == ' '))
		size--;
	if (size == 0)
		return;
	keep_last(o, o->line, size);
	if (!o->is_quiet && log_budget_afford(b, size + LOG_LINE_COST))
		connection_log(i, ZRUN_LOG_GUEST, ZRUN_LEVEL_INFO, o->line, size);
}

static void take(struct runner *i, struct output *o, struct log_budget *b, const char *data,
		 size_t size)
{
	while (size > 0) {
		const char *feed = memchr(data, '\n', size);
		size_t part = feed != NULL ? (size_t)(feed - data) : size;
		size_t room = sizeof(o->line) - o->line_size;

		if (part > room)
			part = room;
		memcpy(o->line + o->line_size, data, part);
		o->line_size += part;
		data += part;
		size -= part;
		if (size > 0 && *data == '\n') {
			line_end(i, o, b);
			data++;
			size--;
		} else if (o->line_size == sizeof(o->line)) {
			line_end(i, o, b); /* continues in the next */
		}
	}
}

/* Without budget only the end of it matters, for the last lines. */
static void take_some(struct runner *i, struct output *o, struct log_budget *b,
		      const char *data, size_t size)
{
	const size_t end = (size_t)OUTPUT_LINE * (OUTPUT_LAST + 1);

	if (b->is_begun && b->left < OUTPUT_LINE + 64 &&
	    !log_budget_afford(b, OUTPUT_LINE + 64)) {
		b->dropped -= OUTPUT_LINE + 64; /* a question, no line */
		if (size > end) {
			b->dropped += size - end;
			data += size - end;
			size = end;
			o->line_size = 0;
		}
	} else if (b->is_begun && b->left >= OUTPUT_LINE + 64) {
		log_budget_report(i, b, false);
	}
	take(i, o, b, data, size);
}

static void finish(struct runner *i, struct output *o, struct log_budget *b)
{
	line_end(i, o, b);
	close(o->fd);
	o->fd = -1;
}

static void read_some(struct runner *i, struct output *o, struct log_budget *b, unsigned reads)
{
	static char data[READ_SIZE];

	for (unsigned n = 0; o->fd >= 0 && n < reads; n++) {
		ssize_t size = read(o->fd, data, sizeof(data));

		if (size > 0) {
			take_some(i, o, b, data, (size_t)size);
		} else if (size < 0 && errno == EINTR) {
			continue;
		} else {
			if (size == 0 || errno != EAGAIN)
				finish(i, o, b);
			return;
		}
	}
}

void output_read(struct runner *i, struct output *o, struct log_budget *b)
{
	read_some(i, o, b, READS_AT_ONCE);
}

void output_close(struct runner *i, struct output *o, struct log_budget *b)
{
	if (o->fd < 0)
		return;
	read_some(i, o, b, READS_AT_CLOSE);
	if (o->fd >= 0)
		finish(i, o, b);
}

void output_last(const struct output *o, char *text, size_t size)
{
	unsigned count = o->last_count < OUTPUT_LAST ? o->last_count : OUTPUT_LAST;
	size_t at = 0;

	text[0] = '\0';
	for (unsigned n = 0; n < count && at < size; n++) {
		const char *line = o->last[(o->last_count - count + n) % OUTPUT_LAST];
		int written =
			snprintf(text + at, size - at, "%s%s", n == 0 ? ": " : " / ", line);

		at += written > 0 ? (size_t)written : 0;
	}
}
