#include "adapter/pki/key.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "adapter/pki/private.h"
#include "base/check.h"
#include "base/str.h"

/* ---- OpenSSL ---- */

/* The newest entry says what failed; any of them, that there was no memory. */
static const char *reason_take(void)
{
	const char *reason = NULL;
	unsigned long code;
	while ((code = ERR_get_error()) != 0) {
		if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
			out_of_memory(1, 0);
		if (ERR_reason_error_string(code) != NULL)
			reason = ERR_reason_error_string(code);
	}
	return reason;
}

int openssl_error(struct error **err, enum error_code code, const char *format, ...)
{
	const char *reason = reason_take();
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	if (reason == NULL)
		return error_set(err, code, "%s", text);
	return error_set(err, code, "%s: %s", text, reason);
}

void *openssl_need(void *p)
{
	if (p == NULL)
		out_of_memory(1, 0);
	return p;
}

char *bio_text(BIO *bio)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	char *text = mem_memdup(data, (size_t)size);
	BIO_free(bio);
	return text;
}

BIO *bio_of(const char *text, size_t size)
{
	PRE(size <= INT_MAX);
	return openssl_need(BIO_new_mem_buf(text, (int)size));
}

bool pkey_is_p256(EVP_PKEY *pkey)
{
	char group[32] = "";
	return pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

/* ---- keys ---- */

static struct pki_key *key_of(EVP_PKEY *take_pkey)
{
	struct pki_key *key = mem_new(struct pki_key);
	key->pkey = take_pkey;
	return key;
}

int pki_key_new(struct pki_key **ret_key, struct error **err)
{
	ERR_clear_error();
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	if (pkey == NULL)
		return openssl_error(err, ERR_IO, "cannot make a key");
	*ret_key = key_of(pkey);
	return 0;
}

/* Never asks at the terminal, which OpenSSL does where there is no callback. */
static int passphrase_give(char *to, int size, int is_written, void *user)
{
	(void)is_written;
	const char *passphrase = user;
	if (passphrase == NULL || strlen(passphrase) > (size_t)size)
		return -1;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): its length is returned */
	memcpy(to, passphrase, strlen(passphrase));
	return (int)strlen(passphrase);
}

int pki_key_read(const char *pem, size_t size, const char *passphrase, struct pki_key **ret_key,
		 struct error **err)
{
	ERR_clear_error();
	BIO *bio = bio_of(pem, size);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, passphrase_give,
						 (void *)(uintptr_t)passphrase);
	BIO_free(bio);
	if (pkey == NULL)
		return openssl_error(err, ERR_INVALID, "it holds no key that can be read%s",
				     passphrase != NULL ? " with this passphrase" : "");
	if (!pkey_is_p256(pkey)) {
		EVP_PKEY_free(pkey);
		return error_set(err, ERR_INVALID,
				 "the key is of another kind: expected ECDSA on P-256");
	}
	*ret_key = key_of(pkey);
	return 0;
}

char *pki_key_write(const struct pki_key *key, const char *passphrase)
{
	/* Memory that OpenSSL overwrites before it frees it. */
	BIO *bio = openssl_need(BIO_new(BIO_s_secmem()));
	int size = passphrase != NULL ? (int)strlen(passphrase) : 0;
	int r = PEM_write_bio_PKCS8PrivateKey(bio, key->pkey,
					      passphrase != NULL ? EVP_aes_256_cbc() : NULL,
					      passphrase, size, NULL, NULL);
	if (r != 1)
		out_of_memory(1, 0);
	return bio_text(bio);
}

void pki_key_free(struct pki_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

void pki_key_freep(struct pki_key **key)
{
	pki_key_free(*key);
}

static struct pki_pin pin_of(const unsigned char *der, size_t size)
{
	struct pki_pin pin;
	if (EVP_Digest(der, size, pin.bytes, NULL, EVP_sha256(), NULL) != 1)
		out_of_memory(1, 0);
	return pin;
}

struct pki_pin pki_key_pin(const struct pki_key *key)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key->pkey, &der);
	(void)openssl_need(size > 0 ? der : NULL);
	struct pki_pin pin = pin_of(der, (size_t)size);
	OPENSSL_free(der);
	return pin;
}

struct pki_pin x509_pin(const X509 *x509)
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	(void)openssl_need(size > 0 ? der : NULL);
	struct pki_pin pin = pin_of(der, (size_t)size);
	OPENSSL_free(der);
	return pin;
}

bool pki_pin_equal(const struct pki_pin *a, const struct pki_pin *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void pki_pin_text(const struct pki_pin *pin, char to[PKI_PIN_HEX])
{
	for (size_t i = 0; i < PKI_PIN_BYTES; i++)
		(void)snprintf(to + 2 * i, 3, "%02x", pin->bytes[i]);
}

void pki_secret_free(char *text)
{
	if (text == NULL)
		return;
	OPENSSL_cleanse(text, strlen(text));
	free(text);
}

void pki_secret_freep(char **text)
{
	pki_secret_free(*text);
}
