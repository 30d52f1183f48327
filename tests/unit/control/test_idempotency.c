/* Requests under an Idempotency-Key (core/control/request/repeat.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/idempotency_keys.h"
#include "core/control/checkpoint/checkpoint.h"
#include "fixture.h"
#include "schema/message.h"

static char admin_name[] = "operator", ann_name[] = "ann";
static const struct principal admin = {.name = admin_name, .role = ACCESS_ADMIN};
static const struct principal ann = {.name = ann_name, .role = ACCESS_ADMIN};

static void under(struct control_input *input, const struct principal *who, const char *key,
		  uint8_t what, uint8_t request[IDEMPOTENCY_REQUEST_SIZE])
{
	memset(request, what, IDEMPOTENCY_REQUEST_SIZE);
	input->principal = who;
	input->key.text = key;
	input->key.request = request;
}

/* User `name` is made or removed under that key; the code of the answer. */
static int user(struct fixture *f, enum credential_action action, const char *name,
		const struct principal *who, const char *key, uint8_t what)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE] = {0}, request[IDEMPOTENCY_REQUEST_SIZE];
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)(uintptr_t)name;
	record.role = ACCESS_ADMIN;
	memcpy(hash, name, strlen(name));
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	struct control_input input = {.type = CONTROL_CREDENTIAL,
				      .credential = {.action = action, .record = &record}};
	under(&input, who, key, what, request);
	return fixture_handle(f, &input)->code;
}

static int again(struct fixture *f, const struct principal *who, const char *key, uint8_t what)
{
	uint8_t request[IDEMPOTENCY_REQUEST_SIZE];
	struct control_input input = {.type = CONTROL_REPEAT};
	under(&input, who, key, what, request);
	return fixture_handle(f, &input)->code;
}

static const char *said(const struct fixture *f)
{
	return f->outbox.replies.items[0].message;
}

static void begin(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
}

static void a_secret_is_told_once_and_its_owner_is_made_once(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k1", 1), 0);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k1", 1), ERR_CONFLICT);
	assert_non_null(strstr(said(&f), "this was done when it was asked for first"));
	assert_int_equal(f.outbox.audit.count, 0);
	/* Of another request it says so. */
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "eve", &admin, "k1", 2), ERR_INVALID);
	assert_null(fixture_record(&f, RECORD_CREDENTIAL, "user/eve"));
	fixture_done(&f);
}

static void what_was_done_is_answered_again_after_a_start(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k1", 1), 0);
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "bob", &admin, "k2", 2), 0);
	fixture_restart(&f);
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "bob", &admin, "k2", 2), 0);
	assert_int_equal(again(&f, &admin, "k2", 2), 0);
	assert_int_equal(again(&f, &admin, "k2", 3), ERR_INVALID);
	assert_int_equal(again(&f, &admin, "k3", 2), ERR_NOT_FOUND);
	/* Without the key it is judged. */
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "bob", &admin, NULL, 2), ERR_NOT_FOUND);
	fixture_done(&f);
}

static void a_key_is_of_who_asks_and_goes_with_it(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "ann", &admin, "k1", 1), 0);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &ann, "k1", 2), 0);
	assert_int_equal(again(&f, &ann, "k1", 1), ERR_INVALID);
	assert_non_null(fixture_record(&f, RECORD_IDEMPOTENCY, "ann/k1"));
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "ann", &ann, "k2", 3), 0);
	assert_null(fixture_record(&f, RECORD_IDEMPOTENCY, "ann/k1"));
	assert_null(fixture_record(&f, RECORD_IDEMPOTENCY, "ann/k2"));
	assert_non_null(fixture_record(&f, RECORD_IDEMPOTENCY, "operator/k1"));
	fixture_done(&f);
}

static void what_was_refused_is_judged_again(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "bob", &admin, "k1", 1), ERR_NOT_FOUND);
	assert_null(fixture_record(&f, RECORD_IDEMPOTENCY, "operator/k1"));
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k1", 2), 0);
	fixture_done(&f);
}

static void a_key_is_forgotten_after_a_day(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k1", 1), 0);
	fixture_advance(&f, IDEMPOTENCY_KEY_MS - 1);
	assert_int_equal(again(&f, &admin, "k1", 2), ERR_INVALID);
	fixture_advance(&f, 1);
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "bob", &admin, "k1", 2), 0);
	assert_int_equal(again(&f, &admin, "k1", 2), 0);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k2", 3), 0);
	assert_non_null(fixture_record(&f, RECORD_IDEMPOTENCY, "operator/k1"));
	fixture_advance(&f, IDEMPOTENCY_KEY_MS);
	assert_int_equal(user(&f, CREDENTIAL_REMOVE, "bob", &admin, "k3", 4), 0);
	assert_null(fixture_record(&f, RECORD_IDEMPOTENCY, "operator/k1"));
	assert_null(fixture_record(&f, RECORD_IDEMPOTENCY, "operator/k2"));
	fixture_done(&f);
}

static void put(struct idempotency_keys *all, const char *who, unsigned number)
{
	uint8_t request[IDEMPOTENCY_REQUEST_SIZE] = {0};
	CLEANUP(freep) char *key = str_printf("k%u", number);
	Samoza__V1__IdempotencyRecord record = SAMOZA__V1__IDEMPOTENCY_RECORD__INIT;
	record.principal = (char *)(uintptr_t)who;
	record.key = key;
	record.request = (ProtobufCBinaryData){sizeof(request), request};
	record.number = number;
	record.expires_ms = 1000;
	assert_int_equal(idempotency_keys_put(all, &record, NULL), 0);
}

static void one_more_than_there_is_room_for_ends_the_oldest(void **state)
{
	struct idempotency_keys all = {0};
	(void)state;
	put(&all, "ann", 2);
	put(&all, "bob", 1); /* a store gives them in any order */
	assert_string_equal(all.first->id, "bob/k1");
	for (unsigned k = 3; k < IDEMPOTENCY_KEYS_OF_ONE_MAX + 1; k++)
		put(&all, "ann", k);
	assert_null(idempotency_keys_excess(&all, "ann", 0));
	put(&all, "ann", IDEMPOTENCY_KEYS_OF_ONE_MAX + 1);
	assert_string_equal(idempotency_keys_excess(&all, "ann", 0)->id, "ann/k2");
	assert_null(idempotency_keys_excess(&all, "bob", 0));
	assert_string_equal(idempotency_keys_excess(&all, "bob", 1000)->id, "bob/k1");
	assert_int_equal(idempotency_keys_next(&all), IDEMPOTENCY_KEYS_OF_ONE_MAX + 2);
	idempotency_keys_done(&all);
}

static void a_key_is_printable_and_short(void **state)
{
	(void)state;
	char text[IDEMPOTENCY_KEY_SIZE_MAX + 2];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_false(idempotency_key_is_valid(text));
	text[sizeof(text) - 2] = '\0';
	assert_true(idempotency_key_is_valid(text));
	assert_true(idempotency_key_is_valid("8e03978e-40d5-43dd-bc93-6894a57f9324"));
	assert_false(idempotency_key_is_valid(""));
	assert_false(idempotency_key_is_valid("a b"));
	assert_false(idempotency_key_is_valid("a\"b"));
	assert_false(idempotency_key_is_valid("\xc3\xa4"));
}

static void a_digest_and_a_checkpoint_have_them(void **state)
{
	struct fixture f;
	struct control *copy = NULL;
	(void)state;
	begin(&f);
	assert_int_equal(user(&f, CREDENTIAL_CREATE, "bob", &admin, "k1", 1), 0);
	CLEANUP(freep) char *digest = control_digest(f.control, f.now);
	assert_non_null(strstr(digest, "operator/k1"));
	Samoza__V1__Checkpoint *c = checkpoint_new(f.control, f.now);
	assert_int_equal(checkpoint_load(c, &copy, NULL), 0);
	CLEANUP(freep) char *copied = control_digest(copy, f.now);
	assert_string_equal(digest, copied);
	assert_true(control_has_answered(copy, "operator", "k1", f.now.wall_ms));
	assert_false(control_has_answered(copy, "ann", "k1", f.now.wall_ms));
	control_free(copy);
	schema_message_free(&c->base);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_told_once_and_its_owner_is_made_once),
		cmocka_unit_test(what_was_done_is_answered_again_after_a_start),
		cmocka_unit_test(a_key_is_of_who_asks_and_goes_with_it),
		cmocka_unit_test(what_was_refused_is_judged_again),
		cmocka_unit_test(a_key_is_forgotten_after_a_day),
		cmocka_unit_test(one_more_than_there_is_room_for_ends_the_oldest),
		cmocka_unit_test(a_key_is_printable_and_short),
		cmocka_unit_test(a_digest_and_a_checkpoint_have_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
