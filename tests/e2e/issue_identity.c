/*
 * For tests: makes a machine's identity with the authority of a cluster, as joining does.
 *
 *   issue-identity ZRMS_DIR ROLE NAME SECONDS TO [SHIFT]
 *
 * It goes into TO/credentials with the authorities, and ends SECONDS after now; everything is moved by SHIFT seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "adapter/pki/credentials.h"
#include "base/str.h"

static int authority_read(const char *dir, struct pki_authority **ret, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/credentials/authority.pem", dir);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &pem, &size, err);
	return r < 0 ? r : pki_authority_read(pem, size, NULL, ret, err);
}

static int authorities_copy(const char *dir, const char *to, struct error **err)
{
	CLEANUP(freep) char *from = str_printf("%s/credentials/" PKI_AUTHORITIES_FILE, dir);
	CLEANUP(freep) char *path = str_printf("%s/" PKI_AUTHORITIES_FILE, to);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(from, &pem, &size, err);
	return r < 0 ? r : pki_file_write(path, pem, size, err);
}

static int issue(char **words, int64_t shift_s, struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(freep) char *to = str_printf("%s/credentials", words[5]);
	const struct pki_subject subject = {
		.role = words[2], .name = words[3], .lifetime_ms = 1000 * atoll(words[4])};
	int64_t now_ms = 1000 * ((int64_t)time(NULL) + shift_s);
	(void)mkdir(words[5], 0700);
	(void)mkdir(to, 0700);
	int r = authority_read(words[1], &authority, err);
	if (r == 0)
		r = pki_key_new(&key, err);
	if (r == 0)
		r = pki_request_new(key, &request, err);
	if (r == 0)
		r = pki_issue(authority, request, &subject, now_ms, &certificate, err);
	if (r == 0)
		r = authorities_copy(words[1], to, err);
	return r < 0 ? r : pki_identity_store(to, key, certificate, err);
}

int main(int argc, char **argv)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (argc < 6 || argc > 7)
		return 2;
	if (issue(argv, argc > 6 ? atoll(argv[6]) : 0, &err) == 0)
		return 0;
	(void)fprintf(stderr, "issue-identity: %s\n", err->message);
	return 1;
}
