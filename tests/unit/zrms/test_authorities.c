/*
 * The files of the certificate authorities follow the record, from whatever a crash has left (zrms/authorities.h).
 */
#include "api_stage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/pki/credentials.h"
#include "base/buffer.h"
#include "core/access/authorities.h"
#include "core/access/join.h"
#include "schema/message.h"
#include "zrms/own_identity.h"

/* As after zrms init, with one zhost that has joined, so that a rotation waits for it. */
static int begin_cluster(void **state)
{
	int r = begin(state);
	struct stage *s = *state;
	Samoza__V1__ClusterFile *file = mem_new(Samoza__V1__ClusterFile);
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	const char *addresses[] = {"zrms.example", NULL};
	int64_t now_ms = loop_now(&s->zrms.loop).wall_ms;
	samoza__v1__cluster_file__init(file);
	file->id = mem_strdup("lab");
	file->name = mem_strdup("lab");
	file->listen = mem_strdup("0.0.0.0:7331");
	file->advertise = mem_new_array(char *, 1);
	file->advertise[file->n_advertise++] = mem_strdup("zrms.example");
	s->zrms.cluster = file;
	s->zrms.settings.dir = s->directory;
	s->zrms.settings.certificate_ms = PKI_MACHINE_MS;
	assert_int_equal(
		own_authority_make(s->directory, "lab", NULL, now_ms, &authority, NULL), 0);
	assert_int_equal(own_identity_issue(s->directory, authority, 0, addresses,
					    PKI_SERVER_MS, now_ms, NULL),
			 0);
	return r;
}

static int end_cluster(void **state)
{
	struct stage *s = *state;
	samoza__v1__cluster_file__free_unpacked(s->zrms.cluster, NULL);
	authorities_free(&s->zrms);
	return end(state);
}

/* ---- files ---- */

#define FILES 7
static const char *const files[FILES] = {
	"authority.pem", "authority-next.pem", "authorities.pem", "former.pem",
	"identity.pem",	 "identity-1.pem",     "identity-2.pem",
};

/* NULL: it is not there. */
struct snapshot {
	char *text[FILES];
};

static char *path_of(const struct stage *s, const char *name)
{
	return str_printf("%s/credentials/%s", s->directory, name);
}

static void take(const struct stage *s, struct snapshot *to)
{
	for (unsigned k = 0; k < FILES; k++) {
		CLEANUP(freep) char *path = path_of(s, files[k]);
		size_t size = 0;
		to->text[k] = NULL;
		(void)!pki_file_read(path, &to->text[k], &size, NULL);
	}
}

static void put(const struct stage *s, unsigned k, const struct snapshot *from)
{
	CLEANUP(freep) char *path = path_of(s, files[k]);
	if (from->text[k] == NULL)
		(void)unlink(path);
	else
		assert_int_equal(
			pki_file_write(path, from->text[k], strlen(from->text[k]), NULL), 0);
}

static void forget(struct snapshot *snapshot)
{
	for (unsigned k = 0; k < FILES; k++)
		pki_secret_free(snapshot->text[k]);
}

/* ---- what they must be ---- */

static void assert_issued_by(const struct stage *s, const char *name,
			     const Samoza__V1__AuthorityRecord *one)
{
	CLEANUP(freep) char *path = path_of(s, name);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(pki_identity_done) struct pki_identity who = {0};
	const struct pki_expectation expected = {
		.now_wall_ms = loop_now(&((struct stage *)(uintptr_t)s)->zrms.loop).wall_ms,
		.role = "zrms",
		.is_server = true};
	size_t size = 0;
	assert_int_equal(pki_file_read(path, &pem, &size, NULL), 0);
	assert_int_equal(pki_certificate_read(pem, size, &certificate, NULL), 0);
	assert_int_equal(
		pki_trust_read(one->certificate, strlen(one->certificate), &trust, NULL), 0);
	assert_int_equal(pki_verify(trust, &expected, certificate, NULL, 0, &who, NULL, NULL),
			 0);
}

static void assert_file_is(const struct stage *s, const char *name, const char *text)
{
	CLEANUP(freep) char *path = path_of(s, name);
	CLEANUP(pki_secret_freep) char *is = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &is, &size, NULL);
	if (text[0] == '\0') {
		assert_int_equal(r, ERR_NOT_FOUND);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(is, text);
}

static bool has_key(const struct stage *s, const char *name,
		    const Samoza__V1__AuthorityRecord *one)
{
	CLEANUP(freep) char *path = path_of(s, name);
	struct pki_pin pin;
	memcpy(pin.bytes, one->pin.data, sizeof(pin.bytes));
	return own_authority_is(path, &pin);
}

/* As the record says, whatever was there before. */
static void assert_settled(struct stage *s)
{
	const Samoza__V1__AuthoritiesRecord *r = control_authorities(s->zrms.control);
	const Samoza__V1__AuthorityRecord *other = authorities_other(r);
	CLEANUP(pki_authority_freep) struct pki_authority *signer = NULL;
	CLEANUP(freep)
	char *believed = str_printf("%s%s", r->believed[0]->certificate,
				    r->n_believed > 1 ? r->believed[1]->certificate : "");
	assert_file_is(s, "authorities.pem", believed);
	struct buffer former = BUFFER_INIT(64 * 1024);
	for (size_t k = 0; k < r->n_former; k++)
		assert_int_equal(buffer_printf(&former, "%s", r->former[k]->certificate), 0);
	assert_file_is(s, "former.pem", former.size > 0 ? former.data : "");
	buffer_done(&former);
	assert_issued_by(s, "identity.pem", authorities_signer_record(r));
	assert_int_equal(authorities_signer(&s->zrms, &signer, NULL), 0);
	if (r->phase == AUTHORITY_STABLE) {
		assert_true(has_key(s, "authority.pem", authorities_signer_record(r)));
		assert_file_is(s, "authority-next.pem", "");
	} else {
		assert_true(has_key(s, "authority.pem", r->believed[0]));
		assert_true(has_key(s, "authority-next.pem", r->believed[1]));
	}
	if (r->phase == AUTHORITY_REISSUING && other->number == 1)
		assert_issued_by(s, "identity-1.pem", other);
	for (size_t k = 0; k < r->n_former; k++) {
		CLEANUP(freep) char *name = str_printf("identity-%u.pem", r->former[k]->number);
		assert_issued_by(s, name, r->former[k]);
	}
}

/* zrms starts with these files, and the record as it is. */
static void start_with(struct stage *s, const struct snapshot *before,
		       const struct snapshot *after, const unsigned *order, unsigned done)
{
	for (unsigned k = 0; k < FILES; k++)
		put(s, k, before);
	for (unsigned k = 0; k < done; k++)
		put(s, order[k], after);
	authorities_free(&s->zrms);
	s->zrms.authorities = (struct authorities){0};
	assert_int_equal(authorities_start(&s->zrms, NULL), 0);
}

/* In the order in which authorities_settle() writes; a rename is two of them. */
enum { KEY, NEXT, TRUST, FORMER, OWN, OWN_1, OWN_2 };
static const unsigned order[FILES] = {OWN, OWN_1, OWN_2, FORMER, TRUST, KEY, NEXT};

static void try_from(struct stage *s, const struct snapshot *before, unsigned first)
{
	struct snapshot after;
	take(s, &after);
	for (unsigned done = first; done <= FILES; done++) {
		start_with(s, before, &after, order, done);
		assert_settled(s);
		assert_false(s->zrms.authorities.unsettled);
	}
	forget(&after);
}

static void try_each_crash(struct stage *s, const struct snapshot *before)
{
	try_from(s, before, 0);
}

/* The key of the next one is there before anything else is. */
static void try_each_begin(struct stage *s, struct snapshot *before)
{
	CLEANUP(freep) char *path = path_of(s, files[NEXT]);
	size_t size = 0;
	assert_int_equal(pki_file_read(path, &before->text[NEXT], &size, NULL), 0);
	try_from(s, before, 0);
}

/* ---- steps ---- */

static const uint8_t keys[][IDENTITY_KEY_SIZE] = {{1}, {2}, {3}, {4}, {5}, {6}, {7}};

static void handle(struct stage *s, struct control_input *input)
{
	commit_driver_input(s->zrms.commits, input);
	assert_int_equal(get(s, "GET /v1/authorities"), 200); /* what is durable */
}

static void join_one(struct stage *s)
{
	uint8_t hash[JOIN_TOKEN_HASH_SIZE] = {7};
	int64_t now_ms = loop_now(&s->zrms.loop).wall_ms;
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	struct join_request join = {.token = "t",
				    .secret = {7},
				    .name = "n1",
				    .expires_ms = now_ms + PKI_MACHINE_MS};
	record.id = (char *)(uintptr_t) "t";
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.uses = 1;
	record.expires_ms = now_ms + PKI_DAY_MS;
	memcpy(join.key, keys[0], sizeof(join.key));
	struct control_input token = {.type = CONTROL_TOKEN,
				      .token = {.action = TOKEN_CREATE, .record = &record}};
	struct control_input input = {.type = CONTROL_JOIN, .join = &join};
	handle(s, &token);
	handle(s, &input);
}

/* It gets another key, and proves itself with it by asking for one more. */
static void follow(struct stage *s, unsigned own)
{
	for (unsigned k = own; k < own + 2; k++) {
		struct control_input input = {
			.type = CONTROL_RENEW,
			.renew = {.name = "n1",
				  .own = keys[k],
				  .key = keys[k + 1],
				  .expires_ms = loop_now(&s->zrms.loop).wall_ms +
						PKI_MACHINE_MS + k + 1}};
		handle(s, &input);
	}
}

static void post(struct stage *s, const char *request)
{
	ask(s, request, "", "");
	run_until(s, is_complete);
	assert_int_equal(status(s), 200);
}

static uint32_t phase_of(const struct stage *s)
{
	return control_authorities(s->zrms.control)->phase;
}

/* ---- tests ---- */

static void the_files_follow_from_whatever_a_crash_has_left(void **state)
{
	struct stage *s = *state;
	struct snapshot before;
	join_one(s);
	take(s, &before);
	post(s, "POST /v1/authorities/rotation");
	assert_int_equal(phase_of(s), AUTHORITY_ADDING);
	try_each_begin(s, &before);
	forget(&before);
	take(s, &before);
	follow(s, 0);
	assert_int_equal(phase_of(s), AUTHORITY_REISSUING);
	try_each_crash(s, &before);
	forget(&before);
	take(s, &before);
	follow(s, 2);
	assert_int_equal(phase_of(s), AUTHORITY_STABLE);
	try_each_crash(s, &before);
	forget(&before);
}

static void they_follow_when_it_is_taken_back(void **state)
{
	struct stage *s = *state;
	struct snapshot before;
	join_one(s);
	post(s, "POST /v1/authorities/rotation");
	follow(s, 0);
	assert_int_equal(phase_of(s), AUTHORITY_REISSUING);
	take(s, &before);
	post(s, "DELETE /v1/authorities/rotation");
	try_each_crash(s, &before);
	forget(&before);
	take(s, &before);
	follow(s, 2);
	assert_int_equal(phase_of(s), AUTHORITY_STABLE);
	assert_int_equal(control_authorities(s->zrms.control)->signer, 1);
	try_each_crash(s, &before);
	forget(&before);
}

static void a_key_that_was_made_for_nothing_goes(void **state)
{
	struct stage *s = *state;
	Samoza__V1__AuthorityRecord *next = NULL;
	/* Killed before the commit. */
	assert_int_equal(authorities_make_next(&s->zrms, &next, NULL), 0);
	schema_message_free(next);
	assert_int_equal(authorities_start(&s->zrms, NULL), 0);
	assert_file_is(s, "authority-next.pem", "");
	/* Taken back at once. */
	join_one(s);
	post(s, "POST /v1/authorities/rotation");
	post(s, "DELETE /v1/authorities/rotation");
	assert_file_is(s, "authority-next.pem", "");
	assert_settled(s);
	/* Refused: what is under way keeps its own. */
	post(s, "POST /v1/authorities/rotation");
	ask(s, "POST /v1/authorities/rotation", "", "");
	run_until(s, is_complete);
	assert_int_equal(status(s), 409);
	assert_settled(s);
}

static void without_zhosts_it_is_over_at_once(void **state)
{
	struct stage *s = *state;
	post(s, "POST /v1/authorities/rotation");
	assert_int_equal(phase_of(s), AUTHORITY_STABLE);
	assert_int_equal(control_authorities(s->zrms.control)->signer, 2);
	assert_settled(s);
	for (unsigned k = 0; k < AUTHORITIES_FORMER_MAX - 1; k++)
		post(s, "POST /v1/authorities/rotation");
	assert_settled(s);
	ask(s, "POST /v1/authorities/rotation", "", "");
	run_until(s, is_complete);
	assert_int_equal(status(s), 409);
	assert_non_null(strstr(body(s), "within 90 days"));
	assert_settled(s);
}

static void the_next_key_is_sealed_as_the_passphrase_says(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = path_of(s, "authority.pem");
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_authority_freep) struct pki_authority *signer = NULL;
	size_t size = 0;
	s->zrms.authorities.passphrase = mem_strdup("correct horse battery");
	post(s, "POST /v1/authorities/rotation");
	assert_settled(s);
	assert_int_equal(pki_file_read(path, &pem, &size, NULL), 0);
	assert_non_null(strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY"));
	pki_secret_free(steal_ptr(&s->zrms.authorities.passphrase));
	assert_int_equal(authorities_signer(&s->zrms, &signer, NULL), ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_files_follow_from_whatever_a_crash_has_left,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(they_follow_when_it_is_taken_back,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(a_key_that_was_made_for_nothing_goes,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(the_next_key_is_sealed_as_the_passphrase_says,
						begin_cluster, end_cluster),
		cmocka_unit_test_setup_teardown(without_zhosts_it_is_over_at_once,
						begin_cluster, end_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
