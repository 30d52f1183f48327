/* Routing of messages: docs/mesh.md, [guest-abi.net.emit_to]. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zhost/mesh/mesh_table.h"

static struct mesh_table *table;
static int store_here, api_here, api2_here;

static Samoza__V1__PathEnd rows_store = SAMOZA__V1__PATH_END__INIT;
static Samoza__V1__PathEnd rows_api = SAMOZA__V1__PATH_END__INIT;
static Samoza__V1__PathEnd queries_api = SAMOZA__V1__PATH_END__INIT;
static Samoza__V1__PathEnd queries_page = SAMOZA__V1__PATH_END__INIT;

static int begin(void **state)
{
	(void)state;
	table = mesh_table_new("n1");
	rows_store.name = rows_api.name = "rows";
	rows_store.space = "store";
	rows_api.space = "api";
	queries_api.name = queries_page.name = "queries";
	queries_api.space = "api";
	queries_page.space = "page";
	return 0;
}

static int end(void **state)
{
	(void)state;
	mesh_table_free(table);
	return 0;
}

static struct mesh_peer *join_copy(const char *path, uint64_t epoch, const char *space,
				   Samoza__V1__PathEnd *end_a, Samoza__V1__PathEnd *end_b,
				   void *local)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__PathEnd *paths[] = {end_a, end_b};

	key.topology = "t1";
	key.path = (char *)path;
	key.epoch = epoch;
	spec.topology_name = "app";
	spec.space = (char *)space;
	spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	spec.paths = paths;
	spec.n_paths = end_b != NULL ? 2 : 1;
	return mesh_table_join(table, &key, &spec, local);
}

static struct mesh_peer *join(const char *path, const char *space, Samoza__V1__PathEnd *end_a,
			      Samoza__V1__PathEnd *end_b, void *local)
{
	return join_copy(path, 1, space, end_a, end_b, local);
}

struct said {
	const char *path, *space, *zhost;
	bool is_ui;
	uint64_t epoch;
	bool is_beside; /* it does not serve */
	bool leaves;
	bool shares, is_apart;
	uint32_t revision;
	const char *file; /* of a UI space: digest of its one file; NULL: none */
};

/* Of revision 2, in what is said from now on; NULL: of no space. */
static const char *share_of;
static uint32_t share_permille;

static void say(const struct said *peers, size_t n, bool full, uint64_t version, bool gone)
{
	Samoza__V1__MeshTable frame = SAMOZA__V1__MESH_TABLE__INIT;
	Samoza__V1__MeshPeer messages[8], *pointers[8];
	Samoza__V1__AssetFile files[8], *assets[8];
	Samoza__V1__PathEnd *page_paths[] = {&queries_api};
	Samoza__V1__MeshShare share = SAMOZA__V1__MESH_SHARE__INIT, *shares[] = {&share};

	for (size_t i = 0; i < n; i++) {
		samoza__v1__mesh_peer__init(&messages[i]);
		messages[i].path = (char *)peers[i].path;
		messages[i].space = (char *)peers[i].space;
		messages[i].zhost = (char *)peers[i].zhost;
		messages[i].has_type = messages[i].has_epoch = messages[i].has_serving = true;
		messages[i].epoch = peers[i].epoch;
		messages[i].serving = !peers[i].is_beside;
		messages[i].type = peers[i].is_ui ? SAMOZA__V1__SPACE_TYPE__UI
						  : SAMOZA__V1__SPACE_TYPE__CALL;
		if (peers[i].is_ui) {
			messages[i].paths = page_paths;
			messages[i].n_paths = 1;
		}
		messages[i].has_sharing = messages[i].sharing = peers[i].shares;
		messages[i].has_apart = messages[i].apart = peers[i].is_apart;
		messages[i].has_revision = peers[i].revision != 0;
		messages[i].revision = peers[i].revision;
		messages[i].has_draining = messages[i].draining = peers[i].leaves;
		samoza__v1__asset_file__init(&files[i]);
		files[i].name = "index.html";
		files[i].digest = (char *)peers[i].file;
		assets[i] = &files[i];
		messages[i].assets = &assets[i];
		messages[i].n_assets = peers[i].file != NULL ? 1 : 0;
		pointers[i] = &messages[i];
	}
	frame.topology = "t1";
	frame.topology_name = "app";
	frame.version = version;
	frame.full = full;
	frame.has_gone = gone;
	frame.gone = gone;
	share.space = (char *)share_of;
	share.revision = 2;
	share.permille = share_permille;
	frame.shares = shares;
	frame.n_shares = share_of != NULL ? 1 : 0;
	frame.peers = pointers;
	frame.n_peers = n;
	mesh_table_apply(table, &frame);
}

static int route(const struct mesh_peer *from, const char *address, struct mesh_route *r)
{
	return mesh_table_route(table, from, address, strlen(address), r);
}

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

static int old_here, new_here;

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_undeclared_path_is_unknown),
		TEST(a_space_without_started_instances_is_unreachable),
		TEST(the_same_zhost_comes_first),
		TEST(others_are_reached_in_turn),
		TEST(a_reply_reaches_exactly_its_sender),
		TEST(a_page_is_answered_by_its_session),
		TEST(instances_that_the_hub_removes_are_gone),
		TEST(an_instance_listed_here_that_does_not_run_is_unreachable),
		TEST(a_space_with_a_path_to_itself_does_not_reach_itself),
		TEST(pages_are_found_by_names_while_started),
		TEST(a_page_stays_with_its_version_until_that_is_gone),
		TEST(a_copy_with_the_same_files_is_of_the_same_version),
		TEST(messages_go_to_the_copy_that_serves),
		TEST(one_table_of_the_hub_switches_here_and_elsewhere),
		TEST(an_answer_reaches_the_copy_that_has_asked),
		TEST(a_question_that_comes_before_its_sender_is_listed_is_remembered),
		TEST(senders_that_are_not_listed_are_remembered_up_to_a_limit),
		TEST(a_copy_is_no_other_instance_of_its_own_space),
		TEST(a_copy_that_neither_serves_nor_has_asked_gets_no_answer),
		TEST(what_has_come_for_a_copy_that_is_gone_waits_for_no_successor),
		TEST(a_copy_whose_place_another_has_taken_serves_no_longer),
		TEST(an_order_does_not_take_back_what_a_table_says),
		TEST(a_table_of_an_older_hub_leaves_it_to_the_orders),
		TEST(a_share_is_drawn_before_what_is_here_is_preferred),
		TEST(a_second_copy_gets_its_share_and_only_that),
		TEST(a_page_that_begins_draws_the_share_and_others_do_not),
		TEST(what_is_apart_sends_to_what_is_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
