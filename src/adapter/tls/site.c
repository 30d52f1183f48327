#include "adapter/tls/site.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/pki/private.h"

/* OpenSSL's own words for a file that is missing are about its functions. */
static int file_check(const char *path, struct error **err)
{
	struct stat status;
	if (stat(path, &status) < 0 || access(path, R_OK) < 0)
		return error_errno(err, "cannot read %s", path);
	return S_ISREG(status.st_mode) ? 0
				       : error_set(err, ERR_INVALID, "%s is not a file", path);
}

static int key_check(const char *path, struct error **err)
{
	struct stat status;
	int r = file_check(path, err);
	if (r < 0)
		return r;
	if (stat(path, &status) == 0 && (status.st_mode & 07) == 0)
		return 0;
	return error_set(err, ERR_DENIED,
			 "everybody on this machine can read the key %s (mode %04o): chmod o= "
			 "it, and renew it if somebody may have",
			 path, (unsigned)status.st_mode & 07777);
}

int site_certificate_set(SSL_CTX *ssl, const char *certificate, const char *key,
			 struct error **err)
{
	int r = file_check(certificate, err);
	if (r == 0)
		r = key_check(key, err);
	if (r < 0)
		return r;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1)
		return openssl_error(err, ERR_INVALID,
				     "%s holds no certificate with its chain in PEM",
				     certificate);
	if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ssl) != 1)
		return openssl_error(err, ERR_INVALID, "%s is not the key of %s", key,
				     certificate);
	return 0;
}
