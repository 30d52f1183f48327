/* Secrets (core/control/request/secret_request.h): versions, other keys, records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/secrets.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/record/outputs.h"
#include "fixture.h"
#include "schema/message.h"

/* ---- requests ---- */

struct request {
	Samoza__V1__SecretVersion version, *versions[1];
	Samoza__V1__SecretRecord record, *records[1];
	struct control_input input;
};

static void fill(struct request *r, enum secret_action action, const char *name,
		 const char *topologies, uint64_t number, const char *sealed, const char *key)
{
	*r = (struct request){.versions = {&r->version}, .records = {&r->record}};
	samoza__v1__secret_version__init(&r->version);
	samoza__v1__secret_record__init(&r->record);
	r->version.number = number;
	r->version.topologies = (char *)(uintptr_t)topologies;
	r->version.sealed = (ProtobufCBinaryData){strlen(sealed), (uint8_t *)(uintptr_t)sealed};
	r->version.key = (char *)(uintptr_t)key;
	r->record.name = (char *)(uintptr_t)name;
	r->record.versions = r->versions;
	r->record.n_versions = 1;
	r->input = (struct control_input){
		.type = CONTROL_SECRET,
		.secret = {.action = action, .records = r->records, .count = 1}};
}

static int set(struct fixture *f, const char *name, const char *sealed)
{
	struct request r;
	fill(&r, SECRET_SET, name, "shop", secrets_next(control_secrets(f->control), name),
	     sealed, "k1");
	return fixture_handle(f, &r.input)->code;
}

static int reseal(struct fixture *f, const char *name, uint64_t number, const char *sealed)
{
	struct request r;
	fill(&r, SECRET_RESEAL, name, "", number, sealed, "k2");
	return fixture_handle(f, &r.input)->code;
}

static int remove_secret(struct fixture *f, const char *name)
{
	struct request r;
	fill(&r, SECRET_REMOVE, name, "", 0, "", "");
	return fixture_handle(f, &r.input)->code;
}

/* "3 new k1, 2 old k1", as it is durable; the caller frees. */
static char *stored(const struct fixture *f, const char *name)
{
	const struct stored_record *r = fixture_record(f, RECORD_SECRET, name);
	ProtobufCMessage *message = NULL;
	if (r == NULL)
		return mem_strdup("none");
	assert_int_equal(schema_message_unpack(&samoza__v1__secret_record__descriptor, r->data,
					       r->size, &message, NULL),
			 0);
	const Samoza__V1__SecretRecord *record = (Samoza__V1__SecretRecord *)message;
	char *text = mem_strdup("");
	for (size_t k = 0; k < record->n_versions; k++) {
		const Samoza__V1__SecretVersion *v = record->versions[k];
		CLEANUP(freep) char *before = text;
		text = str_printf("%s%s%llu %.*s %s", before, k > 0 ? ", " : "",
				  (unsigned long long)v->number, (int)v->sealed.len,
				  (const char *)v->sealed.data, v->key);
	}
	schema_message_free(message);
	return text;
}

static void check_stored(const struct fixture *f, const char *name, const char *expected)
{
	CLEANUP(freep) char *seen = stored(f, name);
	assert_string_equal(seen, expected);
}

/* ---- tests ---- */

static void the_two_newest_versions_are_kept(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(set(&f, "tls", "one"), 0);
	check_stored(&f, "tls", "1 one k1");
	assert_int_equal(set(&f, "tls", "two"), 0);
	assert_int_equal(set(&f, "tls", "three"), 0);
	check_stored(&f, "tls", "3 three k1, 2 two k1");
	CLEANUP(freep) char *events = fixture_events(&f, "secret");
	assert_string_equal(events, "tls:  -> set\ntls: set -> set\ntls: set -> set\n");
	assert_int_equal(remove_secret(&f, "tls"), 0);
	check_stored(&f, "tls", "none");
	fixture_done(&f);
}

static void no_number_comes_twice(void **state)
{
	struct fixture f;
	struct request r;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	(void)set(&f, "a", "x");
	(void)set(&f, "a", "x");
	assert_int_equal(remove_secret(&f, "a"), 0);
	fixture_restart(&f);
	assert_int_equal(secrets_next(control_secrets(f.control), "a"), 3);
	/* One that another request was quicker with. */
	fill(&r, SECRET_SET, "a", "shop", 2, "x", "k1");
	assert_int_equal(fixture_handle(&f, &r.input)->code, ERR_STALE);
	assert_int_equal(set(&f, "a", "x"), 0);
	check_stored(&f, "a", "3 x k1");
	/* Its record is lost, and with it its number; the store may be one of before. */
	assert_int_equal(set(&f, "b", "x"), 0);
	uint64_t next = secrets_next(control_secrets(f.control), "b");
	fixture_stop(&f);
	fixture_start_without(&f, RECORD_SECRET, "a");
	assert_true(secrets_next(control_secrets(f.control), "a") > 3);
	assert_true(secrets_next(control_secrets(f.control), "b") > next + 100);
	fixture_done(&f);
}

static int set_as(struct fixture *f, const struct principal *who, const char *name,
		  const char *topologies)
{
	struct request r;
	fill(&r, SECRET_SET, name, topologies, secrets_next(control_secrets(f->control), name),
	     "x", "k1");
	r.input.principal = who;
	return fixture_handle(f, &r.input)->code;
}

static void who_is_limited_to_names_does_not_use_up_those_of_all(void **state)
{
	struct fixture f;
	char *patterns[] = {(char *)"shop-*"};
	const struct principal ann = {(char *)"ann", ACCESS_OPERATOR, patterns, 1};
	const struct principal all = {(char *)"max", ACCESS_OPERATOR, NULL, 0};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(set_as(&f, &all, "others", "*"), 0);
	for (unsigned k = 0; k < SECRETS_LIMITED_MAX; k++) {
		CLEANUP(freep) char *name = str_printf("s%u", k);
		assert_int_equal(set_as(&f, &ann, name, "shop-eu"), 0);
	}
	assert_int_equal(set_as(&f, &ann, "more", "shop-eu"), ERR_LIMIT);
	assert_int_equal(set_as(&f, &ann, "s0", "shop-us"), 0);
	assert_int_equal(set_as(&f, &all, "more", "shop-eu"), 0);
	assert_int_equal(remove_secret(&f, "more"), 0);
	assert_int_equal(remove_secret(&f, "s1"), 0);
	assert_int_equal(set_as(&f, &ann, "more", "shop-eu"), 0);
	fixture_done(&f);
}

static void another_key_changes_only_what_is_sealed(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	(void)set(&f, "tls", "one");
	(void)set(&f, "tls", "two");
	fixture_clear_events(&f);
	assert_int_equal(reseal(&f, "tls", 1, "ONE"), 0);
	check_stored(&f, "tls", "2 two k1, 1 ONE k2");
	assert_int_equal(reseal(&f, "tls", 2, "TWO"), 0);
	check_stored(&f, "tls", "2 TWO k2, 1 ONE k2");
	/* What was set or removed meanwhile stays as it is. */
	(void)set(&f, "tls", "three");
	assert_int_equal(reseal(&f, "tls", 1, "wrong"), 0);
	check_stored(&f, "tls", "3 three k1, 2 TWO k2");
	assert_int_equal(reseal(&f, "gone", 1, "wrong"), 0);
	check_stored(&f, "gone", "none");
	CLEANUP(freep) char *events = fixture_events(&f, "secret");
	assert_string_equal(events, "tls: set -> set\n");
	fixture_done(&f);
}

static void limits(void **state)
{
	static char large[SECRET_SEALED_MAX_BYTES + 2];
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(set(&f, "large", large), ERR_LIMIT);
	assert_int_equal(set(&f, "large", large + 1), 0);
	assert_int_equal(set(&f, "empty", ""), ERR_LIMIT);
	for (unsigned k = 1; k < SECRETS_MAX; k++) {
		CLEANUP(freep) char *name = str_printf("s%u", k);
		assert_int_equal(set(&f, name, "x"), 0);
	}
	assert_int_equal(set(&f, "more", "x"), ERR_LIMIT);
	assert_int_equal(set(&f, "s1", "x"), 0); /* another version is always possible */
	fixture_done(&f);
}

static const struct {
	const char *name;
	bool is_one;
} names[] = {{"a", true},    {"db-password-2", true}, {"", false},
	     {"-a", false},  {"a-", false},	      {"A", false},
	     {"a.b", false}, {"a b", false},	      {"a/../b", false}};

static void names_are_plain(void **state)
{
	char longest[65] = "";
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		if (secret_name_is_valid(names[k].name) != names[k].is_one)
			fail_msg("'%s'", names[k].name);
	memset(longest, 'a', 64);
	assert_false(secret_name_is_valid(longest));
	longest[63] = '\0';
	assert_true(secret_name_is_valid(longest));
}

static uint64_t output_of(const char *sealed)
{
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT, *versions[1];
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	char name[] = "tls", text[] = "";
	versions[0] = &version;
	version.number = 1;
	version.topologies = version.key = version.set_by = text;
	version.sealed = (ProtobufCBinaryData){strlen(sealed), (uint8_t *)(uintptr_t)sealed};
	record.name = name;
	record.versions = versions;
	record.n_versions = 1;
	struct outbox o;
	outbox_init(&o);
	size_t size = protobuf_c_message_get_packed_size(&record.base);
	uint8_t *data = mem_calloc(size, 1);
	(void)protobuf_c_message_pack(&record.base, data);
	vector_push(&o.records, ((struct record_change){.kind = RECORD_SECRET,
							.id = mem_strdup(name),
							.data = data,
							.size = size}));
	Samoza__V1__RecordedFlush *flush = outputs_of(&o, true);
	assert_int_equal(flush->n_outputs, 1);
	assert_null(strstr(flush->outputs[0]->text, "c2VhbGVk")); /* "sealed", in base64 */
	uint64_t digest = flush->outputs[0]->digest;
	void *masked = NULL;
	record_without_lines(RECORD_SECRET, data, size, &masked, &size);
	assert_non_null(masked);
	assert_null(memmem(masked, size, "sealed", 6));
	free(masked);
	schema_message_free(&flush->base);
	outbox_done(&o);
	return digest;
}

static void what_is_sealed_is_in_no_recording_and_still_compared(void **state)
{
	(void)state;
	assert_true(output_of("sealed with one") != output_of("sealed with another"));
	assert_true(output_of("sealed with one") == output_of("sealed with one"));
}

/* What a replay of a recording has is the same state as that of which it is. */
static void a_replay_has_the_same_state(void **state)
{
	struct fixture f, g;
	(void)state;
	fixture_init(&f);
	fixture_init(&g);
	fixture_start(&f);
	fixture_start(&g);
	(void)set(&f, "tls", "one, as it is");
	(void)set(&g, "tls", "12345678");
	CLEANUP(freep) char *one = control_digest(f.control, f.now);
	CLEANUP(freep) char *other = control_digest(g.control, g.now);
	assert_string_equal(one, other);
	assert_non_null(strstr(one, "secret tls 1 for shop"));
	fixture_done(&f);
	fixture_done(&g);
}

/* The bytes of the first version that had secrets. */
static void a_record_of_an_earlier_version_is_read_and_written_the_same(void **state)
{
	uint8_t data[512], written[512];
	FILE *from = fopen(COMPAT_DIR "/record1/secret.record", "rb");
	struct control *c = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	ProtobufCMessage *message = NULL;
	(void)state;
	assert_non_null(from);
	size_t size = fread(data, 1, sizeof(data), from);
	assert_int_equal(fclose(from), 0);
	assert_int_equal(control_load(c, RECORD_SECRET, data, size, NULL), 0);
	const Samoza__V1__SecretRecord *r = secrets_find(control_secrets(c), "db-password");
	assert_non_null(r);
	assert_int_equal(r->n_versions, 2);
	assert_int_equal(r->versions[0]->number, 4);
	assert_string_equal(r->versions[1]->topologies, "shop-*");
	assert_int_equal(schema_message_unpack(&samoza__v1__secret_record__descriptor, data,
					       size, &message, NULL),
			 0);
	assert_int_equal(message->n_unknown_fields, 0);
	assert_int_equal(protobuf_c_message_get_packed_size(message), size);
	(void)protobuf_c_message_pack(message, written);
	assert_memory_equal(written, data, size);
	schema_message_free(message);
	/* One that is cut off, or has none of its versions, is none. */
	assert_int_equal(control_load(c, RECORD_SECRET, data, 13, NULL), ERR_INVALID);
	control_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_newest_versions_are_kept),
		cmocka_unit_test(no_number_comes_twice),
		cmocka_unit_test(who_is_limited_to_names_does_not_use_up_those_of_all),
		cmocka_unit_test(another_key_changes_only_what_is_sealed),
		cmocka_unit_test(limits),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(what_is_sealed_is_in_no_recording_and_still_compared),
		cmocka_unit_test(a_replay_has_the_same_state),
		cmocka_unit_test(a_record_of_an_earlier_version_is_read_and_written_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
