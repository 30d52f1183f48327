/*
 * What a zhost that comes back learns of the mesh: nothing that it knows, everything that it does not, and
 * what is to be forgotten. zrms' core against the zhost's own table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"
#include "zhost/mesh/mesh_table.h"

#define STARTED SAMOZA__V1__PHASE__PHASE_STARTED
#define PAGES	"- {name: web, type: UI}\n"

/* n1 runs the spaces; n2 only serves pages, and is the one that comes and goes. */
struct stage {
	struct fixture f;
	struct mesh_table *table; /* of n2 */
	uint64_t link_id;	  /* of n2; 0: none */
	uint64_t next_link;
	unsigned tables; /* that came with the last hello */
};

static void deliver(struct stage *s)
{
	s->tables = 0;
	vector_for_each (&s->f.outbox.messages, m) {
		if (m->link_id != s->link_id || s->link_id == 0)
			continue;
		if (m->type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE) {
			s->tables++;
			mesh_table_apply(s->table, (const Samoza__V1__MeshTable *)m->message);
		}
		if (m->type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC)
			mesh_table_sync(s->table,
					((const Samoza__V1__MeshSync *)m->message)->kept);
	}
}

static void connect_n2(struct stage *s)
{
	uint64_t sums[MESH_PARTS];
	s->link_id = ++s->next_link;
	mesh_table_begin_link(s->table, sums);
	s->f.mesh_sums = sums;
	fixture_hello(&s->f, "n2", s->link_id, NULL, 0);
	s->f.mesh_sums = NULL;
	deliver(s);
}

static void cut_n2(struct stage *s)
{
	(void)fixture_handle(
		&s->f, &(struct control_input){.type = CONTROL_CLOSED, .closed = {s->link_id}});
	s->link_id = 0;
}

static uint64_t epoch_of(const struct stage *s, const char *path)
{
	const Samoza__V1__DesiredInstance *d = fixture_desired(&s->f, 1, path);
	assert_non_null(d);
	return d->key->epoch;
}

static void start(struct stage *s, const char *id, const char *path, uint64_t epoch)
{
	struct reported r = {id, path, epoch, SAMOZA__V1__PHASE__PHASE_DEPLOYED, NULL};
	fixture_report(&s->f, 1, &r);
	r.phase = STARTED;
	fixture_report(&s->f, 1, &r);
	deliver(s);
}

/* Its pages are started on n1. */
static void run(struct stage *s, const char *id, const char *name)
{
	fixture_submit(&s->f, id, name, PAGES);
	start(s, id, "web", epoch_of(s, "web"));
}

static bool n2_serves(struct stage *s, const char *name)
{
	return mesh_table_find_ui(s->table, name, strlen(name), "web", 3, 0) != NULL;
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	fixture_init(&s->f);
	fixture_start(&s->f);
	fixture_hello(&s->f, "n1", 1, NULL, 0);
	s->next_link = 1;
	s->table = mesh_table_new("n2");
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	mesh_table_free(s->table);
	fixture_done(&s->f);
	free(s);
	return 0;
}

static void join_and_cordon(struct stage *s)
{
	connect_n2(s);
	(void)fixture_handle(&s->f, &(struct control_input){.type = CONTROL_ZHOST,
							    .zhost = {"n2", ZHOST_CORDON}});
}

static void what_it_knows_is_not_sent_again(void **state)
{
	struct stage *s = *state;
	join_and_cordon(s);
	run(s, "id-1", "shop");
	run(s, "id-2", "news");
	assert_true(n2_serves(s, "shop") && n2_serves(s, "news"));
	cut_n2(s);
	connect_n2(s);
	assert_int_equal(s->tables, 0);
	assert_true(n2_serves(s, "shop") && n2_serves(s, "news"));
}

static void also_after_a_restart_of_zrms(void **state)
{
	struct stage *s = *state;
	join_and_cordon(s);
	run(s, "id-1", "shop");
	struct reported held = {"id-1", "web", 1, STARTED, NULL};
	fixture_restart(&s->f);
	fixture_hello(&s->f, "n1", ++s->next_link, &held, 1);
	s->link_id = 0;
	connect_n2(s);
	assert_int_equal(s->tables, 0);
	/* Versions began again on both sides: what changes now is taken. */
	assert_true(n2_serves(s, "shop"));
	assert_int_equal(fixture_topology(&s->f, "id-1", TOPOLOGY_STOP), 0);
	deliver(s);
	assert_false(n2_serves(s, "shop"));
}

static void what_changed_meanwhile_is_sent(void **state)
{
	struct stage *s = *state;
	join_and_cordon(s);
	run(s, "id-1", "shop");
	cut_n2(s);
	run(s, "id-2", "news");
	assert_false(n2_serves(s, "news"));
	connect_n2(s);
	assert_true(n2_serves(s, "shop") && n2_serves(s, "news"));
}

static void what_was_removed_meanwhile_is_forgotten(void **state)
{
	struct stage *s = *state;
	join_and_cordon(s);
	run(s, "id-1", "shop");
	run(s, "id-2", "news");
	cut_n2(s);
	assert_int_equal(fixture_topology(&s->f, "id-1", TOPOLOGY_STOP), 0);
	connect_n2(s);
	assert_false(n2_serves(s, "shop"));
	assert_true(n2_serves(s, "news"));
}

/* The next revision begins while the provider still runs, and stops after its importer. */
static void what_another_revision_replaces_is_forgotten(void **state)
{
	struct stage *s = *state;
	join_and_cordon(s);
	fixture_submit(&s->f, "id-1", "shop",
		       "- {name: api, type: CALL}\n"
		       "- {name: web, type: UI, imports: [{from: api}]}\n");
	uint64_t api = epoch_of(s, "api"), web = epoch_of(s, "web");
	start(s, "id-1", "api", api);
	start(s, "id-1", "web", web);
	assert_int_equal(mesh_table_count(s->table), 2);
	assert_int_equal(fixture_topology(&s->f, "id-1", TOPOLOGY_STOP), 0);
	deliver(s);
	assert_int_equal(mesh_table_count(s->table), 1);
	assert_int_equal(
		fixture_try_submit(&s->f, "id-1", "shop", "- {name: api, type: CALL}\n", false),
		0);
	deliver(s);
	assert_int_equal(mesh_table_count(s->table), 0);
}

static void a_zhost_without_sums_gets_all(void **state)
{
	struct stage *s = *state;
	join_and_cordon(s);
	run(s, "id-1", "shop");
	cut_n2(s);
	s->link_id = ++s->next_link;
	fixture_hello(&s->f, "n2", s->link_id, NULL, 0);
	deliver(s);
	assert_int_equal(s->tables, 1);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_it_knows_is_not_sent_again),
		TEST(also_after_a_restart_of_zrms),
		TEST(what_changed_meanwhile_is_sent),
		TEST(what_was_removed_meanwhile_is_forgotten),
		TEST(what_another_revision_replaces_is_forgotten),
		TEST(a_zhost_without_sums_gets_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
