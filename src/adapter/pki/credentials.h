/*
 * What a machine proves its identity with, and whom it believes, in a directory (0700):
 *
 *   identity.pem      its certificate and its key, in one file: a renewal replaces both or neither
 *   authorities.pem   the certificate authorities of its cluster
 *   former.pem        of zrms: authorities of before, of which zhosts that were away may have a certificate
 *   identity-N.pem    of zrms: the same as identity.pem, of another authority, for those who do not believe that one
 */
#ifndef SAMOZA_ADAPTER_PKI_CREDENTIALS_H
#define SAMOZA_ADAPTER_PKI_CREDENTIALS_H

#include "adapter/pki/trust.h"

#define PKI_IDENTITY_FILE    "identity.pem"
#define PKI_AUTHORITIES_FILE "authorities.pem"
#define PKI_FORMER_FILE	     "former.pem"
#define PKI_OTHERS_MAX	     8
#define PKI_FILE_MAX	     ((size_t)256 * 1024)

struct pki_pair {
	struct pki_key *key;
	struct pki_certificate *certificate;
};

struct pki_credentials {
	struct pki_key *key; /* NULL, as the certificate: anonymous */
	struct pki_certificate *certificate;
	struct pki_trust *trust;
	struct pki_pair others[PKI_OTHERS_MAX]; /* of other authorities */
	size_t other_count;
};

/* A directory without identity.pem gives anonymous ones. ERR_NOT_FOUND: no authorities. ERR_DENIED: others can
 * read the key. ERR_INVALID: a file is broken, or the key is not of the certificate. */
int pki_credentials_load(const char *directory, struct pki_credentials *ret_credentials,
			 struct error **err) must_check;
/* Durable when it returns. */
int pki_identity_store(const char *directory, const struct pki_key *key,
		       const struct pki_certificate *certificate,
		       struct error **err) must_check;
/* As identity-N.pem. */
int pki_other_identity_store(const char *directory, uint32_t number, const struct pki_key *key,
			     const struct pki_certificate *certificate,
			     struct error **err) must_check;
int pki_authorities_store(const char *directory, const struct pki_trust *trust,
			  struct error **err) must_check;
void pki_credentials_done(struct pki_credentials *credentials);

/* ---- files of secrets ---- */

/* Mode 0600; a new file takes the place of the old one when it is on disk, so that there is always a whole
 * one. */
int pki_file_write(const char *path, const char *data, size_t size,
		   struct error **err) must_check;
/* Durable when it returns. */
int pki_file_rename(const char *from, const char *to, struct error **err) must_check;
/* Of at most PKI_FILE_MAX bytes, never through a link: pki_secret_free(). ERR_DENIED: group or others have
 * rights on it. */
int pki_file_read(const char *path, char **ret_data, size_t *ret_size,
		  struct error **err) must_check;

#endif
