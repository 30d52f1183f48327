/* Where a message goes: docs/mesh.md, [guest-abi.net.emit_to]. */
#include "mesh_stage.h"

static int old_here, new_here;

static void an_undeclared_path_is_unknown(void **state)
{
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_route r;

	(void)state;
	assert_int_equal(route(api, "other", &r), -ENOENT);
	assert_int_equal(route(api, "row", &r), -ENOENT);
	assert_int_equal(route(api, "rowss", &r), -ENOENT);
	assert_int_equal(route(api, "", &r), -ENOENT);
}

static void a_space_without_started_instances_is_unreachable(void **state)
{
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_route r;

	(void)state;
	assert_int_equal(route(api, "rows", &r), -EHOSTUNREACH);
	/* There, but not started yet. */
	struct mesh_peer *store = join("store", "store", &rows_api, NULL, &store_here);
	assert_int_equal(route(api, "rows", &r), -EHOSTUNREACH);
	mesh_table_open(table, store, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer->local, &store_here);
	assert_string_equal(r.name, "rows");
	mesh_table_open(table, store, false);
	assert_int_equal(route(api, "rows", &r), -EHOSTUNREACH);
}

static void the_same_zhost_comes_first(void **state)
{
	const struct said peers[] = {{"store-1", "store", "n1"}, {"store-2", "store", "n2"}};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *store = join("store-1", "store", &rows_api, NULL, &store_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, store, true);
	say(peers, 2, true, 1, false);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(route(api, "rows", &r), 0);
		assert_string_equal(r.peer->path, "store-1");
	}
	mesh_table_leave(table, store);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_string_equal(r.peer->path, "store-2");
}

static void others_are_reached_in_turn(void **state)
{
	const struct said peers[] = {{"store-3", "store", "n3"},
				     {"store-1", "store", "n2"},
				     {"store-2", "store", "n2"}};
	const char *expected[] = {"store-1", "store-2", "store-3", "store-1"};
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_route r;

	(void)state;
	say(peers, 3, true, 1, false);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(route(api, "rows", &r), 0);
		assert_string_equal(r.peer->path, expected[i]);
	}
}

static void a_reply_reaches_exactly_its_sender(void **state)
{
	struct mesh_peer *store = join("store", "store", &rows_api, NULL, &store_here);
	struct mesh_peer *one = join("api-1", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *two = join("api-2", "api", &rows_store, NULL, &api2_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, one, true);
	mesh_table_open(table, two, true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(route(store, "rows#api-2", &r), 0);
		assert_ptr_equal(r.peer->local, &api2_here);
	}
	/* Somebody who is not at the other end of that path. */
	assert_int_equal(route(store, "rows#store", &r), -ENOENT);
	assert_int_equal(route(store, "rows#api-3", &r), -EHOSTUNREACH);
	assert_int_equal(route(store, "queries#api-1", &r), -ENOENT);
	assert_int_equal(route(store, "rows#", &r), -EINVAL);
	assert_int_equal(route(store, "rows#api-1~1234@n1", &r), -ENOENT);
}

static void a_page_is_answered_by_its_session(void **state)
{
	const struct said peers[] = {{"page", "page", "n2", true}};
	struct mesh_peer *api = join("api", "api", &queries_page, NULL, &api_here);
	struct mesh_route r;
	struct mesh_peer *page;

	(void)state;
	mesh_table_open(table, api, true);
	say(peers, 1, true, 1, false);
	assert_int_equal(route(api, "queries#page~ab12@n3", &r), 0);
	assert_string_equal(r.peer->path, "page");
	assert_int_equal(r.suffix_size, strlen("~ab12@n3"));
	assert_memory_equal(r.suffix, "~ab12@n3", r.suffix_size);
	page = mesh_table_find_ui(table, "app", 3, "page", 4, 0);
	assert_non_null(page);
	assert_int_equal(route(page, "queries", &r), 0);
	assert_ptr_equal(r.peer->local, &api_here);
	/* Only the paths that the UI space declares. */
	assert_int_equal(route(page, "rows", &r), -ENOENT);
}

static void a_space_with_a_path_to_itself_does_not_reach_itself(void **state)
{
	struct mesh_peer *one = join("api-1", "api", &rows_api, NULL, &api_here);
	struct mesh_peer *two = join("api-2", "api", &rows_api, NULL, &api2_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, one, true);
	assert_int_equal(route(one, "rows", &r), -EHOSTUNREACH);
	mesh_table_open(table, two, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(route(one, "rows", &r), 0);
		assert_ptr_equal(r.peer->local, &api2_here);
	}
}

static void messages_go_to_the_copy_that_serves(void **state)
{
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *old = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	struct mesh_peer *new = join_copy("store", 2, "store", &rows_api, NULL, &new_here);
	struct mesh_route r;

	(void)state;
	mesh_table_serve(table, new, false);
	mesh_table_open(table, old, true);
	mesh_table_open(table, new, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(route(api, "rows", &r), 0);
		assert_ptr_equal(r.peer->local, &old_here);
	}
	mesh_table_serve(table, old, false);
	assert_int_equal(route(api, "rows", &r), -EHOSTUNREACH);
	mesh_table_serve(table, new, true);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer->local, &new_here);
	mesh_table_leave(table, old);
	assert_int_equal(route(api, "rows", &r), 0);
	assert_ptr_equal(r.peer->local, &new_here);
}

static void an_answer_reaches_the_copy_that_has_asked(void **state)
{
	const struct said both[] = {{"api", "api", "n2", .epoch = 7},
				    {"api", "api", "n3", .epoch = 5, .is_beside = true}};
	const struct said one[] = {{"api", "api", "n2", .epoch = 7}};
	struct mesh_peer *store = join("store", "store", &rows_api, NULL, &store_here);
	struct mesh_route r;

	(void)state;
	say(both, 2, true, 1, false);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_int_equal(r.peer->epoch, 7);
	mesh_table_note(store, "api", 5);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_int_equal(r.peer->epoch, 5);
	/* A message that is no answer to it. */
	assert_int_equal(route(store, "rows", &r), 0);
	assert_int_equal(r.peer->epoch, 7);
	/* It has gone. */
	say(one, 1, false, 2, false);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_int_equal(r.peer->epoch, 7);
	/* The one that asks next is answered. */
	say(both, 2, false, 3, false);
	mesh_table_note(store, "api", 7);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_int_equal(r.peer->epoch, 7);
	/* An older zhost does not say which copy it was. */
	mesh_table_note(store, "api", 0);
	mesh_table_note(store, "nobody", 3);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_int_equal(r.peer->epoch, 7);
}

static void a_copy_is_no_other_instance_of_its_own_space(void **state)
{
	struct mesh_peer *old = join_copy("api", 1, "api", &rows_api, NULL, &old_here);
	struct mesh_peer *new = join_copy("api", 2, "api", &rows_api, NULL, &new_here);
	struct mesh_route r;

	(void)state;
	mesh_table_open(table, old, true);
	mesh_table_open(table, new, true);
	mesh_table_serve(table, new, false);
	assert_int_equal(route(new, "rows", &r), -EHOSTUNREACH);
}

/* It is about to serve, or to stop: nobody has sent it anything. */
static void a_copy_that_neither_serves_nor_has_asked_gets_no_answer(void **state)
{
	const struct said beside[] = {{"api", "api", "n3", .epoch = 7, .is_beside = true}};
	struct mesh_peer *store = join("store", "store", &rows_api, NULL, &store_here);
	struct mesh_peer *new = join_copy("api", 8, "api", &rows_store, NULL, &new_here);
	struct mesh_route r;

	(void)state;
	say(beside, 1, true, 1, false);
	mesh_table_note(store, "api", 5);
	assert_int_equal(route(store, "rows#api", &r), -EHOSTUNREACH);
	mesh_table_serve(table, new, false);
	mesh_table_open(table, new, true);
	assert_int_equal(route(store, "rows#api", &r), -EHOSTUNREACH);
	mesh_table_note(store, "api", 8);
	assert_int_equal(route(store, "rows#api", &r), 0);
	assert_ptr_equal(r.peer, new);
}

static void what_has_come_for_a_copy_that_is_gone_waits_for_no_successor(void **state)
{
	struct mesh_peer *old = join_copy("store", 1, "store", &rows_api, NULL, &old_here);
	struct mesh_peer *new = join_copy("store", 2, "store", &rows_api, NULL, &new_here);

	(void)state;
	mesh_table_open(table, old, true);
	mesh_table_open(table, new, true);
	mesh_table_serve(table, new, false);
	assert_ptr_equal(mesh_table_find_receiver(table, "t1", "store", 5, 1), old);
	mesh_table_leave(table, old);
	assert_null(mesh_table_find_receiver(table, "t1", "store", 5, 1));
	assert_ptr_equal(mesh_table_find_receiver(table, "t1", "store", 5, 2), new);
	mesh_table_serve(table, new, true);
	assert_ptr_equal(mesh_table_find_receiver(table, "t1", "store", 5, 1), new);
}

/* How many of `count` messages get to the copy of that epoch. */
static unsigned reached(const struct mesh_peer *from, const char *address, uint64_t epoch,
			unsigned count)
{
	struct mesh_route r;
	unsigned n = 0;

	for (unsigned k = 0; k < count; k++) {
		assert_int_equal(route(from, address, &r), 0);
		n += r.peer->epoch == epoch;
	}
	return n;
}

static void a_share_is_drawn_before_what_is_here_is_preferred(void **state)
{
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_peer *store =
		join_copy("store-2", 5, "store", &rows_api, NULL, &store_here);

	(void)state;
	mesh_table_open(table, store, true);
	share_of = "store";
	share_permille = 100;
	say((const struct said[]){{.path = "store-1",
				   .space = "store",
				   .zhost = "n2",
				   .epoch = 7,
				   .revision = 2},
				  {.path = "store-2",
				   .space = "store",
				   .zhost = "n1",
				   .epoch = 5,
				   .revision = 1},
				  {.path = "store-3",
				   .space = "store",
				   .zhost = "n2",
				   .epoch = 6,
				   .revision = 1}},
	    3, true, 1, false);
	assert_int_equal(reached(api, "rows", 7, 1000), 100);
	/* The rest is for the copy of the former version that is here. */
	assert_int_equal(reached(api, "rows", 5, 1000), 900);
	share_permille = 500;
	say(NULL, 0, false, 2, false);
	assert_int_equal(reached(api, "rows", 7, 1000), 500);
	/* Without a share the local one comes first. */
	share_of = NULL;
	say(NULL, 0, false, 3, false);
	assert_int_equal(reached(api, "rows", 5, 1000), 1000);
}

static void a_second_copy_gets_its_share_and_only_that(void **state)
{
	struct mesh_peer *api = join("api", "api", &rows_store, NULL, &api_here);
	struct mesh_route r;

	(void)state;
	share_of = "store";
	share_permille = 250;
	say((const struct said[]){{.path = "store",
				   .space = "store",
				   .zhost = "n2",
				   .epoch = 5,
				   .revision = 1},
				  {.path = "store",
				   .space = "store",
				   .zhost = "n3",
				   .epoch = 7,
				   .revision = 2,
				   .is_beside = true,
				   .shares = true}},
	    2, true, 1, false);
	assert_int_equal(reached(api, "rows", 7, 1000), 250);
	/* Named by its path it is the one that serves. */
	for (unsigned k = 0; k < 10; k++) {
		assert_int_equal(route(api, "rows#store", &r), 0);
		assert_int_equal(r.peer->epoch, 5);
	}
	/* One that is not proven yet gets nothing. */
	say((const struct said[]){{.path = "store",
				   .space = "store",
				   .zhost = "n2",
				   .epoch = 5,
				   .revision = 1},
				  {.path = "store",
				   .space = "store",
				   .zhost = "n3",
				   .epoch = 7,
				   .revision = 2,
				   .is_beside = true}},
	    2, true, 2, false);
	assert_int_equal(reached(api, "rows", 7, 1000), 0);
	share_of = NULL;
}

static void a_page_that_begins_draws_the_share_and_others_do_not(void **state)
{
	unsigned newer = 0;

	(void)state;
	share_of = "page";
	share_permille = 100;
	say((const struct said[]){{.path = "page",
				   .space = "page",
				   .zhost = "n2",
				   .is_ui = true,
				   .epoch = 5,
				   .revision = 1,
				   .file = "a"},
				  {.path = "page",
				   .space = "page",
				   .zhost = "n3",
				   .is_ui = true,
				   .epoch = 7,
				   .revision = 2,
				   .is_beside = true,
				   .shares = true,
				   .file = "b"}},
	    2, true, 1, false);
	for (unsigned k = 0; k < 1000; k++)
		newer += mesh_table_draw_ui(table, "app", 3, "page", 4, 0)->epoch == 7;
	assert_int_equal(newer, 100);
	const struct mesh_peer *peer = mesh_table_find_ui(table, "app", 3, "page", 4, 0);
	assert_int_equal(peer->epoch, 5);
	/* A page keeps the version that it began with. */
	uint64_t version = mesh_table_find(table, "t1", "page", 4)->version;
	for (unsigned k = 0; k < 20; k++)
		assert_int_equal(
			mesh_table_draw_ui(table, "app", 3, "page", 4, version)->version,
			version);
	share_of = NULL;
}

static void what_is_apart_sends_to_what_is_apart(void **state)
{
	struct mesh_route r;

	(void)state;
	/* Green beside blue, before the switch: store-2 has no second copy. */
	say(
		(const struct said[]){
			{.path = "api", .space = "api", .zhost = "n1", .epoch = 5},
			{.path = "api",
			 .space = "api",
			 .zhost = "n1",
			 .epoch = 7,
			 .is_beside = true,
			 .is_apart = true},
			{.path = "store-1", .space = "store", .zhost = "n2", .epoch = 3},
			{.path = "store-1",
			 .space = "store",
			 .zhost = "n3",
			 .epoch = 8,
			 .is_beside = true,
			 .is_apart = true},
			{.path = "store-2", .space = "store", .zhost = "n2", .epoch = 4}},
		5, true, 1, false);
	struct mesh_peer *blue = join_copy("api", 5, "api", &rows_store, NULL, &api_here);
	struct mesh_peer *green = join_copy("api", 7, "api", &rows_store, NULL, &api2_here);
	mesh_table_open(table, blue, true);
	mesh_table_open(table, green, true);
	for (int k = 0; k < 4; k++) {
		assert_int_equal(route(green, "rows", &r), 0);
		assert_int_equal(r.peer->epoch, 8);
		assert_int_equal(route(blue, "rows", &r), 0);
		assert_int_not_equal(r.peer->epoch, 8);
	}
	/* Where there is none, what serves is there for it, too. */
	say(
		(const struct said[]){
			{.path = "store-1", .space = "store", .zhost = "n2", .epoch = 3}},
		1, false, 2, false);
	assert_int_equal(route(green, "rows", &r), 0);
	assert_true(r.peer->epoch == 3 || r.peer->epoch == 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_undeclared_path_is_unknown),
		TEST(a_space_without_started_instances_is_unreachable),
		TEST(the_same_zhost_comes_first),
		TEST(others_are_reached_in_turn),
		TEST(a_reply_reaches_exactly_its_sender),
		TEST(a_page_is_answered_by_its_session),
		TEST(a_space_with_a_path_to_itself_does_not_reach_itself),
		TEST(messages_go_to_the_copy_that_serves),
		TEST(an_answer_reaches_the_copy_that_has_asked),
		TEST(a_copy_is_no_other_instance_of_its_own_space),
		TEST(a_copy_that_neither_serves_nor_has_asked_gets_no_answer),
		TEST(what_has_come_for_a_copy_that_is_gone_waits_for_no_successor),
		TEST(a_share_is_drawn_before_what_is_here_is_preferred),
		TEST(a_second_copy_gets_its_share_and_only_that),
		TEST(a_page_that_begins_draws_the_share_and_others_do_not),
		TEST(what_is_apart_sends_to_what_is_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
