/*
 * SHA-256, as the 64 hexadecimal digits that name artifacts.
 */
#ifndef SAMOZA_ADAPTER_ARTIFACT_DIGEST_H
#define SAMOZA_ADAPTER_ARTIFACT_DIGEST_H

#include <sodium.h>

#include "base/error.h"
#include "port/artifact.h"

struct digest {
	crypto_hash_sha256_state state;
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t size);
void digest_final(struct digest *d, char ret_digest[static ARTIFACT_DIGEST_CHARS + 1]);

/* Of a file. Any thread. */
int file_digest(const char *path, char ret_digest[static ARTIFACT_DIGEST_CHARS + 1],
		struct error **err) must_check;

#endif
