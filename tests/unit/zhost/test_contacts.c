/* zhost/direct/contacts.h: what is asked of zrms about other zhosts, and what follows from its answers. */
#include "test.h"

#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/mesh.h"
#include "adapter/sim/network.h"
#include "base/memory.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "zhost/direct/contacts.h"

#define ASK SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct sim_mesh *sim;
	struct stream_transport *streams;
	struct mesh_transport *hub;
	struct zhost_book *book;
	struct direct_transport *direct;
	struct fake_upstream upstream;
	struct contacts *contacts;
};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, 1);
	s->sim = sim_mesh_new(&s->loop, 1);
	s->streams = sim_network_machine(s->net, "n1");
	s->hub = sim_mesh_zhost(s->sim, "n1");
	s->book = zhost_book_new();
	const struct direct_options options = {.loop = &s->loop,
					       .streams = s->streams,
					       .hub = s->hub,
					       .book = s->book,
					       .zhost = "n1",
					       .run = 1};
	s->direct = direct_transport_new(&options);
	fake_upstream_init(&s->upstream);
	s->contacts = contacts_new(&s->upstream.upstream, s->book, s->direct);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	contacts_free(s->contacts);
	mesh_transport_free(direct_transport_mesh(s->direct));
	zhost_book_free(s->book);
	mesh_transport_free(s->hub);
	stream_transport_free(s->streams);
	sim_mesh_free(s->sim);
	sim_network_free(s->net);
	fake_upstream_done(&s->upstream);
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

static void send_to(struct stage *s, const char *zhost)
{
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
	message.topology = message.path_name = message.from = message.to =
		(char *)(uintptr_t) "x";
	message.from_zhost = (char *)(uintptr_t) "n1";
	message.to_zhost = (char *)(uintptr_t)zhost;
	(void)mesh_transport_send(direct_transport_mesh(s->direct), &message);
}

static void say(struct stage *s, const char *zhost, const char *address, bool is_gone)
{
	uint8_t bytes[32] = {0xab, 0x01};
	ProtobufCBinaryData key = {sizeof(bytes), bytes};
	Samoza__V1__MeshZhost one = SAMOZA__V1__MESH_ZHOST__INIT, *list[] = {&one};
	Samoza__V1__MeshZhosts message = SAMOZA__V1__MESH_ZHOSTS__INIT;
	one.name = (char *)(uintptr_t)zhost;
	one.address = (char *)(uintptr_t)address;
	one.has_gone = one.gone = is_gone;
	one.keys = &key;
	one.n_keys = 1;
	message.zhosts = list;
	message.n_zhosts = 1;
	contacts_take(s->contacts, &message);
}

static const Samoza__V1__MeshAsk *asked(const struct stage *s)
{
	assert_int_equal(s->upstream.last_type, ASK);
	return (const Samoza__V1__MeshAsk *)s->upstream.last;
}

static void zrms_is_asked_once_for_a_zhost_that_is_sent_something(void **state)
{
	struct stage *s = *state;
	send_to(s, "n2");
	send_to(s, "n2");
	assert_int_equal(s->upstream.sent, 1);
	assert_int_equal(asked(s)->n_zhosts, 1);
	assert_string_equal(asked(s)->zhosts[0], "n2");
	say(s, "n2", "10.0.0.7:7400", false);
	const struct zhost_entry *entry = zhost_book_find(s->book, "n2");
	assert_string_equal(entry->host, "10.0.0.7");
	assert_int_equal(entry->port, 7400);
	assert_true(str_has_prefix(entry->keys[0], "ab01000000"));
	assert_int_equal(strlen(entry->keys[0]), 64);
	assert_string_equal(entry->keys[1], "");
}

static void each_connection_asks_for_all_of_them(void **state)
{
	struct stage *s = *state;
	contacts_connected(s->contacts);
	assert_int_equal(s->upstream.sent, 0);
	s->upstream.is_up = false;
	send_to(s, "n2");
	send_to(s, "n3");
	assert_int_equal(s->upstream.sent, 0);
	s->upstream.is_up = true;
	contacts_connected(s->contacts);
	assert_int_equal(asked(s)->n_zhosts, 2);
}

static void one_that_is_gone_is_forgotten_and_may_be_asked_for_again(void **state)
{
	struct stage *s = *state;
	send_to(s, "n2");
	say(s, "n2", NULL, true);
	assert_null(zhost_book_find(s->book, "n2"));
	send_to(s, "n2");
	assert_int_equal(s->upstream.sent, 2);
}

static void an_address_that_cannot_be_read_is_none(void **state)
{
	struct stage *s = *state;
	send_to(s, "n2");
	say(s, "n2", "nonsense", false);
	assert_int_equal(zhost_book_find(s->book, "n2")->port, 0);
}

static void so_many_are_asked_for_and_no_more(void **state)
{
	struct stage *s = *state;
	for (unsigned i = 0; i < ZHOST_BOOK_MAX + 10; i++) {
		CLEANUP(freep) char *name = str_printf("z%u", i);
		send_to(s, name);
	}
	assert_int_equal(s->upstream.sent, ZHOST_BOOK_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zrms_is_asked_once_for_a_zhost_that_is_sent_something),
		TEST(each_connection_asks_for_all_of_them),
		TEST(one_that_is_gone_is_forgotten_and_may_be_asked_for_again),
		TEST(an_address_that_cannot_be_read_is_none),
		TEST(so_many_are_asked_for_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
