/* Keys that sign packages (core/control/request/signing_key_request.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/access/credentials.h"
#include "core/access/signing_keys.h"
#include "fixture.h"

enum { RECORDED = 1, FIRST = 2, SECOND = 3, OTHER = 4, KEYS };

static uint8_t keys[KEYS][SIGNING_KEY_SIZE];

static Samoza__V1__SigningKeyRecord key_of(uint8_t number, const char *name)
{
	Samoza__V1__SigningKeyRecord record = SAMOZA__V1__SIGNING_KEY_RECORD__INIT;
	memset(keys[number], number, SIGNING_KEY_SIZE);
	record.name = (char *)(uintptr_t)name;
	record.key = (ProtobufCBinaryData){SIGNING_KEY_SIZE, keys[number]};
	return record;
}

static int ask(struct fixture *f, enum signing_key_action action, uint8_t number,
	       const char *name)
{
	Samoza__V1__SigningKeyRecord record = key_of(number, name);
	struct control_input input = {.type = CONTROL_SIGNING_KEY,
				      .signing_key = {.action = action, .record = &record}};
	return fixture_handle(f, &input)->code;
}

/* Two files say "ci", a third one "dev". */
static void tell_files(struct fixture *f)
{
	Samoza__V1__SigningKeyRecord first = key_of(FIRST, "ci"), second = key_of(SECOND, "ci"),
				     other = key_of(OTHER, "dev");
	Samoza__V1__SigningKeyRecord *const files[] = {&first, &second, &other};
	struct control_input input = {
		.type = CONTROL_SIGNING_KEY,
		.signing_key = {.action = SIGNING_KEY_FILES, .files = files, .file_count = 3}};
	(void)fixture_handle(f, &input);
}

static bool signs(const struct fixture *f, uint8_t number)
{
	return signing_keys_check(control_signing_keys(f->control), keys[number], "shop",
				  NULL) == 0;
}

/* A name may stand for several keys where files say so, and beside them for one that was added. */
static void all_keys_of_a_name_are_removed(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(ask(&f, SIGNING_KEY_ADD, RECORDED, "ci"), 0);
	tell_files(&f);
	for (uint8_t k = RECORDED; k < KEYS; k++)
		assert_true(signs(&f, k));
	fixture_clear_events(&f);
	assert_int_equal(ask(&f, SIGNING_KEY_REMOVE, RECORDED, "ci"), 0);
	for (uint8_t k = RECORDED; k < KEYS; k++)
		assert_int_equal(signs(&f, k), k == OTHER);
	assert_null(signing_keys_named(control_signing_keys(f.control), "ci"));
	CLEANUP(freep) char *events = fixture_events(&f, "key");
	assert_string_equal(events, "ci: trusted -> removed\n"
				    "ci: trusted -> removed\n"
				    "ci: trusted -> removed\n");
	/* It is durable, whatever files there are. */
	fixture_restart(&f);
	tell_files(&f);
	for (uint8_t k = RECORDED; k < KEYS; k++)
		assert_int_equal(signs(&f, k), k == OTHER);
	assert_int_equal(ask(&f, SIGNING_KEY_REMOVE, RECORDED, "ci"), ERR_NOT_FOUND);
	fixture_done(&f);
}

/* Each of them is what ZHOST_NAME_EXPECTED says, or is not. */
static const struct {
	const char *name;
	bool is_one;
} names[] = {
	{"ci", true},
	{"CI.team_2-x", true},
	{".ci", true},
	{"_", true},
	{"0", true},
	{"-ci", false},
	{"", false},
	{"a b", false},
	{"a/b", false},
	{"\303\244", false},
	{"a*", false},
	{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890", true},
	{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012345678901", false},
};

static int make_user(struct fixture *f, const char *name, uint8_t number)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	memset(hash, number, sizeof(hash));
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)(uintptr_t)name;
	record.role = ACCESS_VIEWER;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_CREATE, .record = &record}};
	return fixture_handle(f, &input)->code;
}

static void check_words(const struct fixture *f)
{
	const char *said = f->outbox.replies.items[0].message;
	assert_non_null(strstr(said, "1 to 63 characters of A-Z, a-z, 0-9, '.', '_' and '-', "
				     "the first one not '-'"));
}

static void a_refused_name_is_told_what_names_are(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		int wanted = names[k].is_one ? 0 : ERR_INVALID;
		assert_int_equal(make_user(&f, names[k].name, (uint8_t)(k + 1)), wanted);
		if (wanted != 0)
			check_words(&f);
		assert_int_equal(ask(&f, SIGNING_KEY_ADD, RECORDED, names[k].name), wanted);
		if (wanted != 0)
			check_words(&f);
		else
			assert_int_equal(ask(&f, SIGNING_KEY_REMOVE, RECORDED, names[k].name),
					 0);
	}
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_of_a_name_are_removed),
		cmocka_unit_test(a_refused_name_is_told_what_names_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
