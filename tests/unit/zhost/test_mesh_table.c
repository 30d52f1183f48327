/* What is known of the mesh: by tables of the hub, and by orders: docs/mesh.md. */
#include "mesh_stage.h"

static int old_here;

static void instances_that_the_hub_removes_are_gone(void **state)
{
	const struct said both[] = {{"store-1", "store", "n2"}, {"store-2", "store", "n3"}};
	const struct said gone[] = {{"store-1", "store", NULL}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_route r;

	(void)state;
	say(both, 2, true, 5, false);
	say(gone, 1, false, 6, false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(route(api, "rows", &r), 0);
		assert_string_equal(r.peer->path, "store-2");
	}
	/* An older change does not bring it back. */
	say(both, 2, false, 4, false);
	assert_int_equal(route(api, "rows#store-1", &r), -EHOSTUNREACH);
	/* A full set without them forgets them, but not who is here. */
	say(NULL, 0, true, 7, false);
	assert_int_equal(route(api, "rows", &r), -EHOSTUNREACH);
	assert_non_null(mesh_table_find(table, "t1", "api", 3));
	say(NULL, 0, false, 0, true);
	assert_non_null(mesh_table_find(table, "t1", "api", 3));
	mesh_table_leave(table, api);
	assert_null(mesh_table_find(table, "t1", "api", 3));
	assert_int_equal(mesh_table_count(table), 0);
}

static void an_instance_listed_here_that_does_not_run_is_unreachable(void **state)
{
	const struct said peers[] = {{"store", "store", "n1"}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_route r;

	(void)state;
	say(peers, 1, true, 1, false);
	assert_int_equal(route(api, "rows", &r), -EHOSTUNREACH);
	assert_int_equal(route(api, "rows#store", &r), -EHOSTUNREACH);
}

static void pages_are_found_by_names_while_started(void **state)
{
	const struct said peers[] = {{"page", "page", "n2", true}, {"api", "api", "n2", false}};
	const struct said stopped[] = {{"page", "page", NULL, true}};

	(void)state;
	assert_null(mesh_table_find_ui(table, "app", 3, "page", 4, 0));
	say(peers, 2, true, 1, false);
	assert_non_null(mesh_table_find_ui(table, "app", 3, "page", 4, 0));
	assert_null(mesh_table_find_ui(table, "app", 3, "api", 3, 0));
	assert_null(mesh_table_find_ui(table, "ap", 2, "page", 4, 0));
	say(stopped, 1, false, 2, false);
	assert_null(mesh_table_find_ui(table, "app", 3, "page", 4, 0));
}

/* ---- an instance is being replaced ---- */

static const char *file_for(uint64_t version)
{
	const struct mesh_peer *page = mesh_table_find_ui(table, "app", 3, "page", 4, version);

	return page != NULL ? page->assets.items[0].digest : "none";
}

static void a_page_stays_with_its_version_until_that_is_gone(void **state)
{
	const struct said before[] = {
		{"page", "page", "n2", true, .epoch = 1, .file = "old"},
		{"page", "page", "n3", true, .epoch = 2, .is_beside = true, .file = "new"}};
	const struct said after[] = {{"page", "page", "n3", true, .epoch = 2, .file = "new"},
				     {"page", "page", "n2", true, .epoch = 1, .is_beside = true,
				      .leaves = true, .file = "old"}};
	const struct said end[] = {{"page", "page", "n3", true, .epoch = 2, .file = "new"}};
	uint64_t old, new;

	(void)state;
	say(before, 2, true, 1, false);
	old = mesh_table_find_ui(table, "app", 3, "page", 4, 0)->version;
	say(after, 2, false, 2, false);
	new = mesh_table_find_ui(table, "app", 3, "page", 4, 0)->version;
	assert_true(old != 0 && new != 0 && old != new);
	assert_string_equal(file_for(0), "new");
	assert_string_equal(file_for(new), "new");
	assert_string_equal(file_for(old), "old");
	say(end, 1, false, 3, false);
	assert_string_equal(file_for(old), "new");
	/* What does not serve has no pages, also none of an earlier time. */
	say(before, 2, false, 4, false);
	assert_string_equal(file_for(new), "old");
}

static void a_copy_with_the_same_files_is_of_the_same_version(void **state)
{
	const struct said moved[] = {{"page", "page", "n3", true, .epoch = 2, .file = "same"},
				     {"page", "page", "n2", true, .epoch = 1, .is_beside = true,
				      .leaves = true, .file = "same"}};
	const struct mesh_peer *page;

	(void)state;
	say(moved, 2, true, 1, false);
	page = mesh_table_find_ui(table, "app", 3, "page", 4, 0);
	assert_string_equal(page->zhost, "n3");
	assert_ptr_equal(mesh_table_find_ui(table, "app", 3, "page", 4, page->version), page);
}

static void one_table_of_the_hub_switches_here_and_elsewhere(void **state)
{
	const struct said before[] = {{"store", "store", "n1", .epoch = 1},
				      {"store", "store", "n2", .epoch = 2, .is_beside = true}};
	const struct said after[] = {{"store", "store", "n2", .epoch = 2},
				     {"store", "store", "n1", .epoch = 1, .is_beside = true}};
	const struct said end[] = {{"store", "store", "n2", .epoch = 2}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *old = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, old, true);
	say(before, 2, true, 1, false);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer->local, &old_here);
	say(after, 2, false, 2, false);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(route(api, "rows", &r), 0);
		assert_string_equal(r.peer->zhost, "n2");
	}
	/* It still gets what was sent for it. */
	assert_ptr_equal(mesh_table_find_receiver(table, "t1", "store", 5, 1), old);
	assert_ptr_equal(mesh_table_find_receiver(table, "t1", "store", 5, 0), old);
	mesh_table_leave(table, old);
	say(end, 1, false, 3, false);
	assert_int_equal(mesh_table_count(table), 2);
}

/* It sends something as soon as it has started: its zhost knows that before the hub does. */
static void a_question_that_comes_before_its_sender_is_listed_is_remembered(void **state)
{
	const struct said before[] = {{"api", "api", "n3", .epoch = 5}};
	const struct said none[] = {{"api", "api", NULL}};
	const struct said after[] = {
		{"api", "api", "n2", .epoch = 7},
		{"api", "api", "n3", .epoch = 5, .is_beside = true, .leaves = true}};
	struct mesh_peer *store = join("store", "store", &rows_api, NULL, &store_here);
	struct mesh_route r;

	(void)state;
	mesh_table_note(store, "api", 5);
	assert_int_equal(route(store, "rows#api", &r), -EHOSTUNREACH);
	say(before, 1, true, 1, false);
	say(none, 1, false, 2, false);
	say(after, 2, false, 3, false);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_int_equal(r.peer->epoch, 5);
	mesh_table_leave(table, store);
	say(after, 0, true, 4, false);
	assert_int_equal(mesh_table_count(table), 0);
}

/* A space that names many senders costs no more for it. */
static void senders_that_are_not_listed_are_remembered_up_to_a_limit(void **state)
{
	struct mesh_peer *store = join("store", "store", &rows_api, NULL, &store_here);
	const struct said late[] = {{"late", "api", "n2", .epoch = 7},
				    {"late", "api", "n3", .epoch = 5, .is_beside = true}};
	struct mesh_route r;
	char name[16];

	(void)state;
	for (unsigned k = 0; k < MESH_UNLISTED_MAX; k++) {
		snprintf(name, sizeof(name), "api-%u", k);
		mesh_table_note(store, name, 5);
	}
	mesh_table_note(store, "late", 5);
	say(late, 2, false, 1, false);
	assert_int_equal(route(store, "rows#late", &r), 0);
	assert_int_equal(r.peer->epoch, 7);
}

/* Its zhost was lost for a while; zrms has not told it to stop yet. */
static void a_copy_whose_place_another_has_taken_serves_no_longer(void **state)
{
	const struct said other[] = {{"store", "store", "n2", .epoch = 2}};
	const struct said own[] = {{"store", "store", "n1", .epoch = 1}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *old = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, old, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer, old);
	say(other, 1, true, 1, false);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_string_equal(r.peer->zhost, "n2");
	say(own, 1, false, 2, false);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer, old);
}

/* Tables apply at once; an order comes with the next commit of the agent, and may be older. */
static void an_order_does_not_take_back_what_a_table_says(void **state)
{
	const struct said after[] = {{"store", "store", "n2", .epoch = 2},
				     {"store", "store", "n1", .epoch = 1, .is_beside = true}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *old = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, old, true);
	say(after, 2, true, 1, false);
	mesh_table_serve(table, old, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_string_equal(r.peer->zhost, "n2");
	/* Nor does its process, when it begins again. */
	mesh_table_leave(table, old);
	old = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	mesh_table_serve(table, old, true);
	mesh_table_open(table, old, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_string_equal(r.peer->zhost, "n2");
	/* What the hub no longer says does not count. */
	say(after, 0, true, 2, false);
	mesh_table_serve(table, old, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer, old);
}

static void a_table_of_an_older_hub_leaves_it_to_the_orders(void **state)
{
	const struct said listed[] = {{"store", "store", "n1"}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *own = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	struct mesh_route r;

	(void)state;
	say(listed, 1, true, 1, false);
	mesh_table_serve(table, own, false);
	mesh_table_serve(table, own, true);
	mesh_table_open(table, own, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer, own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(instances_that_the_hub_removes_are_gone),
		TEST(an_instance_listed_here_that_does_not_run_is_unreachable),
		TEST(pages_are_found_by_names_while_started),
		TEST(a_page_stays_with_its_version_until_that_is_gone),
		TEST(a_copy_with_the_same_files_is_of_the_same_version),
		TEST(one_table_of_the_hub_switches_here_and_elsewhere),
		TEST(a_question_that_comes_before_its_sender_is_listed_is_remembered),
		TEST(senders_that_are_not_listed_are_remembered_up_to_a_limit),
		TEST(a_copy_whose_place_another_has_taken_serves_no_longer),
		TEST(an_order_does_not_take_back_what_a_table_says),
		TEST(a_table_of_an_older_hub_leaves_it_to_the_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
