/* Uplinks that are made again on purpose, at random: while zhosts send each other numbered messages through the hub, any of
 * them goes over to another connection at any moment. Each message that was taken arrives once, in order.
 *
 *     test-port-mesh-reconnect [FIRST LAST]      these seeds only
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cluster.h"

enum { ZHOSTS = CLUSTER_ZHOSTS, STEPS = 400 };

static uint64_t seed;

struct life {
	struct loop loop;
	struct cluster *cluster;
	struct random random;
	uint64_t sent[ZHOSTS][ZHOSTS]; /* the last number, from one to the other */
	uint64_t got[ZHOSTS][ZHOSTS];
	uint64_t messages, refused, connections;
};

static unsigned index_of(const struct life *l, const char *name)
{
	for (unsigned z = 0; z < ZHOSTS; z++)
		if (strcmp(l->cluster->zhosts[z].name, name) == 0)
			return z;
	fail_msg("nobody is called %s", name);
	return 0;
}

static void on_received(void *user, const Samoza__V1__MeshMessage *message)
{
	struct life *l = user;
	unsigned from = index_of(l, message->from_zhost), to = index_of(l, message->to_zhost);
	uint64_t number = strtoull(message->path_name, NULL, 10);
	if (number != l->got[from][to] + 1)
		fail_msg("seed %" PRIu64 ": %s gets %" PRIu64 " of %s after %" PRIu64, seed,
			 message->to_zhost, number, message->from_zhost, l->got[from][to]);
	l->got[from][to] = number;
}

static void send(struct life *l)
{
	unsigned from = random_below(&l->random, ZHOSTS);
	unsigned to = (from + 1 + random_below(&l->random, ZHOSTS - 1)) % ZHOSTS;
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	char number[24];
	(void)snprintf(number, sizeof(number), "%" PRIu64, l->sent[from][to] + 1);
	m.topology = m.from = m.to = (char *)(uintptr_t) "x";
	m.path_name = number;
	m.from_zhost = (char *)(uintptr_t)l->cluster->zhosts[from].name;
	m.to_zhost = (char *)(uintptr_t)l->cluster->zhosts[to].name;
	m.payload.data = (uint8_t *)number;
	m.payload.len = 1;
	if (mesh_transport_send(l->cluster->zhosts[from].mesh, &m) == 0)
		l->sent[from][to]++;
	else
		l->refused++;
	l->messages++;
}

static void step(struct life *l)
{
	unsigned draw = random_below(&l->random, 100);
	if (draw < 65)
		for (unsigned n = 1 + random_below(&l->random, 5); n > 0; n--)
			send(l);
	else if (draw < 90)
		sim_loop_run(&l->loop, random_below(&l->random, 40));
	else if (draw < 93)
		sim_network_delay(l->cluster->net, 0, random_below(&l->random, 3) * 25);
	else
		uplink_again(l->cluster->zhosts[random_below(&l->random, ZHOSTS)].uplink,
			     "the test wants it");
}

static void live(struct life *l)
{
	sim_loop_init(&l->loop);
	l->random.state = seed;
	l->cluster = cluster_new(&l->loop);
	for (unsigned z = 0; z < ZHOSTS; z++)
		mesh_transport_receive(l->cluster->zhosts[z].mesh, on_received, l);
	for (unsigned i = 0; i < STEPS; i++)
		step(l);
	sim_loop_run(&l->loop, 4000);
	for (unsigned z = 0; z < ZHOSTS; z++) {
		cluster_until_up(l->cluster, z);
		l->connections += uplink_connections(l->cluster->zhosts[z].uplink);
	}
	sim_loop_run(&l->loop, 1000);
	for (unsigned from = 0; from < ZHOSTS; from++)
		for (unsigned to = 0; to < ZHOSTS; to++)
			if (l->got[from][to] != l->sent[from][to])
				fail_msg("seed %" PRIu64 ": from %u to %u %" PRIu64
					 " of %" PRIu64 " arrived",
					 seed, from, to, l->got[from][to], l->sent[from][to]);
	cluster_free(l->cluster);
	sim_loop_done(&l->loop);
}

static uint64_t first_seed = 1, last_seed = 200;

static void planned_reconnections_lose_and_double_nothing(void **state)
{
	uint64_t messages = 0, refused = 0, connections = 0;
	(void)state;
	for (seed = first_seed; seed <= last_seed; seed++) {
		struct life l = {0};
		live(&l);
		messages += l.messages;
		refused += l.refused;
		connections += l.connections;
	}
	print_message("%" PRIu64 " messages, %" PRIu64 " refused, %" PRIu64 " connections\n",
		      messages, refused, connections);
	assert_int_equal(refused, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planned_reconnections_lose_and_double_nothing)};
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
