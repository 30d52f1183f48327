#include "adapter/pki/authority.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "adapter/pki/private.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

enum { NAME_MAX_BYTES = 253, SERIAL_BYTES = 16 };

struct pki_authority {
	struct pki_key *key;
	struct pki_certificate *certificate;
	char *cluster;
	int64_t not_after_ms;
};

/* ---- parts of a certificate; each returns whether there was memory ---- */

static bool extension_add(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool good = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

static bool serial_set(X509 *x509)
{
	unsigned char bytes[SERIAL_BYTES];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, always as long */
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool good = number != NULL &&
		    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
	BN_free(number);
	return good;
}

static bool subject_set(X509 *x509, const char *cluster, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
					  (const unsigned char *)cluster, -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool times_set(X509 *x509, int64_t from_ms, int64_t to_ms)
{
	return ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(from_ms / 1000)) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(to_ms / 1000)) != NULL;
}

static X509 *x509_new(const char *cluster, const char *name, EVP_PKEY *pkey, int64_t from_ms,
		      int64_t to_ms)
{
	X509 *x509 = openssl_need(X509_new());
	if (X509_set_version(x509, X509_VERSION_3) == 1 && serial_set(x509) &&
	    subject_set(x509, cluster, name) && times_set(x509, from_ms, to_ms) &&
	    X509_set_pubkey(x509, pkey) == 1)
		return x509;
	X509_free(x509);
	return NULL;
}

/* ---- names: never as text that OpenSSL takes apart, in which a comma begins another one ---- */

static bool general_name_add(GENERAL_NAMES *names, int type, const void *data, size_t size)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_IPADD ? (ASN1_STRING *)ASN1_OCTET_STRING_new()
					       : (ASN1_STRING *)ASN1_IA5STRING_new();
	if (name == NULL || value == NULL || ASN1_STRING_set(value, data, (int)size) != 1) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static bool address_add(GENERAL_NAMES *names, const char *address)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	if (inet_pton(AF_INET, address, bytes) == 1)
		return general_name_add(names, GEN_IPADD, bytes, sizeof(struct in_addr));
	if (inet_pton(AF_INET6, address, bytes) == 1)
		return general_name_add(names, GEN_IPADD, bytes, sizeof(struct in6_addr));
	return general_name_add(names, GEN_DNS, address, strlen(address));
}

static bool names_add(X509 *x509, const char *uri, const char *const *addresses)
{
	GENERAL_NAMES *names = openssl_need(sk_GENERAL_NAME_new_null());
	bool good = general_name_add(names, GEN_URI, uri, strlen(uri));
	for (const char *const *a = addresses; good && a != NULL && *a != NULL; a++)
		good = address_add(names, *a);
	good = good && X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return good;
}

/* What a part of samoza:CLUSTER/ROLE/NAME and a name of a host may consist of. */
static bool is_plain(const char *s, const char *further)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.";
	size_t size = s != NULL ? strlen(s) : 0;
	if (size == 0 || size > NAME_MAX_BYTES)
		return false;
	for (; *s != '\0'; s++)
		if (strchr(letters, *s) == NULL && strchr(further, *s) == NULL)
			return false;
	return true;
}

static int subject_check(const struct pki_subject *subject, struct error **err)
{
	if (!is_plain(subject->role, "_@") || !is_plain(subject->name, "_@"))
		return error_set(err, ERR_INVALID,
				 "cannot certify '%s': expected letters, digits and -._@",
				 subject->name != NULL ? subject->name : "");
	size_t count = 0;
	for (const char *const *a = subject->addresses; a != NULL && *a != NULL; a++, count++)
		if (!is_plain(*a, ":_*") || count >= PKI_ADDRESSES_MAX)
			return error_set(err, ERR_INVALID,
					 "cannot certify the address '%s': expected at most %d "
					 "names of hosts and numeric addresses",
					 *a, PKI_ADDRESSES_MAX);
	return 0;
}

/* ---- issuing ---- */

static bool leaf_complete(X509 *x509, const struct pki_authority *authority,
			  const struct pki_subject *subject)
{
	X509 *issuer = authority->certificate->x509;
	CLEANUP(freep)
	char *uri =
		str_printf("samoza:%s/%s/%s", authority->cluster, subject->role, subject->name);
	/* Machines answer and call. */
	const char *use =
		str_equal(subject->role, "user") ? "clientAuth" : "serverAuth,clientAuth";
	return X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
	       extension_add(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       extension_add(x509, issuer, NID_key_usage, "critical,digitalSignature") &&
	       extension_add(x509, issuer, NID_ext_key_usage, use) &&
	       extension_add(x509, issuer, NID_authority_key_identifier, "keyid:always") &&
	       names_add(x509, uri, subject->addresses) &&
	       X509_sign(x509, authority->key->pkey, EVP_sha256()) > 0;
}

int pki_issue(const struct pki_authority *authority, const struct pki_request *request,
	      const struct pki_subject *subject, int64_t now_wall_ms,
	      struct pki_certificate **ret_certificate, struct error **err)
{
	ERR_clear_error();
	int r = subject_check(subject, err);
	if (r < 0)
		return r;
	int64_t to_ms = now_wall_ms + subject->lifetime_ms;
	if (now_wall_ms >= authority->not_after_ms)
		return error_set(err, ERR_CONFLICT,
				 "the certificate authority has expired: rotate it");
	if (to_ms > authority->not_after_ms)
		to_ms = authority->not_after_ms;
	X509 *x509 =
		x509_new(authority->cluster, subject->name, X509_REQ_get0_pubkey(request->req),
			 now_wall_ms - PKI_BACKDATE_MS, to_ms);
	if (x509 == NULL || !leaf_complete(x509, authority, subject)) {
		X509_free(x509);
		return openssl_error(err, ERR_IO, "cannot issue a certificate for '%s'",
				     subject->name);
	}
	struct pki_certificate *certificate = mem_new(struct pki_certificate);
	certificate->x509 = x509;
	*ret_certificate = certificate;
	return 0;
}

int64_t pki_renewal_ms(int64_t not_before_ms, int64_t not_after_ms, uint32_t chance)
{
	int64_t life_ms = not_after_ms - not_before_ms;
	double part = (double)chance / UINT32_MAX;
	return not_before_ms + life_ms / 3 + (int64_t)((double)life_ms / 10 * part);
}

/* ---- authorities ---- */

static bool authority_complete(X509 *x509, EVP_PKEY *pkey, const char *cluster,
			       const char *name)
{
	CLEANUP(freep) char *uri = str_printf("samoza:%s/authority/%s", cluster, name);
	for (char *c = uri; *c != '\0'; c++)
		*c = *c == ' ' ? '-' : *c;
	return X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
	       extension_add(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       extension_add(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       extension_add(x509, x509, NID_subject_key_identifier, "hash") &&
	       names_add(x509, uri, NULL) && X509_sign(x509, pkey, EVP_sha256()) > 0;
}

static int authority_adopt(struct pki_key *take_key, struct pki_certificate *take_certificate,
			   struct pki_authority **ret_authority, struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *a = mem_new(struct pki_authority);
	a->key = take_key;
	a->certificate = take_certificate;
	struct pki_identity identity;
	int r = pki_certificate_identity(a->certificate, &identity, err);
	if (r < 0)
		return r;
	a->cluster = steal_ptr(&identity.cluster);
	a->not_after_ms = identity.not_after_ms;
	pki_identity_done(&identity);
	if (X509_check_ca(a->certificate->x509) != 1)
		return error_set(err, ERR_INVALID,
				 "the certificate is not of a certificate authority");
	if (!pki_certificate_is_of(a->certificate, a->key))
		return error_set(err, ERR_INVALID,
				 "the key does not belong to the certificate");
	*ret_authority = steal_ptr(&a);
	return 0;
}

int pki_authority_new(const char *cluster, unsigned number, int64_t now_wall_ms,
		      struct pki_authority **ret_authority, struct error **err)
{
	if (!is_plain(cluster, "_@"))
		return error_set(err, ERR_INVALID,
				 "'%s' cannot be a cluster's id: expected letters, digits and "
				 "-._@",
				 cluster);
	CLEANUP(freep) char *name = str_printf("Samoza CA %u", number);
	struct pki_key *key = NULL;
	int r = pki_key_new(&key, err);
	if (r < 0)
		return r;
	X509 *x509 = x509_new(cluster, name, key->pkey, now_wall_ms - PKI_BACKDATE_MS,
			      now_wall_ms + PKI_AUTHORITY_MS);
	if (x509 == NULL || !authority_complete(x509, key->pkey, cluster, name)) {
		X509_free(x509);
		pki_key_free(key);
		return openssl_error(err, ERR_IO, "cannot make a certificate authority");
	}
	struct pki_certificate *certificate = mem_new(struct pki_certificate);
	certificate->x509 = x509;
	return authority_adopt(key, certificate, ret_authority, err);
}

int pki_authority_read(const char *pem, size_t size, const char *passphrase,
		       struct pki_authority **ret_authority, struct error **err)
{
	struct pki_key *key = NULL;
	struct pki_certificate *certificate = NULL;
	int r = pki_key_read(pem, size, passphrase, &key, err);
	if (r < 0)
		return r;
	r = pki_certificate_read(pem, size, &certificate, err);
	if (r < 0) {
		pki_key_free(key);
		return r;
	}
	return authority_adopt(key, certificate, ret_authority, err);
}

char *pki_authority_write(const struct pki_authority *authority, const char *passphrase)
{
	CLEANUP(freep) char *certificate = pki_certificate_write(authority->certificate);
	CLEANUP(pki_secret_freep) char *key = pki_key_write(authority->key, passphrase);
	return str_printf("%s%s", certificate, key);
}

const struct pki_certificate *pki_authority_certificate(const struct pki_authority *authority)
{
	return authority->certificate;
}

void pki_authority_free(struct pki_authority *authority)
{
	if (authority == NULL)
		return;
	pki_key_free(authority->key);
	pki_certificate_free(authority->certificate);
	free(authority->cluster);
	free(authority);
}

void pki_authority_freep(struct pki_authority **authority)
{
	pki_authority_free(*authority);
}
