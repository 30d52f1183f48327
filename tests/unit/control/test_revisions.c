/* Several revisions and copies of one application: what is served, what still unloads, who writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/application.h"
#include "core/control/state/state.h"
#include "fixture.h"

#define DEPLOYED SAMOZA__V1__PHASE__PHASE_DEPLOYED
#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED
#define ABSENT	 SAMOZA__V1__PHASE__PHASE_ABSENT
#define NONE	 SAMOZA__V1__TARGET__TARGET_NONE

static const char shop[] = "- {name: db, type: DATA}\n"
			   "- {name: web, type: CALL, imports: [{from: db}]}\n";
static const char other_shop[] = "- {name: db, type: DATA}\n"
				 "- {name: api, type: CALL, imports: [{from: db}]}\n";

static void report(struct fixture *f, const char *path, uint64_t epoch, Samoza__V1__Phase phase)
{
	fixture_report(f, 1, &(struct reported){"id-1", path, epoch, phase, NULL});
}

static uint64_t asked_epoch(const struct fixture *f, const char *path)
{
	const Samoza__V1__DesiredInstance *d = fixture_desired(f, 1, path);
	if (d == NULL)
		fail_msg("%s is asked for nothing", path);
	return d->key->epoch;
}

/* What n1 is asked for the copy of that epoch in the last batch; -1: nothing. */
static int asked(const struct fixture *f, uint64_t epoch)
{
	const Samoza__V1__Desired *set = (const Samoza__V1__Desired *)fixture_message(
		f, 1, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED);
	for (size_t k = 0; set != NULL && k < set->n_instances; k++)
		if (set->instances[k]->key->epoch == epoch)
			return (int)set->instances[k]->target;
	return -1;
}

struct epochs {
	uint64_t db, web;
};

static struct epochs start_shop(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "id-1", "shop", shop);
	struct epochs e = {asked_epoch(f, "db"), asked_epoch(f, "web")};
	report(f, "db", e.db, DEPLOYED);
	report(f, "web", e.web, DEPLOYED);
	report(f, "db", e.db, STARTED);
	report(f, "web", e.web, STARTED);
	return e;
}

static size_t records(const struct fixture *f, enum record_kind kind)
{
	size_t count = 0;
	vector_for_each (&f->records, r)
		count += r->kind == kind;
	return count;
}

static void check_space(const struct fixture *f, const char *path, const char *expected)
{
	CLEANUP(freep) char *seen = fixture_space(f, "id-1", path);
	assert_string_equal(seen, expected);
}

static bool has_space(const struct fixture *f, const char *path)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__SpaceView *view = NULL;
	bool has = control_view_space(f->control, "id-1", path, &view, &err) == 0;
	if (has)
		samoza__v1__space_view__free_unpacked(view, NULL);
	return has;
}

/* ---- what is served ---- */

static void a_revision_of_other_spaces_replaces_the_slots(void **state)
{
	struct fixture f;
	(void)state;
	struct epochs old = start_shop(&f);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	fixture_submit(&f, "id-2", "shop", other_shop);
	for (int again = 0; again < 2; again++) {
		assert_true(has_space(&f, "db") && has_space(&f, "api"));
		assert_false(has_space(&f, "web"));
		assert_int_equal(records(&f, RECORD_SLOT), 2);
		assert_int_equal(records(&f, RECORD_REVISION), 2);
		assert_int_equal(records(&f, RECORD_COPY), 4); /* two still unload */
		if (again == 0)
			fixture_restart(&f);
	}
	const struct reported held[] = {
		{"id-1", "db", old.db, STARTED, NULL},
		{"id-1", "web", old.web, STARTED, NULL},
	};
	fixture_hello(&f, "n1", 1, held, 2);
	assert_int_equal(asked(&f, old.web), NONE);
	report(&f, "web", old.web, DEPLOYED);
	report(&f, "web", old.web, ABSENT);
	report(&f, "db", old.db, ABSENT);
	assert_int_equal(records(&f, RECORD_COPY), 2);
	fixture_done(&f);
}

static void the_newest_revisions_are_kept(void **state)
{
	struct fixture f;
	(void)state;
	(void)start_shop(&f);
	for (unsigned k = 0; k < REVISIONS_KEPT + 3; k++) {
		assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
		fixture_submit(&f, "id-2", "shop", k % 2 == 0 ? other_shop : shop);
	}
	/* And those that have copies: all of them still unload. */
	assert_int_equal(records(&f, RECORD_REVISION), REVISIONS_KEPT + 4);
	fixture_restart(&f);
	fixture_hello(&f, "n1", 1, NULL, 0); /* nothing of them is left */
	/* And the last that completed. */
	assert_int_equal(records(&f, RECORD_REVISION), REVISIONS_KEPT + 1);
	assert_non_null(fixture_record(&f, RECORD_REVISION, "id-1/0000000001"));
	assert_non_null(fixture_record(&f, RECORD_REVISION, "id-1/0000000014"));
	assert_null(fixture_record(&f, RECORD_REVISION, "id-1/0000000004"));
	fixture_restart(&f);
	check_space(&f, "api", "deploying on n1");
	fixture_done(&f);
}

/* ---- what unloads ---- */

static void former_copies_go_in_the_order_of_a_stop(void **state)
{
	struct fixture f;
	(void)state;
	struct epochs old = start_shop(&f);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	check_space(&f, "db", "deploying on n1"); /* new copies at once */
	assert_int_equal(asked(&f, old.web), NONE);
	assert_int_equal(asked(&f, old.db), -1); /* its importer stops first */
	report(&f, "web", old.web, SAMOZA__V1__PHASE__PHASE_STOPPING);
	assert_int_equal(asked(&f, old.db), -1);
	report(&f, "web", old.web, DEPLOYED);
	assert_int_equal(asked(&f, old.db), NONE);
	fixture_done(&f);
}

/* As in an ordered stop: where nothing else is left to go, an optional import holds up nothing. */
static void optional_imports_of_former_copies_hold_up_providers_except_in_cycles(void **state)
{
	static const char *const spaces[] = {
		"- {name: web, type: CALL, imports: [{from: db, optional: true}]}\n"
		"- {name: db, type: DATA}\n",
		"- {name: web, type: CALL, imports: [{from: db}]}\n"
		"- {name: db, type: DATA, imports: [{from: web, optional: true}]}\n"};
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct fixture f;
		fixture_init(&f);
		fixture_start(&f);
		fixture_hello(&f, "n1", 1, NULL, 0);
		fixture_submit(&f, "id-1", "shop", spaces[k]);
		uint64_t web = asked_epoch(&f, "web"), db = asked_epoch(&f, "db");
		report(&f, "web", web, DEPLOYED);
		report(&f, "db", db, DEPLOYED);
		report(&f, "db", db, STARTED);
		report(&f, "web", web, STARTED);
		check_space(&f, "web", "deployed-started on n1");
		assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
		assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
		assert_int_equal(asked(&f, web), NONE);
		assert_int_equal(asked(&f, db), -1);
		report(&f, "web", web, DEPLOYED);
		assert_int_equal(asked(&f, db), NONE);
		fixture_done(&f);
	}
}

/* Each needs the other one, and one is inside of the other: that one goes first all the same. */
static void in_a_cycle_of_former_copies_children_go_before_their_parents(void **state)
{
	static const char circle[] =
		"- {name: a, type: CALL, provides: [x], imports: [{from: x}]}\n"
		"- {name: b, inside: a, type: CALL, provides: [x], imports: [{from: x}]}\n"
		"- {name: c, type: CALL, provides: [x]}\n";
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "id-1", "shop", circle);
	uint64_t a = asked_epoch(&f, "a"), c = asked_epoch(&f, "c");
	report(&f, "a", a, DEPLOYED);
	uint64_t b = asked_epoch(&f, "a/b");
	report(&f, "c", c, DEPLOYED);
	report(&f, "c", c, STARTED);
	report(&f, "a", a, STARTED);
	report(&f, "a/b", b, DEPLOYED);
	report(&f, "a/b", b, STARTED);
	assert_int_equal(fixture_goal(&f, "id-1", "c", "not-deployed"), 0);
	report(&f, "c", c, DEPLOYED);
	report(&f, "c", c, ABSENT);
	check_space(&f, "a/b", "deployed-started on n1");
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	assert_int_equal(asked(&f, b), NONE);
	assert_int_equal(asked(&f, a), -1);
	report(&f, "a/b", b, DEPLOYED);
	assert_int_equal(asked(&f, a), NONE);
	fixture_done(&f);
}

/* What provides `x` needs another one that does: none of them could go first. */
static void copies_that_need_each_other_go_together(void **state)
{
	static const char circle[] =
		"- {name: a, type: CALL, provides: [x], imports: [{from: x, optional: true}]}\n"
		"- {name: b, type: CALL, provides: [x], imports: [{from: x}]}\n"
		"- {name: c, type: CALL, provides: [x], imports: [{from: x}]}\n";
	static const char *const paths[] = {"a", "b", "c"};
	struct fixture f;
	uint64_t epochs[3];
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "id-1", "shop", circle);
	for (size_t k = 0; k < 3; k++)
		epochs[k] = asked_epoch(&f, paths[k]);
	for (size_t k = 0; k < 3; k++)
		report(&f, paths[k], epochs[k], DEPLOYED);
	for (size_t k = 0; k < 3; k++)
		report(&f, paths[k], epochs[k], STARTED);
	check_space(&f, "c", "deployed-started on n1");
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	for (size_t k = 0; k < 3; k++)
		assert_int_equal(asked(&f, epochs[k]), NONE);
	fixture_done(&f);
}

static void a_topology_that_still_unloads_cannot_be_removed(void **state)
{
	struct fixture f;
	(void)state;
	struct epochs old = start_shop(&f);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	uint64_t db = asked_epoch(&f, "db"), web = asked_epoch(&f, "web");
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	report(&f, "db", db, DEPLOYED);
	report(&f, "db", db, ABSENT);
	report(&f, "web", web, DEPLOYED);
	report(&f, "web", web, ABSENT);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_REMOVE), ERR_CONFLICT);
	report(&f, "web", old.web, ABSENT);
	report(&f, "db", old.db, ABSENT);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_REMOVE), 0);
	vector_for_each (&f.records, r)
		assert_true(r->kind == RECORD_META || r->kind == RECORD_ZHOST);
	fixture_done(&f);
}

/* ---- who writes ---- */

/* 0: it is taken into the batch; or what it is answered. */
static int put(struct fixture *f, const char *path, uint64_t epoch)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__DataRequest request = SAMOZA__V1__DATA_REQUEST__INIT;
	key.topology = (char *)"id-1";
	key.path = (char *)path;
	key.epoch = epoch;
	request.request = 7;
	request.key = &key;
	request.operation = SAMOZA__V1__DATA_OPERATION__DATA_PUT;
	request.data_key = (ProtobufCBinaryData){1, (uint8_t *)"k"};
	request.has_value = true;
	request.value = (ProtobufCBinaryData){1, (uint8_t *)"v"};
	(void)fixture_handle(
		f, &(struct control_input){.type = CONTROL_DATA, .data = {1, &request}});
	const Samoza__V1__DataReply *reply = (const Samoza__V1__DataReply *)fixture_message(
		f, 1, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY);
	assert_true((reply == NULL) == (f->outbox.data.count == 1));
	return reply != NULL ? reply->status : 0;
}

static void one_copy_of_an_instance_writes_its_data(void **state)
{
	struct fixture f;
	(void)state;
	struct epochs old = start_shop(&f);
	assert_int_equal(put(&f, "db", old.db), 0);
	assert_int_equal(put(&f, "db", old.db + 100), -ESTALE);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(put(&f, "db", old.db), 0); /* while it closes */
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	uint64_t db = asked_epoch(&f, "db");
	assert_int_equal(put(&f, "db", old.db), -ESTALE);
	assert_int_equal(put(&f, "db", db), 0);
	fixture_restart(&f);
	const struct reported held[] = {
		{"id-1", "db", old.db, STARTED, NULL},
		{"id-1", "web", old.web, STARTED, NULL},
		{"id-1", "db", db, DEPLOYED, NULL},
	};
	fixture_hello(&f, "n1", 1, held, 3);
	assert_int_equal(put(&f, "db", old.db), -ESTALE);
	assert_int_equal(put(&f, "db", db), 0);
	fixture_done(&f);
}

/* A write carries the quotas that the store is to keep; a refusal is an event, once until something is
 * deleted. */
static void a_used_up_quota_is_an_event_once(void **state)
{
	struct fixture f;
	(void)state;
	struct epochs old = start_shop(&f);
	assert_int_equal(put(&f, "db", old.db), 0);
	const struct data_change *change = &f.outbox.data.items[0];
	assert_int_equal(change->quota_bytes, 64u * 1024 * 1024);
	assert_true(change->group_quota_bytes >= 2 * change->quota_bytes);
	assert_int_equal(change->group_quota_bytes % change->quota_bytes, 0);
	struct control_input full = {.type = CONTROL_DATA_FULL, .data_full = {"shop/db"}};
	for (int i = 0; i < 3; i++)
		(void)fixture_handle(&f, &full);
	CLEANUP(freep) char *seen = fixture_events(&f, "data");
	assert_non_null(strstr(seen, "shop/db"));
	assert_null(strstr(strstr(seen, "shop/db") + 1, "shop/db"));
	full.data_full.owner = "gone/db"; /* removed meanwhile */
	(void)fixture_handle(&f, &full);
	fixture_done(&f);
}

static size_t said_full(struct fixture *f, const char *owner)
{
	size_t count = 0;
	struct control_input full = {.type = CONTROL_DATA_FULL, .data_full = {owner}};
	(void)fixture_handle(f, &full);
	CLEANUP(freep) char *seen = fixture_events(f, "data");
	for (const char *at = seen; (at = strstr(at, owner)) != NULL; at++)
		count++;
	return count;
}

/* What starts again under a name is another instance, also while a former copy is left and writes; so does what no
 * version has any longer. */
static void a_used_up_quota_is_said_again_of_the_next_instance_of_its_name(void **state)
{
	struct fixture f;
	(void)state;
	(void)start_shop(&f);
	assert_int_equal(said_full(&f, "shop/db"), 1);
	assert_int_equal(said_full(&f, "shop/web"), 1);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(said_full(&f, "shop/db"), 1);
	fixture_submit(&f, "id-2", "shop", other_shop);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(said_full(&f, "shop/db"), 2);
		assert_int_equal(said_full(&f, "shop/web"), 2);
	}
	fixture_done(&f);
}

/* [change.rollout.stop] Who stops what is being scaled is told that the counts go with it. */
static void a_stop_says_what_it_aborts(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "id-1", "shop", "- {name: db, type: DATA, count: 1}\n");
	uint64_t epoch = asked_epoch(&f, "db-1");
	report(&f, "db-1", epoch, DEPLOYED);
	report(&f, "db-1", epoch, STARTED);
	struct control_input input = {.type = CONTROL_SCALE,
				      .scale = {.id = "id-1", .counts = "db=2"}};
	const struct reply *reply = fixture_handle(&f, &input);
	assert_int_equal(reply->code, 0);
	input = (struct control_input){.type = CONTROL_TOPOLOGY,
				       .topology = {.id = "id-1", .action = TOPOLOGY_STOP}};
	reply = fixture_handle(&f, &input);
	assert_int_equal(reply->code, 0);
	assert_string_equal(reply->message,
			    "revision 2 (scale db=2), which has not completed, is aborted: "
			    "topo start starts revision 1; what is to stay has to be asked for "
			    "again");
	reply = fixture_handle(&f, &input);
	assert_null(reply->message);
	fixture_done(&f);
}

/* Submits a version that nobody runs. */
static void submit_stopped(struct fixture *f, const char *id, const char *spaces)
{
	assert_int_equal(fixture_try_submit(f, id, "shop", spaces, true), 0);
	assert_int_equal(fixture_topology(f, "id-1", TOPOLOGY_STOP), 0);
}

/* [change.counts.numbered] Data stays when its instance goes, and is that of the slot under whichever name it
 * comes back. */
static void what_comes_back_under_its_other_name_has_its_data(void **state)
{
	static const struct {
		const char *before, *after, *path, *owner;
	} cases[] = {
		{"- {name: db, type: DATA}\n", "- {name: db, type: DATA, count: 2}\n", "db-1",
		 "shop/db"},
		{"- {name: db, type: DATA, count: 2}\n", "- {name: db, type: DATA}\n", "db",
		 "shop/db-1"},
		{"- {name: db, type: DATA, count: 2}\n", "- {name: db, type: DATA, count: 2}\n",
		 "db-2", "shop/db-2"},
	};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct fixture f;
		fixture_init(&f);
		fixture_start(&f);
		submit_stopped(&f, "id-1", cases[k].before);
		submit_stopped(&f, "id-2", "- {name: web, type: CALL}\n");
		submit_stopped(&f, "id-3", cases[k].after);
		const struct control_application *a = f.control->applications.first;
		CLEANUP(freep)
		char *owner = application_data_owner(&a->application, cases[k].path);
		assert_string_equal(owner, cases[k].owner);
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revision_of_other_spaces_replaces_the_slots),
		cmocka_unit_test(the_newest_revisions_are_kept),
		cmocka_unit_test(former_copies_go_in_the_order_of_a_stop),
		cmocka_unit_test(
			optional_imports_of_former_copies_hold_up_providers_except_in_cycles),
		cmocka_unit_test(in_a_cycle_of_former_copies_children_go_before_their_parents),
		cmocka_unit_test(copies_that_need_each_other_go_together),
		cmocka_unit_test(a_topology_that_still_unloads_cannot_be_removed),
		cmocka_unit_test(one_copy_of_an_instance_writes_its_data),
		cmocka_unit_test(a_used_up_quota_is_an_event_once),
		cmocka_unit_test(
			a_used_up_quota_is_said_again_of_the_next_instance_of_its_name),
		cmocka_unit_test(a_stop_says_what_it_aborts),
		cmocka_unit_test(what_comes_back_under_its_other_name_has_its_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
