/* zrms/links.h and zrms/hub.h without processes: zhosts are links over simulated streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "adapter/wire/wire_link.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/access/access.h"
#include "zrms/hub.h"
#include "zrms/mesh_book.h"
#include "zrms/mesh_queries.h"
#include "zrms/mesh_routes.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
static const uint8_t own_key[32] = {0,	1,  2,	3,  4,	5,  6,	7,  8,	9,  10,
				    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
				    22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

enum { PORT = 7331, DEADLINE_MS = 60000, ZHOSTS = 3, MORE = 12 };

/* A zhost's end of its link. */
struct zhost {
	const char *name;
	struct stream_transport *transport;
	struct stream *stream; /* until it is connected */
	struct wire_link *wire;
	uint64_t link_id; /* at zrms; 0 before its hello */
	bool is_closed;
	unsigned frames, last_type;
	VECTOR(char *) payloads; /* of mesh messages that arrived */
};

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *zrms;
	struct stream_listener *listener;
	struct links *links;
	struct hub *hub;
	struct mesh_book *book;
	struct mesh_queries *queries;
	unsigned gathered; /* how many zhosts were asked */
	char *silent;	   /* those that said nothing, and why */
	uint64_t received; /* the first one's word */
	struct zhost zhosts[ZHOSTS];
	struct zhost more[MORE];	/* further links of alpha */
	struct stream_transport *thief; /* which opens them; NULL: alpha does */
	unsigned more_count;
	/* of the listener */
	unsigned renewals, mesh_asks;
	bool has_key; /* the last HELLO came with a key */
	unsigned secret_asks;
	unsigned inputs, log_calls, closed_calls, closed_with_hello;
	enum control_input_type last_input;
	uint64_t last_link_id;
};

/* ---- a zhost ---- */

static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	(void)wire;
	(void)err;
	struct zhost *z = user;
	z->frames++;
	z->last_type = frame->type;
	if (frame->type != SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE)
		return 0;
	ProtobufCMessage *m = NULL;
	assert_int_equal(frame_decode(frame, &m, NULL), 0);
	const ProtobufCBinaryData *payload = &((Samoza__V1__MeshMessage *)m)->payload;
	vector_push(&z->payloads, mem_strndup((const char *)payload->data, payload->len));
	protobuf_c_message_free_unpacked(m, NULL);
	return 0;
}

static void on_wire_closed(void *user, struct wire_link *wire, const struct error *why)
{
	(void)wire;
	(void)why;
	struct zhost *z = user;
	z->wire = NULL;
	z->is_closed = true;
}

static const struct wire_link_handler wire_handler = {.frame = on_frame,
						      .closed = on_wire_closed};

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct zhost *z = user;
	assert_null(why);
	z->stream = NULL;
	z->wire = wire_link_new(stream, 0, &wire_handler, z);
}

static const struct stream_handler connect_handler = {.connected = on_connected};

static void zhost_send(struct zhost *z, Samoza__V1__FrameType type,
		       const ProtobufCMessage *message)
{
	assert_non_null(z->wire);
	assert_int_equal(wire_link_send(z->wire, type, message, NULL), 0);
}

static void zhost_hello(struct stage *s, struct zhost *z)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)(uintptr_t)z->name;
	hello.protocol = 1;
	hello.spec = &spec;
	hello.identity = (char *)"identity";
	hello.incarnation = 1;
	zhost_send(z, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO, &hello.base);
	sim_loop_run(&s->loop, 0);
	z->link_id = s->last_link_id;
}

static void zhost_heartbeat(struct zhost *z)
{
	Samoza__V1__Heartbeat beat = SAMOZA__V1__HEARTBEAT__INIT;
	beat.identity = (char *)"identity";
	beat.incarnation = 1;
	zhost_send(z, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, &beat.base);
}

static void zhost_emit_bytes(struct zhost *z, const char *to_zhost, const void *payload,
			     size_t size)
{
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = (char *)"t";
	m.path_name = (char *)"p";
	m.from = (char *)"a";
	m.to = (char *)"b";
	m.to_zhost = (char *)(uintptr_t)to_zhost;
	m.payload.data = (uint8_t *)(uintptr_t)payload;
	m.payload.len = size;
	zhost_send(z, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base);
}

static void zhost_emit(struct zhost *z, const char *to_zhost, const char *payload)
{
	zhost_emit_bytes(z, to_zhost, payload, strlen(payload));
}

/* ---- zrms ---- */

/* The link that an input is about. */
static uint64_t link_of(const struct control_input *input)
{
	switch (input->type) {
	case CONTROL_HELLO:
		return input->hello.link_id;
	case CONTROL_HEARTBEAT:
		return input->heartbeat.link_id;
	case CONTROL_DATA:
		return input->data.link_id;
	case CONTROL_REPORT:
	case CONTROL_CREDENTIAL:
	case CONTROL_SIGN_IN:
	case CONTROL_TOKEN:
	case CONTROL_API_TOKEN:
	case CONTROL_AUTHORITY:
	case CONTROL_SIGNING_KEY:
	case CONTROL_SECRET:
	case CONTROL_BACKUP:
	case CONTROL_LEADER_MOVE:
	case CONTROL_ZRMS_FORGET:
	case CONTROL_NOTICE_TEST:
	case CONTROL_NOTICE_TARGETS:
	case CONTROL_NOTICE_SENT:
	case CONTROL_BACKUP_AGE:
	case CONTROL_JOIN:
	case CONTROL_RENEW:
	case CONTROL_HELLO_ANSWERED:
	case CONTROL_CLOSED:
	case CONTROL_DATA_FULL:
	case CONTROL_FORGOTTEN:
	case CONTROL_MESH_APPLIED:
	case CONTROL_MACHINE:
	case CONTROL_DRIVER:
	case CONTROL_REPEAT:
	case CONTROL_REFUSED:
	case CONTROL_SUBMIT:
	case CONTROL_TOPOLOGY:
	case CONTROL_GOAL:
	case CONTROL_EXEC:
	case CONTROL_MOVE:
	case CONTROL_ROLLOUT:
	case CONTROL_ROLLBACK:
	case CONTROL_SCALE:
	case CONTROL_REBALANCE:
	case CONTROL_ZHOST:
	case CONTROL_TICK:
		break;
	}
	fail_msg("an input that no test sends");
	return 0;
}

static void on_input(void *user, const struct control_input *input)
{
	struct stage *s = user;
	s->inputs++;
	s->last_input = input->type;
	s->last_link_id = link_of(input);
	s->has_key = input->type == CONTROL_HELLO && input->hello.key != NULL;
	if (s->has_key)
		assert_memory_equal(input->hello.key, own_key, sizeof(own_key));
}

static void on_renew(void *user, uint64_t link_id, const char *name, const uint8_t *own,
		     const struct control_certified *certified, const Samoza__V1__Renew *renew)
{
	struct stage *s = user;
	s->renewals++;
	assert_true(certified->expires_ms > 0);
	s->last_link_id = link_id;
	assert_string_equal(name, "alpha");
	assert_memory_equal(own, own_key, sizeof(own_key));
	assert_string_equal(renew->request, "a request");
}

static void on_mesh_answer(void *user, uint64_t link_id, const Samoza__V1__MeshAnswer *answer)
{
	struct stage *s = user;
	mesh_queries_answer(s->queries, link_id, answer);
}

static void on_log_chunk(void *user, uint64_t link_id, const Samoza__V1__LogChunk *chunk)
{
	struct stage *s = user;
	s->log_calls++;
	s->last_link_id = link_id;
	assert_int_equal(chunk->request, 5);
}

static int on_mesh_frame(void *user, const char *member, const struct frame *frame,
			 struct error **err)
{
	struct stage *s = user;
	return hub_forward(s->hub, member, frame, err);
}

static int on_mesh_ask(void *user, uint64_t link_id, const Samoza__V1__MeshAsk *ask,
		       struct error **err)
{
	struct stage *s = user;
	s->mesh_asks++;
	return mesh_book_ask(s->book, link_id, ask, err);
}

static void on_left(void *user, uint64_t link_id, const char *zhost,
		    const Samoza__V1__Leave *last)
{
	(void)link_id;
	(void)last;
	struct stage *s = user;
	hub_keep(s->hub, zhost);
}

static void on_member(void *user, uint64_t link_id, const char *zhost)
{
	struct stage *s = user;
	hub_pass_kept(s->hub, zhost, link_id);
}

static void on_closed(void *user, uint64_t link_id, bool had_hello)
{
	struct stage *s = user;
	s->closed_calls++;
	s->closed_with_hello += had_hello;
	s->last_link_id = link_id;
	for (unsigned i = 0; i < ZHOSTS; i++)
		if (s->zhosts[i].link_id == link_id)
			s->zhosts[i].link_id = 0;
}

static bool on_secret_ask(void *user, uint64_t link_id, const Samoza__V1__SecretAsk *ask,
			  const char **ret_refused)
{
	struct stage *s = user;
	(void)link_id;
	s->secret_asks++;
	*ret_refused = strcmp(ask->name, "given") == 0 ? NULL : "no such copy is placed there";
	return strcmp(ask->name, "foreign") != 0;
}

static const struct links_listener links_listener = {.input = on_input,
						     .secret_ask = on_secret_ask,
						     .log_chunk = on_log_chunk,
						     .mesh_answer = on_mesh_answer,
						     .mesh_ask = on_mesh_ask,
						     .renew = on_renew,
						     .mesh_frame = on_mesh_frame,
						     .left = on_left,
						     .accepted = on_member,
						     .closed = on_closed};

static uint64_t on_link_of(void *user, const char *zhost)
{
	struct stage *s = user;
	for (unsigned i = 0; i < ZHOSTS; i++)
		if (strcmp(s->zhosts[i].name, zhost) == 0)
			return s->zhosts[i].link_id;
	return 0;
}

static void on_accepted(void *user, struct stream *stream)
{
	struct stage *s = user;
	const char *name = stream_peer(stream)->name;
	const struct principal who = {.name = (char *)(uintptr_t)name, .role = ACCESS_ZHOST};
	links_add(s->links, name != NULL ? access_principal_copy(&who) : NULL, stream);
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

static void zrms_send(struct stage *s, struct zhost *z, Samoza__V1__FrameType type,
		      ProtobufCMessage *message, bool close)
{
	const struct link_message m = {
		.link_id = z->link_id, .type = type, .message = message, .close = close};
	links_send(s->links, &m);
}

static void zrms_accept(struct stage *s, struct zhost *z)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	zrms_send(s, z, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base, false);
	sim_loop_run(&s->loop, 0);
}

/* ---- stage ---- */

static void zhost_connect(struct zhost *z, struct stream_transport *from)
{
	const struct stream_connect_options to = {.to = {"zrms", PORT}, .timeout_ms = 1000};
	z->stream = stream_connect(from, &to, &connect_handler, z);
}

/* From now on the machine proves that it is alpha, by a certificate that ends so much later. */
static void alpha_certify(struct stage *s, const char *machine, int64_t ends_in_ms)
{
	const struct stream_peer alpha = {.cluster = "lab",
					  .role = "zhost",
					  .name = "alpha",
					  .key_hash = KEY,
					  .expires_wall_ms =
						  loop_now(&s->loop).wall_ms + ends_in_ms};
	sim_network_certify(s->net, machine, &alpha);
}

static struct zhost *alpha_connect_again(struct stage *s)
{
	assert_true(s->more_count < MORE);
	struct zhost *z = &s->more[s->more_count++];
	z->name = "alpha";
	zhost_connect(z, s->thief != NULL ? s->thief : s->zhosts[0].transport);
	sim_loop_run(&s->loop, 0);
	return z;
}

/* alpha proves who it is, by a certificate that ends so much later; 0: it does not. */
static int begin_with(void **state, int64_t ends_in_ms)
{
	static const char *const names[ZHOSTS] = {"alpha", "beta", "gamma"};
	struct stage *s = mem_new(struct stage);
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, 3);
	s->zrms = sim_network_machine(s->net, "zrms");
	s->links = links_new(&s->loop, 1000, &links_listener, s);
	s->hub = hub_new(&s->loop, s->links, on_link_of, s);
	const struct stream_listen_options options = {.at = {"zrms", PORT}};
	assert_int_equal(
		stream_listen(s->zrms, &options, &listen_handler, s, &s->listener, NULL), 0);
	for (unsigned i = 0; i < ZHOSTS; i++) {
		struct zhost *z = &s->zhosts[i];
		z->name = names[i];
		z->transport = sim_network_machine(s->net, names[i]);
		if (i == 0 && ends_in_ms != 0)
			alpha_certify(s, names[i], ends_in_ms);
		zhost_connect(z, z->transport);
	}
	sim_loop_run(&s->loop, 0);
	*state = s;
	return 0;
}

static int begin(void **state)
{
	return begin_with(state, 0);
}

static int begin_certified(void **state)
{
	return begin_with(state, 3600000);
}

static int begin_expired(void **state)
{
	return begin_with(state, -1000);
}

static int end(void **state)
{
	struct stage *s = *state;
	for (unsigned i = 0; i < ZHOSTS; i++)
		if (s->zhosts[i].wire != NULL)
			wire_link_close(s->zhosts[i].wire, NULL);
	for (unsigned i = 0; i < s->more_count; i++)
		if (s->more[i].wire != NULL)
			wire_link_close(s->more[i].wire, NULL);
	sim_loop_run(&s->loop, DEADLINE_MS);
	assert_true(links_is_empty(s->links));
	assert_int_equal(s->closed_calls, ZHOSTS + s->more_count);
	for (unsigned i = 0; i < ZHOSTS; i++) {
		struct zhost *z = &s->zhosts[i];
		vector_for_each (&z->payloads, payload)
			free(*payload);
		vector_done(&z->payloads);
		stream_transport_free(z->transport);
	}
	stream_transport_free(s->thief);
	hub_free(s->hub);
	links_free(s->links);
	stream_listener_close(s->listener);
	stream_transport_free(s->zrms);
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

static uint64_t metric(struct stage *s, const char *name)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	struct metric_registry registry = {0};
	metric_registry_add(&registry, &links_metrics, s->links);
	metric_registry_add(&registry, &hub_metrics, s->hub);
	metric_registry_print(&registry, METRIC_FORMAT_TEXT, &text);
	metric_registry_done(&registry);
	CLEANUP(freep) char *line = str_printf("\nzrms_%s ", name);
	const char *found = strstr(text.data, line);
	assert_non_null(found);
	return strtoull(found + strlen(line), NULL, 10);
}

static void members_make(struct stage *s)
{
	for (unsigned i = 0; i < ZHOSTS; i++) {
		zhost_hello(s, &s->zhosts[i]);
		zrms_accept(s, &s->zhosts[i]);
		assert_int_equal(s->zhosts[i].last_type,
				 SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK);
	}
}

/* ---- links ---- */

static void a_hello_reaches_the_core_with_the_id_of_its_link(void **state)
{
	struct stage *s = *state;
	zhost_hello(s, &s->zhosts[1]);
	assert_int_equal(s->inputs, 1);
	assert_int_equal(s->last_input, CONTROL_HELLO);
	uint64_t beta = s->last_link_id;
	zhost_hello(s, &s->zhosts[0]);
	assert_int_not_equal(s->last_link_id, beta);
	zhost_heartbeat(&s->zhosts[1]);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->inputs, 3);
	assert_int_equal(s->last_link_id, beta);
	assert_int_equal(metric(s, "link_frames_total"), 3);
	assert_int_equal(metric(s, "links"), 3);
}

static void zhost_renew(struct stage *s, struct zhost *z)
{
	Samoza__V1__Renew renew = SAMOZA__V1__RENEW__INIT;
	renew.request = (char *)(uintptr_t) "a request";
	zhost_send(z, SAMOZA__V1__FRAME_TYPE__FRAME_RENEW, &renew.base);
	sim_loop_run(&s->loop, 0);
}

static void a_key_that_was_proved_comes_with_the_hello_and_can_be_renewed(void **state)
{
	struct stage *s = *state;
	struct zhost *alpha = &s->zhosts[0];
	zhost_hello(s, alpha);
	assert_true(s->has_key);
	zhost_renew(s, alpha);
	zhost_renew(s, alpha); /* without waiting for the answer */
	assert_int_equal(s->renewals, 1);
	Samoza__V1__Renewed renewed = SAMOZA__V1__RENEWED__INIT;
	assert_int_equal(links_send_frame(s->links, alpha->link_id,
					  SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED, &renewed.base,
					  NULL),
			 0);
	zhost_renew(s, alpha);
	assert_int_equal(s->renewals, 2);
	zhost_hello(s, &s->zhosts[1]);
	assert_false(s->has_key);
	zhost_renew(s, &s->zhosts[1]); /* it has no key to prove */
	assert_true(s->zhosts[1].is_closed);
	assert_int_equal(s->renewals, 2);
}

static void an_expired_certificate_is_renewed_before_the_hello(void **state)
{
	struct stage *s = *state;
	zhost_renew(s, &s->zhosts[0]);
	assert_int_equal(s->renewals, 1);
	assert_false(s->zhosts[0].is_closed);
}

static void with_an_expired_certificate_nothing_else_is_heard(void **state)
{
	struct stage *s = *state;
	zhost_hello(s, &s->zhosts[0]);
	assert_int_equal(s->inputs, 0);
	assert_true(s->zhosts[0].is_closed);
}

static void with_an_expired_certificate_a_frame_is_small(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 64 * 1024 };
	CLEANUP(freep) char *request = mem_calloc(1, SIZE + 1);
	Samoza__V1__Renew renew = SAMOZA__V1__RENEW__INIT;
	memset(request, 'x', SIZE);
	renew.request = request;
	zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_RENEW, &renew.base);
	sim_loop_run(&s->loop, 0);
	assert_true(s->zhosts[0].is_closed);
	assert_int_equal(s->renewals, 0);
}

static void before_the_hello_a_frame_has_at_most_eight_mebibytes(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 8 << 20 };
	CLEANUP(freep) char *text = mem_calloc(1, SIZE + 1);
	memset(text, 'x', SIZE);
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)"beta";
	hello.protocol = 1;
	hello.spec = &spec;
	hello.identity = text;
	hello.incarnation = 1;
	zhost_send(&s->zhosts[1], SAMOZA__V1__FRAME_TYPE__FRAME_HELLO, &hello.base);
	sim_loop_run(&s->loop, 0);
	assert_true(s->zhosts[1].is_closed);
	assert_int_equal(s->inputs, 0);
	/* What is a member may say more. */
	zhost_hello(s, &s->zhosts[0]);
	zrms_accept(s, &s->zhosts[0]);
	zhost_emit_bytes(&s->zhosts[0], "gamma", text, SIZE);
	sim_loop_run(&s->loop, 0);
	assert_false(s->zhosts[0].is_closed);
	assert_int_equal(metric(s, "mesh_dropped_total"), 1); /* gamma has no link */
}

static void a_certified_name_has_four_links_without_hello(void **state)
{
	struct stage *s = *state;
	struct zhost *first = &s->zhosts[0], *second = alpha_connect_again(s);
	alpha_connect_again(s);
	alpha_connect_again(s);
	assert_int_equal(s->closed_calls, 0);
	zhost_hello(s, first); /* it counts no more */
	struct zhost *fifth = alpha_connect_again(s);
	assert_int_equal(s->closed_calls, 0);
	alpha_connect_again(s);
	assert_true(second->is_closed);
	assert_int_equal(s->closed_calls, 1);
	zhost_hello(s, fifth);
	assert_int_equal(s->inputs, 2);
	assert_false(first->is_closed || fifth->is_closed);
	/* They are of no name. */
	assert_false(s->zhosts[1].is_closed || s->zhosts[2].is_closed);
}

static void an_expired_certificate_pushes_out_no_valid_one(void **state)
{
	struct stage *s = *state;
	s->thief = sim_network_machine(s->net, "thief");
	alpha_certify(s, "thief", -1000);
	struct zhost *oldest = alpha_connect_again(s);
	for (unsigned i = 0; i < 4; i++)
		alpha_connect_again(s);
	assert_true(oldest->is_closed);
	assert_int_equal(s->closed_calls, 1);
	zhost_hello(s, &s->zhosts[0]);
	assert_int_equal(s->inputs, 1);
}

static void without_a_hello_a_link_is_closed_after_ten_seconds(void **state)
{
	struct stage *s = *state;
	zhost_hello(s, &s->zhosts[0]);
	sim_loop_run(&s->loop, 9999);
	assert_int_equal(s->closed_calls, 0);
	sim_loop_run(&s->loop, 1);
	assert_int_equal(s->closed_calls, 2);
	assert_int_equal(s->closed_with_hello, 0);
	assert_false(s->zhosts[0].is_closed);
	assert_true(s->zhosts[1].is_closed && s->zhosts[2].is_closed);
}

static void a_frame_before_the_hello_closes_the_link(void **state)
{
	struct stage *s = *state;
	zhost_heartbeat(&s->zhosts[0]);
	sim_loop_run(&s->loop, 0);
	assert_true(s->zhosts[0].is_closed);
	assert_int_equal(s->inputs, 0);
	assert_int_equal(s->closed_with_hello, 0);
}

static void a_second_hello_closes_the_link(void **state)
{
	struct stage *s = *state;
	zhost_hello(s, &s->zhosts[0]);
	zhost_hello(s, &s->zhosts[0]);
	assert_true(s->zhosts[0].is_closed);
	assert_int_equal(s->inputs, 1);
	assert_int_equal(s->closed_with_hello, 1);
}

static void a_frame_that_only_zrms_sends_closes_the_link(void **state)
{
	struct stage *s = *state;
	Samoza__V1__HeartbeatAck ack = SAMOZA__V1__HEARTBEAT_ACK__INIT;
	zhost_hello(s, &s->zhosts[0]);
	zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK, &ack.base);
	sim_loop_run(&s->loop, 0);
	assert_true(s->zhosts[0].is_closed);
	assert_int_equal(s->inputs, 1);
}

static void log_chunks_do_not_go_to_the_core(void **state)
{
	struct stage *s = *state;
	Samoza__V1__LogChunk chunk = SAMOZA__V1__LOG_CHUNK__INIT;
	chunk.request = 5;
	zhost_hello(s, &s->zhosts[0]);
	zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK, &chunk.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->log_calls, 1);
	assert_int_equal(s->inputs, 1);
}

/* A flood of one zhost neither fills the memory of zrms nor holds up another. */
static void a_zhost_with_too_many_unanswered_requests_waits(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__DataRequest request = SAMOZA__V1__DATA_REQUEST__INIT;
	Samoza__V1__DataReply reply = SAMOZA__V1__DATA_REPLY__INIT;
	key.topology = key.path = (char *)"a";
	request.key = &key;
	request.operation = SAMOZA__V1__DATA_OPERATION__DATA_GET;
	members_make(s);
	unsigned before = s->inputs;
	for (unsigned n = 0; n < 2000; n++)
		zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST,
			   &request.base);
	sim_loop_run(&s->loop, 1000);
	assert_int_equal(s->inputs - before, 512);
	zhost_heartbeat(&s->zhosts[1]);
	sim_loop_run(&s->loop, 1000);
	assert_int_equal(s->inputs - before, 513);
	for (unsigned n = 0; n < 2000; n++) {
		zrms_send(s, &s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY,
			  &reply.base, false);
		sim_loop_run(&s->loop, 0);
	}
	assert_int_equal(s->inputs - before, 2001);
}

static void messages_of_the_core_reach_their_zhost_and_may_close_its_link(void **state)
{
	struct stage *s = *state;
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	zhost_hello(s, &s->zhosts[0]);
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED;
	zrms_send(s, &s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base, true);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->zhosts[0].frames, 1);
	assert_true(s->zhosts[0].is_closed);
	/* The link is gone; a late message for it is not an error. */
	s->zhosts[0].link_id = 1;
	zrms_send(s, &s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base, false);
}

static void a_link_that_cannot_take_a_message_of_the_core_is_closed(void **state)
{
	struct stage *s = *state;
	enum { BIG = 15 << 20 };
	CLEANUP(freep) char *big = mem_calloc(1, BIG + 1);
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	memset(big, 'x', BIG);
	ack.reason = big;
	members_make(s);
	sim_network_silence(s->net, "alpha", "zrms"); /* alpha reads no more: no room */
	sim_network_window(s->net, 10);
	for (unsigned i = 0; i < 5 && s->zhosts[0].link_id != 0; i++) {
		zrms_send(s, &s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base,
			  false);
		if (i < 4)
			assert_int_equal(s->closed_calls, 0);
	}
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->closed_calls, 1);
	assert_int_equal(s->zhosts[0].link_id, 0);
}

static void closing_all_links_writes_what_waits(void **state)
{
	struct stage *s = *state;
	Samoza__V1__HeartbeatAck ack = SAMOZA__V1__HEARTBEAT_ACK__INIT;
	members_make(s);
	for (unsigned i = 0; i < ZHOSTS; i++)
		zrms_send(s, &s->zhosts[i], SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK,
			  &ack.base, false);
	links_close_all(s->links);
	sim_loop_run(&s->loop, 0);
	assert_true(links_is_empty(s->links));
	for (unsigned i = 0; i < ZHOSTS; i++)
		assert_int_equal(s->zhosts[i].last_type,
				 SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK);
}

/* ---- the hub ---- */

static void a_message_goes_to_its_zhost_and_to_no_other(void **state)
{
	struct stage *s = *state;
	members_make(s);
	zhost_emit(&s->zhosts[0], "beta", "one");
	zhost_emit(&s->zhosts[0], "gamma", "two");
	zhost_emit(&s->zhosts[0], "beta", "three");
	zhost_emit(&s->zhosts[2], "gamma", "to itself");
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->zhosts[0].payloads.count, 0);
	assert_int_equal(s->zhosts[1].payloads.count, 2);
	assert_string_equal(s->zhosts[1].payloads.items[0], "one");
	assert_string_equal(s->zhosts[1].payloads.items[1], "three");
	assert_int_equal(s->zhosts[2].payloads.count, 2);
	assert_int_equal(metric(s, "mesh_forwarded_total"), 4);
	assert_int_equal(metric(s, "mesh_dropped_total"), 0);
	assert_int_equal(s->inputs, 3);
}

static void a_message_for_an_unknown_or_lost_zhost_is_dropped(void **state)
{
	struct stage *s = *state;
	members_make(s);
	zhost_emit(&s->zhosts[0], "delta", "x");
	wire_link_close(s->zhosts[1].wire, NULL);
	sim_loop_run(&s->loop, 0);
	zhost_emit(&s->zhosts[0], "beta", "x");
	sim_loop_run(&s->loop, 0);
	assert_int_equal(metric(s, "mesh_dropped_total"), 2);
	assert_false(s->zhosts[0].is_closed);
}

static void zhost_leave(struct stage *s, struct zhost *z)
{
	Samoza__V1__Leave last = SAMOZA__V1__LEAVE__INIT;
	zhost_send(z, SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE, &last.base);
	sim_loop_run(&s->loop, 0);
	assert_true(z->is_closed);
}

static void what_comes_for_a_zhost_between_two_links_waits_for_the_other_one(void **state)
{
	struct stage *s = *state;
	struct zhost *alpha = &s->zhosts[0];
	members_make(s);
	zhost_emit(&s->zhosts[1], "alpha", "before");
	zhost_emit(alpha, "beta", "last");
	zhost_leave(s, alpha);
	assert_string_equal(alpha->payloads.items[0], "before");
	assert_string_equal(s->zhosts[1].payloads.items[0], "last");
	zhost_emit(&s->zhosts[1], "alpha", "one");
	zhost_emit(&s->zhosts[2], "alpha", "two");
	sim_loop_run(&s->loop, 4000);
	struct zhost *again = alpha_connect_again(s);
	zhost_hello(s, again);
	zhost_emit(&s->zhosts[1], "alpha", "three");
	sim_loop_run(&s->loop, 0);
	alpha->link_id = again->link_id;
	zrms_accept(s, again);
	zhost_emit(&s->zhosts[1], "alpha", "four");
	sim_loop_run(&s->loop, 0);
	assert_int_equal(again->payloads.count, 4);
	assert_string_equal(again->payloads.items[0], "one");
	assert_string_equal(again->payloads.items[2], "three");
	assert_string_equal(again->payloads.items[3], "four");
	assert_int_equal(metric(s, "mesh_dropped_total"), 0);
	vector_for_each (&again->payloads, payload)
		free(*payload);
	vector_done(&again->payloads);
}

static void what_waits_for_a_zhost_that_does_not_come_is_dropped_and_bounded(void **state)
{
	static char large[60000];
	struct stage *s = *state;
	members_make(s);
	zhost_leave(s, &s->zhosts[0]);
	for (unsigned i = 0; i < 20; i++) {
		zhost_emit_bytes(&s->zhosts[1], "alpha", large, sizeof(large));
		sim_loop_run(&s->loop, 0);
	}
	assert_int_equal(metric(s, "mesh_dropped_total"), 3); /* more than 1 MiB */
	sim_loop_run(&s->loop, 6000);
	assert_int_equal(metric(s, "mesh_dropped_total"), 20);
	zhost_emit(&s->zhosts[1], "alpha", "x");
	sim_loop_run(&s->loop, 0);
	assert_int_equal(metric(s, "mesh_dropped_total"), 21);
}

static void a_zhost_that_is_not_yet_a_member_cannot_send(void **state)
{
	struct stage *s = *state;
	zhost_hello(s, &s->zhosts[0]);
	zhost_hello(s, &s->zhosts[1]);
	zrms_accept(s, &s->zhosts[1]);
	zhost_emit(&s->zhosts[0], "beta", "x");
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->zhosts[1].payloads.count, 0);
	assert_int_equal(metric(s, "mesh_dropped_total"), 1);
	assert_false(s->zhosts[0].is_closed);
	zrms_accept(s, &s->zhosts[0]);
	zhost_emit(&s->zhosts[0], "beta", "y");
	sim_loop_run(&s->loop, 0);
	assert_string_equal(s->zhosts[1].payloads.items[0], "y");
}

static void a_message_for_no_zhost_closes_the_link_that_sent_it(void **state)
{
	struct stage *s = *state;
	members_make(s);
	zhost_emit(&s->zhosts[0], "", "x");
	sim_loop_run(&s->loop, 0);
	assert_true(s->zhosts[0].is_closed);
}

static void a_message_that_says_it_is_of_another_zhost_is_dropped(void **state)
{
	struct stage *s = *state;
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = m.path_name = m.from = m.to = (char *)"x";
	m.to_zhost = (char *)"beta";
	m.from_zhost = (char *)"gamma";
	m.payload.data = (uint8_t *)"1";
	m.payload.len = 1;
	members_make(s);
	zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->zhosts[1].payloads.count, 0);
	assert_int_equal(metric(s, "mesh_dropped_total"), 1);
	m.from_zhost = (char *)"alpha";
	zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->zhosts[1].payloads.count, 1);
}

static void a_zhost_that_goes_on_sending_messages_of_others_loses_its_link(void **state)
{
	struct stage *s = *state;
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = m.path_name = m.from = m.to = (char *)"x";
	m.to_zhost = (char *)"beta";
	m.from_zhost = (char *)"gamma";
	m.payload.data = (uint8_t *)"1";
	m.payload.len = 1;
	members_make(s);
	for (unsigned n = 1; n <= LINKS_FOREIGN_MAX; n++) {
		assert_false(s->zhosts[0].is_closed);
		zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base);
		sim_loop_run(&s->loop, 0);
	}
	assert_true(s->zhosts[0].is_closed);
	assert_int_equal(s->zhosts[1].payloads.count, 0);
	assert_int_equal(metric(s, "mesh_dropped_total"), LINKS_FOREIGN_MAX);
	assert_false(s->zhosts[1].is_closed || s->zhosts[2].is_closed);
}

static void ask_secrets(struct stage *s, const char *name, unsigned count)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__SecretAsk ask = SAMOZA__V1__SECRET_ASK__INIT;
	key.topology = key.path = (char *)(uintptr_t) "x";
	ask.key = &key;
	ask.name = (char *)(uintptr_t)name;
	for (unsigned n = 0; n < count; n++) {
		assert_false(s->zhosts[0].is_closed);
		zhost_send(&s->zhosts[0], SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST,
			   &ask.base);
		sim_loop_run(&s->loop, 0);
	}
}

static void a_zhost_that_goes_on_asking_for_secrets_of_others_loses_its_link(void **state)
{
	struct stage *s = *state;
	members_make(s);
	ask_secrets(s, "given", 3 * LINKS_SECRETS_MAX);
	ask_secrets(s, "refused", 3 * LINKS_SECRETS_MAX);
	ask_secrets(s, "foreign", LINKS_SECRETS_MAX - 1);
	sim_loop_run(&s->loop,
		     LINKS_SECRETS_MS); /* what was taken from it a minute ago is no lie */
	ask_secrets(s, "foreign", LINKS_SECRETS_MAX);
	assert_int_equal(s->secret_asks, 8 * LINKS_SECRETS_MAX - 1);
	assert_true(s->zhosts[0].is_closed);
	assert_false(s->zhosts[1].is_closed || s->zhosts[2].is_closed);
}

/* beta does not read: messages for it are dropped beyond 4 MiB, and the core's still pass. */
static void a_full_link_drops_messages_and_keeps_room_for_the_core(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 60000, COUNT = 200 };
	CLEANUP(freep) char *payload = mem_calloc(1, SIZE + 1);
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	memset(payload, 'x', SIZE);
	members_make(s);
	sim_network_silence(s->net, "zrms", "beta");
	for (unsigned i = 0; i < COUNT; i++) {
		zhost_emit_bytes(&s->zhosts[0], "beta", payload, SIZE);
		sim_loop_run(&s->loop, 0);
	}
	uint64_t forwarded = metric(s, "mesh_forwarded_total");
	uint64_t dropped = metric(s, "mesh_dropped_total");
	assert_int_equal(forwarded + dropped, COUNT);
	assert_true(forwarded * SIZE > 4 << 20 && forwarded * SIZE < 5 << 20);
	zrms_send(s, &s->zhosts[1], SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base, false);
	sim_network_heal(s->net, "zrms", "beta");
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->zhosts[1].payloads.count, forwarded);
	assert_int_equal(s->zhosts[1].last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK);
	assert_int_equal(s->closed_calls, 0);
}

/* ---- where others are ---- */

static void only_members_are_told_where_others_are(void **state)
{
	struct stage *s = *state;
	struct zhost *alpha = &s->zhosts[0];
	struct control *control = control_new(&CONTROL_CONFIG_DEFAULT, "cluster");
	Samoza__V1__MeshAsk ask = SAMOZA__V1__MESH_ASK__INIT;
	char *names[] = {(char *)"beta"};
	ask.zhosts = names;
	ask.n_zhosts = 1;
	s->book = mesh_book_new(s->links, control);
	zhost_hello(s, alpha);
	zhost_send(alpha, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(alpha->frames, 0);
	zrms_accept(s, alpha);
	zhost_send(alpha, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(alpha->frames, 2);
	assert_int_equal(alpha->last_type, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ZHOSTS);
	/* There is no such zhost, so nothing more is said of it. */
	mesh_book_changed(s->book, "beta");
	mesh_book_link_gone(s->book, alpha->link_id);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(alpha->frames, 2);
	mesh_book_free(s->book);
	control_free(control);
}

/* ---- what they know of their messages ---- */

static void on_gathered(void *user, const struct mesh_answer *answers, size_t count)
{
	struct stage *s = user;
	s->gathered = (unsigned)count;
	for (size_t i = 0; i < count; i++) {
		char *before = s->silent;
		if (answers[i].said == NULL)
			s->silent = str_printf("%s%s: %s; ", before != NULL ? before : "",
					       answers[i].zhost, answers[i].why);
		else
			s->received = answers[i].said->peers[0]->received;
		if (s->silent != before)
			free(before);
	}
}

static void ask_three(struct stage *s)
{
	static const char *const names[] = {"alpha", "beta"};
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	struct mesh_gather *gather;
	if (s->queries == NULL) {
		s->queries = mesh_queries_new(&s->loop, s->links);
		for (unsigned i = 0; i < 2; i++) {
			zhost_hello(s, &s->zhosts[i]);
			zrms_accept(s, &s->zhosts[i]);
		}
	}
	s->gathered = 0;
	gather = mesh_gather_new(s->queries, on_gathered, s);
	for (unsigned i = 0; i < 2; i++)
		mesh_gather_ask(gather, names[i], s->zhosts[i].link_id, &query);
	mesh_gather_ask(gather, "gone", 0, &query);
	mesh_gather_begin(gather, 1000);
	sim_loop_run(&s->loop, 0);
}

/* Of the first question: 1 and 2, of the next: 4 and 5. */
static void say_received(struct stage *s, unsigned zhost, uint64_t request)
{
	Samoza__V1__MeshAnswer answer = SAMOZA__V1__MESH_ANSWER__INIT;
	Samoza__V1__MeshPeerState peer = SAMOZA__V1__MESH_PEER_STATE__INIT, *peers[] = {&peer};
	answer.request = request;
	answer.peers = peers;
	answer.n_peers = 1;
	peer.zhost = (char *)"other";
	peer.by = SAMOZA__V1__MESH_BY__MESH_BY_HUB;
	peer.received = 77;
	zhost_send(&s->zhosts[zhost], SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER, &answer.base);
	sim_loop_run(&s->loop, 0);
}

static void those_that_do_not_answer_are_named(void **state)
{
	struct stage *s = *state;
	ask_three(s);
	say_received(s, 0, 1);
	say_received(s, 0, 2); /* for another one */
	sim_loop_run(&s->loop, 999);
	assert_int_equal(s->gathered, 0);
	sim_loop_run(&s->loop, 1);
	assert_int_equal(s->gathered, 3);
	assert_string_equal(s->silent,
			    "beta: it did not answer in time; gone: it is not connected; ");
	assert_int_equal(s->received, 77);
	say_received(s, 1, 2); /* late: nobody waits */
	/* When all have, nothing is waited for. */
	ask_three(s);
	say_received(s, 0, 4);
	mesh_queries_link_gone(s->queries, s->zhosts[1].link_id);
	assert_int_equal(s->gathered, 3);
	ask_three(s);
	mesh_queries_end_all(s->queries);
	assert_int_equal(s->gathered, 3);
	mesh_queries_free(s->queries);
	free(s->silent);
}

/* One that is not what it says, or is broken, does not fill zrms' memory. */
static void an_answer_of_more_than_a_zhost_may_say_is_dropped(void **state)
{
	enum { MANY = MESH_SAID_PEERS_MAX + 1 };
	struct stage *s = *state;
	Samoza__V1__MeshAnswer answer = SAMOZA__V1__MESH_ANSWER__INIT;
	Samoza__V1__MeshPeerState peer = SAMOZA__V1__MESH_PEER_STATE__INIT, *peers[MANY];
	ask_three(s);
	peer.zhost = (char *)"other";
	peer.by = SAMOZA__V1__MESH_BY__MESH_BY_HUB;
	peer.received = 78;
	for (size_t i = 0; i < MANY; i++)
		peers[i] = &peer;
	answer.peers = peers;
	for (unsigned i = 0; i < 2; i++) {
		answer.request = i + 1;
		answer.n_peers = MANY - i;
		zhost_send(&s->zhosts[i], SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER,
			   &answer.base);
	}
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->gathered, 3);
	assert_string_equal(
		s->silent, "alpha: it said more than a zhost may; gone: it is not connected; ");
	assert_int_equal(s->received, 78);
	mesh_queries_free(s->queries);
	free(s->silent);
}

static void a_bounded_number_asks_at_once(void **state)
{
	struct stage *s = *state;
	for (unsigned i = 0; i < MESH_GATHERS_MAX; i++) {
		assert_true(s->queries == NULL || !mesh_queries_are_busy(s->queries));
		ask_three(s);
	}
	assert_true(mesh_queries_are_busy(s->queries));
	say_received(s, 0, 1);
	say_received(s, 1, 2);
	assert_false(mesh_queries_are_busy(s->queries));
	mesh_queries_end_all(s->queries);
	mesh_queries_free(s->queries);
	free(s->silent);
}

static void routes_beyond_what_is_kept_are_counted(void **state)
{
	(void)state;
	struct mesh_routes *routes = mesh_routes_new();
	Samoza__V1__MeshRouteState state_of = SAMOZA__V1__MESH_ROUTE_STATE__INIT;
	Samoza__V1__MeshRouteState *one[] = {&state_of};
	Samoza__V1__MeshAnswer answer = SAMOZA__V1__MESH_ANSWER__INIT;
	mesh_routes_name(routes, "t", "shop");
	state_of.topology = (char *)"t";
	state_of.to = (char *)"store";
	answer.routes = one;
	answer.n_routes = 1;
	for (unsigned i = 0; i < MESH_ROUTES_KEPT_MAX + 2; i++) {
		CLEANUP(freep) char *from = str_printf("api-%u", i);
		state_of.from = from;
		mesh_routes_add(routes, "alpha", &answer);
	}
	Samoza__V1__MeshRouteListView *view = mesh_routes_view(routes);
	assert_int_equal(view->n_routes, MESH_ROUTES_KEPT_MAX);
	assert_int_equal(view->left_out, 2);
	samoza__v1__mesh_route_list_view__free_unpacked(view, NULL);
	mesh_routes_free(routes);
}

/* Of a zhost that was removed or has a newer link: until it has read all that waits for it. */
static void a_link_that_is_to_close_is_no_member_any_more(void **state)
{
	struct stage *s = *state;
	struct control *control = control_new(&CONTROL_CONFIG_DEFAULT, "cluster");
	struct zhost *alpha = &s->zhosts[0];
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	Samoza__V1__MeshAsk ask = SAMOZA__V1__MESH_ASK__INIT;
	char *names[] = {(char *)"beta"};
	enum { REASON = 1 << 20 };
	CLEANUP(freep) char *reason = mem_calloc(1, REASON + 1);
	memset(reason, 'x', REASON);
	ack.reason = reason; /* more than the connection takes */
	ask.zhosts = names;
	ask.n_zhosts = 1;
	s->book = mesh_book_new(s->links, control);
	members_make(s);
	sim_network_silence(s->net, "zrms", "alpha"); /* it does not read */
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED;
	zrms_send(s, alpha, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base, true);
	zhost_emit(alpha, "beta", "x");
	zhost_send(alpha, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(s->closed_calls, 0);
	assert_int_equal(s->zhosts[1].payloads.count, 0);
	assert_int_equal(s->mesh_asks, 0);
	mesh_book_free(s->book);
	control_free(control);
}

static void who_asks_for_too_many_at_once_is_told_nothing(void **state)
{
	struct stage *s = *state;
	struct zhost *alpha = &s->zhosts[0];
	struct control *control = control_new(&CONTROL_CONFIG_DEFAULT, "cluster");
	Samoza__V1__MeshAsk ask = SAMOZA__V1__MESH_ASK__INIT;
	char *names[MESH_BOOK_ASKED_MAX + 1];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = (char *)"beta";
	ask.zhosts = names;
	s->book = mesh_book_new(s->links, control);
	members_make(s);
	ask.n_zhosts = MESH_BOOK_ASKED_MAX;
	zhost_send(alpha, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(alpha->frames, 1 + MESH_BOOK_ASKED_MAX);
	ask.n_zhosts = MESH_BOOK_ASKED_MAX + 1;
	zhost_send(alpha, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
	sim_loop_run(&s->loop, 0);
	assert_int_equal(alpha->frames, 1 + MESH_BOOK_ASKED_MAX);
	assert_true(alpha->is_closed);
	mesh_book_free(s->book);
	control_free(control);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_hello_reaches_the_core_with_the_id_of_its_link),
		TEST(only_members_are_told_where_others_are),
		TEST(those_that_do_not_answer_are_named),
		TEST(an_answer_of_more_than_a_zhost_may_say_is_dropped),
		TEST(a_bounded_number_asks_at_once),
		TEST(routes_beyond_what_is_kept_are_counted),
		TEST(a_link_that_is_to_close_is_no_member_any_more),
		TEST(without_a_hello_a_link_is_closed_after_ten_seconds),
		cmocka_unit_test_setup_teardown(
			a_key_that_was_proved_comes_with_the_hello_and_can_be_renewed,
			begin_certified, end),
		cmocka_unit_test_setup_teardown(
			an_expired_certificate_is_renewed_before_the_hello, begin_expired, end),
		cmocka_unit_test_setup_teardown(
			with_an_expired_certificate_nothing_else_is_heard, begin_expired, end),
		cmocka_unit_test_setup_teardown(with_an_expired_certificate_a_frame_is_small,
						begin_expired, end),
		TEST(before_the_hello_a_frame_has_at_most_eight_mebibytes),
		cmocka_unit_test_setup_teardown(a_certified_name_has_four_links_without_hello,
						begin_certified, end),
		cmocka_unit_test_setup_teardown(an_expired_certificate_pushes_out_no_valid_one,
						begin_certified, end),
		TEST(who_asks_for_too_many_at_once_is_told_nothing),
		TEST(a_frame_before_the_hello_closes_the_link),
		TEST(a_second_hello_closes_the_link),
		TEST(a_frame_that_only_zrms_sends_closes_the_link),
		TEST(log_chunks_do_not_go_to_the_core),
		TEST(a_zhost_with_too_many_unanswered_requests_waits),
		TEST(messages_of_the_core_reach_their_zhost_and_may_close_its_link),
		TEST(a_link_that_cannot_take_a_message_of_the_core_is_closed),
		TEST(closing_all_links_writes_what_waits),
		TEST(a_message_goes_to_its_zhost_and_to_no_other),
		TEST(a_message_for_an_unknown_or_lost_zhost_is_dropped),
		TEST(what_comes_for_a_zhost_between_two_links_waits_for_the_other_one),
		TEST(what_waits_for_a_zhost_that_does_not_come_is_dropped_and_bounded),
		TEST(a_message_that_says_it_is_of_another_zhost_is_dropped),
		TEST(a_zhost_that_goes_on_sending_messages_of_others_loses_its_link),
		TEST(a_zhost_that_goes_on_asking_for_secrets_of_others_loses_its_link),
		TEST(a_zhost_that_is_not_yet_a_member_cannot_send),
		TEST(a_message_for_no_zhost_closes_the_link_that_sent_it),
		TEST(a_full_link_drops_messages_and_keeps_room_for_the_core),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
