/*
 * Routes while a unit is handed over: which copy zhosts are told to send messages to, and that the former
 * one is told to go only when they go by it.
 *
 *     n1 runs api and web, n2 gets api, n3 holds log: it only sends
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/config.h"
#include "fixture.h"

#define TABLE	 SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE
#define DEPLOYED SAMOZA__V1__PHASE__PHASE_DEPLOYED
#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED
#define NONE	 SAMOZA__V1__TARGET__TARGET_NONE

static const char ID[] = "0123456789abcdef";

struct stage {
	struct fixture f;
	uint64_t incumbent, successor; /* epochs of api */
};

static void cordon(struct fixture *f, const char *zhost, bool is_on)
{
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = zhost, .action = is_on ? ZHOST_CORDON : ZHOST_UNCORDON}};
	assert_int_equal(fixture_handle(f, &input)->code, 0);
}

static void reports(struct stage *s, uint64_t link_id, const char *path, uint64_t epoch,
		    Samoza__V1__Phase phase)
{
	fixture_report(&s->f, link_id, &(struct reported){ID, path, epoch, phase, NULL});
}

static uint64_t start(struct stage *s, uint64_t link_id, const char *path)
{
	const Samoza__V1__DesiredInstance *d = fixture_desired(&s->f, link_id, path);
	assert_non_null(d);
	uint64_t epoch = d->key->epoch;
	reports(s, link_id, path, epoch, DEPLOYED);
	reports(s, link_id, path, epoch, STARTED);
	return epoch;
}

/* What the last table to that link says of api: "SERVING[ +OTHER]…", with "~" before one that drains. The
 * caller frees; NULL: it got no table. */
static char *routes(const struct stage *s, uint64_t link_id)
{
	const Samoza__V1__MeshTable *t =
		(const Samoza__V1__MeshTable *)fixture_message(&s->f, link_id, TABLE);
	if (t == NULL)
		return NULL;
	char *text = mem_strdup("");
	for (size_t k = 0; k < t->n_peers; k++) {
		const Samoza__V1__MeshPeer *p = t->peers[k];
		if (!str_equal(p->path, "api"))
			continue;
		CLEANUP(freep) char *before = text;
		const char *role = p->draining ? "~" : p->serving ? "" : "+";
		const char *name = p->zhost == NULL	      ? "nobody"
				   : p->epoch == s->incumbent ? "incumbent"
							      : "successor";
		text = str_printf("%s%s%s%s", before, before[0] != '\0' ? " " : "", role, name);
	}
	return text;
}

static void expect_routes(const struct stage *s, uint64_t link_id, const char *expected)
{
	CLEANUP(freep) char *text = routes(s, link_id);
	if (expected == NULL)
		assert_null(text);
	else
		assert_string_equal(text != NULL ? text : "no table", expected);
}

static void applied(struct stage *s, uint64_t link_id, uint64_t version)
{
	Samoza__V1__MeshApplied message = SAMOZA__V1__MESH_APPLIED__INIT;
	message.topology = (char *)(uintptr_t)ID;
	message.version = version;
	(void)fixture_handle(&s->f, &(struct control_input){.type = CONTROL_MESH_APPLIED,
							    .applied = {link_id, &message}});
}

static uint64_t version_sent(const struct stage *s, uint64_t link_id)
{
	const Samoza__V1__MeshTable *t =
		(const Samoza__V1__MeshTable *)fixture_message(&s->f, link_id, TABLE);
	assert_non_null(t);
	assert_true(t->confirm);
	return t->version;
}

static bool incumbent_is_told_to_go(const struct stage *s)
{
	const Samoza__V1__DesiredInstance *d = fixture_desired(&s->f, 1, "api");
	return d != NULL && d->key->epoch == s->incumbent && d->target == NONE;
}

/* Zhosts of these protocols; api runs on n1, log on n3, and all can be moved to n2. */
static void begin(struct stage *s, uint32_t first, uint32_t second, uint32_t third)
{
	*s = (struct stage){0};
	fixture_init(&s->f);
	fixture_start(&s->f);
	const uint32_t protocols[] = {first, second, third};
	static const char *const names[] = {"n1", "n2", "n3"};
	for (uint64_t k = 0; k < 3; k++) {
		s->f.protocol = protocols[k];
		fixture_hello(&s->f, names[k], k + 1, NULL, 0);
	}
	cordon(&s->f, "n2", true);
	fixture_submit(&s->f, ID, "shop",
		       "- {name: api, type: CALL}\n"
		       "- {name: log, type: CALL, placement: {anti_affinity: [{with: api, "
		       "required: true}]}}\n");
	const Samoza__V1__DesiredInstance *log = fixture_desired(&s->f, 3, "log");
	assert_non_null(log);
	uint64_t log_epoch = log->key->epoch;
	s->incumbent = start(s, 1, "api");
	reports(s, 3, "log", log_epoch, DEPLOYED);
	reports(s, 3, "log", log_epoch, STARTED);
	cordon(&s->f, "n2", false);
}

/* api is moved to n2, and its successor is installed there. */
static void move(struct stage *s)
{
	struct control_input input = {.type = CONTROL_MOVE,
				      .move = {.id = ID, .path = "api", .zhost = "n2"}};
	const struct reply *reply = fixture_handle(&s->f, &input);
	assert_int_equal(reply->code, 0);
	const Samoza__V1__DesiredInstance *d = fixture_desired(&s->f, 2, "api");
	assert_non_null(d);
	assert_true(d->has_serves && !d->serves);
	s->successor = d->key->epoch;
	reports(s, 2, "api", s->successor, DEPLOYED);
}

/* And it is started. */
static void rise(struct stage *s)
{
	move(s);
	reports(s, 2, "api", s->successor, STARTED);
}

static void a_successor_gets_no_messages_before_the_switch(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, 4, 4, 4);
	move(&s);
	expect_routes(&s, 3, NULL);
	/* In the same batch it is seen to be healthy, and serves. */
	reports(&s, 2, "api", s.successor, STARTED);
	expect_routes(&s, 3, "successor ~incumbent");
	const Samoza__V1__DesiredInstance *d = fixture_desired(&s.f, 2, "api");
	assert_true(d != NULL && d->serves && d->writes);
	d = fixture_desired(&s.f, 1, "api");
	assert_true(d != NULL && d->has_serves && !d->serves && d->target != NONE);
	fixture_done(&s.f);
}

static void the_incumbent_goes_when_every_zhost_goes_by_the_new_routes(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, 4, 4, 4);
	rise(&s);
	uint64_t version = version_sent(&s, 3);
	for (uint64_t link_id = 1; link_id <= 3; link_id++) {
		assert_false(incumbent_is_told_to_go(&s));
		applied(&s, link_id, version - 1); /* of before */
		assert_false(incumbent_is_told_to_go(&s));
		applied(&s, link_id, version);
	}
	assert_true(incumbent_is_told_to_go(&s));
	/* Until it has gone it gets the answers to what it has asked. */
	expect_routes(&s, 3, NULL);
	reports(&s, 1, "api", s.incumbent, SAMOZA__V1__PHASE__PHASE_ABSENT);
	expect_routes(&s, 3, "successor");
	fixture_done(&s.f);
}

static void a_zhost_without_a_link_is_not_waited_for(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, 4, 4, 4);
	rise(&s);
	uint64_t version = version_sent(&s, 3);
	applied(&s, 1, version);
	applied(&s, 2, version);
	assert_false(incumbent_is_told_to_go(&s));
	(void)fixture_handle(&s.f,
			     &(struct control_input){.type = CONTROL_CLOSED, .closed = {3}});
	assert_true(incumbent_is_told_to_go(&s));
	fixture_done(&s.f);
}

static void a_former_copy_that_is_lost_leaves_the_routes(void **state)
{
	struct stage s;
	const struct control_config config = CONTROL_CONFIG_DEFAULT;
	(void)state;
	begin(&s, 4, 4, 4);
	rise(&s);
	uint64_t version = version_sent(&s, 3);
	for (uint64_t link_id = 1; link_id <= 3; link_id++)
		applied(&s, link_id, version);
	assert_true(incumbent_is_told_to_go(&s));
	(void)fixture_handle(&s.f,
			     &(struct control_input){.type = CONTROL_CLOSED, .closed = {1}});
	CLEANUP(freep) char *last = NULL;
	for (int64_t ms = 0; ms <= config.failure_timeout_ms && last == NULL; ms += 1000) {
		fixture_heartbeat(&s.f, "n2", 2);
		fixture_heartbeat(&s.f, "n3", 3);
		fixture_advance(&s.f, 1000);
		last = routes(&s, 3);
	}
	assert_non_null(last);
	assert_string_equal(last, "successor");
	fixture_done(&s.f);
}

/* [change.counts.numbered] What took over from it has gone, and the slot has the name of the new version by then. */
static void a_former_copy_leaves_the_routes_under_its_former_name(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, 4, 4, 4);
	rise(&s);
	uint64_t version = version_sent(&s, 3);
	for (uint64_t link_id = 1; link_id <= 3; link_id++)
		applied(&s, link_id, version);
	assert_int_equal(fixture_goal(&s.f, ID, "api", "not-deployed"), 0);
	s.f.version = "1.1.0";
	fixture_submit(&s.f, ID, "shop",
		       "- {name: api, type: CALL, count: 1}\n"
		       "- {name: log, type: CALL, placement: {anti_affinity: [{with: api, "
		       "required: true}]}}\n");
	reports(&s, 2, "api", s.successor, DEPLOYED);
	reports(&s, 2, "api", s.successor, SAMOZA__V1__PHASE__PHASE_ABSENT);
	CLEANUP(freep) char *space = fixture_space(&s.f, ID, "api-1");
	assert_string_equal(space, "not-deployed");
	reports(&s, 1, "api", s.incumbent, SAMOZA__V1__PHASE__PHASE_ABSENT);
	expect_routes(&s, 3, "nobody");
	fixture_done(&s.f);
}

static void a_zhost_that_comes_back_is_waited_for_again(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, 4, 4, 4);
	rise(&s);
	applied(&s, 3, version_sent(&s, 3));
	s.f.protocol = 4;
	fixture_hello(&s.f, "n3", 4, NULL, 0);
	expect_routes(&s, 4, "successor ~incumbent");
	uint64_t version = version_sent(&s, 4);
	applied(&s, 1, version);
	applied(&s, 2, version);
	assert_false(incumbent_is_told_to_go(&s));
	applied(&s, 4, version);
	assert_true(incumbent_is_told_to_go(&s));
	fixture_done(&s.f);
}

static void one_that_never_says_so_does_not_hold_it_up_for_ever(void **state)
{
	struct stage s;
	const struct control_config config = CONTROL_CONFIG_DEFAULT;
	(void)state;
	begin(&s, 4, 4, 4);
	rise(&s);
	uint64_t version = version_sent(&s, 3);
	applied(&s, 1, version);
	applied(&s, 2, version);
	for (int64_t ms = 0; ms < config.failure_timeout_ms; ms += 5000) {
		assert_false(incumbent_is_told_to_go(&s));
		for (uint64_t k = 0; k < 3; k++)
			fixture_heartbeat(&s.f, (const char *[]){"n1", "n2", "n3"}[k], k + 1);
		fixture_advance(&s.f, 5000);
	}
	assert_true(incumbent_is_told_to_go(&s));
	fixture_done(&s.f);
}

static void an_older_zhost_is_given_a_heartbeat_interval(void **state)
{
	struct stage s;
	const struct control_config config = CONTROL_CONFIG_DEFAULT;
	(void)state;
	begin(&s, 4, 4, 3);
	rise(&s);
	/* It knows one copy of each path, as it always did. */
	expect_routes(&s, 3, "successor");
	uint64_t version = version_sent(&s, 1);
	applied(&s, 1, version);
	applied(&s, 2, version);
	fixture_advance(&s.f, config.heartbeat_ms - 1);
	assert_false(incumbent_is_told_to_go(&s));
	fixture_advance(&s.f, 1);
	assert_true(incumbent_is_told_to_go(&s));
	fixture_done(&s.f);
}

static void expect_stop_first(uint32_t first, uint32_t second, const char *older)
{
	struct stage s;
	begin(&s, first, second, 4);
	fixture_clear_events(&s.f);
	struct control_input input = {.type = CONTROL_MOVE,
				      .move = {.id = ID, .path = "api", .zhost = "n2"},
				      .actor = "ops"};
	assert_int_equal(fixture_handle(&s.f, &input)->code, 0);
	const Samoza__V1__DesiredInstance *d = fixture_desired(&s.f, 2, "api");
	assert_non_null(d);
	assert_int_equal(d->target, SAMOZA__V1__TARGET__TARGET_DEPLOYED);
	const char *cause = NULL;
	vector_for_each (&s.f.events, e)
		if (str_equal((*e)->kind, "placement"))
			cause = (*e)->cause;
	CLEANUP(freep)
	char *expected = str_printf(
		"moved by ops; stop-first, because the zhost program of %s is older", older);
	assert_string_equal(cause, expected);
	/* Never started beside the one that serves. */
	reports(&s, 2, "api", d->key->epoch, DEPLOYED);
	d = fixture_desired(&s.f, 1, "api");
	assert_true(d != NULL && d->target == SAMOZA__V1__TARGET__TARGET_DEPLOYED);
	assert_null(fixture_desired(&s.f, 2, "api"));
	fixture_done(&s.f);
}

static void beside_an_older_zhost_a_move_is_stop_first(void **state)
{
	(void)state;
	expect_stop_first(4, 3, "n2");
	expect_stop_first(3, 4, "n1");
}

/* The pages of the table to n1: "FILE serves|leaves|rises; …"; "" without one. The caller frees. */
static char *pages(const struct fixture *f)
{
	const Samoza__V1__MeshTable *t =
		(const Samoza__V1__MeshTable *)fixture_message(f, 1, TABLE);
	char *text = mem_strdup("");
	for (size_t k = 0; t != NULL && k < t->n_peers; k++) {
		const Samoza__V1__MeshPeer *p = t->peers[k];
		if (!str_equal(p->path, "web"))
			continue;
		CLEANUP(freep) char *before = text;
		text = str_printf("%s%s %s; ", before,
				  p->n_assets == 1 ? p->assets[0]->digest : "nothing",
				  p->draining  ? "leaves"
				  : p->serving ? "serves"
					       : "rises");
	}
	return text;
}

static void web_reports(struct fixture *f, uint64_t epoch, Samoza__V1__Phase phase)
{
	fixture_report(f, 1, &(struct reported){ID, "web", epoch, phase, NULL});
}

static uint64_t submit_pages(struct fixture *f, const char *version, const char *file)
{
	f->version = version;
	f->web_file = file;
	fixture_submit(f, ID, "shop", "- {name: web, type: UI}\n");
	const Samoza__V1__DesiredInstance *d = fixture_desired(f, 1, "web");
	assert_non_null(d);
	uint64_t epoch = d->key->epoch;
	web_reports(f, epoch, DEPLOYED);
	web_reports(f, epoch, STARTED);
	return epoch;
}

static void pages_that_leave_have_the_files_of_their_own_version(void **state)
{
	struct fixture f;
	Samoza__V1__Rollout rollout = SAMOZA__V1__ROLLOUT__INIT;
	rollout.has_policy = true;
	rollout.policy = SAMOZA__V1__ROLLOUT_POLICY__ROLLING;
	(void)state;
	fixture_init(&f);
	f.rollout = &rollout;
	f.protocol = 5; /* two copies of one instance may be on one zhost */
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	uint64_t old = submit_pages(&f, "1.0.0", "old");
	(void)submit_pages(&f, "1.1.0", "new");
	CLEANUP(freep) char *rising = pages(&f);
	assert_string_equal(rising, "old serves; new rises; ");
	CLEANUP(freep) char *both = mem_strdup("");
	for (int k = 0; k < 20 && both[0] == '\0'; k++) {
		/* Until it has been healthy for long enough. */
		if (k % 2 == 0)
			fixture_heartbeat(&f, "n1", 1);
		else
			fixture_advance(&f, 1000);
		free(both);
		both = pages(&f);
	}
	assert_string_equal(both, "new serves; old leaves; ");
	web_reports(&f, old, SAMOZA__V1__PHASE__PHASE_ABSENT);
	fixture_done(&f);
}

/* A table to n2 says that the topology is gone. */
static bool is_forgotten(const struct fixture *f)
{
	const Samoza__V1__MeshTable *t =
		(const Samoza__V1__MeshTable *)fixture_message(f, 2, TABLE);
	return t != NULL && t->gone;
}

static void api_reports(struct fixture *f, uint64_t epoch, Samoza__V1__Phase phase)
{
	fixture_report(f, 1, &(struct reported){ID, "api", epoch, phase, NULL});
}

/* n2 holds nothing of it, and serves its pages. */
static void zhosts_forget_a_topology_whose_pages_a_version_removes(void **state)
{
	struct fixture f;
	Samoza__V1__Rollout rollout = SAMOZA__V1__ROLLOUT__INIT;
	(void)state;
	fixture_init(&f);
	f.rollout = &rollout;
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_hello(&f, "n2", 2, NULL, 0);
	cordon(&f, "n2", true);
	f.version = "1.0.0";
	fixture_submit(&f, ID, "shop", "- {name: api, type: CALL}\n- {name: web, type: UI}\n");
	uint64_t api = fixture_desired(&f, 1, "api")->key->epoch;
	uint64_t web = fixture_desired(&f, 1, "web")->key->epoch;
	api_reports(&f, api, DEPLOYED);
	api_reports(&f, api, STARTED);
	web_reports(&f, web, DEPLOYED);
	web_reports(&f, web, STARTED);
	assert_non_null(fixture_message(&f, 2, TABLE));
	assert_false(is_forgotten(&f));
	f.version = "1.1.0";
	fixture_submit(&f, ID, "shop", "- {name: api, type: CALL}\n");
	web_reports(&f, web, DEPLOYED);
	assert_false(is_forgotten(&f)); /* its pages are about to go */
	web_reports(&f, web, SAMOZA__V1__PHASE__PHASE_ABSENT);
	assert_true(is_forgotten(&f));
	fixture_done(&f);
}

/* n2 holds nothing of it; the space with pages waits for a place. */
static void zhosts_get_the_table_as_soon_as_a_version_has_pages(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_hello(&f, "n2", 2, NULL, 0);
	cordon(&f, "n2", true);
	f.version = "1.0.0";
	fixture_submit(&f, ID, "shop", "- {name: api, type: CALL}\n");
	uint64_t api = fixture_desired(&f, 1, "api")->key->epoch;
	api_reports(&f, api, DEPLOYED);
	api_reports(&f, api, STARTED);
	assert_null(fixture_message(&f, 2, TABLE));
	f.version = "1.1.0";
	fixture_submit(
		&f, ID, "shop",
		"- {name: api, type: CALL}\n"
		"- {name: web, type: UI, placement: {constraints: [\"zhost == n9\"]}}\n");
	const Samoza__V1__MeshTable *t =
		(const Samoza__V1__MeshTable *)fixture_message(&f, 2, TABLE);
	assert_non_null(t);
	assert_int_equal(t->n_peers, 1);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_successor_gets_no_messages_before_the_switch),
		cmocka_unit_test(the_incumbent_goes_when_every_zhost_goes_by_the_new_routes),
		cmocka_unit_test(a_zhost_without_a_link_is_not_waited_for),
		cmocka_unit_test(a_former_copy_that_is_lost_leaves_the_routes),
		cmocka_unit_test(a_former_copy_leaves_the_routes_under_its_former_name),
		cmocka_unit_test(a_zhost_that_comes_back_is_waited_for_again),
		cmocka_unit_test(one_that_never_says_so_does_not_hold_it_up_for_ever),
		cmocka_unit_test(an_older_zhost_is_given_a_heartbeat_interval),
		cmocka_unit_test(beside_an_older_zhost_a_move_is_stop_first),
		cmocka_unit_test(pages_that_leave_have_the_files_of_their_own_version),
		cmocka_unit_test(zhosts_forget_a_topology_whose_pages_a_version_removes),
		cmocka_unit_test(zhosts_get_the_table_as_soon_as_a_version_has_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
