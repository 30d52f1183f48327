/* Codes and sessions of people (core/control/state/sign_in_request.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/sign_ins.h"
#include "core/control/checkpoint/checkpoint.h"
#include "fixture.h"
#include "schema/message.h"

enum { LOCAL = 1, ANN = 2, OTHER = 3, NEW = 4, CODE = 10, SESSION = 100 };

static uint8_t *bytes(uint8_t number, uint8_t to[CREDENTIAL_HASH_SIZE])
{
	memset(to, number, CREDENTIAL_HASH_SIZE);
	return to;
}

static int credential(struct fixture *f, enum credential_action action, const char *name,
		      uint8_t number, enum access_role role, int64_t for_ms)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)(uintptr_t)name;
	record.role = role;
	record.hash = (ProtobufCBinaryData){sizeof(hash), bytes(number, hash)};
	record.has_expires_ms = for_ms > 0;
	record.expires_ms = for_ms > 0 ? f->now.wall_ms + for_ms : 0;
	struct control_input input = {.type = CONTROL_CREDENTIAL,
				      .credential = {.action = action, .record = &record}};
	return fixture_handle(f, &input)->code;
}

/* `made` is the number of the code or session to be. */
static int sign_in(struct fixture *f, enum sign_in_action action, uint8_t proof, uint8_t made)
{
	uint8_t of[CREDENTIAL_HASH_SIZE], hash[CREDENTIAL_HASH_SIZE],
		local[CREDENTIAL_HASH_SIZE];
	CLEANUP(freep) char *id = str_printf("s%u", made);
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	record.id = id;
	record.hash = (ProtobufCBinaryData){sizeof(hash), bytes(made, hash)};
	record.has_word = action != SIGN_IN_CODE;
	record.word = record.hash;
	struct control_input input = {.type = CONTROL_SIGN_IN,
				      .actor = "ann",
				      .sign_in = {.action = action,
						  .proof = bytes(proof, of),
						  .local = bytes(LOCAL, local),
						  .record = &record}};
	return fixture_handle(f, &input)->code;
}

static bool is_there(const struct fixture *f, uint8_t number, bool is_code)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	return control_sign_in(f->control, bytes(number, hash), is_code, NULL,
			       f->now.wall_ms) != NULL;
}

static void begin(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	assert_int_equal(credential(f, CREDENTIAL_CREATE, "ann", ANN, ACCESS_VIEWER, 0), 0);
}

static void a_code_becomes_one_session_and_no_second_one(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, ANN, CODE), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION), 0);
	assert_true(is_there(&f, SESSION, false));
	assert_null(fixture_record(&f, RECORD_SIGN_IN, "s10"));
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION + 1), ERR_DENIED);
	fixture_restart(&f);
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION + 1), ERR_DENIED);
	assert_true(is_there(&f, SESSION, false));
	assert_false(is_there(&f, SESSION, true));
	fixture_done(&f);
}

static void a_code_is_over_after_minutes_and_a_session_after_hours(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, ANN, CODE), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, ANN, SESSION), 0);
	fixture_advance(&f, SIGN_IN_CODE_MS);
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION + 1), ERR_DENIED);
	assert_null(fixture_record(&f, RECORD_SIGN_IN, "s10"));
	fixture_advance(&f, SIGN_IN_SESSION_MS - SIGN_IN_CODE_MS - 1);
	assert_true(is_there(&f, SESSION, false));
	fixture_advance(&f, 1);
	assert_false(is_there(&f, SESSION, false));
	fixture_done(&f);
}

static void what_was_made_with_a_credential_ends_with_it(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(credential(&f, CREDENTIAL_CREATE, "bob", OTHER, ACCESS_ADMIN, 0), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, OTHER, SESSION + 9), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, ANN, CODE), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, ANN, SESSION), 0);
	assert_int_equal(credential(&f, CREDENTIAL_ROTATE, "ann", NEW, ACCESS_VIEWER, 0), 0);
	assert_false(is_there(&f, SESSION, false));
	assert_null(fixture_record(&f, RECORD_SIGN_IN, "s100"));
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION), ERR_DENIED);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, NEW, SESSION), 0);
	assert_int_equal(credential(&f, CREDENTIAL_REMOVE, "ann", 0, ACCESS_VIEWER, 0), 0);
	assert_false(is_there(&f, SESSION, false));
	assert_true(is_there(&f, SESSION + 9, false));
	fixture_done(&f);
}

static void a_code_of_who_is_over_is_not_good(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(credential(&f, CREDENTIAL_CREATE, "eve", OTHER, ACCESS_ADMIN, 1000),
			 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, OTHER, CODE), 0);
	fixture_advance(&f, 1000);
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION), ERR_DENIED);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, OTHER, SESSION), ERR_DENIED);
	/* Nor is one that nobody knows, or of a zhost. */
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, NEW, CODE + 1), ERR_DENIED);
	assert_int_equal(credential(&f, CREDENTIAL_CREATE, "n1", NEW, ACCESS_ZHOST, 0), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, NEW, SESSION), ERR_DENIED);
	fixture_done(&f);
}

static void the_administrator_of_the_machine_is_who_the_caller_says(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, LOCAL, CODE), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_WITH_CODE, CODE, SESSION), 0);
	assert_true(is_there(&f, SESSION, false));
	fixture_done(&f);
}

static void one_more_than_there_is_room_for_ends_the_oldest(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	for (uint8_t k = 0; k <= SIGN_IN_CODES_MAX; k++) {
		assert_int_equal(sign_in(&f, SIGN_IN_CODE, ANN, (uint8_t)(CODE + k)), 0);
		fixture_advance(&f, 1);
	}
	assert_false(is_there(&f, CODE, true));
	assert_true(is_there(&f, CODE + 1, true));
	for (uint8_t k = 0; k <= SIGN_IN_SESSIONS_MAX; k++) {
		assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, ANN, (uint8_t)(SESSION + k)),
				 0);
		fixture_advance(&f, 1);
	}
	assert_false(is_there(&f, SESSION, false));
	assert_true(is_there(&f, SESSION + 1, false));
	assert_true(is_there(&f, CODE + 1, true));
	fixture_done(&f);
}

static void a_session_is_ended_by_who_has_it_and_by_an_administrator(void **state)
{
	struct fixture f;
	const struct principal viewer = {.name = (char[]){"vic"}, .role = ACCESS_VIEWER},
			       admin = {.name = (char[]){"ann"}, .role = ACCESS_ADMIN};
	(void)state;
	begin(&f);
	for (uint8_t k = 0; k < 3; k++)
		assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, ANN, (uint8_t)(SESSION + k)),
				 0);
	assert_int_equal(sign_in(&f, SIGN_IN_CODE, ANN, CODE), 0);
	Samoza__V1__SessionListView *list = control_view_sessions(f.control, f.now.wall_ms);
	assert_int_equal(list->n_sessions, 3);
	assert_string_equal(list->sessions[0]->id, "s100");
	assert_string_equal(list->sessions[0]->user, "ann");
	schema_message_free(&list->base);
	f.principal = &viewer;
	assert_int_equal(sign_in(&f, SIGN_IN_END, 0, SESSION), ERR_DENIED);
	assert_int_equal(sign_in(&f, SIGN_IN_OUT, SESSION, 0), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_OUT, SESSION, 0), ERR_NOT_FOUND);
	f.principal = &admin;
	assert_int_equal(sign_in(&f, SIGN_IN_END, 0, SESSION + 1), 0);
	assert_int_equal(sign_in(&f, SIGN_IN_END, 0, SESSION + 1), ERR_NOT_FOUND);
	assert_int_equal(sign_in(&f, SIGN_IN_END, 0, CODE), ERR_NOT_FOUND);
	f.principal = NULL;
	assert_true(is_there(&f, SESSION + 2, false));
	fixture_done(&f);
}

static void a_digest_and_a_checkpoint_have_them(void **state)
{
	struct fixture f;
	struct control *copy = NULL;
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	(void)state;
	begin(&f);
	CLEANUP(freep) char *before = control_digest(f.control, f.now);
	assert_int_equal(sign_in(&f, SIGN_IN_CREDENTIAL, ANN, SESSION), 0);
	CLEANUP(freep) char *after = control_digest(f.control, f.now);
	assert_string_not_equal(before, after);
	Samoza__V1__Checkpoint *c = checkpoint_new(f.control, f.now);
	assert_int_equal(checkpoint_load(c, &copy, NULL), 0);
	assert_non_null(
		control_sign_in(copy, bytes(SESSION, hash), false, NULL, f.now.wall_ms));
	assert_non_null(control_principal(copy, bytes(ANN, hash), f.now.wall_ms));
	CLEANUP(freep) char *copied = control_digest(copy, f.now);
	assert_string_equal(after, copied);
	control_free(copy);
	schema_message_free(&c->base);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_becomes_one_session_and_no_second_one),
		cmocka_unit_test(a_code_is_over_after_minutes_and_a_session_after_hours),
		cmocka_unit_test(what_was_made_with_a_credential_ends_with_it),
		cmocka_unit_test(a_code_of_who_is_over_is_not_good),
		cmocka_unit_test(the_administrator_of_the_machine_is_who_the_caller_says),
		cmocka_unit_test(one_more_than_there_is_room_for_ends_the_oldest),
		cmocka_unit_test(a_session_is_ended_by_who_has_it_and_by_an_administrator),
		cmocka_unit_test(a_digest_and_a_checkpoint_have_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
