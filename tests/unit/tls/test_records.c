/* adapter/tls: what only a stream with records can get wrong. */
#include "stage.h"

#include <string.h>

#include "adapter/tls/private.h"
#include "base/heap.h"

enum { LARGE = 300000 };

static struct tls_stream *tls_of(const struct end *e)
{
	return container_of(e->stream, struct tls_stream, stream);
}

static void both_stand(struct stage *s)
{
	stage_listen(s);
	stage_connect(s, client_new(s, NULL, s->trust),
		      &(struct stream_connect_options){.protocol = "http/1.1"});
	assert_true(s->near.is_connected);
	stage_until(s, &s->is_accepted);
}

static char *large_text(void)
{
	char *text = mem_calloc(1, LARGE + 1);
	for (size_t i = 0; i < LARGE; i++)
		text[i] = (char)('a' + (i * 7 + i / 26) % 26);
	return text;
}

/* Writes all of it, as the far end reads. */
static void pump(struct stage *s, struct end *from, const char *text, size_t size)
{
	size_t sum = 0;
	for (unsigned i = 0; i < 100000 && sum < size; i++) {
		size_t n = 0;
		assert_int_equal(stream_write(from->stream, text + sum, size - sum, &n, NULL),
				 0);
		sum += n;
		stage_run(s, 1);
	}
	assert_int_equal(sum, size);
	stage_run(s, 1000);
}

/* Records lie inside the stream when the network has nothing more to announce. */
static void what_was_decrypted_is_announced_until_it_is_read(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	for (unsigned i = 0; i < 5; i++)
		end_write(&s->near, "a record of its own");
	stage_run(s, 10);
	char byte;
	size_t n = 0;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(stream_read(s->far.stream, &byte, 1, &n, NULL), 1);
		assert_int_equal(n, 1);
	}
	end_listen(&s->far);
	stage_run(s, 10);
	assert_int_equal(s->far.got.size, 5 * strlen("a record of its own") - 3);
}

/* The first data lies inside the stream before anybody has asked for it. */
static void what_comes_with_the_end_of_the_handshake_is_not_lost(void **state)
{
	struct stage *s = *state;
	sim_network_delay(s->net, 5, 5);
	stage_listen(s);
	stage_connect(s, client_new(s, NULL, s->trust),
		      &(struct stream_connect_options){.protocol = "http/1.1"});
	end_write(&s->near, "early");
	stage_until(s, &s->is_accepted);
	stage_run(s, 20);
	end_listen(&s->far);
	stage_run(s, 20);
	assert_int_equal(s->far.got.size, 5);
}

/* Half a record is nothing to read: who waits for it does not spin. */
static void half_a_record_is_waited_for(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	sim_network_fragment(s->net, 10);
	end_listen(&s->far);
	CLEANUP(freep) char *text = large_text();
	pump(s, &s->near, text, 20000);
	assert_int_equal(s->far.got.size, 20000);
	assert_memory_equal(s->far.got.data, text, 20000);
}

/* After a write that was taken in part, the caller may offer other bytes: what was sealed is what was taken. */
static void a_refused_write_may_be_followed_by_another_one(void **state)
{
	struct stage *s = *state;
	sim_network_window(s->net, 20000);
	both_stand(s);
	CLEANUP(freep) char *text = large_text();
	size_t sum = 0, n = 1;
	while (n > 0) {
		assert_int_equal(stream_write(s->near.stream, text, 30000, &n, NULL), 0);
		sum += n;
	}
	size_t first = sum;
	end_listen(&s->far);
	stage_run(s, 100);
	assert_int_equal(stream_write(s->near.stream, "other", 5, &n, NULL), 0);
	assert_int_equal(n, 5);
	stage_run(s, 100);
	assert_int_equal(s->far.got.size, first + 5);
	assert_memory_equal(s->far.got.data + first, "other", 5);
}

/* What was taken is more than the network has room for: it goes out although the stream is closed. */
static void the_last_record_arrives_after_the_close(void **state)
{
	struct stage *s = *state;
	sim_network_window(s->net, 5000);
	both_stand(s);
	CLEANUP(freep) char *text = large_text();
	size_t n = 0;
	assert_int_equal(stream_write(s->near.stream, text, LARGE, &n, NULL), 0);
	assert_true(n > 5000);
	end_close(&s->near);
	end_listen(&s->far);
	stage_until(s, &s->far.is_told);
	assert_true(s->far.is_ended);
	assert_int_equal(s->far.got.size, n);
	assert_memory_equal(s->far.got.data, text, n);
}

/* One who goes on without reading is not waited for without end. */
static void a_closed_stream_does_not_wait_for_ever(void **state)
{
	struct stage *s = *state;
	sim_network_window(s->net, 5000);
	both_stand(s);
	CLEANUP(freep) char *text = large_text();
	size_t n = 0;
	assert_int_equal(stream_write(s->near.stream, text, LARGE, &n, NULL), 0);
	end_close(&s->near);
	const struct tls_transport *t =
		container_of(s->clients[0], struct tls_transport, transport);
	assert_int_equal(t->farewell_count, 1);
	stage_run(s, 5001);
	assert_int_equal(t->farewell_count, 0);
}

static void a_stream_that_is_cut_off_is_not_one_that_ended(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	end_listen(&s->far);
	struct tls_stream *near = tls_of(&s->near);
	SSL_set_quiet_shutdown(near->ssl, 1); /* as if somebody had cut it in between */
	end_close(&s->near);
	stage_until(s, &s->far.is_told);
	assert_false(s->far.is_ended);
	assert_true(s->far.is_broken);
	assert_int_equal(s->far.why->code, ERR_UNAVAILABLE);
	assert_says(s->far.why->message, "it was cut off in the middle");
}

static void a_record_that_was_changed_on_the_way_breaks_the_stream(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	struct tls_stream *near = tls_of(&s->near);
	size_t n = 0;
	assert_int_equal(stream_write(near->inner, "\x17\x03\x03\x00\x20", 5, &n, NULL), 0);
	assert_int_equal(
		stream_write(near->inner, "0123456789abcdef0123456789abcdef", 32, &n, NULL), 0);
	end_listen(&s->far);
	stage_until(s, &s->far.is_told);
	assert_true(s->far.is_broken);
	size_t m = 0;
	assert_int_equal(stream_write(s->far.stream, "x", 1, &m, NULL), ERR_UNAVAILABLE);
}

static void keys_are_renewed_while_bytes_go_both_ways(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	end_listen(&s->near);
	end_listen(&s->far);
	CLEANUP(freep) char *text = large_text();
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(
			SSL_key_update(tls_of(&s->near)->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		pump(s, &s->near, text, 1000);
		pump(s, &s->far, text, 1000);
	}
	assert_int_equal(s->far.got.size, 5000);
	assert_int_equal(s->near.got.size, 5000);
}

/* Each asks for an answer, and none is read: what waits is bounded, and the loop is not held. */
static void a_flood_of_key_updates_without_reading_is_bounded(void **state)
{
	struct stage *s = *state;
	sim_network_window(s->net, 2000);
	both_stand(s);
	end_listen(&s->far);
	struct tls_stream *near = tls_of(&s->near), *far = tls_of(&s->far);
	size_t n = 1;
	unsigned updates = 0;
	for (unsigned i = 0; i < 20000; i++) {
		if (n == 1) {
			assert_int_equal(SSL_key_update(near->ssl, SSL_KEY_UPDATE_REQUESTED),
					 1);
			updates++;
		}
		assert_int_equal(stream_write(s->near.stream, "x", 1, &n, NULL), 0);
		stage_run(s, 0);
		assert_true(far->out.size < 80000);
	}
	assert_true(updates > 1000);
	assert_false(s->far.is_broken);
	/* When it reads at last, everything goes on. */
	size_t before = s->far.got.size;
	end_listen(&s->near);
	stage_run(s, 1000);
	pump(s, &s->near, "hello", 5);
	assert_true(s->far.got.size > before);
	assert_memory_equal(s->far.got.data + s->far.got.size - 5, "hello", 5);
}

static void an_idle_stream_keeps_no_buffers(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	end_listen(&s->far);
	CLEANUP(freep) char *text = large_text();
	pump(s, &s->near, text, LARGE);
	assert_null(tls_of(&s->near)->out.data);
	assert_null(tls_of(&s->far)->out.data);
	assert_true((SSL_get_mode(tls_of(&s->near)->ssl) & SSL_MODE_RELEASE_BUFFERS) != 0);
}

static void no_session_can_be_resumed(void **state)
{
	struct stage *s = *state;
	both_stand(s);
	end_listen(&s->near);
	end_write(&s->far, "the server's first bytes, after which a ticket would come");
	stage_run(s, 100);
	assert_int_equal(SSL_SESSION_is_resumable(SSL_get0_session(tls_of(&s->near)->ssl)), 0);
	assert_int_equal(SSL_version(tls_of(&s->near)->ssl), TLS1_3_VERSION);
}

static void a_client_of_an_older_tls_is_refused(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	struct stream_transport *client = client_new(s, NULL, s->trust);
	SSL_CTX *ssl = container_of(client, struct tls_transport, transport)->context->ssl;
	assert_int_equal(SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ssl, TLS1_2_VERSION), 1);
	stage_connect(s, client, &(struct stream_connect_options){.protocol = "http/1.1"});
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "it does not speak TLS 1.3");
	stage_until(s, &s->is_refused);
	assert_int_equal(s->pages, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_begin, stage_end)
	const struct CMUnitTest tests[] = {
		TEST(what_was_decrypted_is_announced_until_it_is_read),
		TEST(what_comes_with_the_end_of_the_handshake_is_not_lost),
		TEST(half_a_record_is_waited_for),
		TEST(a_refused_write_may_be_followed_by_another_one),
		TEST(the_last_record_arrives_after_the_close),
		TEST(a_closed_stream_does_not_wait_for_ever),
		TEST(a_stream_that_is_cut_off_is_not_one_that_ended),
		TEST(a_record_that_was_changed_on_the_way_breaks_the_stream),
		TEST(keys_are_renewed_while_bytes_go_both_ways),
		TEST(a_flood_of_key_updates_without_reading_is_bounded),
		TEST(an_idle_stream_keeps_no_buffers),
		TEST(no_session_can_be_resumed),
		TEST(a_client_of_an_older_tls_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
