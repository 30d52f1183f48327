#include "direct_stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

static struct end *other_of(const struct end *e)
{
	return &e->stage->ends[e == &e->stage->ends[0] ? 1 : 0];
}

static void on_received(void *user, const Samoza__V1__MeshMessage *message)
{
	struct end *e = user;
	assert_string_equal(message->from_zhost, other_of(e)->name);
	assert_string_equal(message->to_zhost, e->name);
	vector_push(&e->got, strtoull(message->path_name, NULL, 10));
}

int end_send(struct end *e)
{
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
	char number[24];
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)++e->stage->sent);
	message.topology = message.from = message.to = (char *)(uintptr_t) "x";
	message.path_name = number;
	message.from_zhost = (char *)(uintptr_t)e->name;
	message.to_zhost = (char *)(uintptr_t)other_of(e)->name;
	message.payload.data = (uint8_t *)number;
	message.payload.len = 1;
	return mesh_transport_send(direct_transport_mesh(e->direct), &message);
}

static void on_peer(void *user, const struct direct_peer_view *peer)
{
	*(struct direct_peer_view *)user = *peer;
}

struct direct_peer_view end_view(const struct end *e)
{
	struct direct_peer_view view = {0};
	direct_transport_visit(e->direct, on_peer, &view);
	assert_non_null(view.zhost);
	return view;
}

void end_know(struct end *e, const struct end *of, const char *host, const char *key)
{
	zhost_book_put(e->book, of->name, host, PORT, &key, 1);
	if (e->direct != NULL)
		direct_transport_recheck(e->direct);
}

void end_renew(struct end *e, bool is_newer)
{
	static const char newer[] =
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	const struct end *of = other_of(e);
	const char *const keys[] = {is_newer ? newer : of->key, of->key};
	zhost_book_put(e->book, of->name, of->name, PORT, keys, is_newer ? 2 : 1);
	direct_transport_recheck(e->direct);
}

void end_start(struct end *e)
{
	struct stage *s = e->stage;
	e->hub = sim_mesh_zhost(s->hub, e->name);
	const struct direct_options options = {.loop = &s->loop,
					       .streams = e->streams,
					       .hub = e->hub,
					       .book = e->book,
					       .zhost = e->name,
					       .run = mesh_run(e->name, ++e->starts)};
	e->direct = direct_transport_new(&options);
	mesh_transport_receive(direct_transport_mesh(e->direct), on_received, e);
	const struct stream_address at = {e->name, PORT};
	assert_int_equal(direct_transport_listen(e->direct, &at, NULL), 0);
	assert_int_equal(direct_transport_port(e->direct), PORT);
}

static bool is_closed(void *user)
{
	return direct_transport_is_closed(user);
}

void end_stop(struct end *e)
{
	struct loop *loop = &e->stage->loop;
	if (e->direct == NULL)
		return;
	direct_transport_close(e->direct);
	assert_true(sim_loop_until(loop, is_closed, e->direct, 10000));
	mesh_transport_free(direct_transport_mesh(e->direct));
	mesh_transport_free(e->hub);
	e->direct = NULL;
}

void end_restart(struct end *e)
{
	end_stop(e);
	end_start(e);
}

void stage_cut_direct(struct stage *s, bool is_cut)
{
	(is_cut ? sim_network_cut : sim_network_heal)(s->net, "alpha", "beta");
}

void stage_cut_hub(struct stage *s, bool is_cut)
{
	(is_cut ? sim_mesh_cut : sim_mesh_heal)(s->hub, "alpha", "beta");
}

void stage_run(struct stage *s, int64_t ms)
{
	sim_loop_run(&s->loop, ms);
}

static void end_init(struct stage *s, struct end *e, const char *name)
{
	e->stage = s;
	e->name = name;
	e->machine = machine_at(s->authority, "zhost", name, loop_now(&s->loop).wall_ms,
				PKI_MACHINE_MS);
	e->directory = directory_of(&e->machine, s->trust);
	struct pki_pin pin = pki_key_pin(e->machine.key);
	pki_pin_text(&pin, e->key);
	e->book = zhost_book_new();
	const struct tls_options tls = {
		.directory = e->directory, .admit = zhost_book_admit, .admit_user = e->book};
	assert_int_equal(tls_transport_new(&s->loop, sim_network_machine(s->net, e->name), &tls,
					   &e->streams, NULL),
			 0);
}

struct stage *stage_new(uint64_t seed)
{
	struct stage *s = mem_new(struct stage);
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, seed);
	s->hub = sim_mesh_new(&s->loop, seed);
	s->authority = authority_at("c1", 1, loop_now(&s->loop).wall_ms);
	s->trust = trust_of(s->authority, NULL);
	end_init(s, alpha, "alpha");
	end_init(s, beta, "beta");
	end_know(alpha, beta, "beta", beta->key);
	end_know(beta, alpha, "alpha", alpha->key);
	end_start(alpha);
	end_start(beta);
	return s;
}

void stage_free(struct stage *s)
{
	end_stop(&s->ends[0]);
	end_stop(&s->ends[1]);
	stage_run(s, 6000); /* farewells */
	for (unsigned i = 0; i < ENDS; i++) {
		struct end *e = &s->ends[i];
		stream_transport_free(e->streams);
		zhost_book_free(e->book);
		directory_remove(e->directory);
		machine_done(&e->machine);
		vector_done(&e->got);
	}
	sim_mesh_free(s->hub);
	sim_network_free(s->net);
	pki_trust_free(s->trust);
	pki_authority_free(s->authority);
	sim_loop_done(&s->loop);
	free(s);
}

int stage_begin(void **state)
{
	*state = stage_new(3);
	return 0;
}

int stage_end(void **state)
{
	stage_free(*state);
	return 0;
}
