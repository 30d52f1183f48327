#include "certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

struct pki_authority *authority_at(const char *cluster, unsigned number, int64_t now_ms)
{
	struct pki_authority *authority = NULL;
	assert_int_equal(pki_authority_new(cluster, number, now_ms, &authority, NULL), 0);
	return authority;
}

struct pki_certificate *certificate_for(const struct pki_authority *authority,
					const struct pki_key *key, const char *role,
					const char *name, int64_t now_ms, int64_t lifetime_ms)
{
	static const char *const addresses[] = {"localhost", "127.0.0.1", NULL};
	const struct pki_subject subject = {
		.role = role, .name = name, .addresses = addresses, .lifetime_ms = lifetime_ms};
	struct pki_request *request = NULL;
	struct pki_certificate *certificate = NULL;
	assert_int_equal(pki_request_new(key, &request, NULL), 0);
	assert_int_equal(pki_issue(authority, request, &subject, now_ms, &certificate, NULL),
			 0);
	pki_request_free(request);
	return certificate;
}

struct machine machine_at(const struct pki_authority *authority, const char *role,
			  const char *name, int64_t now_ms, int64_t lifetime_ms)
{
	struct machine machine = {0};
	assert_int_equal(pki_key_new(&machine.key, NULL), 0);
	machine.certificate =
		certificate_for(authority, machine.key, role, name, now_ms, lifetime_ms);
	return machine;
}

void machine_done(struct machine *machine)
{
	pki_key_free(machine->key);
	pki_certificate_free(machine->certificate);
}

struct pki_trust *trust_of(const struct pki_authority *first,
			   const struct pki_authority *second)
{
	CLEANUP(freep) char *a = pki_certificate_write(pki_authority_certificate(first));
	CLEANUP(freep)
	char *b = second != NULL ? pki_certificate_write(pki_authority_certificate(second))
				 : NULL;
	CLEANUP(freep) char *pem = str_printf("%s%s", a, b != NULL ? b : "");
	struct pki_trust *trust = NULL;
	assert_int_equal(pki_trust_read(pem, strlen(pem), &trust, NULL), 0);
	return trust;
}

void directory_fill(const char *directory, const struct machine *machine,
		    const struct pki_trust *trust)
{
	if (machine != NULL)
		assert_int_equal(
			pki_identity_store(directory, machine->key, machine->certificate, NULL),
			0);
	assert_int_equal(pki_authorities_store(directory, trust, NULL), 0);
}

char *directory_of(const struct machine *machine, const struct pki_trust *trust)
{
	char *directory = mem_strdup("/tmp/samoza-test-pki-XXXXXX");
	assert_non_null(mkdtemp(directory));
	directory_fill(directory, machine, trust);
	return directory;
}

void directory_remove(char *take_directory)
{
	static const char *const files[] = {PKI_IDENTITY_FILE, PKI_AUTHORITIES_FILE};
	if (take_directory == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", take_directory, files[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(take_directory), 0);
	free(take_directory);
}
