/* adapter/http/message.h: requests written, responses read, however their bytes arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapter/http/message.h"

/* What a response was, read in steps of `step` bytes. */
struct outcome {
	int result, status;
	bool keep_alive, is_complete;
	size_t used;
	struct buffer body;
	struct error *err;
	char field[64]; /* value of X */
};

static struct outcome take(const char *text, size_t size, size_t step, bool without_body)
{
	struct outcome o = {.body = BUFFER_INIT(1 << 20)};
	struct http_response r;
	http_response_init(&r);
	if (without_body)
		http_response_expect_no_body(&r);
	size_t given = 0; /* end of the bytes that have arrived */
	while (!o.is_complete && o.result == 0) {
		struct http_part part;
		o.result = http_response_take(&r, text + o.used, given - o.used, &part, &o.err);
		if (o.result < 0)
			break;
		o.used += part.used;
		if (part.type == HTTP_PART_END)
			o.is_complete = true;
		else if (part.type == HTTP_PART_BODY)
			assert_int_equal(buffer_add(&o.body, part.data, part.size), 0);
		else if (part.type == HTTP_PART_NONE && given == size)
			break;
		else if (part.type == HTTP_PART_NONE)
			given = given + step < size ? given + step : size;
	}
	if (!o.is_complete && o.result == 0)
		o.result = http_response_finish(&r, &o.err);
	o.status = r.status;
	o.keep_alive = r.keep_alive;
	const char *x = http_response_field(&r, "x");
	if (x != NULL)
		(void)snprintf(o.field, sizeof(o.field), "%s", x);
	http_response_done(&r);
	return o;
}

static void outcome_done(struct outcome *o)
{
	buffer_done(&o->body);
	error_free(o->err);
}

static const char *body_of(const struct outcome *o)
{
	return o->body.data != NULL ? o->body.data : "";
}

/* In one piece and in every size of steps: the same body, the same bytes used. */
static void assert_body(const char *text, const char *body, size_t used, bool keep_alive)
{
	size_t size = strlen(text);
	for (size_t step = 1; step <= size; step++) {
		CLEANUP(outcome_done) struct outcome o = take(text, size, step, false);
		if (o.result != 0)
			fail_msg("step %zu: %s", step, o.err->message);
		assert_string_equal(body_of(&o), body);
		assert_int_equal(o.used, used);
		assert_int_equal(o.keep_alive, keep_alive);
	}
}

static void assert_refused(const char *text, int code)
{
	size_t size = strlen(text);
	for (size_t step = 1; step <= size; step++) {
		CLEANUP(outcome_done) struct outcome o = take(text, size, step, false);
		if (o.result != code)
			fail_msg("'%s' in steps of %zu gives %d, not %d", text, step, o.result,
				 code);
	}
}

#define LENGTH_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
#define CHUNKED	 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void a_body_of_known_length_ends_there(void **state)
{
	const char *text = LENGTH_5 "hellomore";
	assert_body(text, "hello", strlen(text) - 4, true);
}

static void a_chunked_body_is_put_together(void **state)
{
	const char *text = CHUNKED "3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\nHTTP";
	assert_body(text, "hello", strlen(text) - 4, true);
	const char *trailer = CHUNKED "5\r\nhello\r\n0\r\nX: y\r\n\r\n";
	assert_body(trailer, "hello", strlen(trailer), true);
}

static void without_a_length_the_connection_ends_the_body(void **state)
{
	const char *text = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello";
	assert_body(text, "hello", strlen(text), false);
}

static void responses_without_a_body_have_none(void **state)
{
	const char *text = "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\nHTTP";
	assert_body(text, "", strlen(text) - 4, true);
	const char *switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nframes";
	assert_body(switched, "", strlen(switched) - 6, true);
	CLEANUP(outcome_done)
	struct outcome head = take(LENGTH_5, strlen(LENGTH_5), 7, true);
	assert_true(head.is_complete);
}

static void interim_responses_are_skipped(void **state)
{
	const char *text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
			   "Link: x\r\n\r\n" LENGTH_5 "hello";
	assert_body(text, "hello", strlen(text), true);
}

static void the_connection_is_kept_unless_it_says_otherwise(void **state)
{
	assert_body("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", "", 57,
		    false);
	assert_body("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", 38, false);
}

static void fields_are_found_whatever_their_case(void **state)
{
	const char *text =
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX: \t a b \t\r\n\r\n";
	CLEANUP(outcome_done) struct outcome o = take(text, strlen(text), 3, false);
	assert_int_equal(o.status, 404);
	assert_string_equal(o.field, "a b");
}

static void what_is_not_http_is_refused(void **state)
{
	assert_refused("SSH-2.0-OpenSSH_9.2\r\n\r\n", ERR_INVALID);
	assert_refused("HTTP/2.0 200 OK\r\n\r\n", ERR_INVALID);
	assert_refused("HTTP/1.1 20 OK\r\n\r\n", ERR_INVALID);
	assert_refused("HTTP/1.1 099 OK\r\n\r\n", ERR_INVALID);
	assert_refused("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", ERR_INVALID);
	assert_refused("HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n", ERR_INVALID);
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", ERR_INVALID);
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		       ERR_INVALID);
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
		       "chunked\r\n\r\n0\r\n\r\n",
		       ERR_INVALID);
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", ERR_INVALID);
	assert_refused(CHUNKED "zz\r\n", ERR_INVALID);
	assert_refused(CHUNKED "-5\r\nhello\r\n", ERR_INVALID);
	assert_refused(CHUNKED "1234567890123456\r\n", ERR_INVALID);
	assert_refused(CHUNKED "2\r\nhello\r\n", ERR_INVALID);
	assert_refused(CHUNKED "1;a-chunk-extension-that-is-too-long-to-be-true\r\n",
		       ERR_INVALID);
}

static void what_ends_too_early_is_unavailable(void **state)
{
	assert_refused("HTTP/1.1 200 OK\r\n", ERR_UNAVAILABLE);
	assert_refused(LENGTH_5 "hell", ERR_UNAVAILABLE);
	assert_refused(CHUNKED "5\r\nhello\r\n", ERR_UNAVAILABLE);
	assert_refused(CHUNKED "5\r\nhello\r\n0\r\n", ERR_UNAVAILABLE);
}

static void a_head_without_an_end_is_refused(void **state)
{
	enum { SIZE = HTTP_HEAD_MAX + 10 };
	CLEANUP(freep) char *text = mem_calloc(1, SIZE + 1);
	memset(text, 'a', SIZE);
	memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
	for (size_t step = 1000; step <= SIZE; step += 20000) {
		CLEANUP(outcome_done) struct outcome o = take(text, SIZE, step, false);
		assert_int_equal(o.result, ERR_LIMIT);
	}
}

static void a_zero_byte_in_the_head_is_refused(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n";
	CLEANUP(outcome_done) struct outcome o = take(text, sizeof(text) - 1, 5, false);
	assert_int_equal(o.result, ERR_INVALID);
}

static void responses_follow_each_other_on_one_connection(void **state)
{
	const char *text = LENGTH_5 "hello" CHUNKED "3\r\nabc\r\n0\r\n\r\n";
	struct http_response r;
	struct http_part part;
	size_t used = 0;
	unsigned ends = 0, bodies = 0;
	http_response_init(&r);
	while (ends < 2) {
		assert_int_equal(
			http_response_take(&r, text + used, strlen(text) - used, &part, NULL),
			0);
		assert_int_not_equal(part.type, HTTP_PART_NONE);
		used += part.used;
		bodies += part.type == HTTP_PART_BODY;
		if (part.type == HTTP_PART_END) {
			ends++;
			http_response_reset(&r);
		}
	}
	assert_int_equal(used, strlen(text));
	assert_int_equal(bodies, 2);
	http_response_done(&r);
}

/* ---- requests ---- */

static void a_request_is_written(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	const struct http_field fields[] = {{"Accept", "a/b"}, {"X", "y"}};
	struct http_request_head head = {.method = "POST",
					 .target = "/v1/x?y=1",
					 .host = "127.0.0.1",
					 .port = 80,
					 .fields = fields,
					 .field_count = 2,
					 .has_body = true,
					 .body_size = 17};
	assert_int_equal(http_request_write(&b, &head, NULL), 0);
	assert_string_equal(b.data, "POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"
				    "Accept: a/b\r\nX: y\r\nContent-Length: 17\r\n\r\n");
	buffer_clear(&b);
	head = (struct http_request_head){
		.method = "GET", .target = "/", .host = "::1", .port = 7331};
	assert_int_equal(http_request_write(&b, &head, NULL), 0);
	assert_string_equal(b.data, "GET / HTTP/1.1\r\nHost: [::1]:7331\r\n\r\n");
}

static void a_line_break_cannot_be_smuggled_into_a_request(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	const struct http_field field = {"X", "y\r\nZ: 1"};
	struct http_request_head head = {
		.method = "GET", .target = "/a\r\nb", .host = "h", .port = 80};
	assert_int_equal(http_request_write(&b, &head, NULL), ERR_INVALID);
	head.target = "/";
	head.host = "h\n";
	assert_int_equal(http_request_write(&b, &head, NULL), ERR_INVALID);
	head.host = "h";
	head.fields = &field;
	head.field_count = 1;
	assert_int_equal(http_request_write(&b, &head, NULL), ERR_INVALID);
	CLEANUP(buffer_done) struct buffer small = BUFFER_INIT(20);
	head.field_count = 0;
	assert_int_equal(http_request_write(&small, &head, NULL), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_of_known_length_ends_there),
		cmocka_unit_test(a_chunked_body_is_put_together),
		cmocka_unit_test(without_a_length_the_connection_ends_the_body),
		cmocka_unit_test(responses_without_a_body_have_none),
		cmocka_unit_test(interim_responses_are_skipped),
		cmocka_unit_test(the_connection_is_kept_unless_it_says_otherwise),
		cmocka_unit_test(fields_are_found_whatever_their_case),
		cmocka_unit_test(what_is_not_http_is_refused),
		cmocka_unit_test(what_ends_too_early_is_unavailable),
		cmocka_unit_test(a_head_without_an_end_is_refused),
		cmocka_unit_test(a_zero_byte_in_the_head_is_refused),
		cmocka_unit_test(responses_follow_each_other_on_one_connection),
		cmocka_unit_test(a_request_is_written),
		cmocka_unit_test(a_line_break_cannot_be_smuggled_into_a_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
