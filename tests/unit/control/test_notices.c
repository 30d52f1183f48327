/* How far the notices to each target have got, and the age of the newest backup: durable, and said once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fixture.h"
#include "schema/message.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)

static void name(struct fixture *f, const char *one, const char *other)
{
	const char *names[] = {one, other};
	struct control_input input = {
		.type = CONTROL_NOTICE_TARGETS,
		.notice_targets = {names, (size_t)(one != NULL) + (other != NULL)}};
	(void)fixture_handle(f, &input);
}

static void sent(struct fixture *f, const char *target, uint64_t position, uint64_t dropped,
		 bool delivered)
{
	struct control_input input = {.type = CONTROL_NOTICE_SENT,
				      .notice_sent = {target, position, dropped, delivered}};
	(void)fixture_handle(f, &input);
}

static uint64_t position(const struct fixture *f, const char *target)
{
	const Samoza__V1__NoticeTargetRecord *r = control_notice_target(f->control, target);
	assert_non_null(r);
	return r->position;
}

static void test_a_new_target_begins_now_and_goes_on_after_a_restart(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	uint64_t before = control_newest_event(f.control);
	assert_true(before > 0);
	name(&f, "ops", NULL);
	assert_int_equal(position(&f, "ops"), before);
	fixture_submit(&f, "t1", "shop", "  - {name: a, type: CALL}\n");
	uint64_t after = control_newest_event(f.control);
	assert_true(after > before);
	sent(&f, "ops", after, 3, true);
	fixture_restart(&f);
	name(&f, "ops", "pager");
	assert_int_equal(position(&f, "ops"), after);
	const Samoza__V1__NoticeTargetRecord *r = control_notice_target(f.control, "ops");
	assert_int_equal(r->dropped, 3);
	assert_int_equal(r->delivered_ms, f.now.wall_ms);
	assert_true(position(&f, "pager") >= after);
	fixture_done(&f);
}

static void test_a_position_never_goes_back_nor_beyond_what_has_happened(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	name(&f, "ops", NULL);
	uint64_t at = position(&f, "ops");
	sent(&f, "ops", at - 1, 0, true);
	assert_int_equal(position(&f, "ops"), at);
	sent(&f, "ops", control_newest_event(f.control) + 1, 0, true);
	assert_int_equal(position(&f, "ops"), at);
	sent(&f, "nobody", at, 0, true);
	assert_null(control_notice_target(f.control, "nobody"));
	fixture_done(&f);
}

static void test_what_the_settings_do_not_name_is_kept_for_an_hour(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	name(&f, "ops", "pager");
	uint64_t at = position(&f, "ops");
	assert_int_equal(control_notice_targets_absent(f.control), 0);
	name(&f, "pager", NULL);
	assert_int_equal(control_notice_targets_absent(f.control), 1);
	fixture_hello(&f, "n1", 1, NULL, 0); /* events that it has not got */
	f.now.mono_ms += HOUR_MS - 1;
	f.now.wall_ms += HOUR_MS - 1;
	fixture_restart(&f);
	name(&f, "pager", NULL);
	name(&f, "pager", "ops");
	assert_int_equal(position(&f, "ops"), at);
	assert_int_equal(control_notice_targets_absent(f.control), 0);
	name(&f, "pager", NULL);
	f.now.mono_ms += HOUR_MS;
	f.now.wall_ms += HOUR_MS;
	name(&f, "pager", NULL);
	assert_null(control_notice_target(f.control, "ops"));
	assert_null(fixture_record(&f, RECORD_NOTICE_TARGET, "ops"));
	assert_non_null(fixture_record(&f, RECORD_NOTICE_TARGET, "pager"));
	fixture_done(&f);
}

static void
test_a_store_that_has_lost_events_does_not_leave_a_position_beyond_them(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	Samoza__V1__NoticeTargetRecord record = SAMOZA__V1__NOTICE_TARGET_RECORD__INIT;
	uint8_t bytes[64];
	record.name = (char *)(uintptr_t) "ops";
	record.position = 1000000;
	fixture_put(&f, RECORD_NOTICE_TARGET, "ops", bytes,
		    protobuf_c_message_pack(&record.base, bytes));
	fixture_restart(&f);
	name(&f, "ops", NULL);
	assert_int_equal(position(&f, "ops"), control_newest_event(f.control));
	fixture_done(&f);
}

/* ---- backups ---- */

static void backup(struct fixture *f, int64_t newest_ms, int64_t limit_ms)
{
	struct control_input input = {.type = CONTROL_BACKUP_AGE,
				      .backup_age = {newest_ms, limit_ms}};
	(void)fixture_handle(f, &input);
}

static void pass(struct fixture *f, int64_t ms)
{
	f->now.mono_ms += ms;
	f->now.wall_ms += ms;
}

static void check_events(const struct fixture *f, const char *expected)
{
	CLEANUP(freep) char *events = fixture_events(f, "backup");
	assert_string_equal(events, expected);
}

static void test_an_old_backup_is_said_once_and_so_is_a_recent_one(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	int64_t made_ms = f.now.wall_ms;
	backup(&f, made_ms, HOUR_MS);
	pass(&f, HOUR_MS);
	assert_false(control_backup_age_is_new(f.control, made_ms, HOUR_MS, f.now.wall_ms));
	backup(&f, made_ms, HOUR_MS);
	check_events(&f, "");
	pass(&f, 1);
	assert_true(control_backup_age_is_new(f.control, made_ms, HOUR_MS, f.now.wall_ms));
	backup(&f, made_ms, HOUR_MS);
	backup(&f, made_ms, HOUR_MS);
	check_events(&f, "cluster: recent -> old\n");
	fixture_restart(&f);
	assert_false(control_backup_age_is_new(f.control, made_ms, HOUR_MS, f.now.wall_ms));
	backup(&f, made_ms, HOUR_MS);
	check_events(&f, "cluster: recent -> old\n");
	backup(&f, f.now.wall_ms, HOUR_MS);
	check_events(&f, "cluster: recent -> old\ncluster: old -> recent\n");
	fixture_done(&f);
}

static void test_without_any_backup_the_time_runs_from_when_it_was_watched(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	backup(&f, 0, HOUR_MS);
	pass(&f, HOUR_MS - 1);
	fixture_restart(&f); /* which does not begin it again */
	pass(&f, 2);
	backup(&f, 0, HOUR_MS);
	check_events(&f, "cluster: recent -> old\n");
	backup(&f, 0, 0); /* none is wanted any more */
	assert_null(fixture_record(&f, RECORD_BACKUP_AGE, ""));
	assert_false(control_backup_age_is_new(f.control, 0, 0, f.now.wall_ms));
	fixture_done(&f);
}

/* ---- records of earlier versions ---- */

static void check_golden(const char *file, enum record_kind kind,
			 const ProtobufCMessageDescriptor *type)
{
	CLEANUP(freep) char *path = str_printf("%s/record1/%s.record", COMPAT_DIR, file);
	uint8_t data[256], written[256];
	FILE *from = fopen(path, "rb");
	if (from == NULL)
		fail_msg("cannot open %s", path);
	size_t size = fread(data, 1, sizeof(data), from);
	assert_int_equal(fclose(from), 0);
	struct control *c = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	assert_int_equal(control_load(c, kind, data, size, NULL), 0);
	control_free(c);
	ProtobufCMessage *message = NULL;
	assert_int_equal(schema_message_unpack(type, data, size, &message, NULL), 0);
	assert_int_equal(protobuf_c_message_get_packed_size(message), size);
	(void)protobuf_c_message_pack(message, written);
	assert_memory_equal(written, data, size);
	assert_int_equal(message->n_unknown_fields, 0);
	schema_message_free(message);
}

static void test_records_of_earlier_versions(void **state)
{
	(void)state;
	check_golden("notice-target", RECORD_NOTICE_TARGET,
		     &samoza__v1__notice_target_record__descriptor);
	check_golden("backup-age", RECORD_BACKUP_AGE,
		     &samoza__v1__backup_age_record__descriptor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_target_begins_now_and_goes_on_after_a_restart),
		cmocka_unit_test(test_a_position_never_goes_back_nor_beyond_what_has_happened),
		cmocka_unit_test(test_what_the_settings_do_not_name_is_kept_for_an_hour),
		cmocka_unit_test(
			test_a_store_that_has_lost_events_does_not_leave_a_position_beyond_them),
		cmocka_unit_test(test_an_old_backup_is_said_once_and_so_is_a_recent_one),
		cmocka_unit_test(
			test_without_any_backup_the_time_runs_from_when_it_was_watched),
		cmocka_unit_test(test_records_of_earlier_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
