#include "adapter/webhook/webhook.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

char *webhook_signature(const char *secret, size_t secret_size, const char *id, int64_t seconds,
			const void *body, size_t body_size)
{
	unsigned char hash[crypto_auth_hmacsha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(crypto_auth_hmacsha256_BYTES,
					    sodium_base64_VARIANT_ORIGINAL)];
	CLEANUP(freep) char *head = str_printf("%s.%" PRId64 ".", id, seconds);
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, secret_size);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, strlen(head));
	crypto_auth_hmacsha256_update(&state, body, body_size);
	crypto_auth_hmacsha256_final(&state, hash);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash),
			  sodium_base64_VARIANT_ORIGINAL);
	return str_printf("v1,%s", text);
}
