/* port/mesh.h: what every transport of mesh messages promises; simulated, and through the hub over
 * simulated links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapter/sim/mesh.h"
#include "base/random.h"
#include "base/str.h"
#include "cluster.h"

enum { ZHOSTS = CLUSTER_ZHOSTS, PAYLOAD_MAX = 64 * 1024, STALL_MS = 20000 };

static const char *const names[ZHOSTS] = {"alpha", "beta", "gamma"};

/* What one zhost has received. */
struct inbox {
	struct stage *stage;
	unsigned count;
	uint64_t last_number;
	bool is_unordered;
	char *last_payload;
	size_t last_size;
	char *last_from, *last_to;
};

struct kind;

struct stage {
	const struct kind *kind;
	struct loop loop;
	struct cluster *cluster;
	struct sim_mesh *sim;
	struct mesh_transport *transports[ZHOSTS];
	struct inbox inboxes[ZHOSTS];
	bool inside; /* a send is running */
};

/* alpha is the zhost that has trouble. */
struct kind {
	const char *name;
	void (*open)(struct stage *s);
	void (*close)(struct stage *s);
	/* alpha loses every way to others, and gets it back. */
	void (*sever)(struct stage *s);
	void (*restore)(struct stage *s);
	/* What alpha sends stays where it is, and continues. */
	void (*stall)(struct stage *s);
	void (*resume)(struct stage *s);
};

/* ---- simulated ---- */

static void sim_open(struct stage *s)
{
	s->sim = sim_mesh_new(&s->loop, 9);
	for (unsigned i = 0; i < ZHOSTS; i++)
		s->transports[i] = sim_mesh_zhost(s->sim, names[i]);
}

static void sim_slow_open(struct stage *s)
{
	sim_open(s);
	sim_mesh_delay(s->sim, 0, 50);
}

static void sim_close(struct stage *s)
{
	for (unsigned i = 0; i < ZHOSTS; i++)
		mesh_transport_free(s->transports[i]);
	sim_mesh_free(s->sim);
}

static void sim_sever(struct stage *s)
{
	sim_mesh_cut(s->sim, "alpha", "beta");
	sim_mesh_cut(s->sim, "gamma", "alpha");
}

static void sim_restore(struct stage *s)
{
	sim_mesh_heal(s->sim, "alpha", "beta");
	sim_mesh_heal(s->sim, "alpha", "gamma");
}

static void sim_stall(struct stage *s)
{
	sim_mesh_delay(s->sim, STALL_MS, STALL_MS);
}

static void sim_resume(struct stage *s)
{
	sim_mesh_delay(s->sim, 0, 0);
}

/* ---- through the hub ---- */

static void hub_open(struct stage *s)
{
	s->cluster = cluster_new(&s->loop);
	for (unsigned i = 0; i < ZHOSTS; i++)
		s->transports[i] = s->cluster->zhosts[i].mesh;
}

static void hub_slow_open(struct stage *s)
{
	hub_open(s);
	sim_network_delay(s->cluster->net, 0, 9);
	sim_network_fragment(s->cluster->net, 3000);
}

static void hub_close(struct stage *s)
{
	cluster_free(s->cluster);
}

static void hub_sever(struct stage *s)
{
	sim_network_cut(s->cluster->net, "alpha", "zrms");
	sim_loop_run(&s->loop, 0);
}

static void hub_restore(struct stage *s)
{
	sim_network_heal(s->cluster->net, "alpha", "zrms");
	cluster_until_up(s->cluster, 0);
}

static void hub_stall(struct stage *s)
{
	sim_network_silence(s->cluster->net, "alpha", "zrms");
}

static void hub_resume(struct stage *s)
{
	sim_network_heal(s->cluster->net, "alpha", "zrms");
}

static const struct kind kinds[] = {
	{"simulated", sim_open, sim_close, sim_sever, sim_restore, sim_stall, sim_resume},
	{"simulated, slow", sim_slow_open, sim_close, sim_sever, sim_restore, sim_stall,
	 sim_resume},
	{"through the hub", hub_open, hub_close, hub_sever, hub_restore, hub_stall, hub_resume},
	{"through the hub, slow and in fragments", hub_slow_open, hub_close, hub_sever,
	 hub_restore, hub_stall, hub_resume},
};

/* ---- stage ---- */

static void on_received(void *user, const Samoza__V1__MeshMessage *m)
{
	struct inbox *in = user;
	assert_false(in->stage->inside);
	uint64_t number = strtoull(m->path_name, NULL, 10);
	in->count++;
	in->is_unordered = in->is_unordered || number <= in->last_number;
	in->last_number = number;
	free(in->last_payload);
	free(in->last_from);
	free(in->last_to);
	in->last_payload = mem_memdup(m->payload.data, m->payload.len);
	in->last_size = m->payload.len;
	in->last_from = mem_strdup(m->from);
	in->last_to = mem_strdup(m->to);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->kind = *state;
	sim_loop_init(&s->loop);
	s->kind->open(s);
	for (unsigned i = 0; i < ZHOSTS; i++) {
		s->inboxes[i].stage = s;
		mesh_transport_receive(s->transports[i], on_received, &s->inboxes[i]);
	}
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	s->kind->close(s);
	for (unsigned i = 0; i < ZHOSTS; i++) {
		free(s->inboxes[i].last_payload);
		free(s->inboxes[i].last_from);
		free(s->inboxes[i].last_to);
	}
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

static int send_bytes(struct stage *s, unsigned from, const char *to_zhost, uint64_t number,
		      const void *payload, size_t size)
{
	CLEANUP(freep) char *path = str_printf("%llu", (unsigned long long)number);
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = (char *)"topology";
	m.path_name = path;
	m.from = (char *)"api-1";
	m.to = (char *)"dashboard~5@beta";
	m.to_zhost = (char *)(uintptr_t)to_zhost;
	m.payload.data = (uint8_t *)(uintptr_t)payload;
	m.payload.len = size;
	s->inside = true;
	int r = mesh_transport_send(s->transports[from], &m);
	s->inside = false;
	return r;
}

static int send_number(struct stage *s, unsigned from, const char *to_zhost, uint64_t number)
{
	return send_bytes(s, from, to_zhost, number, "payload", 7);
}

/* Longer than every delay of the kinds. */
static void pass_time(struct stage *s)
{
	sim_loop_run(&s->loop, 500);
}

/* ---- the contract ---- */

static void a_message_arrives_unchanged_at_its_zhost_and_nowhere_else(void **state)
{
	struct stage *s = *state;
	static const char binary[] = "\0\1\2\377bytes\0";
	assert_int_equal(send_bytes(s, 0, "beta", 1, binary, sizeof(binary)), 0);
	pass_time(s);
	assert_int_equal(s->inboxes[1].count, 1);
	assert_int_equal(s->inboxes[0].count + s->inboxes[2].count, 0);
	assert_int_equal(s->inboxes[1].last_size, sizeof(binary));
	assert_memory_equal(s->inboxes[1].last_payload, binary, sizeof(binary));
	assert_string_equal(s->inboxes[1].last_from, "api-1");
	assert_string_equal(s->inboxes[1].last_to, "dashboard~5@beta");
}

static void the_largest_payload_passes(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *payload = mem_calloc(1, PAYLOAD_MAX);
	memset(payload, 'x', PAYLOAD_MAX);
	assert_int_equal(send_bytes(s, 2, "alpha", 1, payload, PAYLOAD_MAX), 0);
	pass_time(s);
	assert_int_equal(s->inboxes[0].last_size, PAYLOAD_MAX);
	assert_memory_equal(s->inboxes[0].last_payload, payload, PAYLOAD_MAX);
}

static void messages_of_a_pair_keep_their_order(void **state)
{
	struct stage *s = *state;
	for (uint64_t i = 1; i <= 200; i++) {
		assert_int_equal(send_number(s, 0, "beta", i), 0);
		if (i % 7 == 0)
			sim_loop_run(&s->loop, 1);
	}
	pass_time(s);
	assert_int_equal(s->inboxes[1].count, 200);
	assert_false(s->inboxes[1].is_unordered);
}

static void without_a_way_a_message_is_refused(void **state)
{
	struct stage *s = *state;
	s->kind->sever(s);
	assert_int_equal(send_number(s, 0, "beta", 1), -EHOSTUNREACH);
	assert_int_equal(mesh_transport_room(s->transports[0], "beta"), 0);
	s->kind->restore(s);
	assert_true(mesh_transport_room(s->transports[0], "beta") > 0);
	assert_int_equal(send_number(s, 0, "beta", 2), 0);
	pass_time(s);
	assert_int_equal(s->inboxes[1].count, 1);
	assert_int_equal(s->inboxes[1].last_number, 2);
}

static void a_message_for_a_zhost_that_does_not_exist_arrives_nowhere(void **state)
{
	struct stage *s = *state;
	int r = send_number(s, 0, "delta", 1);
	assert_true(r == 0 || r == -EHOSTUNREACH);
	pass_time(s);
	for (unsigned i = 0; i < ZHOSTS; i++)
		assert_int_equal(s->inboxes[i].count, 0);
	assert_int_equal(send_number(s, 0, "beta", 2), 0);
	pass_time(s);
	assert_int_equal(s->inboxes[1].count, 1);
}

static void a_full_transport_refuses_and_takes_messages_again_later(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 50000 };
	CLEANUP(freep) char *payload = mem_calloc(1, SIZE);
	unsigned sent = 0;
	int r = 0;
	s->kind->stall(s);
	size_t room = mesh_transport_room(s->transports[0], "beta");
	assert_true(room > SIZE);
	while (r == 0 && sent < 1000) {
		size_t before = mesh_transport_room(s->transports[0], "beta");
		r = send_bytes(s, 0, "beta", sent + 1, payload, SIZE);
		sent += r == 0;
		assert_true(mesh_transport_room(s->transports[0], "beta") <= before);
	}
	assert_int_equal(r, -EAGAIN);
	assert_true(mesh_transport_room(s->transports[0], "beta") <= SIZE);
	assert_true(sent >= 10);
	s->kind->resume(s);
	sim_loop_run(&s->loop, STALL_MS + 1000);
	assert_int_equal(send_number(s, 0, "beta", 5000), 0);
	pass_time(s);
	assert_int_equal(s->inboxes[1].last_number, 5000);
	assert_true(s->inboxes[1].count <= sent + 1);
	assert_false(s->inboxes[1].is_unordered);
	assert_true(mesh_transport_room(s->transports[0], "beta") > SIZE);
}

static void without_a_receiver_messages_are_dropped(void **state)
{
	struct stage *s = *state;
	mesh_transport_receive(s->transports[1], NULL, NULL);
	assert_int_equal(send_number(s, 0, "beta", 1), 0);
	pass_time(s);
	mesh_transport_receive(s->transports[1], on_received, &s->inboxes[1]);
	assert_int_equal(send_number(s, 0, "beta", 2), 0);
	pass_time(s);
	assert_int_equal(s->inboxes[1].count, 1);
}

/* Whatever breaks meanwhile: numbers only grow, so none comes twice. */
static void messages_arrive_at_most_once_and_in_order(void **state)
{
	struct stage *s = *state;
	struct random random = {.state = 78};
	for (uint64_t i = 1; i <= 600; i++) {
		if (i % 100 == 40)
			s->kind->sever(s);
		if (i % 100 == 60)
			s->kind->restore(s);
		(void)send_number(s, 0, "beta", i);
		sim_loop_run(&s->loop, random_below(&random, 4));
	}
	pass_time(s);
	assert_false(s->inboxes[1].is_unordered);
	assert_true(s->inboxes[1].count >= 200);
	assert_int_equal(s->inboxes[1].last_number, 600);
}

static const struct CMUnitTest contract[] = {
#define CONTRACT(test)                             \
	{                                          \
#test, test, begin, end, (void *)0 \
	}
	CONTRACT(a_message_arrives_unchanged_at_its_zhost_and_nowhere_else),
	CONTRACT(the_largest_payload_passes),
	CONTRACT(messages_of_a_pair_keep_their_order),
	CONTRACT(without_a_way_a_message_is_refused),
	CONTRACT(a_message_for_a_zhost_that_does_not_exist_arrives_nowhere),
	CONTRACT(a_full_transport_refuses_and_takes_messages_again_later),
	CONTRACT(without_a_receiver_messages_are_dropped),
	CONTRACT(messages_arrive_at_most_once_and_in_order),
};

/* ---- frames, for the hub ---- */

static void the_destination_is_read_without_the_rest(void **state)
{
	(void)state;
	char zhost[MESH_ZHOST_NAME_MAX + 1], name[MESH_ZHOST_NAME_MAX + 2] = "";
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	struct frame frame;
	m.topology = m.path_name = m.from = m.to = (char *)"x";
	memset(name, 'n', MESH_ZHOST_NAME_MAX);
	for (unsigned i = 0; i < 3; i++) {
		const char *const destinations[] = {name, "", "a name that is longer"};
		m.to_zhost = (char *)(uintptr_t)destinations[i];
		if (i == 2) {
			memset(name, 'n', MESH_ZHOST_NAME_MAX + 1);
			m.to_zhost = name;
		}
		buffer_clear(&b);
		assert_int_equal(frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE,
					      &m.base, NULL),
				 0);
		assert_int_equal(frame_next(b.data, b.size, &frame, NULL), 1);
		int r = mesh_frame_destination(&frame, zhost, NULL);
		assert_int_equal(r, i == 0 ? 0 : ERR_INVALID);
		if (i == 0)
			assert_string_equal(zhost, name);
	}
	static const uint8_t nothing[] = {1, 0, 0, 0, 8};
	assert_int_equal(frame_next(nothing, sizeof(nothing), &frame, NULL), 1);
	assert_int_equal(mesh_frame_destination(&frame, zhost, NULL), ERR_INVALID);
}

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct CMUnitTest tests[ARRAY_SIZE(contract)];
		memcpy(tests, contract, sizeof(contract));
		for (size_t k = 0; k < ARRAY_SIZE(tests); k++)
			tests[k].initial_state = (void *)(uintptr_t)&kinds[i];
		failed += _cmocka_run_group_tests(kinds[i].name, tests, ARRAY_SIZE(tests), NULL,
						  NULL);
	}
	const struct CMUnitTest own[] = {
		cmocka_unit_test(the_destination_is_read_without_the_rest),
	};
	return failed + cmocka_run_group_tests_name("frames", own, NULL, NULL);
}
