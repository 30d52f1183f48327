#include "adapter/wasm2c/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/memory.h"

enum { CHUNK_BYTES = 64 * 1024 };

struct seal {
	char mark[8];
	uint8_t digest[crypto_hash_sha256_BYTES];
};

static const char mark[8] = {'s', 'm', 'z', 's', 'e', 'a', 'l', '1'};

/* Of the first `size` bytes. */
static int digest_of(int fd, uint64_t size, uint8_t ret_digest[crypto_hash_sha256_BYTES])
{
	CLEANUP(freep) uint8_t *chunk = mem_calloc(1, CHUNK_BYTES);
	crypto_hash_sha256_state state;
	uint64_t at = 0;

	crypto_hash_sha256_init(&state);
	while (at < size) {
		size_t want = size - at < CHUNK_BYTES ? (size_t)(size - at) : CHUNK_BYTES;
		ssize_t n = pread(fd, chunk, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		crypto_hash_sha256_update(&state, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	crypto_hash_sha256_final(&state, ret_digest);
	return 0;
}

int seal_add(const char *path, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	struct seal seal;
	struct stat st;

	memcpy(seal.mark, mark, sizeof(mark));
	if (fd < 0 || fstat(fd, &st) < 0 ||
	    digest_of(fd, (uint64_t)st.st_size, seal.digest) < 0)
		return error_errno(err, "cannot read %s", path);
	if (write(fd, &seal, sizeof(seal)) != (ssize_t)sizeof(seal))
		return error_errno(err, "cannot write %s", path);
	return 0;
}

bool seal_holds(const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t digest[crypto_hash_sha256_BYTES];
	struct seal seal;
	struct stat st;
	off_t size;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(seal))
		return false;
	size = st.st_size - (off_t)sizeof(seal);
	return pread(fd, &seal, sizeof(seal), size) == (ssize_t)sizeof(seal) &&
	       memcmp(seal.mark, mark, sizeof(mark)) == 0 &&
	       digest_of(fd, (uint64_t)size, digest) == 0 &&
	       memcmp(seal.digest, digest, sizeof(digest)) == 0;
}
