/* What comes from outside before anybody is known: tokens, certificates, signing requests. */
#include <string.h>

#include "adapter/pki/token.h"
#include "adapter/pki/trust.h"
#include "base/check.h"
#include "target.h"

static void read_tokens(const char *text)
{
	struct join_token token = {0};
	struct token_hash hash;
	struct error *err = NULL;
	if (join_token_read(text, &token, &err) == 0) {
		CLEANUP(pki_secret_freep) char *again = join_token_write(&token);
		INVARIANT(token.pin_count > 0 && token.address_count > 0);
		INVARIANT(strncmp(again, text + strspn(text, " \t\r\n"), strlen(again)) == 0);
		join_token_done(&token);
	} else {
		INVARIANT(err != NULL && token.address_count == 0);
	}
	error_free(err);
	(void)!join_token_secret_hash(text, &hash, NULL);
}

static void look_at(const struct pki_certificate *certificate)
{
	const struct pki_pin pin = pki_certificate_pin(certificate);
	const struct pki_expectation expected = {.now_wall_ms = INT64_C(1795780800000)};
	struct pki_identity identity = {0};
	enum pki_fault fault = PKI_NO_FAULT;
	struct pki_trust *trust = NULL;
	struct error *err = NULL;
	int r = pki_trust_pinned(&pin, 1, &trust, NULL);
	INVARIANT(r == 0);
	r = pki_verify(trust, &expected, certificate, &certificate, 1, &identity, &fault, &err);
	INVARIANT((r < 0) == (fault != PKI_NO_FAULT) && (r < 0) == (err != NULL));
	pki_identity_done(&identity);
	pki_trust_free(trust);
	error_free(err);
	if (pki_certificate_identity(certificate, &identity, NULL) == 0) {
		INVARIANT(identity.cluster[0] != '\0' && identity.role[0] != '\0' &&
			  identity.name[0] != '\0' && strchr(identity.name, '/') == NULL);
		pki_identity_done(&identity);
	}
}

static void read_certificates(const char *data, size_t size)
{
	struct pki_certificate *certificate = NULL;
	struct pki_request *request = NULL;
	struct pki_trust *trust = NULL;
	if (pki_certificate_read(data, size, &certificate, NULL) == 0)
		look_at(certificate);
	pki_certificate_free(steal_ptr(&certificate));
	if (pki_certificate_read_der(data, size, &certificate, NULL) == 0)
		look_at(certificate);
	pki_certificate_free(certificate);
	if (pki_request_read(data, size, &request, NULL) == 0)
		(void)pki_request_pin(request);
	pki_request_free(request);
	if (pki_trust_read(data, size, &trust, NULL) == 0)
		INVARIANT(pki_trust_count(trust) > 0);
	pki_trust_free(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = mem_memdup(data, size);
	read_tokens(text);
	read_certificates(text, size);
	return 0;
}
