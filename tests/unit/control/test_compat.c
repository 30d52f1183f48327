/*
 * A store written by an earlier version (tests/compat): zrms starts on it, knows every state
 * and place again, and takes what its zhosts still run as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "fixture.h"
#include "schema/message.h"

#define MAX_TEXT (1024 * 1024)

/* ---- the store ---- */

static char *read_file(const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", COMPAT_DIR, name);
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(MAX_TEXT);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	char chunk[4096];
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		assert_int_equal(buffer_add(&b, chunk, n), 0);
	assert_int_equal(fclose(file), 0);
	return buffer_steal(&b);
}

static void load(struct fixture *f, const char *name)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *select = NULL;
	CLEANUP(freep) char *sql = read_file(name);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", name, sqlite3_errmsg(db));
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT kind, id, data FROM record", -1, &select, NULL),
		SQLITE_OK);
	while (sqlite3_step(select) == SQLITE_ROW)
		fixture_put(f, (enum record_kind)sqlite3_column_int(select, 0),
			    (const char *)sqlite3_column_text(select, 1),
			    sqlite3_column_blob(select, 2),
			    (size_t)sqlite3_column_bytes(select, 2));
	sqlite3_finalize(select);
	sqlite3_close(db);
}

/* ---- what zhosts still hold: from the old records ---- */

static Samoza__V1__Phase phase_of(Samoza__V1__State state)
{
	if (state == SAMOZA__V1__STATE__STATE_STARTING)
		return SAMOZA__V1__PHASE__PHASE_STARTING;
	if (state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED)
		return SAMOZA__V1__PHASE__PHASE_STARTED;
	assert_int_equal(state, SAMOZA__V1__STATE__STATE_UNRESOLVED);
	return SAMOZA__V1__PHASE__PHASE_DEPLOYED;
}

static Samoza__V1__InstanceReport *report_of(const Samoza__V1__InstanceRecord *record)
{
	Samoza__V1__InstanceReport *r = (Samoza__V1__InstanceReport *)schema_message_new(
		&samoza__v1__instance_report__descriptor);
	r->key = (Samoza__V1__InstanceKey *)schema_message_new(
		&samoza__v1__instance_key__descriptor);
	r->key->topology = mem_strdup(record->topology);
	r->key->path = mem_strdup(record->path);
	r->key->epoch = record->epoch;
	r->phase = phase_of(record->state);
	r->exports = mem_new_array(Samoza__V1__Variable *, record->n_exports);
	for (size_t k = 0; k < record->n_exports; k++)
		r->exports[r->n_exports++] =
			(Samoza__V1__Variable *)schema_message_copy(&record->exports[k]->base);
	return r;
}

/* Every zhost that the store says is alive joins again, each on its own link, 1 and up. */
static void zhosts_return(struct fixture *f, const struct stored_record *records, size_t count)
{
	uint64_t link_id = 0;
	for (size_t k = 0; k < count; k++) {
		if (records[k].kind != RECORD_ZHOST)
			continue;
		Samoza__V1__ZhostRecord *z = samoza__v1__zhost_record__unpack(
			NULL, records[k].size, records[k].data);
		Samoza__V1__Hello *hello =
			(Samoza__V1__Hello *)schema_message_new(&samoza__v1__hello__descriptor);
		hello->protocol = 1;
		hello->spec = (Samoza__V1__ZhostSpec *)schema_message_copy(&z->spec->base);
		hello->identity = mem_strdup(z->identity);
		hello->incarnation = z->incarnation;
		hello->instances = mem_new_array(Samoza__V1__InstanceReport *, count);
		for (size_t n = 0; n < count; n++) {
			if (records[n].kind != RECORD_INSTANCE)
				continue;
			Samoza__V1__InstanceRecord *i = samoza__v1__instance_record__unpack(
				NULL, records[n].size, records[n].data);
			if (str_equal(i->zhost, z->spec->name))
				hello->instances[hello->n_instances++] = report_of(i);
			samoza__v1__instance_record__free_unpacked(i, NULL);
		}
		link_id++;
		if (z->state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED)
			(void)fixture_handle(
				f, &(struct control_input){.type = CONTROL_HELLO,
							   .hello = {link_id, hello}});
		schema_message_free(hello);
		samoza__v1__zhost_record__free_unpacked(z, NULL);
	}
}

/* ---- what zrms knows ---- */

/* "ID NAME STATE" of each topology and "ID PATH STATE GOAL ZHOST EPOCH" of each instance, with
 * ids of four digits. */
static char *inventory(struct fixture *f)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(MAX_TEXT);
	Samoza__V1__TopologyListView *topologies = control_view_topologies(f->control);
	Samoza__V1__SpaceListView *spaces = control_view_spaces(f->control, NULL);
	int r = 0;
	for (size_t k = 0; k < topologies->n_topologies; k++) {
		const Samoza__V1__TopologySummaryView *t = topologies->topologies[k];
		r |= buffer_printf(&b, "%.4s %s %s\n", t->id, t->name, t->state);
	}
	for (size_t k = 0; k < spaces->n_spaces; k++) {
		const Samoza__V1__SpaceView *s = spaces->spaces[k];
		r |= buffer_printf(&b, "%.4s %s %s %s %s %" PRIu64 "\n", s->topology_id,
				   s->name, s->state, s->goal,
				   s->zhost != NULL ? s->zhost : "-", s->epoch);
	}
	assert_int_equal(r, 0);
	schema_message_free(topologies);
	schema_message_free(spaces);
	return buffer_steal(&b);
}

static const char stopped[] =
	"43f3 my-app running\n"
	"15d9 notes running\n"
	"b5c9 old stopped\n"
	"8411 robot running\n"
	"6172 later pending\n"
	"beb5 lamp running\n"
	"43f3 my-app/dashboard deployed-started deployed-started edge-node-1 4\n"
	"43f3 my-app/api deployed-started deployed-started edge-node-2 5\n"
	"43f3 my-app/store deployed-started deployed-started edge-node-3 6\n"
	"15d9 notes/pad-1 deployed-started deployed-started edge-node-1 15\n"
	"15d9 notes/pad-1/ink deployed-started deployed-started edge-node-1 16\n"
	"15d9 notes/pad-2 deployed-started deployed-started edge-node-2 17\n"
	"15d9 notes/pad-2/ink deployed-started deployed-started edge-node-2 18\n"
	"b5c9 old/a not-deployed not-deployed - 0\n"
	"8411 robot/arm deployed-started deployed-started edge-node-3 21\n"
	"6172 later/a not-deployed not-deployed - 0\n"
	"beb5 lamp/mysql deployed-started deployed-started edge-node-1 22\n"
	"beb5 lamp/tomcat deployed-started deployed-started edge-node-3 23\n"
	"beb5 lamp/tomcat/app deployed-started deployed-started edge-node-3 24\n"
	"beb5 lamp/apache deployed-started deployed-started edge-node-2 25\n";

static const char killed[] =
	"43f3 my-app running\n"
	"15d9 notes running\n"
	"b5c9 old stopped\n"
	"8411 robot stopped\n"
	"6172 later pending\n"
	"beb5 lamp degraded\n"
	"43f3 my-app/dashboard deployed-started deployed-started edge-node-1 4\n"
	"43f3 my-app/api deployed-started deployed-started edge-node-2 5\n"
	"43f3 my-app/store deployed-started deployed-started edge-node-1 26\n"
	"15d9 notes/pad-1 deployed-started deployed-started edge-node-1 15\n"
	"15d9 notes/pad-1/ink deployed-started deployed-started edge-node-1 16\n"
	"15d9 notes/pad-2 deployed-started deployed-started edge-node-2 17\n"
	"15d9 notes/pad-2/ink deployed-started deployed-started edge-node-2 18\n"
	"b5c9 old/a not-deployed not-deployed - 0\n"
	"8411 robot/arm not-deployed not-deployed - 0\n"
	"6172 later/a not-deployed not-deployed - 0\n"
	"beb5 lamp/mysql deployed-started deployed-started edge-node-1 22\n"
	"beb5 lamp/tomcat deployed-started deployed-started edge-node-1 28\n"
	"beb5 lamp/tomcat/app starting deployed-started edge-node-1 29\n"
	"beb5 lamp/apache unresolved deployed-started edge-node-2 25\n";

static void check_inventory(struct fixture *f, const char *expected)
{
	CLEANUP(freep) char *seen = inventory(f);
	assert_string_equal(seen, expected);
}

/* No instance and no topology has changed its state or its place. */
static void check_quiet(struct fixture *f)
{
	static const char *const kinds[] = {"space", "topology", "placement"};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		CLEANUP(freep) char *seen = fixture_events(f, kinds[k]);
		assert_string_equal(seen, "");
	}
}

static void check(const char *file, const char *expected)
{
	struct fixture f;
	fixture_init(&f);
	load(&f, file);
	/* What zhosts hold: read from the file, since zrms may rewrite it when it starts. */
	struct fixture file_only;
	fixture_init(&file_only);
	load(&file_only, file);
	fixture_start(&f);
	check_inventory(&f, expected);
	zhosts_return(&f, file_only.records.items, file_only.records.count);
	check_inventory(&f, expected);
	check_quiet(&f);
	/* And from what this version has written. */
	fixture_restart(&f);
	check_inventory(&f, expected);
	zhosts_return(&f, file_only.records.items, file_only.records.count);
	check_inventory(&f, expected);
	check_quiet(&f);
	fixture_done(&file_only);
	fixture_done(&f);
}

static void a_store_of_format_1_starts_with_everything_running(void **state)
{
	(void)state;
	check("format1/stopped.sql", stopped);
}

static void a_store_of_format_1_left_by_a_killed_zrms_starts(void **state)
{
	(void)state;
	check("format1/killed.sql", killed);
}

/* The set that a returning zhost gets keeps every process: same epoch, still to be started. */
static void a_zhost_is_asked_for_what_it_runs(void **state)
{
	(void)state;
	struct fixture f, file_only;
	fixture_init(&f);
	fixture_init(&file_only);
	load(&f, "format1/stopped.sql");
	load(&file_only, "format1/stopped.sql");
	fixture_start(&f);
	zhosts_return(&f, file_only.records.items, file_only.records.count);
	/* the last that returned is edge-node-3, on link 3 */
	static const struct {
		const char *path;
		uint64_t epoch;
	} held[] = {{"store", 6}, {"arm", 21}, {"tomcat", 23}, {"tomcat/app", 24}};
	for (size_t k = 0; k < ARRAY_SIZE(held); k++) {
		const Samoza__V1__DesiredInstance *d = fixture_desired(&f, 3, held[k].path);
		if (d == NULL)
			fail_msg("edge-node-3 is not asked for %s", held[k].path);
		assert_int_equal(d->key->epoch, held[k].epoch);
		assert_int_equal(d->target, SAMOZA__V1__TARGET__TARGET_STARTED);
	}
	const Samoza__V1__Desired *set = (const Samoza__V1__Desired *)fixture_message(
		&f, 3, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED);
	assert_true(set->full);
	assert_int_equal(set->n_instances, ARRAY_SIZE(held));
	fixture_done(&file_only);
	fixture_done(&f);
}

/* Every id of an earlier deployment means the application. */
static void older_ids_are_aliases(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	load(&f, "format1/stopped.sql");
	fixture_start(&f);
	fixture_restart(&f);
	static const struct {
		const char *older, *id, *name;
	} aliases[] = {
		{"c961", "43f3", "my-app"}, {"acf4", "15d9", "notes"}, {"4d1d", "b5c9", "old"}};
	for (size_t k = 0; k < ARRAY_SIZE(aliases); k++) {
		const char *id = NULL;
		assert_int_equal(control_resolve(f.control, NULL, aliases[k].older, &id, NULL),
				 0);
		assert_memory_equal(id, aliases[k].id, 4);
		assert_int_equal(control_resolve(f.control, NULL, aliases[k].name, &id, NULL),
				 0);
		assert_memory_equal(id, aliases[k].id, 4);
	}
	fixture_done(&f);
}

/* The first flush writes the records of the present format, and then deletes the others. */
static void a_store_of_format_1_is_converted_once(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	load(&f, "format1/killed.sql");
	fixture_start(&f);
	bool old_seen = false;
	vector_for_each (&f.records, r)
		old_seen = old_seen || r->kind == RECORD_TOPOLOGY || r->kind == RECORD_INSTANCE;
	assert_false(old_seen);
	size_t count = f.records.count;
	fixture_restart(&f);
	assert_int_equal(f.records.count, count);
	fixture_done(&f);
}

/* ---- format 2 ---- */

static const char format2_stopped[] =
	"ae60 my-app running\n"
	"074e writer running\n"
	"a73a old stopped\n"
	"a5d9 later pending\n"
	"fb2c notes running\n"
	"ae60 my-app/dashboard deployed-started deployed-started edge-node-1 4\n"
	"ae60 my-app/api deployed-started deployed-started edge-node-2 5\n"
	"ae60 my-app/store deployed-started deployed-started edge-node-3 6\n"
	"074e writer/w deployed-started deployed-started edge-node-1 7\n"
	"a73a old/a not-deployed not-deployed - 0\n"
	"a5d9 later/a not-deployed deployed-started - 0\n"
	"fb2c notes/pad-1 deployed-started deployed-started edge-node-2 9\n"
	"fb2c notes/pad-1/ink deployed-started deployed-started edge-node-2 10\n"
	"fb2c notes/pad-2 deployed-started deployed-started edge-node-3 11\n"
	"fb2c notes/pad-2/ink deployed-started deployed-started edge-node-3 12\n";
static const char format2_killed[] =
	"ae60 my-app running\n"
	"074e writer running\n"
	"a73a old stopped\n"
	"a5d9 later pending\n"
	"fb2c notes running\n"
	"ae60 my-app/dashboard deployed-started deployed-started edge-node-2 13\n"
	"ae60 my-app/api deployed-started deployed-started edge-node-2 5\n"
	"ae60 my-app/store deployed-started deployed-started edge-node-3 6\n"
	"074e writer/w deployed-started deployed-started edge-node-3 14\n"
	"a73a old/a not-deployed not-deployed - 0\n"
	"a5d9 later/a not-deployed deployed-started - 0\n"
	"fb2c notes/pad-1 deployed-started deployed-started edge-node-2 9\n"
	"fb2c notes/pad-1/ink deployed-started deployed-started edge-node-2 10\n"
	"fb2c notes/pad-2 deployed-started deployed-started edge-node-3 11\n"
	"fb2c notes/pad-2/ink deployed-started deployed-started edge-node-3 12\n";

/* Records of that time have reasons without codes. */
static void check_codes(const struct fixture *f)
{
	size_t reasons = 0;
	Samoza__V1__TopologyListView *list = control_view_topologies(f->control);
	for (size_t k = 0; k < list->n_topologies; k++) {
		const Samoza__V1__TopologySummaryView *t = list->topologies[k];
		assert_int_equal(t->failure_reason != NULL,
				 failure_code_find(t->failure_code) != FAILURE_NONE);
		reasons += t->failure_reason != NULL;
	}
	assert_int_equal(reasons, 1);
	schema_message_free(&list->base);
}

static void check_format2(const char *file, const char *expected)
{
	struct fixture f;
	fixture_init(&f);
	load(&f, file);
	fixture_start(&f);
	check_inventory(&f, expected);
	check_codes(&f);
	fixture_restart(&f);
	check_inventory(&f, expected);
	check_quiet(&f);
	fixture_done(&f);
}

static void a_store_of_format_2_starts_with_everything_in_its_place(void **state)
{
	(void)state;
	check_format2("format2/stopped.sql", format2_stopped);
	check_format2("format2/killed.sql", format2_killed);
}

/* ---- records that a store has lost ---- */

static const struct stored_record *record_of(struct fixture *f, enum record_kind kind)
{
	vector_for_each (&f->records, r)
		if (r->kind == kind)
			return r;
	fail_msg("there is no record of kind %d", (int)kind);
	return NULL;
}

static size_t count_of(struct fixture *f, enum record_kind kind)
{
	size_t count = 0;
	vector_for_each (&f->records, r)
		count += r->kind == kind;
	return count;
}

static uint64_t newest_epoch(struct fixture *f)
{
	uint64_t newest = 0;
	vector_for_each (&f->records, r) {
		const char *epoch = r->kind == RECORD_COPY ? strrchr(r->id, '#') : NULL;
		uint64_t number = epoch != NULL ? strtoull(epoch + 1, NULL, 10) : 0;
		newest = number > newest ? number : newest;
	}
	return newest;
}

/* Whatever is lost of a topology takes all of it, and nothing else, with it; no epoch comes again. */
static void a_lost_record_takes_its_topology_with_it(void **state)
{
	static const enum record_kind kinds[] = {RECORD_APPLICATION, RECORD_REVISION,
						 RECORD_SLOT, RECORD_COPY};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fixture f;
		fixture_init(&f);
		load(&f, "format2/stopped.sql");
		size_t before = count_of(&f, RECORD_APPLICATION);
		uint64_t newest = newest_epoch(&f);
		CLEANUP(freep) char *id = mem_strdup(record_of(&f, kinds[i])->id);
		fixture_start_without(&f, kinds[i], id);
		assert_int_equal(count_of(&f, RECORD_APPLICATION), before - 1);
		size_t owner = strcspn(id, "/");
		vector_for_each (&f.records, r)
			assert_int_not_equal(strncmp(r->id, id, owner), 0);
		fixture_restart(&f);
		assert_int_equal(count_of(&f, RECORD_APPLICATION), before - 1);
		fixture_submit(&f, "abcd", "another", "  - {name: a, type: CALL}\n");
		fixture_hello(&f, "edge-node-9", 9, NULL, 0);
		assert_true(newest_epoch(&f) > newest + 1000);
		fixture_done(&f);
	}
}

static void without_a_zhost_there_is_no_sound_start(void **state)
{
	struct fixture f;
	CLEANUP(error_freep) struct error *err = NULL;
	(void)state;
	fixture_init(&f);
	load(&f, "format2/stopped.sql");
	fixture_start(&f);
	assert_int_equal(control_load_without(f.control, RECORD_ZHOST, "edge-node-1", &err),
			 ERR_INVALID);
	assert_non_null(strstr(err->message, "restore a backup"));
	fixture_done(&f);
}

/* A store of before terms begins with the wall clock, one of term 1 with 2. */
static void the_term_goes_on(void **state)
{
	(void)state;
	const char *const names[] = {"format3/killed.sql", "terms/killed.sql"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		struct fixture f;
		fixture_init(&f);
		load(&f, names[k]);
		fixture_start(&f);
		assert_int_equal(control_term(f.control), k == 0 ? f.now.wall_ms : 2);
		fixture_done(&f);
	}
}

/* Who may do what, and a rebalance: all of it is known, at the time at which it was recorded. */
static void a_store_of_who_may_do_what_is_known_whole(void **state)
{
	struct fixture f;
	const int64_t recorded_ms = INT64_C(1795887600000); /* 2026-11-28T17:40:00Z */
	(void)state;
	fixture_init(&f);
	f.now.wall_ms = recorded_ms;
	load(&f, "access/killed.sql");
	fixture_start(&f);
	const struct control *c = f.control;
	assert_non_null(credentials_find(&c->credentials, "user/ann"));
	assert_int_equal(HASH_COUNT(c->join_tokens.by_id), 2);
	assert_int_equal(HASH_COUNT(c->identities.by_name), 2);
	assert_int_equal(HASH_COUNT(c->sign_ins.by_hash), 1);
	assert_int_equal(HASH_COUNT(c->signing_keys.recorded), 2);
	assert_int_equal(HASH_COUNT(c->idempotency.by_id), 9);
	assert_int_equal(c->authorities->n_believed, 2);
	assert_non_null(c->rebalance);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_term_goes_on),
		cmocka_unit_test(a_store_of_who_may_do_what_is_known_whole),
		cmocka_unit_test(a_store_of_format_1_starts_with_everything_running),
		cmocka_unit_test(a_store_of_format_1_left_by_a_killed_zrms_starts),
		cmocka_unit_test(a_zhost_is_asked_for_what_it_runs),
		cmocka_unit_test(older_ids_are_aliases),
		cmocka_unit_test(a_store_of_format_1_is_converted_once),
		cmocka_unit_test(a_store_of_format_2_starts_with_everything_in_its_place),
		cmocka_unit_test(a_lost_record_takes_its_topology_with_it),
		cmocka_unit_test(without_a_zhost_there_is_no_sound_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
