/* zhost/mesh/mesh_reports.h: what a zhost says of its messages when zrms asks. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/mesh.h"
#include "base/memory.h"
#include "fake_upstream.h"
#include "zhost/mesh/mesh_reports.h"

enum { DELAY_MS = 3, WAIT_MS = 1000, INTERVAL_MS = 200 };

/* Zhosts n1 and n2; on n1 runs api, which sends to store on n2, and web, which it sends to on n1. */
struct stage {
	struct loop loop;
	struct sim_mesh *sim;
	struct mesh_transport *transports[2];
	struct mesh *meshes[2];
	struct mesh_receiver receivers[3]; /* api, web; store */
	struct mesh_peer *api, *web, *store;
	int taken; /* what receivers answer */
	struct fake_upstream upstream;
	struct mesh_reports *reports; /* of n1 */
	struct fake_upstream upstream2;
	struct mesh_reports *reports2;
};

static struct stage *now;

static int deliver(struct mesh_receiver *receiver, const char *path_name, const char *sender,
		   const char *sender_suffix, size_t sender_suffix_size, const void *payload,
		   size_t size)
{
	(void)receiver;
	(void)path_name;
	(void)sender;
	(void)sender_suffix;
	(void)sender_suffix_size;
	(void)payload;
	(void)size;
	return now->taken;
}

static struct mesh_peer *join(struct mesh *mesh, const char *path, uint64_t epoch,
			      struct mesh_receiver *receiver)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__PathEnd rows = SAMOZA__V1__PATH_END__INIT,
			    views = SAMOZA__V1__PATH_END__INIT;
	Samoza__V1__PathEnd *ends[] = {&rows, &views};
	rows.name = (char *)"rows";
	rows.space = (char *)(strcmp(path, "store") == 0 ? "api" : "store");
	views.name = (char *)"views";
	views.space = (char *)(strcmp(path, "web") == 0 ? "api" : "web");
	key.topology = (char *)"t1";
	key.path = (char *)path;
	key.epoch = epoch;
	spec.topology_name = (char *)"app";
	spec.space = (char *)path;
	spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	spec.paths = ends;
	spec.n_paths = 2;
	receiver->deliver = deliver;
	struct mesh_peer *peer = mesh_table_join(mesh_table(mesh), &key, &spec, receiver);
	mesh_table_open(mesh_table(mesh), peer, true);
	return peer;
}

/* n1 learns that store is at n2. */
static void say_store(struct stage *s)
{
	Samoza__V1__MeshTable table = SAMOZA__V1__MESH_TABLE__INIT;
	Samoza__V1__MeshPeer store = SAMOZA__V1__MESH_PEER__INIT, *peers[] = {&store};
	table.topology = (char *)"t1";
	table.topology_name = (char *)"app";
	table.version = 1;
	table.peers = peers;
	table.n_peers = 1;
	store.path = store.space = (char *)"store";
	store.zhost = (char *)"n2";
	store.has_epoch = true;
	store.epoch = 3;
	mesh_table_apply(mesh_table(s->meshes[0]), &table);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	static const char *const names[] = {"n1", "n2"};
	sim_loop_init(&s->loop);
	s->sim = sim_mesh_new(&s->loop, 1);
	sim_mesh_delay(s->sim, DELAY_MS, DELAY_MS);
	for (unsigned i = 0; i < 2; i++) {
		s->transports[i] = sim_mesh_zhost(s->sim, names[i]);
		s->meshes[i] = mesh_new(NULL, names[i], s->transports[i]);
	}
	fake_upstream_init(&s->upstream);
	fake_upstream_init(&s->upstream2);
	s->reports = mesh_reports_new(&s->loop, s->meshes[0], &s->upstream.upstream);
	s->reports2 = mesh_reports_new(&s->loop, s->meshes[1], &s->upstream2.upstream);
	s->api = join(s->meshes[0], "api", 1, &s->receivers[0]);
	s->web = join(s->meshes[0], "web", 2, &s->receivers[1]);
	s->store = join(s->meshes[1], "store", 3, &s->receivers[2]);
	say_store(s);
	now = s;
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	mesh_reports_free(s->reports);
	mesh_reports_free(s->reports2);
	for (unsigned i = 0; i < 2; i++) {
		mesh_free(s->meshes[i]);
		mesh_transport_free(s->transports[i]);
	}
	sim_mesh_free(s->sim);
	fake_upstream_done(&s->upstream);
	fake_upstream_done(&s->upstream2);
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

static void ask_ping(struct stage *s, const char *path, const char *zhost, uint32_t count)
{
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	Samoza__V1__MeshProbe probe = SAMOZA__V1__MESH_PROBE__INIT;
	query.request = 7;
	query.ping = &probe;
	probe.topology = (char *)"t1";
	probe.path = (char *)path;
	probe.zhost = (char *)zhost;
	probe.count = count;
	probe.interval_ms = INTERVAL_MS;
	probe.wait_ms = WAIT_MS;
	mesh_reports_take(s->reports, &query);
}

static const Samoza__V1__MeshAnswer *answer_of(const struct fake_upstream *upstream)
{
	assert_int_equal(upstream->last_type, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER);
	return (const Samoza__V1__MeshAnswer *)upstream->last;
}

static void emit(struct stage *s, const char *address, int expected)
{
	assert_int_equal(
		mesh_emit(s->meshes[0], s->api, NULL, address, strlen(address), "x", 1),
		expected);
	sim_loop_run(&s->loop, 2 * DELAY_MS);
}

/* ---- pings ---- */

static void pings_go_one_after_the_other_and_take_their_time(void **state)
{
	struct stage *s = *state;
	ask_ping(s, "store", "n2", 2);
	sim_loop_run(&s->loop, INTERVAL_MS + 2 * DELAY_MS - 1);
	assert_int_equal(s->upstream.sent, 0);
	sim_loop_run(&s->loop, 1);
	const Samoza__V1__MeshAnswer *answer = answer_of(&s->upstream);
	assert_int_equal(answer->request, 7);
	assert_int_equal(answer->n_pings, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_null(answer->pings[i]->error);
		assert_int_equal(answer->pings[i]->by, SAMOZA__V1__MESH_BY__MESH_BY_HUB);
		assert_int_equal(answer->pings[i]->round_trip_us, 2 * DELAY_MS * 1000);
	}
	/* No space has got any of it. */
	assert_int_equal(mesh_counters(s->meshes[1]).remote_received, 0);
}

static void one_that_is_not_answered_is_given_up(void **state)
{
	struct stage *s = *state;
	ask_ping(s, "store", "n2", 1);
	sim_mesh_cut(s->sim, "n1", "n2"); /* under way, it is lost */
	sim_loop_run(&s->loop, WAIT_MS - 1);
	assert_int_equal(s->upstream.sent, 0);
	sim_loop_run(&s->loop, 1);
	assert_string_equal(answer_of(&s->upstream)->pings[0]->error, "no answer");
	ask_ping(s, "store", "n2", 1);
	assert_string_equal(answer_of(&s->upstream)->pings[0]->error,
			    "there is no way to its zhost");
}

static void the_zhost_says_that_an_instance_takes_nothing(void **state)
{
	struct stage *s = *state;
	mesh_table_open(mesh_table(s->meshes[1]), s->store, false);
	ask_ping(s, "store", "n2", 1);
	sim_loop_run(&s->loop, 2 * DELAY_MS);
	assert_string_equal(answer_of(&s->upstream)->pings[0]->error,
			    "it takes no messages now");
	ask_ping(s, "web", "n1", 1);
	assert_null(answer_of(&s->upstream)->pings[0]->error);
	assert_int_equal(answer_of(&s->upstream)->pings[0]->by,
			 SAMOZA__V1__MESH_BY__MESH_BY_NOTHING);
}

static void only_so_many_are_pinged_at_a_time(void **state)
{
	struct stage *s = *state;
	for (unsigned i = 0; i < MESH_PROBES_MAX; i++)
		ask_ping(s, "store", "n2", 1);
	assert_int_equal(s->upstream.sent, 0);
	ask_ping(s, "store", "n2", 1);
	assert_int_equal(answer_of(&s->upstream)->n_pings, 0);
	mesh_reports_disconnected(s->reports);
	sim_loop_run(&s->loop, WAIT_MS);
	assert_int_equal(s->upstream.sent, 1);
}

/* ---- counts ---- */

static const Samoza__V1__MeshAnswer *report(struct mesh_reports *reports,
					    const struct fake_upstream *upstream, bool routes,
					    const char *topology)
{
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	query.request = 8;
	query.has_peers = query.peers = !routes;
	query.has_routes = query.routes = routes;
	query.topology = (char *)topology;
	mesh_reports_take(reports, &query);
	return answer_of(upstream);
}

static const Samoza__V1__MeshRouteState *route(const Samoza__V1__MeshAnswer *answer,
					       const char *to)
{
	for (size_t i = 0; i < answer->n_routes; i++)
		if (strcmp(answer->routes[i]->to, to) == 0)
			return answer->routes[i];
	fail_msg("no route to %s", to);
	return NULL;
}

static void each_end_counts_its_messages(void **state)
{
	struct stage *s = *state;
	emit(s, "rows", 0);
	emit(s, "rows", 0);
	s->taken = -EAGAIN;
	emit(s, "rows", 0); /* its receiver is full */
	emit(s, "views", -EAGAIN);
	s->taken = 0;
	emit(s, "views", 0);
	sim_mesh_cut(s->sim, "n1", "n2");
	emit(s, "rows", -EHOSTUNREACH);

	const Samoza__V1__MeshAnswer *answer = report(s->reports, &s->upstream, true, NULL);
	assert_int_equal(answer->n_routes, 2);
	const Samoza__V1__MeshRouteState *away = route(answer, "store"),
					 *here = route(answer, "web");
	assert_true(away->is_sender && here->is_sender);
	assert_int_equal(away->by, SAMOZA__V1__MESH_BY__MESH_BY_HUB);
	assert_string_equal(away->zhost, "n2");
	assert_int_equal(away->sent_by_hub, 3);
	assert_int_equal(away->refused, 1);
	assert_int_equal(here->by, SAMOZA__V1__MESH_BY__MESH_BY_NOTHING);
	assert_int_equal(here->sent_here, 1);
	assert_int_equal(here->refused, 1);
	assert_int_equal(report(s->reports, &s->upstream, true, "t2")->n_routes, 0);

	answer = report(s->reports2, &s->upstream2, true, "t1");
	assert_int_equal(answer->n_routes, 1);
	assert_false(answer->routes[0]->is_sender);
	assert_string_equal(answer->routes[0]->from, "api");
	assert_string_equal(answer->routes[0]->zhost, "n1");
	assert_int_equal(answer->routes[0]->received, 3);
	assert_int_equal(answer->routes[0]->dropped, 1);

	answer = report(s->reports, &s->upstream, false, NULL);
	assert_int_equal(answer->n_peers, 1);
	assert_string_equal(answer->peers[0]->zhost, "n2");
	assert_int_equal(answer->peers[0]->sent_by_hub, 3);
	assert_int_equal(answer->peers[0]->refused, 1);
	answer = report(s->reports2, &s->upstream2, false, NULL);
	assert_int_equal(answer->peers[0]->received, 3);
	assert_int_equal(answer->peers[0]->dropped, 1);
}

static void counts_end_with_the_copy(void **state)
{
	struct stage *s = *state;
	emit(s, "rows", 0);
	mesh_table_leave(mesh_table(s->meshes[0]), s->api);
	s->api = join(s->meshes[0], "api", 4, &s->receivers[0]);
	assert_int_equal(report(s->reports, &s->upstream, true, NULL)->n_routes, 0);
	assert_int_equal(report(s->reports, &s->upstream, false, NULL)->peers[0]->sent_by_hub,
			 1);
}

/* ---- counts of paths, for metrics ---- */

static struct mesh_path_counts counts_of(const struct mesh_peer *peer, const char *name)
{
	vector_for_each (&peer->paths, path)
		if (strcmp(path->name, name) == 0)
			return path->counts;
	fail_msg("no path %s", name);
	return (struct mesh_path_counts){0};
}

static void each_path_counts_what_went_and_came_along_it(void **state)
{
	struct stage *s = *state;
	const char *name = s->api->paths.items[0].name, *other = s->api->paths.items[1].name;
	emit(s, name, 0);
	emit(s, name, 0);
	assert_int_equal(counts_of(s->api, name).sent, 2);
	assert_int_equal(counts_of(s->api, other).sent, 0);
	assert_int_equal(counts_of(s->api, name).received, 0);
	emit(s, "none", -ENOENT); /* of no path: it counts nowhere */
	uint64_t received = 0;
	const struct mesh_peer *const others[] = {s->web, s->store};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		received += counts_of(others[i], name).received;
	assert_int_equal(received, 2);
	mesh_table_open(mesh_table(s->meshes[0]), s->web, false);
	mesh_table_open(mesh_table(s->meshes[1]), s->store, false);
	uint64_t before = counts_of(s->api, name).sent + counts_of(s->api, name).refused;
	(void)mesh_emit(s->meshes[0], s->api, NULL, name, strlen(name), "x", 1);
	sim_loop_run(&s->loop, 2 * DELAY_MS);
	uint64_t after = counts_of(s->api, name).sent + counts_of(s->api, name).refused;
	assert_int_equal(after, before + 1);
	received = 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		received += counts_of(others[i], name).received;
	assert_int_equal(received, 2); /* that one came nowhere */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_path_counts_what_went_and_came_along_it),
		TEST(pings_go_one_after_the_other_and_take_their_time),
		TEST(one_that_is_not_answered_is_given_up),
		TEST(the_zhost_says_that_an_instance_takes_nothing),
		TEST(only_so_many_are_pinged_at_a_time),
		TEST(each_end_counts_its_messages),
		TEST(counts_end_with_the_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
