#include "adapter/http/message.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/str.h"

enum response_state {
	IN_HEAD,
	IN_BODY,	/* of known length */
	IN_CHUNK_SIZE,	/* the line before a chunk */
	IN_CHUNK,	/* its bytes */
	IN_CHUNK_BREAK, /* the line break after it */
	IN_TRAILER,	/* the lines after the last chunk */
	IN_BODY_TO_END, /* the end of the connection ends it */
	AT_END,
};

/* ---- request ---- */

static int value_check(const char *value, struct error **err)
{
	if (value[strcspn(value, "\r\n")] != '\0')
		return error_set(err, ERR_INVALID, "a line break in an HTTP request");
	return 0;
}

static int field_write(struct buffer *to, const struct http_field *field, struct error **err)
{
	if (value_check(field->name, err) < 0 || value_check(field->value, err) < 0)
		return ERR_INVALID;
	if (buffer_printf(to, "%s: %s\r\n", field->name, field->value) < 0)
		return error_set(err, ERR_LIMIT, "the HTTP request is too long");
	return 0;
}

int http_request_write(struct buffer *to, const struct http_request_head *head,
		       struct error **err)
{
	const char *open = strchr(head->host, ':') != NULL ? "[" : "";
	int r = value_check(head->target, err);
	if (r == 0)
		r = value_check(head->host, err);
	if (r < 0)
		return r;
	if (buffer_printf(to, "%s %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n", head->method,
			  head->target, open, head->host, *open != '\0' ? "]" : "",
			  head->port) < 0)
		return error_set(err, ERR_LIMIT, "the HTTP request is too long");
	for (size_t i = 0; r == 0 && i < head->field_count; i++)
		r = field_write(to, &head->fields[i], err);
	if (r == 0 && head->has_body &&
	    buffer_printf(to, "Content-Length: %zu\r\n", head->body_size) < 0)
		r = error_set(err, ERR_LIMIT, "the HTTP request is too long");
	if (r == 0 && buffer_add_string(to, "\r\n") < 0)
		r = error_set(err, ERR_LIMIT, "the HTTP request is too long");
	return r;
}

/* ---- head ---- */

static int not_http(struct error **err, const char *line)
{
	return error_set(err, ERR_INVALID, "the answer is not HTTP: %.60s", line);
}

static int status_read(struct http_response *r, const char *line, struct error **err)
{
	/* "HTTP/1.1 200 OK" */
	if ((!str_has_prefix(line, "HTTP/1.1 ") && !str_has_prefix(line, "HTTP/1.0 ")) ||
	    strspn(line + 9, "0123456789") != 3 || (line[12] != ' ' && line[12] != '\0'))
		return not_http(err, line);
	r->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	r->keep_alive = line[7] == '1';
	return r->status >= 100 ? 0 : not_http(err, line);
}

static int field_read(struct http_response *r, char *line, struct error **err)
{
	char *colon = strchr(line, ':');
	if (colon == NULL || colon == line || strpbrk(line, " \t") == line)
		return not_http(err, line);
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t size = strlen(value);
	while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
		value[--size] = '\0';
	vector_push(&r->fields, ((struct http_field){line, value}));
	return 0;
}

const char *http_response_field(const struct http_response *r, const char *name)
{
	vector_for_each (&r->fields, field)
		if (strcasecmp(field->name, name) == 0)
			return field->value;
	return NULL;
}

static int framing_read(struct http_response *r, struct error **err)
{
	const char *coding = http_response_field(r, "Transfer-Encoding");
	const char *connection = http_response_field(r, "Connection");
	unsigned lengths = 0;
	vector_for_each (&r->fields, field) {
		if (strcasecmp(field->name, "Content-Length") != 0)
			continue;
		if (str_to_u64(field->value, &r->length) < 0 || ++lengths > 1)
			return not_http(err, "Content-Length");
		r->has_length = true;
	}
	if (connection != NULL && strcasestr(connection, "close") != NULL)
		r->keep_alive = false;
	if (r->status == 101 || r->status == 204 || r->status == 304 || r->without_body) {
		r->state = AT_END;
	} else if (coding != NULL) {
		if (strcasecmp(coding, "chunked") != 0 || r->has_length)
			return not_http(err, "Transfer-Encoding");
		r->state = IN_CHUNK_SIZE;
	} else if (r->has_length) {
		r->left = r->length;
		r->state = r->left > 0 ? IN_BODY : AT_END;
	} else {
		r->keep_alive = false;
		r->state = IN_BODY_TO_END;
	}
	return 0;
}

/* The complete head, without the empty line. */
static int head_read(struct http_response *r, struct error **err)
{
	char *rest = r->head.data, *line = strsep(&rest, "\n");
	line[strcspn(line, "\r")] = '\0';
	int result = status_read(r, line, err);
	while (result == 0 && (line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		result = field_read(r, line, err);
	}
	return result == 0 ? framing_read(r, err) : result;
}

static int head_take(struct http_response *r, const char *data, size_t size,
		     struct http_part *part, struct error **err)
{
	size_t before = r->head.size, most = HTTP_HEAD_MAX - before;
	size_t from = before > 3 ? before - 3 : 0;
	int added = buffer_add(&r->head, data, size < most ? size : most);
	INVARIANT(added == 0);
	const char *end = r->head.size > from ? memmem(r->head.data + from, r->head.size - from,
						       "\r\n\r\n", 4)
					      : NULL;
	if (end == NULL) {
		part->used = size;
		if (r->head.size == HTTP_HEAD_MAX)
			return error_set(err, ERR_LIMIT, "the head of the answer is too long");
		return 0;
	}
	size_t head = (size_t)(end - r->head.data);
	if (memchr(r->head.data, '\0', head) != NULL)
		return not_http(err, r->head.data);
	part->used = head + 4 - before;
	r->head.data[head] = '\0';
	int result = head_read(r, err);
	if (result < 0)
		return result;
	if (r->status < 200 && r->status != 101) { /* interim: the response follows */
		bool without_body = r->without_body;
		http_response_reset(r);
		r->without_body = without_body;
		return 0;
	}
	part->type = HTTP_PART_HEAD;
	return 0;
}

/* ---- body ---- */

/* Collects a line into r->line. True: it is complete, without its line break. */
static bool line_take(struct http_response *r, const char *data, size_t size,
		      struct http_part *part, struct error **err, int *ret_result)
{
	*ret_result = 0;
	while (part->used < size) {
		char c = data[part->used++];
		if (c == '\n') {
			if (r->line_size > 0 && r->line[r->line_size - 1] == '\r')
				r->line_size--;
			r->line[r->line_size] = '\0';
			r->line_size = 0;
			return true;
		}
		if (r->line_size + 1 == sizeof(r->line)) {
			*ret_result = not_http(err, "a line between chunks");
			return false;
		}
		r->line[r->line_size++] = c;
	}
	return false;
}

static int chunk_size_read(struct http_response *r, struct error **err)
{
	size_t digits = strspn(r->line, "0123456789abcdefABCDEF");
	if (digits == 0 || digits > 15 || (r->line[digits] != '\0' && r->line[digits] != ';'))
		return not_http(err, r->line);
	r->left = strtoull(r->line, NULL, 16);
	r->state = r->left > 0 ? IN_CHUNK : IN_TRAILER;
	return 0;
}

/* One of the lines around chunks. */
static int chunk_line_take(struct http_response *r, const char *data, size_t size,
			   struct http_part *part, struct error **err)
{
	int result;
	if (!line_take(r, data, size, part, err, &result))
		return result;
	if (r->state == IN_CHUNK_SIZE)
		return chunk_size_read(r, err);
	if (r->state == IN_CHUNK_BREAK && r->line[0] != '\0')
		return not_http(err, r->line);
	if (r->state == IN_CHUNK_BREAK)
		r->state = IN_CHUNK_SIZE;
	else if (r->line[0] == '\0') /* of a trailer, which is not read */
		r->state = AT_END;
	return 0;
}

static void body_take(struct http_response *r, const char *data, size_t size,
		      struct http_part *part)
{
	size_t n = size - part->used;
	if (r->state != IN_BODY_TO_END && n > r->left)
		n = (size_t)r->left;
	part->type = HTTP_PART_BODY;
	part->data = data + part->used;
	part->size = n;
	part->used += n;
	if (r->state == IN_BODY_TO_END)
		return;
	r->left -= n;
	if (r->left == 0)
		r->state = r->state == IN_CHUNK ? IN_CHUNK_BREAK : AT_END;
}

int http_response_take(struct http_response *r, const char *data, size_t size,
		       struct http_part *ret_part, struct error **err)
{
	struct http_part part = {.type = HTTP_PART_NONE};
	int result = 0;
	while (result == 0 && part.type == HTTP_PART_NONE) {
		if (r->state == AT_END) {
			part.type = HTTP_PART_END;
		} else if (part.used == size) {
			break;
		} else if (r->state == IN_HEAD) {
			size_t skipped = part.used; /* interim responses */
			result = head_take(r, data + skipped, size - skipped, &part, err);
			part.used += skipped;
		} else if (r->state == IN_BODY || r->state == IN_CHUNK ||
			   r->state == IN_BODY_TO_END) {
			body_take(r, data, size, &part);
		} else {
			result = chunk_line_take(r, data, size, &part, err);
		}
	}
	if (result == 0)
		*ret_part = part;
	return result;
}

int http_response_finish(const struct http_response *r, struct error **err)
{
	if (r->state == AT_END || r->state == IN_BODY_TO_END)
		return 0;
	return error_set(err, ERR_UNAVAILABLE,
			 r->state == IN_HEAD
				 ? "the connection was closed without an answer"
				 : "the connection was closed in the middle of the answer");
}

/* ---- life ---- */

void http_response_init(struct http_response *r)
{
	*r = (struct http_response){.head = BUFFER_INIT(HTTP_HEAD_MAX)};
}

void http_response_reset(struct http_response *r)
{
	r->status = 0;
	r->has_length = r->keep_alive = r->without_body = false;
	r->state = IN_HEAD;
	r->line_size = 0;
	r->left = r->length = 0;
	buffer_clear(&r->head);
	vector_clear(&r->fields);
}

void http_response_expect_no_body(struct http_response *r)
{
	r->without_body = true;
}

void http_response_done(struct http_response *r)
{
	buffer_done(&r->head);
	vector_done(&r->fields);
}
