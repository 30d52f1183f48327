/*
 * The n-th allocation is refused, for every n: the program ends with the line of base/memory.h, or
 * the code answers with an error; what is on disk is whole, and what was answered is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/archive.h"
#include "adapter/archive/package.h"
#include "adapter/http/message.h"
#include "adapter/http/target.h"
#include "adapter/pki/trust.h"
#include "base/check.h"
#include "base/memory.h"
#include "durable.h"
#include "model/compile.h"
#include "port/frame.h"
#include "schema/message.h"
#include "schema/yaml.h"

#define NOON_MS INT64_C(1795780800000)

/* ---- what comes from outside ---- */

static void read_topology(struct nth *nth, void *place)
{
	static const char text[] =
		"apiVersion: samoza/v1\nkind: Topology\n"
		"metadata: {name: shop, owner: ops@example.com}\n"
		"spaces:\n"
		"- {name: db, type: DATA, capabilities: [data.read], storage: cluster}\n"
		"- name: web\n"
		"  type: CALL\n"
		"  exclusive: true\n"
		"  imports: [{from: db, optional: true}]\n"
		"- {name: worker, type: CALL, inside: web}\n"
		"paths:\n"
		"- {from: web, to: db, name: rows}\n";
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(topology_unrefp) struct topology *t = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	(void)place;
	nth_arm(nth);
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text,
				 strlen(text), 0, &findings, &message, NULL, &err);
	if (r == 0)
		r = topology_compile((const Samoza__V1__Topology *)message, NULL, NULL,
				     &findings, &t, &err);
	nth_disarm();
	/* The text is valid: a memory that has run out may not be blamed on its author. */
	INVARIANT(r == 0 && !diagnostics_any(&findings));
}

static int drop(void *user, const void *data, size_t size, struct error **err)
{
	(void)user;
	(void)data;
	(void)size;
	(void)err;
	return 0;
}

static void read_archive(struct nth *nth, void *place)
{
	CLEANUP(closep) int fd = open(PACKAGE_FILE, O_RDONLY | O_CLOEXEC);
	CLEANUP(error_freep) struct error *err = NULL;
	struct archive *a = NULL;
	(void)place;
	INVARIANT(fd >= 0);
	nth_arm(nth);
	int r = archive_open_fd(fd, &a, &err);
	for (unsigned i = 0; r == 0 && i < archive_entry_count(a); i++)
		r = archive_read(a, archive_entry_at(a, i), drop, NULL, &err);
	nth_disarm();
	if (a != NULL)
		archive_close(a);
	INVARIANT((r < 0) == (err != NULL) && (r == 0 || nth->refused));
}

static void read_package(struct nth *nth, void *place)
{
	const struct mex_options options = {.allow_unsigned = true, .all_findings = true};
	CLEANUP(closep) int fd = open(PACKAGE_FILE, O_RDONLY | O_CLOEXEC);
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	(void)place;
	INVARIANT(fd >= 0);
	nth_arm(nth);
	int r = mex_package_open_fd(fd, &options, &findings, &package, &err);
	nth_disarm();
	INVARIANT((r == 0) == (package != NULL) && (r == 0) == (err == NULL));
	INVARIANT(r == 0 || nth->refused);
}

static void read_http(struct nth *nth, void *place)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "5\r\nhello\r\n0\r\n\r\n";
	struct http_target target = {0};
	struct http_match match = {0};
	struct http_response response;
	struct http_part part = {.type = HTTP_PART_NONE};
	size_t used = 0;
	(void)place;
	nth_arm(nth);
	int r = http_target_parse(&target, "/v1/topologies/a%20b/spaces?path=web&start=1",
				  NULL);
	if (r == 0 && http_pattern_match("/v1/topologies/{id}/spaces", &target, &match))
		http_match_done(&match);
	http_target_done(&target);
	http_response_init(&response);
	while (r == 0 && part.type != HTTP_PART_END) {
		r = http_response_take(&response, text + used, strlen(text) - used, &part,
				       NULL);
		used += r == 0 ? part.used : 0;
	}
	http_response_done(&response);
	nth_disarm();
	INVARIANT(r == 0);
}

static void read_frame(struct nth *nth, void *place)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	spec.cpu = (char *)"4";
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	hello.spec = &spec;
	hello.identity = (char *)"identity";
	CLEANUP(buffer_done) struct buffer bytes = BUFFER_INIT(FRAME_MAX_BYTES);
	(void)place;
	INVARIANT(frame_encode(&bytes, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO, &hello.base,
			       NULL) == 0);
	CLEANUP(error_freep) struct error *err = NULL;
	ProtobufCMessage *message = NULL;
	struct frame frame = {0};
	nth_arm(nth);
	int r = frame_next(bytes.data, bytes.size, &frame, &err);
	if (r > 0)
		r = frame_decode(&frame, &message, &err);
	nth_disarm();
	INVARIANT((r < 0) == (err != NULL) && (r < 0) == (message == NULL));
	INVARIANT(r == 0 || nth->refused);
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
}

/* ---- identities ---- */

static int issue_and_verify(const struct pki_authority *authority, const struct pki_key *key,
			    struct pki_identity *ret_identity, struct error **err)
{
	static const char *const addresses[] = {"localhost", "127.0.0.1", NULL};
	const struct pki_subject subject = {"zhost", "alpha", addresses, PKI_MACHINE_MS};
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS, .role = "zhost"};
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(freep)
	char *pem = pki_certificate_write(pki_authority_certificate(authority));
	int r = pki_trust_read(pem, strlen(pem), &trust, err);
	if (r == 0)
		r = pki_request_new(key, &request, err);
	if (r == 0)
		r = pki_issue(authority, request, &subject, NOON_MS, &certificate, err);
	if (r == 0)
		r = pki_verify(trust, &expected, certificate, NULL, 0, ret_identity, NULL, err);
	return r;
}

/* Once before anything is refused: OpenSSL fetches its algorithms at their first use. */
static void know_a_machine(struct nth *nth, void *place)
{
	(void)place;
	for (unsigned round = 0; round < 2; round++) {
		struct pki_authority *authority = NULL;
		struct pki_key *key = NULL;
		struct pki_identity identity = {0};
		struct error *err = NULL;
		if (round == 1)
			nth_arm(nth);
		int r = pki_authority_new("c1", 1, NOON_MS, &authority, &err);
		if (r == 0)
			r = pki_key_new(&key, &err);
		if (r == 0)
			r = issue_and_verify(authority, key, &identity, &err);
		nth_disarm();
		INVARIANT(r < 0 ? nth->refused : strcmp(identity.name, "alpha") == 0);
		pki_identity_done(&identity);
		pki_authority_free(authority);
		pki_key_free(key);
		error_free(err);
	}
}

/* ---- tests ---- */

static void every(void (*life)(struct nth *nth, void *place), const char *name)
{
	nth_every(&(struct nth_path){.name = name, .life = life});
}

static void a_topology_is_read_or_the_program_ends(void **state)
{
	(void)state;
	every(read_topology, "a topology");
}

static void an_archive_is_read_or_refused_or_the_program_ends(void **state)
{
	(void)state;
	every(read_archive, "an archive");
	every(read_package, "a package");
}

static void http_is_parsed_or_the_program_ends(void **state)
{
	(void)state;
	every(read_http, "HTTP");
}

static void a_frame_is_decoded_or_refused_or_the_program_ends(void **state)
{
	(void)state;
	every(read_frame, "a frame");
}

static void a_machine_is_known_or_refused_or_the_program_ends(void **state)
{
	(void)state;
	every(know_a_machine, "a machine");
}

static void a_submit_is_on_disk_as_a_whole_or_not_at_all(void **state)
{
	(void)state;
	nth_every(&control_path);
}

static void a_start_is_on_disk_as_a_whole_or_not_at_all(void **state)
{
	(void)state;
	nth_every(&agent_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_topology_is_read_or_the_program_ends),
		cmocka_unit_test(an_archive_is_read_or_refused_or_the_program_ends),
		cmocka_unit_test(http_is_parsed_or_the_program_ends),
		cmocka_unit_test(a_frame_is_decoded_or_refused_or_the_program_ends),
		cmocka_unit_test(a_machine_is_known_or_refused_or_the_program_ends),
		cmocka_unit_test(a_submit_is_on_disk_as_a_whole_or_not_at_all),
		cmocka_unit_test(a_start_is_on_disk_as_a_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
