#include "zrms/own_identity.h"

#include <unistd.h>

#include "adapter/pki/credentials.h"
#include "base/str.h"

char *own_identity_directory(const char *dir)
{
	return str_printf("%s/credentials", dir);
}

/* ---- the authority ---- */

static char *path_of(const char *dir, const char *name)
{
	return str_printf("%s/credentials/%s", dir, name);
}

static int authority_store(const char *dir, const char *name,
			   const struct pki_authority *authority, const char *passphrase,
			   struct error **err)
{
	CLEANUP(freep) char *path = path_of(dir, name);
	CLEANUP(pki_secret_freep) char *pem = pki_authority_write(authority, passphrase);
	return pki_file_write(path, pem, strlen(pem), err);
}

static int trust_store(const char *dir, const struct pki_authority *authority,
		       struct error **err)
{
	CLEANUP(freep) char *directory = own_identity_directory(dir);
	CLEANUP(freep)
	char *pem = pki_certificate_write(pki_authority_certificate(authority));
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	int r = pki_trust_read(pem, strlen(pem), &trust, err);
	return r < 0 ? r : pki_authorities_store(directory, trust, err);
}

int own_authority_make(const char *dir, const char *cluster, const char *passphrase,
		       int64_t now_wall_ms, struct pki_authority **ret_authority,
		       struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	int r = pki_authority_new(cluster, 1, now_wall_ms, &authority, err);
	if (r == 0)
		r = authority_store(dir, OWN_AUTHORITY_FILE, authority, passphrase, err);
	if (r == 0)
		r = trust_store(dir, authority, err);
	if (r == 0)
		*ret_authority = steal_ptr(&authority);
	return r;
}

int own_authority_make_next(const char *dir, const char *cluster, uint32_t number,
			    const char *passphrase, int64_t now_wall_ms,
			    struct pki_authority **ret_authority, struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	int r = pki_authority_new(cluster, number, now_wall_ms, &authority, err);
	if (r == 0)
		r = authority_store(dir, OWN_AUTHORITY_NEXT_FILE, authority, passphrase, err);
	if (r == 0)
		*ret_authority = steal_ptr(&authority);
	return r;
}

static int authority_read(const char *path, const char *passphrase,
			  struct pki_authority **ret_authority, struct error **err)
{
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &pem, &size, err);
	if (r < 0)
		return r;
	CLEANUP(error_freep) struct error *why = NULL;
	r = pki_authority_read(pem, size, passphrase, ret_authority, &why);
	if (r < 0 && strstr(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL)
		return error_set(err, ERR_DENIED,
				 "%s is sealed with a passphrase, %s: give "
				 "--ca-passphrase-file FILE, or the systemd credential "
				 "ca-passphrase (LoadCredential=ca-passphrase:FILE)",
				 path,
				 passphrase != NULL ? "and not with the one that was given"
						    : "and none was given");
	if (r < 0)
		error_move(err, steal_ptr(&why));
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

int own_authority_read(const char *dir, const char *passphrase,
		       struct pki_authority **ret_authority, struct error **err)
{
	CLEANUP(freep) char *path = path_of(dir, OWN_AUTHORITY_FILE);
	return authority_read(path, passphrase, ret_authority, err);
}

/* What the certificate in it says, which is no secret. */
bool own_authority_is(const char *path, const struct pki_pin *pin)
{
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	size_t size = 0;
	if (pki_file_read(path, &pem, &size, NULL) < 0 ||
	    pki_certificate_read(pem, size, &certificate, NULL) < 0)
		return false;
	const struct pki_pin is = pki_certificate_pin(certificate);
	return pki_pin_equal(&is, pin);
}

int own_authority_find(const char *dir, const struct pki_pin *pin, const char *passphrase,
		       struct pki_authority **ret_authority, struct error **err)
{
	static const char *const names[] = {OWN_AUTHORITY_FILE, OWN_AUTHORITY_NEXT_FILE};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		CLEANUP(freep) char *path = path_of(dir, names[k]);
		if (own_authority_is(path, pin))
			return authority_read(path, passphrase, ret_authority, err);
	}
	return error_set(err, ERR_NOT_FOUND,
			 "the key of the certificate authority that signs is not in "
			 "%s/credentials",
			 dir);
}

/* ---- on each of several zrms ---- */

static const char *const key_files[OWN_AUTHORITY_KEYS] = {OWN_AUTHORITY_FILE,
							  OWN_AUTHORITY_NEXT_FILE};

static bool has_pin(const struct pki_trust *trust, const struct pki_pin *pin)
{
	for (size_t i = 0; i < pki_trust_count(trust); i++) {
		const struct pki_pin one = pki_trust_pin(trust, i);
		if (pki_pin_equal(&one, pin))
			return true;
	}
	return false;
}

static int pin_of(const char *pem, struct pki_pin *ret_pin, struct error **err)
{
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	int r = pki_certificate_read(pem, strlen(pem), &certificate, err);
	if (r == 0)
		*ret_pin = pki_certificate_pin(certificate);
	return r;
}

char *own_authority_key(const char *dir, const struct pki_trust *trust, unsigned at,
			struct pki_pin *ret_pin)
{
	CLEANUP(freep) char *path = path_of(dir, key_files[at]);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	if (pki_file_read(path, &pem, &size, NULL) < 0 || pin_of(pem, ret_pin, NULL) < 0 ||
	    !has_pin(trust, ret_pin))
		return NULL;
	return steal_ptr(&pem);
}

int own_authority_key_store(const char *dir, const struct pki_trust *trust, const char *pem,
			    struct error **err)
{
	struct pki_pin pin, other;
	int r = pin_of(pem, &pin, err);
	if (r < 0)
		return r;
	if (!has_pin(trust, &pin))
		return error_set(err, ERR_INVALID, "it is the key of an unknown authority");
	/* As authorities.h: the first one stays until it is dropped. */
	CLEANUP(pki_secret_freep) char *first = own_authority_key(dir, trust, 0, &other);
	CLEANUP(freep) char *path = path_of(dir, key_files[first != NULL]);
	return pki_file_write(path, pem, strlen(pem), err);
}

int own_authority_keys_follow(const char *dir, const struct pki_trust *trust,
			      struct error **err)
{
	struct pki_pin pin;
	CLEANUP(freep) char *path = path_of(dir, OWN_AUTHORITY_FILE);
	CLEANUP(freep) char *next_path = path_of(dir, OWN_AUTHORITY_NEXT_FILE);
	CLEANUP(pki_secret_freep) char *first = own_authority_key(dir, trust, 0, &pin);
	CLEANUP(pki_secret_freep) char *next = own_authority_key(dir, trust, 1, &pin);
	if (first == NULL && next != NULL)
		return pki_file_rename(next_path, path, err);
	if (next == NULL)
		(void)unlink(next_path);
	return 0;
}

/* ---- zrms' own ---- */

int own_identity_sign(const struct pki_authority *authority, const struct pki_request *request,
		      const char *const *addresses, int64_t lifetime_ms, int64_t now_wall_ms,
		      struct pki_certificate **ret_certificate, struct error **err)
{
	const struct pki_subject subject = {.role = "zrms",
					    .name = "zrms",
					    .addresses = addresses,
					    .lifetime_ms = lifetime_ms};
	return pki_issue(authority, request, &subject, now_wall_ms, ret_certificate, err);
}

int own_identity_issue(const char *dir, const struct pki_authority *authority, uint32_t other,
		       const char *const *addresses, int64_t lifetime_ms, int64_t now_wall_ms,
		       struct error **err)
{
	CLEANUP(freep) char *directory = own_identity_directory(dir);
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	int r = pki_key_new(&key, err);
	if (r == 0)
		r = pki_request_new(key, &request, err);
	if (r == 0)
		r = own_identity_sign(authority, request, addresses, lifetime_ms, now_wall_ms,
				      &certificate, err);
	if (r < 0)
		return r;
	return other == 0 ? pki_identity_store(directory, key, certificate, err)
			  : pki_other_identity_store(directory, other, key, certificate, err);
}

bool own_identity_is_believed(const char *dir, const struct pki_trust *trust)
{
	CLEANUP(freep) char *path = path_of(dir, PKI_IDENTITY_FILE);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	struct pki_expectation expected = {.is_server = true};
	size_t size = 0;
	if (pki_file_read(path, &pem, &size, NULL) < 0 ||
	    pki_certificate_read(pem, size, &certificate, NULL) < 0 ||
	    pki_certificate_identity(certificate, &identity, NULL) < 0)
		return false;
	expected.now_wall_ms = identity.not_after_ms - 1; /* its time is judged elsewhere */
	pki_identity_done(&identity);
	identity = (struct pki_identity){0};
	return pki_verify(trust, &expected, certificate, NULL, 0, &identity, NULL, NULL) == 0;
}

int own_identity_times(const char *dir, uint32_t chance, int64_t *ret_renew_wall_ms,
		       int64_t *ret_expires_wall_ms, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/credentials/" PKI_IDENTITY_FILE, dir);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	size_t size = 0;
	int r = pki_file_read(path, &pem, &size, err);
	if (r == 0)
		r = pki_certificate_read(pem, size, &certificate, err);
	if (r == 0)
		r = pki_certificate_identity(certificate, &identity, err);
	if (r < 0)
		return r;
	*ret_renew_wall_ms =
		pki_renewal_ms(identity.not_before_ms, identity.not_after_ms, chance);
	*ret_expires_wall_ms = identity.not_after_ms;
	return 0;
}
