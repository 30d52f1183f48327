#include "adapter/pki/certificate.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "adapter/pki/private.h"

#define SCHEME "samoza:"

void pki_identity_done(struct pki_identity *identity)
{
	free(identity->cluster);
	free(identity->role);
	free(identity->name);
	*identity = (struct pki_identity){0};
}

/* ---- reading and writing ---- */

static int take_x509(X509 *x509, struct pki_certificate **ret_certificate, struct error **err)
{
	if (x509 == NULL)
		return openssl_error(err, ERR_INVALID,
				     "it holds no certificate that can be read");
	struct pki_certificate *c = mem_new(struct pki_certificate);
	c->x509 = x509;
	*ret_certificate = c;
	return 0;
}

int pki_certificate_read(const char *pem, size_t size, struct pki_certificate **ret_certificate,
			 struct error **err)
{
	ERR_clear_error();
	BIO *bio = bio_of(pem, size);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return take_x509(x509, ret_certificate, err);
}

int pki_certificate_read_der(const void *der, size_t size,
			     struct pki_certificate **ret_certificate, struct error **err)
{
	ERR_clear_error();
	const unsigned char *at = der;
	return take_x509(d2i_X509(NULL, &at, (long)size), ret_certificate, err);
}

char *pki_certificate_write(const struct pki_certificate *certificate)
{
	BIO *bio = openssl_need(BIO_new(BIO_s_mem()));
	if (PEM_write_bio_X509(bio, certificate->x509) != 1)
		out_of_memory(1, 0);
	return bio_text(bio);
}

void pki_certificate_free(struct pki_certificate *certificate)
{
	if (certificate == NULL)
		return;
	X509_free(certificate->x509);
	free(certificate);
}

void pki_certificate_freep(struct pki_certificate **certificate)
{
	pki_certificate_free(*certificate);
}

/* ---- what it says ---- */

int64_t x509_time_ms(const ASN1_TIME *at)
{
	struct tm parts = {0};
	if (ASN1_TIME_to_tm(at, &parts) != 1)
		return 0;
	return (int64_t)timegm(&parts) * 1000;
}

/* The next part of CLUSTER/ROLE/NAME, or NULL. */
static char *part_take(const char **at, const char *end)
{
	const char *from = *at;
	const char *stop = memchr(from, '/', (size_t)(end - from));
	stop = stop != NULL ? stop : end;
	*at = stop < end ? stop + 1 : end;
	return stop > from ? mem_strndup(from, (size_t)(stop - from)) : NULL;
}

/* The last part may not hold a further '/'. */
static bool uri_parse(const char *uri, size_t size, struct pki_identity *identity)
{
	size_t scheme = strlen(SCHEME);
	if (size <= scheme || memcmp(uri, SCHEME, scheme) != 0 ||
	    memchr(uri, '\0', size) != NULL)
		return false;
	const char *at = uri + scheme, *end = uri + size;
	identity->cluster = part_take(&at, end);
	identity->role = part_take(&at, end);
	identity->name = part_take(&at, end);
	return identity->cluster != NULL && identity->role != NULL && identity->name != NULL &&
	       at == end && end[-1] != '/';
}

/* Exactly one name of ours: two would be a choice. */
static bool names_read(const X509 *x509, struct pki_identity *identity)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	unsigned found = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
		pki_identity_done(identity);
		found += uri_parse((const char *)ASN1_STRING_get0_data(uri),
				   (size_t)ASN1_STRING_length(uri), identity)
				 ? 1
				 : 2;
	}
	GENERAL_NAMES_free(names);
	return found == 1;
}

int pki_certificate_identity(const struct pki_certificate *certificate,
			     struct pki_identity *ret_identity, struct error **err)
{
	struct pki_identity identity = {0};
	if (!names_read(certificate->x509, &identity)) {
		pki_identity_done(&identity);
		return error_set(err, ERR_INVALID,
				 "the certificate does not name a cluster, a role and a name: "
				 "expected URI:samoza:CLUSTER/ROLE/NAME");
	}
	identity.key = x509_pin(certificate->x509);
	identity.not_before_ms = x509_time_ms(X509_get0_notBefore(certificate->x509));
	identity.not_after_ms = x509_time_ms(X509_get0_notAfter(certificate->x509));
	*ret_identity = identity;
	return 0;
}

struct pki_pin pki_certificate_pin(const struct pki_certificate *certificate)
{
	return x509_pin(certificate->x509);
}

bool pki_certificate_is_of(const struct pki_certificate *certificate, const struct pki_key *key)
{
	struct pki_pin a = x509_pin(certificate->x509), b = pki_key_pin(key);
	return pki_pin_equal(&a, &b);
}

/* ---- requests ---- */

int pki_request_new(const struct pki_key *key, struct pki_request **ret_request,
		    struct error **err)
{
	ERR_clear_error();
	X509_REQ *req = openssl_need(X509_REQ_new());
	if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(req, key->pkey) != 1 ||
	    X509_REQ_sign(req, key->pkey, EVP_sha256()) <= 0) {
		X509_REQ_free(req);
		return openssl_error(err, ERR_IO, "cannot make a signing request");
	}
	struct pki_request *request = mem_new(struct pki_request);
	request->req = req;
	*ret_request = request;
	return 0;
}

int pki_request_read(const char *pem, size_t size, struct pki_request **ret_request,
		     struct error **err)
{
	ERR_clear_error();
	BIO *bio = bio_of(pem, size);
	X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (req == NULL)
		return openssl_error(err, ERR_INVALID, "it is not a signing request");
	CLEANUP(pki_request_freep) struct pki_request *request = mem_new(struct pki_request);
	request->req = req;
	EVP_PKEY *pkey = X509_REQ_get0_pubkey(req);
	if (!pkey_is_p256(pkey))
		return openssl_error(err, ERR_INVALID,
				     "the key of the signing request is of another kind: "
				     "expected ECDSA on P-256");
	if (X509_REQ_verify(req, pkey) != 1)
		return openssl_error(err, ERR_INVALID,
				     "the signing request is not signed by its own key");
	*ret_request = steal_ptr(&request);
	return 0;
}

char *pki_request_write(const struct pki_request *request)
{
	BIO *bio = openssl_need(BIO_new(BIO_s_mem()));
	if (PEM_write_bio_X509_REQ(bio, request->req) != 1)
		out_of_memory(1, 0);
	return bio_text(bio);
}

struct pki_pin pki_request_pin(const struct pki_request *request)
{
	struct pki_key key = {.pkey = X509_REQ_get0_pubkey(request->req)};
	return pki_key_pin(&key);
}

void pki_request_free(struct pki_request *request)
{
	if (request == NULL)
		return;
	X509_REQ_free(request->req);
	free(request);
}

void pki_request_freep(struct pki_request **request)
{
	pki_request_free(*request);
}
