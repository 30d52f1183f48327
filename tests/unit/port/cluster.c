#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cluster.h"

enum { PORT = 7331, DEADLINE_MS = 60000 };

/* ---- zhost ---- */

static void on_connected(void *user)
{
	struct cluster_zhost *z = user;
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)(uintptr_t)z->name;
	hello.protocol = 1;
	hello.spec = &spec;
	hello.identity = (char *)"identity";
	hello.incarnation = 1;
	upstream_send(uplink_upstream(z->uplink), SAMOZA__V1__FRAME_TYPE__FRAME_HELLO,
		      &hello.base);
}

static void on_disconnected(void *user)
{
	(void)user;
}

static int on_frame(void *user, Samoza__V1__FrameType type, ProtobufCMessage *message,
		    struct error **err)
{
	(void)err;
	struct cluster_zhost *z = user;
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE)
		hub_transport_take(z->mesh, (const Samoza__V1__MeshMessage *)message);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}

static const struct uplink_listener uplink_listener = {
	.connected = on_connected, .disconnected = on_disconnected, .frame = on_frame};

/* ---- zrms ---- */

static struct cluster_zhost *zhost_of(struct cluster *c, const char *name)
{
	for (unsigned i = 0; i < CLUSTER_ZHOSTS; i++)
		if (strcmp(c->zhosts[i].name, name) == 0)
			return &c->zhosts[i];
	return NULL;
}

static void on_input(void *user, const struct control_input *input)
{
	struct cluster *c = user;
	if (input->type != CONTROL_HELLO)
		return;
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	ack.has_leave = ack.leave = true;
	const struct link_message m = {.link_id = input->hello.link_id,
				       .type = SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK,
				       .message = &ack.base};
	zhost_of(c, input->hello.message->spec->name)->link_id = input->hello.link_id;
	links_send(c->links, &m);
}

static void on_log_chunk(void *user, uint64_t link_id, const Samoza__V1__LogChunk *chunk)
{
	(void)user;
	(void)link_id;
	(void)chunk;
}

static int on_mesh_frame(void *user, const char *member, const struct frame *frame,
			 struct error **err)
{
	struct cluster *c = user;
	return hub_forward(c->hub, member, frame, err);
}

static void on_left(void *user, uint64_t link_id, const char *zhost,
		    const Samoza__V1__Leave *last)
{
	(void)link_id;
	(void)last;
	struct cluster *c = user;
	hub_keep(c->hub, zhost);
}

static void on_member(void *user, uint64_t link_id, const char *zhost)
{
	struct cluster *c = user;
	hub_pass_kept(c->hub, zhost, link_id);
}

static void on_closed(void *user, uint64_t link_id, bool had_hello)
{
	struct cluster *c = user;
	(void)had_hello;
	for (unsigned i = 0; i < CLUSTER_ZHOSTS; i++)
		if (c->zhosts[i].link_id == link_id)
			c->zhosts[i].link_id = 0;
}

static const struct links_listener links_listener = {.input = on_input,
						     .log_chunk = on_log_chunk,
						     .mesh_frame = on_mesh_frame,
						     .left = on_left,
						     .accepted = on_member,
						     .closed = on_closed};

static uint64_t on_link_of(void *user, const char *name)
{
	const struct cluster_zhost *z = zhost_of(user, name);
	return z != NULL ? z->link_id : 0;
}

static void on_accepted(void *user, struct stream *stream)
{
	struct cluster *c = user;
	links_add(c->links, NULL, stream);
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

/* ---- together ---- */

static void machine_certify(struct cluster *c, const char *name, const char *role)
{
	const struct stream_peer identity = {
		.cluster = "test", .role = role, .name = name, .key_hash = "00"};
	sim_network_certify(c->net, name, &identity);
}

static void zhost_begin(struct cluster *c, struct cluster_zhost *z, const char *name)
{
	z->cluster = c;
	z->name = name;
	z->timing = (struct cluster_timing){.heartbeat_ms = 1000, .failure_timeout_ms = 3000};
	z->transport = sim_network_machine(c->net, name);
	machine_certify(c, name, "zhost");
	assert_int_equal(zrms_addresses_read("http://zrms:7331", &z->addresses, NULL), 0);
	struct uplink_options options = {.loop = c->loop,
					 .transport = z->transport,
					 .zrms = &z->addresses,
					 .timing = &z->timing};
	z->uplink = uplink_new(&options, &uplink_listener, z);
	z->mesh = hub_transport_new(uplink_upstream(z->uplink));
	uplink_start(z->uplink);
}

static bool is_up(void *user)
{
	const struct cluster_zhost *z = user;
	return upstream_is_up(uplink_upstream(z->uplink));
}

void cluster_until_up(struct cluster *c, unsigned zhost)
{
	if (!sim_loop_until(c->loop, is_up, &c->zhosts[zhost], DEADLINE_MS))
		fail_msg("%s is not accepted within a minute", c->zhosts[zhost].name);
}

struct cluster *cluster_new(struct loop *loop)
{
	static const char *const names[CLUSTER_ZHOSTS] = {"alpha", "beta", "gamma"};
	static const struct stream_protocol protocols[] = {{.name = "samoza-link/1"}, {0}};
	struct cluster *c = mem_new(struct cluster);
	c->loop = loop;
	c->net = sim_network_new(loop, 5);
	c->zrms = sim_network_machine(c->net, "zrms");
	machine_certify(c, "zrms", "zrms");
	c->links = links_new(loop, 1000, &links_listener, c);
	c->hub = hub_new(loop, c->links, on_link_of, c);
	const struct stream_listen_options options = {.at = {"zrms", PORT},
						      .protocols = protocols};
	assert_int_equal(
		stream_listen(c->zrms, &options, &listen_handler, c, &c->listener, NULL), 0);
	for (unsigned i = 0; i < CLUSTER_ZHOSTS; i++)
		zhost_begin(c, &c->zhosts[i], names[i]);
	for (unsigned i = 0; i < CLUSTER_ZHOSTS; i++)
		cluster_until_up(c, i);
	return c;
}

void cluster_free(struct cluster *c)
{
	for (unsigned i = 0; i < CLUSTER_ZHOSTS; i++)
		uplink_close(c->zhosts[i].uplink);
	sim_loop_run(c->loop, 2 * SIM_KEEPALIVE_MS);
	assert_true(links_is_empty(c->links));
	for (unsigned i = 0; i < CLUSTER_ZHOSTS; i++) {
		struct cluster_zhost *z = &c->zhosts[i];
		mesh_transport_free(z->mesh);
		assert_true(uplink_is_closed(z->uplink));
		uplink_free(z->uplink);
		zrms_addresses_done(&z->addresses);
		stream_transport_free(z->transport);
	}
	hub_free(c->hub);
	links_free(c->links);
	stream_listener_close(c->listener);
	stream_transport_free(c->zrms);
	sim_network_free(c->net);
	free(c);
}
