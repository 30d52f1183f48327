/* Messages between spaces on several zhosts, at random: whatever happens to zhosts, links, places and
 * queues, a message arrives at most once, those of one sender to one receiver in order, at an instance at
 * the other end of the path, and an answer at who asked. Simulated, and through the hub.
 *
 *     test-port-mesh-random [FIRST LAST]      these seeds only
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/sim/mesh.h"
#include "base/random.h"
#include "base/str.h"
#include "base/vector.h"
#include "cluster.h"
#include "zhost/mesh/mesh.h"

enum { ZHOSTS = CLUSTER_ZHOSTS, TOPOLOGIES = 2, INSTANCES = 6, QUEUE_MAX = 4, STEPS = 250 };

static const char *const zhost_names[ZHOSTS] = {"alpha", "beta", "gamma"};
static const char *const topology_ids[TOPOLOGIES] = {"t1", "t2"};

/* "rows" leads from api to store and back, "jobs" from api to worker and back, "peers" from api to api. */
static const struct declared {
	const char *path, *space;
	const char *names[3], *ends[3];
	unsigned count;
} declared[INSTANCES] = {
	{"store-1", "store", {"rows"}, {"api"}, 1},
	{"store-2", "store", {"rows"}, {"api"}, 1},
	{"api-1", "api", {"rows", "jobs", "peers"}, {"store", "worker", "api"}, 3},
	{"api-2", "api", {"rows", "jobs", "peers"}, {"store", "worker", "api"}, 3},
	{"api-3", "api", {"rows", "jobs", "peers"}, {"store", "worker", "api"}, 3},
	{"worker", "worker", {"jobs"}, {"api"}, 1},
};

struct life;

/* What waits in the queue of an instance. */
struct waiting {
	char path_name[16], sender[16];
};

struct instance {
	struct mesh_receiver receiver; /* first */
	struct life *life;
	unsigned topology, index;
	int zhost; /* -1: nowhere */
	uint64_t incarnation;
	struct mesh_peer *peer; /* NULL: nowhere */
	struct waiting queue[QUEUE_MAX];
	unsigned queued;
};

/* A message; its number is its place in the list, and its payload. */
struct sent {
	unsigned topology, sender; /* indexes */
	uint64_t incarnation;	   /* of the sender */
	char path_name[16];
	char to[16]; /* exactly this one; "": any at the other end */
	bool is_refused, is_delivered;
};

/* The last message that came from one process to another. */
struct pair {
	uint64_t from, to, last;
};

struct news {
	unsigned topology, index;
	int zhost;
	uint64_t epoch, version;
};

struct counts {
	uint64_t here, away, answers, refused, full, lost;
};

struct life {
	uint64_t seed;
	const char *kind;
	struct random random;
	struct loop loop;
	struct sim_mesh *sim;	 /* or */
	struct cluster *cluster; /* through the hub */
	struct mesh_transport *transports[ZHOSTS];
	struct mesh *meshes[ZHOSTS];
	bool is_cut[ZHOSTS];
	struct instance instances[TOPOLOGIES][INSTANCES];
	uint64_t incarnations, version;
	VECTOR(struct news) news[ZHOSTS]; /* that the zhost has not heard yet */
	VECTOR(struct sent) sent;
	VECTOR(struct pair) pairs;
	struct counts *counts;
};

/* ---- what must hold ---- */

#define CHECK(life, what, ...)                                                                 \
	do {                                                                                   \
		if (!(what)) {                                                                 \
			fprintf(stderr, "seed %" PRIu64 ", %s: ", (life)->seed, (life)->kind); \
			fprintf(stderr, __VA_ARGS__);                                          \
			fprintf(stderr, "\n");                                                 \
			fail();                                                                \
		}                                                                              \
	} while (0)

static struct pair *pair_of(struct life *l, uint64_t from, uint64_t to)
{
	vector_for_each (&l->pairs, pair)
		if (pair->from == from && pair->to == to)
			return pair;
	vector_push(&l->pairs, ((struct pair){.from = from, .to = to}));
	return &l->pairs.items[l->pairs.count - 1];
}

static bool has_end(const struct declared *d, const char *path_name, const char *space)
{
	for (unsigned k = 0; k < d->count; k++)
		if (str_equal(d->names[k], path_name) && str_equal(d->ends[k], space))
			return true;
	return false;
}

static void check_delivered(struct life *l, const struct instance *to, uint64_t number,
			    const char *path_name, const char *sender)
{
	CHECK(l, number >= 1 && number <= l->sent.count, "number %" PRIu64 " was never sent",
	      number);
	struct sent *s = &l->sent.items[number - 1];
	const struct declared *from = &declared[s->sender];
	const struct declared *receiver = &declared[to->index];
	CHECK(l, !s->is_delivered, "message %" PRIu64 " arrives twice", number);
	CHECK(l, !s->is_refused, "message %" PRIu64 " was refused, and arrives", number);
	CHECK(l, s->topology == to->topology, "message %" PRIu64 " arrives in another topology",
	      number);
	CHECK(l, str_equal(sender, from->path), "message %" PRIu64 " of %s arrives as of %s",
	      number, from->path, sender);
	CHECK(l,
	      str_equal(path_name, s->path_name) && has_end(from, path_name, receiver->space),
	      "message %" PRIu64 " of %s over %s arrives at %s", number, from->path, path_name,
	      receiver->path);
	CHECK(l, s->to[0] == '\0' || str_equal(s->to, receiver->path),
	      "message %" PRIu64 " to %s arrives at %s", number, s->to, receiver->path);
	struct pair *pair = pair_of(l, s->incarnation, to->incarnation);
	CHECK(l, pair->last < number,
	      "message %" PRIu64 " from %s to %s arrives after message %" PRIu64, number,
	      from->path, receiver->path, pair->last);
	pair->last = number;
	s->is_delivered = true;
	l->counts->answers += s->to[0] != '\0';
}

static int deliver(struct mesh_receiver *receiver, const char *path_name, const char *sender,
		   const char *suffix, size_t suffix_size, const void *payload, size_t size)
{
	struct instance *to = (struct instance *)receiver;
	CLEANUP(freep) char *text = mem_strndup(payload, size);
	assert_true(suffix == NULL || suffix_size == 0);
	if (to->queued == QUEUE_MAX) {
		to->life->counts->full++;
		return -EAGAIN;
	}
	struct waiting *w = &to->queue[to->queued++];
	(void)snprintf(w->path_name, sizeof(w->path_name), "%s", path_name);
	(void)snprintf(w->sender, sizeof(w->sender), "%s", sender);
	check_delivered(to->life, to, strtoull(text, NULL, 10), path_name, sender);
	return 0;
}

/* ---- places ---- */

static void join(struct life *l, struct instance *i)
{
	const struct declared *d = &declared[i->index];
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__PathEnd ends[3], *pointers[3];
	for (unsigned k = 0; k < d->count; k++) {
		samoza__v1__path_end__init(&ends[k]);
		ends[k].name = (char *)(uintptr_t)d->names[k];
		ends[k].space = (char *)(uintptr_t)d->ends[k];
		pointers[k] = &ends[k];
	}
	key.topology = (char *)(uintptr_t)topology_ids[i->topology];
	key.path = (char *)(uintptr_t)d->path;
	key.epoch = ++l->incarnations;
	spec.topology_name = key.topology;
	spec.space = (char *)(uintptr_t)d->space;
	spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	spec.paths = pointers;
	spec.n_paths = d->count;
	i->incarnation = key.epoch;
	i->queued = 0;
	struct mesh_table *table = mesh_table(l->meshes[i->zhost]);
	i->peer = mesh_table_join(table, &key, &spec, &i->receiver);
	mesh_table_open(table, i->peer, true);
}

static void leave(struct life *l, struct instance *i)
{
	if (i->peer != NULL)
		mesh_table_leave(mesh_table(l->meshes[i->zhost]), i->peer);
	i->peer = NULL;
}

static void tell(struct life *l, unsigned zhost, const struct instance *i)
{
	vector_push(&l->news[zhost], ((struct news){i->topology, i->index, i->zhost,
						    i->incarnation, l->version}));
}

static void move(struct life *l, struct instance *i, int zhost)
{
	leave(l, i);
	i->zhost = zhost;
	if (zhost >= 0)
		join(l, i);
	l->version++;
	for (unsigned z = 0; z < ZHOSTS; z++)
		tell(l, z, i);
}

/* The zhost hears the oldest of what has changed. */
static void hear(struct life *l, unsigned zhost)
{
	if (l->news[zhost].count == 0)
		return;
	struct news n = l->news[zhost].items[0];
	vector_remove_at(&l->news[zhost], 0);
	Samoza__V1__MeshTable table = SAMOZA__V1__MESH_TABLE__INIT;
	Samoza__V1__MeshPeer peer = SAMOZA__V1__MESH_PEER__INIT, *peers[] = {&peer};
	table.topology = table.topology_name = (char *)(uintptr_t)topology_ids[n.topology];
	table.version = n.version;
	table.peers = peers;
	table.n_peers = 1;
	peer.path = (char *)(uintptr_t)declared[n.index].path;
	peer.space = (char *)(uintptr_t)declared[n.index].space;
	peer.zhost = n.zhost >= 0 ? (char *)(uintptr_t)zhost_names[n.zhost] : NULL;
	peer.has_epoch = peer.has_type = true;
	peer.epoch = n.epoch;
	peer.type = SAMOZA__V1__SPACE_TYPE__CALL;
	mesh_table_apply(mesh_table(l->meshes[zhost]), &table);
}

static void hear_all(struct life *l)
{
	for (unsigned z = 0; z < ZHOSTS; z++)
		while (l->news[z].count > 0)
			hear(l, z);
}

/* The zhost is another process, and so are its spaces; it hears of everybody again. */
static void restart(struct life *l, unsigned zhost)
{
	for (unsigned t = 0; t < TOPOLOGIES; t++)
		for (unsigned k = 0; k < INSTANCES; k++)
			if (l->instances[t][k].zhost == (int)zhost)
				leave(l, &l->instances[t][k]);
	mesh_free(l->meshes[zhost]);
	if (l->sim != NULL) {
		mesh_transport_free(l->transports[zhost]);
		l->transports[zhost] = sim_mesh_zhost(l->sim, zhost_names[zhost]);
	}
	l->meshes[zhost] = mesh_new(&l->loop, zhost_names[zhost], l->transports[zhost]);
	vector_clear(&l->news[zhost]);
	l->version++;
	for (unsigned t = 0; t < TOPOLOGIES; t++)
		for (unsigned k = 0; k < INSTANCES; k++) {
			struct instance *i = &l->instances[t][k];
			if (i->zhost == (int)zhost)
				join(l, i);
			for (unsigned z = 0; z < ZHOSTS; z++)
				if (z == zhost || i->zhost == (int)zhost)
					tell(l, z, i);
		}
}

/* ---- messages ---- */

static void emit(struct life *l, struct instance *from, const char *path_name, const char *to)
{
	const struct mesh_counters before = mesh_counters(l->meshes[from->zhost]);
	struct sent s = {from->topology, from->index, from->incarnation, "", "", false, false};
	(void)snprintf(s.path_name, sizeof(s.path_name), "%s", path_name);
	(void)snprintf(s.to, sizeof(s.to), "%s", to);
	vector_push(&l->sent, s);
	size_t number = l->sent.count;
	CLEANUP(freep)
	char *address = str_printf("%s%s%s", path_name, to[0] != '\0' ? "#" : "", to);
	CLEANUP(freep) char *payload = str_printf("%zu", number);
	int r = mesh_emit(l->meshes[from->zhost], from->peer, NULL, address, strlen(address),
			  payload, strlen(payload));
	CHECK(l, r == 0 || !l->sent.items[number - 1].is_delivered,
	      "message %zu is refused with %d, and has arrived", number, r);
	l->sent.items[number - 1].is_refused = r < 0;
	l->counts->refused += r < 0;
	const struct mesh_counters after = mesh_counters(l->meshes[from->zhost]);
	l->counts->here += after.emits_local - before.emits_local;
	l->counts->away += after.emits_remote - before.emits_remote;
}

static struct instance *some_instance(struct life *l)
{
	return &l->instances[random_below(&l->random, TOPOLOGIES)]
			    [random_below(&l->random, INSTANCES)];
}

static void send_some(struct life *l)
{
	struct instance *from = some_instance(l);
	const struct declared *d = &declared[from->index];
	if (from->peer == NULL)
		return;
	unsigned path = random_below(&l->random, d->count);
	for (unsigned n = 1 + random_below(&l->random, 3); n > 0; n--)
		emit(l, from, d->names[path], "");
}

/* The space takes the first message of its queue, and may answer it. */
static void take_some(struct life *l)
{
	struct instance *i = some_instance(l);
	if (i->peer == NULL || i->queued == 0)
		return;
	struct waiting first = i->queue[0];
	memmove(&i->queue[0], &i->queue[1], --i->queued * sizeof(first));
	if (random_percent(&l->random, 60))
		emit(l, i, first.path_name, first.sender);
}

/* ---- trouble ---- */

static void cut(struct life *l, unsigned zhost, bool is_cut)
{
	l->is_cut[zhost] = is_cut;
	for (unsigned z = 0; l->sim != NULL && z < ZHOSTS; z++) {
		if (z == zhost)
			continue;
		if (is_cut)
			sim_mesh_cut(l->sim, zhost_names[zhost], zhost_names[z]);
		else if (!l->is_cut[z])
			sim_mesh_heal(l->sim, zhost_names[zhost], zhost_names[z]);
	}
	if (l->sim != NULL)
		return;
	if (is_cut)
		sim_network_cut(l->cluster->net, zhost_names[zhost], "zrms");
	else
		sim_network_heal(l->cluster->net, zhost_names[zhost], "zrms");
}

static void change_delays(struct life *l)
{
	static const int64_t most_ms[] = {0, 9, 50};
	int64_t most = most_ms[random_below(&l->random, ARRAY_SIZE(most_ms))];
	if (l->sim != NULL) {
		sim_mesh_delay(l->sim, 0, most);
		sim_mesh_capacity(l->sim, random_percent(&l->random, 30) ? 300 : 1 << 20);
	} else {
		sim_network_delay(l->cluster->net, 0, most);
		sim_network_fragment(l->cluster->net, random_below(&l->random, 300));
	}
}

static void step(struct life *l)
{
	unsigned draw = random_below(&l->random, 100);
	unsigned zhost = random_below(&l->random, ZHOSTS);
	if (draw < 45)
		send_some(l);
	else if (draw < 70)
		take_some(l);
	else if (draw < 85)
		sim_loop_run(&l->loop, random_below(&l->random, 30));
	else if (draw < 92)
		hear(l, zhost);
	else if (draw < 95)
		move(l, some_instance(l), (int)random_below(&l->random, ZHOSTS + 1) - 1);
	else if (draw < 97)
		change_delays(l);
	else if (draw < 98 && l->sim == NULL)
		uplink_again(l->cluster->zhosts[zhost].uplink, "the test wants it");
	else if (draw < 99)
		cut(l, zhost, !l->is_cut[zhost]);
	else
		restart(l, zhost);
}

/* ---- a life ---- */

static void begin(struct life *l, bool by_hub)
{
	sim_loop_init(&l->loop);
	if (by_hub)
		l->cluster = cluster_new(&l->loop);
	else
		l->sim = sim_mesh_new(&l->loop, l->seed);
	for (unsigned z = 0; z < ZHOSTS; z++) {
		l->transports[z] = by_hub ? l->cluster->zhosts[z].mesh
					  : sim_mesh_zhost(l->sim, zhost_names[z]);
		l->meshes[z] = mesh_new(&l->loop, zhost_names[z], l->transports[z]);
	}
	for (unsigned t = 0; t < TOPOLOGIES; t++)
		for (unsigned k = 0; k < INSTANCES; k++) {
			struct instance *i = &l->instances[t][k];
			*i = (struct instance){.receiver.deliver = deliver,
					       .life = l,
					       .topology = t,
					       .index = k,
					       .zhost = -1};
			move(l, i, (int)random_below(&l->random, ZHOSTS));
		}
	hear_all(l);
}

/* With all links whole, what is sent arrives. */
static void check_whole(struct life *l)
{
	for (unsigned z = 0; z < ZHOSTS; z++) {
		if (l->is_cut[z])
			cut(l, z, false);
		if (l->cluster != NULL)
			cluster_until_up(l->cluster, z);
	}
	if (l->sim != NULL)
		sim_mesh_capacity(l->sim, 1 << 20);
	sim_loop_run(&l->loop, 2000);
	hear_all(l);
	for (unsigned t = 0; t < TOPOLOGIES; t++)
		for (unsigned k = 0; k < INSTANCES; k++) {
			struct instance *i = &l->instances[t][k];
			if (i->zhost < 0)
				move(l, i, (int)random_below(&l->random, ZHOSTS));
			i->queued = 0;
		}
	hear_all(l);
	emit(l, &l->instances[0][2], "rows", "store-1");
	emit(l, &l->instances[1][5], "jobs", "api-2");
	sim_loop_run(&l->loop, 2000);
	for (size_t k = l->sent.count - 2; k < l->sent.count; k++)
		CHECK(l, l->sent.items[k].is_delivered,
		      "message %zu to %s does not arrive, and nothing hinders it", k + 1,
		      l->sent.items[k].to);
	vector_for_each (&l->sent, s)
		l->counts->lost += !s->is_refused && !s->is_delivered;
}

static void end(struct life *l)
{
	for (unsigned t = 0; t < TOPOLOGIES; t++)
		for (unsigned k = 0; k < INSTANCES; k++)
			leave(l, &l->instances[t][k]);
	for (unsigned z = 0; z < ZHOSTS; z++) {
		mesh_free(l->meshes[z]);
		vector_done(&l->news[z]);
		if (l->sim != NULL)
			mesh_transport_free(l->transports[z]);
	}
	if (l->sim != NULL)
		sim_mesh_free(l->sim);
	else
		cluster_free(l->cluster);
	sim_loop_done(&l->loop);
	vector_done(&l->sent);
	vector_done(&l->pairs);
	free(l);
}

static void live(uint64_t seed, bool by_hub, struct counts *counts)
{
	struct life *l = mem_new(struct life);
	l->seed = seed;
	l->kind = by_hub ? "through the hub" : "simulated";
	l->random.state = seed * UINT64_C(0xd1342543de82ef95) + by_hub;
	l->counts = counts;
	begin(l, by_hub);
	for (unsigned n = 0; n < STEPS; n++)
		step(l);
	check_whole(l);
	end(l);
}

static uint64_t first_seed = 1, last_seed = 200;

static void live_all(bool by_hub)
{
	struct counts counts = {0};
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		live(seed, by_hub, &counts);
	/* That all of it happens: of one seed alone it need not. */
	if (last_seed == first_seed)
		return;
	assert_true(counts.here > 0 && counts.away > 0 && counts.answers > 0);
	assert_true(counts.refused > 0 && counts.full > 0 && counts.lost > 0);
}

static void messages_arrive_once_and_in_order_simulated(void **state)
{
	(void)state;
	live_all(false);
}

static void messages_arrive_once_and_in_order_through_the_hub(void **state)
{
	(void)state;
	live_all(true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_once_and_in_order_simulated),
		cmocka_unit_test(messages_arrive_once_and_in_order_through_the_hub),
	};
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
