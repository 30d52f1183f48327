/* Keys that sign packages (core/control/request/signing_key_request.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_keys_of_a_name_are_removed)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
