#include "adapter/tls/believed.h"

#include <string.h>

int believed_write(const struct pki_trust *trust, const unsigned char **ret_bytes,
		   size_t *ret_size)
{
	size_t count = trust != NULL ? pki_trust_count(trust) : 0;
	unsigned char *bytes = count > 0 ? OPENSSL_malloc(count * PKI_PIN_BYTES) : NULL;
	if (bytes == NULL)
		return 0;
	for (size_t k = 0; k < count; k++) {
		const struct pki_pin pin = pki_trust_pin(trust, k);
		memcpy(bytes + k * PKI_PIN_BYTES, pin.bytes, PKI_PIN_BYTES);
	}
	*ret_bytes = bytes;
	*ret_size = count * PKI_PIN_BYTES;
	return 1;
}

void believed_free(SSL *ssl, unsigned type, unsigned context, const unsigned char *bytes,
		   void *arg)
{
	(void)ssl, (void)type, (void)context, (void)arg;
	OPENSSL_free((void *)(uintptr_t)bytes);
}
