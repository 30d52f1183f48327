#include "event_reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

void event_reader_init(struct event_reader *reader, int fd)
{
	*reader = (struct event_reader){.fd = fd, .line = BUFFER_INIT(1024u * 1024)};
	http_response_init(&reader->response);
}

void event_reader_done(struct event_reader *reader)
{
	(void)close(reader->fd);
	http_response_done(&reader->response);
	buffer_done(&reader->line);
	free(reader->id);
}

static void input_fill(struct event_reader *reader)
{
	ssize_t n = recv(reader->fd, reader->input, sizeof reader->input, 0);
	if (n <= 0)
		fail_msg("no further event; the last line begins with '%.80s'",
			 reader->line.size > 0 ? reader->line.data : "");
	reader->used = 0;
	reader->size = (size_t)n;
}

/* The next bytes of the body, at most up to the end of a line. */
static void body_take(struct event_reader *reader)
{
	if (reader->used == reader->size)
		input_fill(reader);
	struct http_part part;
	size_t most = reader->size - reader->used;
	const char *from = reader->input + reader->used;
	const char *end = memchr(from, '\n', most);
	size_t size = end != NULL ? (size_t)(end + 1 - from) : most;
	assert_int_equal(http_response_take(&reader->response, from, size, &part, NULL), 0);
	reader->used += part.used;
	if (part.type == HTTP_PART_HEAD)
		assert_int_equal(reader->response.status, 200);
	if (part.type == HTTP_PART_END)
		fail_msg("the server ended the stream");
	/* Other bytes than the body's stand only between chunks. */
	reader->between_chunks = reader->between_chunks || part.used > part.size;
	if (part.type != HTTP_PART_BODY)
		return;
	if (reader->between_chunks)
		reader->line_cut = reader->line.size;
	reader->between_chunks = false;
	assert_int_equal(buffer_add(&reader->line, part.data, part.size), 0);
}

static bool line_is_complete(const struct event_reader *reader)
{
	return reader->line.size > 0 && reader->line.data[reader->line.size - 1] == '\n';
}

/* Without its end; the caller frees. */
static char *line_next(struct event_reader *reader)
{
	while (!line_is_complete(reader))
		body_take(reader);
	char *line = mem_strndup(reader->line.data, reader->line.size - 1);
	if (reader->line_cut > 0 && str_has_prefix(line, "id: "))
		reader->id_cuts |= UINT32_C(1) << reader->line_cut;
	reader->line_cut = 0;
	buffer_clear(&reader->line);
	return line;
}

/* Its data: the whole JSON of the event with that id. */
static uint64_t event_seq(const char *id, const char *data)
{
	uint64_t seq = 0;
	if (str_to_u64(id, &seq) < 0)
		fail_msg("not an id: '%s'", id);
	CLEANUP(freep) char *begin = str_printf("{\"seq\":%s,", id);
	if (!str_has_prefix(data, begin) || data[strlen(data) - 1] != '}')
		fail_msg("event %s has the data %s", id, data);
	return seq;
}

uint64_t event_reader_next(struct event_reader *reader)
{
	for (;;) {
		CLEANUP(freep) char *line = line_next(reader);
		if (str_has_prefix(line, "id: ")) {
			assert_null(reader->id);
			reader->id = mem_strdup(line + strlen("id: "));
		} else if (str_has_prefix(line, "data: ")) {
			assert_non_null(reader->id);
			uint64_t seq = event_seq(reader->id, line + strlen("data: "));
			free(reader->id);
			reader->id = NULL;
			return seq;
		} else if (line[0] != '\0' && line[0] != ':') {
			fail_msg("neither an event nor a comment: %s", line);
		}
	}
}
