/* zhost/frames.h: every frame of zrms reaches the core or one part. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/sim/loop.h"
#include "base/str.h"
#include "core/agent/agent_frames.h"
#include "fake_upstream.h"
#include "port/frame.h"
#include "schema/message.h"
#include "zhost/frames.h"
#include "zhost/mesh/hub_transport.h"
#include "zrun/protocol/protocol.h"

/* The core is not here: its frames are in test_reconcile.c. */
struct stage {
	struct loop loop;
	char dir[64];
	int dir_fd;
	struct fake_upstream upstream;
	struct spacelogs *logs;
	struct frame_parts parts;
	Samoza__V1__InstanceKey key;
	struct data_client client;
	unsigned forgotten;
};

static unsigned answers; /* the client has no user pointer */

static void on_answer(struct data_client *client, uint32_t correlation, int32_t status,
		      const void *content, size_t size)
{
	(void)client;
	(void)correlation;
	(void)status;
	(void)content;
	(void)size;
	answers++;
}

static void forget(void *user, const char *name, uint64_t epoch)
{
	struct stage *s = user;
	(void)epoch;
	s->forgotten += name != NULL;
}

static const struct local_data local_data = {.forget = forget};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	answers = 0;
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/samoza-test-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(s->dir) == NULL)
		return -1;
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY);
	sim_loop_init(&s->loop);
	fake_upstream_init(&s->upstream);
	s->logs = spacelogs_new(s->dir_fd);
	struct upstream *upstream = &s->upstream.upstream;
	s->parts = (struct frame_parts){
		.upstream = upstream,
		.hub = hub_transport_new(upstream),
		.data = data_service_new(&s->loop, upstream, &local_data, s),
		.logs = log_service_new(&s->loop, s->logs, upstream)};
	s->parts.mesh = mesh_new(&s->loop, "n1", s->parts.hub);
	samoza__v1__instance_key__init(&s->key);
	s->key.topology = (char *)"t1";
	s->key.path = (char *)"a";
	s->client = (struct data_client){.key = &s->key,
					 .topology_name = "app",
					 .capabilities = ZRUN_CAP_DATA_READ,
					 .answer = on_answer};
	data_client_add(s->parts.data, &s->client);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	data_client_remove(&s->client);
	log_service_free(s->parts.logs);
	data_service_free(s->parts.data);
	mesh_free(s->parts.mesh);
	mesh_transport_free(s->parts.hub);
	spacelogs_free(s->logs);
	fake_upstream_done(&s->upstream);
	sim_loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->dir);
	(void)close(s->dir_fd);
	free(s);
	return system(command);
}

static void take(struct stage *s, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	assert_int_equal(frames_take(&s->parts, type, message, NULL), 0);
}

/* ---- tests ---- */

static void a_frame_is_for_the_core_or_has_a_route_or_is_refused(void **state)
{
	struct stage *s = *state;
	const ProtobufCEnumDescriptor *types = &samoza__v1__frame_type__descriptor;
	unsigned core = 0, routed = 0, refused = 0;
	for (unsigned i = 0; i < types->n_values; i++) {
		Samoza__V1__FrameType type = (Samoza__V1__FrameType)types->values[i].value;
		ProtobufCMessage *message = schema_message_new(frame_descriptor(type));
		CLEANUP(error_freep) struct error *err = NULL;
		struct agent_input input;
		int r = agent_frame_input(type, message, &input, &err);
		core += r > 0;
		routed += frames_has_route(type);
		if (frames_has_route(type) != (r == 0))
			fail_msg("%s", frame_type_name(type));
		if (r < 0) {
			error_free(steal_ptr(&err));
			assert_int_equal(frames_take(&s->parts, type, message, &err),
					 ERR_INVALID);
			refused++;
		}
		schema_message_free(message);
	}
	assert_int_equal(core, 3);
	assert_int_equal(routed, 14);
	assert_int_equal(core + routed + refused, types->n_values);
	assert_int_equal(s->upstream.sent, 0);
	assert_false(frames_has_route((Samoza__V1__FrameType)1000));
}

static void a_mesh_table_and_its_end_reach_the_mesh(void **state)
{
	struct stage *s = *state;
	Samoza__V1__MeshPeer peer = SAMOZA__V1__MESH_PEER__INIT;
	Samoza__V1__MeshPeer *peers[] = {&peer};
	Samoza__V1__MeshTable table = SAMOZA__V1__MESH_TABLE__INIT;
	peer.path = (char *)"web";
	peer.space = (char *)"web";
	peer.zhost = (char *)"n2";
	table.topology = (char *)"t1";
	table.topology_name = (char *)"app";
	table.full = true;
	table.peers = peers;
	table.n_peers = 1;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE, &table.base);
	assert_int_equal(mesh_table_count(mesh_table(s->parts.mesh)), 1);
	/* A link later, zrms does not know it any more. */
	uint64_t sums[MESH_PARTS];
	mesh_table_begin_link(mesh_table(s->parts.mesh), sums);
	Samoza__V1__MeshSync sync = SAMOZA__V1__MESH_SYNC__INIT;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC, &sync.base);
	assert_int_equal(mesh_table_count(mesh_table(s->parts.mesh)), 0);
}

/* A transport some of whose messages are still under way. */
static struct mesh_settle *waiting;

static int no_send(struct mesh_transport *transport, const Samoza__V1__MeshMessage *message)
{
	(void)transport;
	(void)message;
	return 0;
}

static void wait_settle(struct mesh_transport *transport, struct mesh_settle *settle)
{
	(void)transport;
	waiting = settle;
}

static void a_table_is_confirmed_when_what_was_sent_before_has_settled(void **state)
{
	struct stage *s = *state;
	static const struct mesh_transport_ops ops = {.send = no_send, .settle = wait_settle};
	struct mesh_transport slow = {.ops = &ops};
	struct mesh *hub_mesh = s->parts.mesh, *mesh = mesh_new(&s->loop, "n1", &slow);
	Samoza__V1__MeshTable table = SAMOZA__V1__MESH_TABLE__INIT;
	table.topology = table.topology_name = (char *)"t1";
	table.full = table.has_confirm = table.confirm = true;
	table.version = 3;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE, &table.base);
	assert_int_equal(s->upstream.sent, 1); /* through the hub it has */
	s->parts.mesh = mesh;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE, &table.base);
	assert_int_equal(s->upstream.sent, 1);
	waiting->fn(waiting, true);
	assert_int_equal(s->upstream.sent, 2);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED);
	const Samoza__V1__MeshApplied *applied =
		(const Samoza__V1__MeshApplied *)s->upstream.last;
	assert_string_equal(applied->topology, "t1");
	assert_int_equal(applied->version, 3);
	/* The link to zrms is another one: the table is not that of its word. */
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE, &table.base);
	waiting->fn(waiting, false);
	assert_int_equal(s->upstream.sent, 2);
	mesh_free(mesh);
	s->parts.mesh = hub_mesh;
}

static void a_message_reaches_the_mesh(void **state)
{
	struct stage *s = *state;
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
	message.topology = message.path_name = message.from = message.to = message.to_zhost =
		(char *)"none";
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &message.base);
	assert_int_equal(mesh_counters(s->parts.mesh).remote_dropped, 1);
}

static void an_answer_to_a_data_request_reaches_its_instance(void **state)
{
	struct stage *s = *state;
	const struct zrun_data head = {.key_size = 1};
	uint8_t body[sizeof(head) + 1];
	Samoza__V1__DataReply reply = SAMOZA__V1__DATA_REPLY__INIT;
	memcpy(mempcpy(body, &head, sizeof(head)), "k", 1);
	assert_true(data_client_request(&s->client, ZRUN_DATA_GET, 9, body, sizeof(body)));
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST);
	reply.request = ((const Samoza__V1__DataRequest *)s->upstream.last)->request;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY, &reply.base);
	assert_int_equal(answers, 1);
}

static void what_is_to_be_forgotten_reaches_the_data_service(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ForgottenData one = SAMOZA__V1__FORGOTTEN_DATA__INIT;
	Samoza__V1__ForgottenData *all[] = {&one};
	Samoza__V1__DataForget order = SAMOZA__V1__DATA_FORGET__INIT;
	one.topology_name = (char *)"app";
	one.epoch = 4;
	order.topologies = all;
	order.n_topologies = 1;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET, &order.base);
	assert_int_equal(s->forgotten, 1);
}

static void a_request_for_a_log_is_answered(void **state)
{
	struct stage *s = *state;
	Samoza__V1__LogRequest request = SAMOZA__V1__LOG_REQUEST__INIT;
	request.request = 7;
	request.topology = (char *)"t1";
	request.path = (char *)"a";
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST, &request.base);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK);
	assert_int_equal(((const Samoza__V1__LogChunk *)s->upstream.last)->request, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_frame_is_for_the_core_or_has_a_route_or_is_refused),
		TEST(a_mesh_table_and_its_end_reach_the_mesh),
		TEST(a_table_is_confirmed_when_what_was_sent_before_has_settled),
		TEST(a_message_reaches_the_mesh),
		TEST(an_answer_to_a_data_request_reaches_its_instance),
		TEST(what_is_to_be_forgotten_reaches_the_data_service),
		TEST(a_request_for_a_log_is_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
