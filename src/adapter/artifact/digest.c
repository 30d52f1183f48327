#include "adapter/artifact/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024 };

void digest_init(struct digest *d)
{
	(void)crypto_hash_sha256_init(&d->state);
}

void digest_add(struct digest *d, const void *data, size_t size)
{
	(void)crypto_hash_sha256_update(&d->state, data, size);
}

void digest_final(struct digest *d, char ret_digest[static ARTIFACT_DIGEST_CHARS + 1])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	(void)crypto_hash_sha256_final(&d->state, hash);
	(void)sodium_bin2hex(ret_digest, ARTIFACT_DIGEST_CHARS + 1, hash, sizeof(hash));
}

int file_digest(const char *path, char ret_digest[static ARTIFACT_DIGEST_CHARS + 1],
		struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	struct digest d;
	digest_init(&d);
	CLEANUP(freep) uint8_t *chunk = mem_calloc(1, CHUNK_BYTES);
	ssize_t n;
	while ((n = read(fd, chunk, CHUNK_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read %s", path);
		digest_add(&d, chunk, (size_t)n);
	}
	digest_final(&d, ret_digest);
	return 0;
}
