/*
 * Keys of machines and of certificate authorities: ECDSA on P-256, and what identifies one, its pin:
 * the SHA-256 of the public key, which stays the same when the certificate is issued again.
 */
#ifndef SAMOZA_ADAPTER_PKI_KEY_H
#define SAMOZA_ADAPTER_PKI_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PKI_PIN_BYTES 32
#define PKI_PIN_HEX   65 /* as hexadecimal text, with its NUL byte */

struct pki_key;

struct pki_pin {
	uint8_t bytes[PKI_PIN_BYTES];
};

int pki_key_new(struct pki_key **ret_key, struct error **err) must_check;
/* `pem` may hold more than the key. `passphrase`: NULL where it has none. ERR_INVALID: no key of
 * P-256, or not the passphrase. */
int pki_key_read(const char *pem, size_t size, const char *passphrase, struct pki_key **ret_key,
		 struct error **err) must_check;
/* PEM, encrypted where there is a passphrase. The caller frees it with pki_secret_free(). */
char *pki_key_write(const struct pki_key *key, const char *passphrase);
/* NULL is fine. */
void pki_key_free(struct pki_key *key);
void pki_key_freep(struct pki_key **key);

struct pki_pin pki_key_pin(const struct pki_key *key);
bool pki_pin_equal(const struct pki_pin *a, const struct pki_pin *b);
void pki_pin_text(const struct pki_pin *pin, char to[PKI_PIN_HEX]);

/* Overwrites a secret text before its memory goes. NULL is fine. */
void pki_secret_free(char *text);
void pki_secret_freep(char **text);

#endif
