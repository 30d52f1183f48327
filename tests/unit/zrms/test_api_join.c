/*
 * Tokens over REST, and machines that join with them.
 */
#include "api_stage.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/pki/credentials.h"
#include "adapter/pki/token.h"
#include "schema/json.h"
#include "zrms/own_identity.h"

#define JSON "Content-Type: application/json\r\n"

/* As after zrms init. */
static int begin_cluster(void **state)
{
	int r = begin(state);
	struct stage *s = *state;
	Samoza__V1__ClusterFile *file = mem_new(Samoza__V1__ClusterFile);
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	samoza__v1__cluster_file__init(file);
	file->id = mem_strdup("lab");
	file->name = mem_strdup("lab");
	file->listen = mem_strdup("0.0.0.0:7331");
	file->advertise = mem_new_array(char *, 2);
	file->advertise[file->n_advertise++] = mem_strdup("zrms.example");
	file->advertise[file->n_advertise++] = mem_strdup("2001:db8::7");
	s->zrms.cluster = file;
	s->zrms.settings.dir = s->directory;
	s->zrms.settings.listen.port = 7331;
	s->zrms.settings.certificate_ms = PKI_MACHINE_MS;
	assert_int_equal(own_authority_make(s->directory, "lab", NULL,
					    loop_now(&s->zrms.loop).wall_ms, &authority, NULL),
			 0);
	return r;
}

static int end_cluster(void **state)
{
	struct stage *s = *state;
	samoza__v1__cluster_file__free_unpacked(s->zrms.cluster, NULL);
	return end(state);
}

static int post(struct stage *s, const char *path, const char *text)
{
	CLEANUP(freep) char *request = str_printf("POST %s", path);
	ask(s, request, JSON, text);
	run_until(s, is_complete);
	return status(s);
}

/* A value of the answer; the caller frees. */
static char *told(struct stage *s, const ProtobufCMessageDescriptor *type, const char *field)
{
	ProtobufCMessage *message = NULL;
	const char *text = strstr(s->received.data, "\r\n\r\n") + 4;
	assert_int_equal(
		schema_read_json(type, NULL, text, strlen(text), 0, NULL, &message, NULL), 0);
	const ProtobufCFieldDescriptor *d =
		protobuf_c_message_descriptor_get_field_by_name(type, field);
	char *value = mem_strdup(*(char **)((char *)message + d->offset));
	schema_message_free(message);
	return value;
}

static struct join_token make_token(struct stage *s, const char *text)
{
	struct join_token token;
	assert_int_equal(post(s, "/v1/tokens", text), 201);
	CLEANUP(freep)
	char *word = told(s, &samoza__v1__join_token_view__descriptor, "token");
	assert_int_equal(join_token_read(word, &token, NULL), 0);
	return token;
}

/* A machine with that key asks. */
static int join(struct stage *s, const struct join_token *token, const char *name,
		const struct pki_key *key)
{
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_secret_freep) char *secret = join_token_secret(token);
	Samoza__V1__JoinRequest body = SAMOZA__V1__JOIN_REQUEST__INIT;
	assert_int_equal(pki_request_new(key, &request, NULL), 0);
	CLEANUP(freep) char *pem = pki_request_write(request);
	body.token = (char *)(uintptr_t)token->id;
	body.secret = secret;
	body.name = (char *)(uintptr_t)name;
	body.request = pem;
	CLEANUP(freep) char *text = schema_write_json(&body.base, SCHEMA_JSON_COMPACT);
	/* Nobody knows who it is. */
	char *admin = steal_ptr(&s->token);
	int r = post(s, "/v1/join", text);
	s->token = admin;
	return r;
}

static void a_token_says_where_zrms_is_and_whom_to_believe(void **state)
{
	struct stage *s = *state;
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(join_token_done) struct join_token token = make_token(s, "{}");
	assert_int_equal(own_authority_read(s->directory, NULL, &authority, NULL), 0);
	struct pki_pin pin = pki_certificate_pin(pki_authority_certificate(authority));
	assert_int_equal(token.pin_count, 1);
	assert_memory_equal(token.pins[0].bytes, pin.bytes, sizeof(pin.bytes));
	assert_int_equal(token.address_count, 2);
	assert_string_equal(token.addresses[0], "zrms.example:7331");
	assert_string_equal(token.addresses[1], "[2001:db8::7]:7331");
	/* It is told once. */
	CLEANUP(pki_secret_freep) char *secret = join_token_secret(&token);
	assert_int_equal(get(s, "GET /v1/tokens"), 200);
	assert_non_null(strstr(body(s), token.id));
	assert_null(strstr(s->received.data, secret));
}

static void a_machine_that_joins_gets_a_certificate_for_its_own_key(void **state)
{
	struct stage *s = *state;
	CLEANUP(join_token_done) struct join_token token = make_token(s, "{\"ttl\":\"10m\"}");
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	assert_int_equal(pki_key_new(&key, NULL), 0);
	for (int k = 0; k < 2; k++) { /* the first answer may be lost */
		assert_int_equal(join(s, &token, "edge-1", key), 200);
		pki_identity_done(&identity);
		identity = (struct pki_identity){0};
		pki_certificate_free(steal_ptr(&certificate));
		CLEANUP(freep)
		char *pem = told(s, &samoza__v1__join_view__descriptor, "certificate");
		assert_int_equal(pki_certificate_read(pem, strlen(pem), &certificate, NULL), 0);
		assert_int_equal(pki_certificate_identity(certificate, &identity, NULL), 0);
	}
	CLEANUP(freep) char *all = told(s, &samoza__v1__join_view__descriptor, "authorities");
	assert_int_equal(pki_trust_read(all, strlen(all), &trust, NULL), 0);
	assert_true(pki_certificate_is_of(certificate, key));
	assert_string_equal(identity.cluster, "lab");
	assert_string_equal(identity.role, "zhost");
	assert_string_equal(identity.name, "edge-1");
	int64_t life_ms = identity.not_after_ms - identity.not_before_ms;
	assert_in_range(life_ms, PKI_MACHINE_MS + PKI_BACKDATE_MS - 2000,
			PKI_MACHINE_MS + PKI_BACKDATE_MS);
	assert_true(control_admits(s->zrms.control, "edge-1", identity.key.bytes));
}

static void who_may_not_join_gets_no_certificate(void **state)
{
	struct stage *s = *state;
	CLEANUP(join_token_done)
	struct join_token token = make_token(s, "{\"name\":\"edge-*\"}");
	CLEANUP(join_token_done) struct join_token other = make_token(s, "{}");
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	assert_int_equal(pki_key_new(&key, NULL), 0);
	assert_int_equal(join(s, &token, "core-1", key), 403);
	memcpy(other.id, token.id, sizeof(other.id));
	assert_int_equal(join(s, &other, "edge-1", key), 403);
	assert_null(strstr(s->received.data, "CERTIFICATE"));
	assert_int_equal(post(s, "/v1/join",
			      "{\"token\":\"a\",\"secret\":\"b\",\"name\":\"c\","
			      "\"request\":\"d\"}"),
			 422);
	assert_int_equal(join(s, &token, "edge-1", key), 200);
	CLEANUP(pki_key_freep) struct pki_key *second = NULL;
	assert_int_equal(pki_key_new(&second, NULL), 0);
	assert_int_equal(join(s, &token, "edge-2", second), 403);
	CLEANUP(freep) char *path = str_printf("DELETE /v1/tokens/%s", token.id);
	assert_int_equal(get(s, path), 204);
	assert_int_equal(get(s, path), 404);
}

static void what_is_asked_wrongly_is_refused(void **state)
{
	struct stage *s = *state;
	assert_int_equal(post(s, "/v1/tokens", "{\"ttl\":\"soon\"}"), 422);
	assert_int_equal(post(s, "/v1/tokens", "{\"ttl\":\"0s\"}"), 422);
	assert_int_equal(post(s, "/v1/tokens", "{\"uses\":0}"), 422);
	assert_int_equal(post(s, "/v1/tokens", "{\"name\":\"a b\"}"), 422);
	assert_int_equal(
		post(s, "/v1/tokens", "{\"labels\":[{\"name\":\"zhost\",\"value\":\"x\"}]}"),
		422);
	assert_int_equal(post(s, "/v1/join", "{}"), 400);
	CLEANUP(freep) char *large = mem_new_array(char, 17 * 1024);
	memset(large, ' ', 17 * 1024 - 1);
	assert_int_equal(post(s, "/v1/join", large), 413);
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;
	for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
		count++;
	return count;
}

/* [machines.people.audit]: who asked, from where and how, once. */
static void a_token_that_is_asked_for_leaves_one_line(void **state)
{
	struct stage *s = *state;
	assert_int_equal(post(s, "/v1/tokens", "{\"name\":\"a b\"}"), 422);
	struct join_token token = make_token(s, "{}");
	join_token_done(&token);
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_int_equal(count_of(body(s), "\"seq\""), 2);
	assert_int_equal(count_of(body(s), "\"request\":\"POST /v1/tokens\""), 2);
	assert_int_equal(count_of(body(s), "\"address\":\"127.0.0.1\""), 2);
	assert_int_equal(count_of(body(s), "\"outcome\":\"invalid\""), 1);
	assert_int_equal(count_of(body(s), "create a join token for zhost"), 2);
}

static void without_certificates_nobody_joins(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ClusterFile *file = steal_ptr(&s->zrms.cluster);
	assert_int_equal(post(s, "/v1/tokens", "{}"), 409);
	assert_non_null(strstr(body(s), "zrms init"));
	s->zrms.cluster = file;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_token_says_where_zrms_is_and_whom_to_believe,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(
			a_machine_that_joins_gets_a_certificate_for_its_own_key, begin_cluster,
			end_cluster),
		cmocka_unit_test_setup_teardown(who_may_not_join_gets_no_certificate,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(what_is_asked_wrongly_is_refused, begin_cluster,
						end_cluster),
		cmocka_unit_test_setup_teardown(a_token_that_is_asked_for_leaves_one_line,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(without_certificates_nobody_joins,
						begin_cluster, end_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
