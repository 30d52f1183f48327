#include "zhost/artifact/compiled.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "port/artifact.h"

struct compiled {
	char *key; /* "DIGEST MEMORY" */
	char *path;
	struct stat seen;
	UT_hash_handle hh;
};

static char *key_new(const char *module_digest, uint64_t memory_bytes)
{
	return str_printf("%s %" PRIu64, module_digest, memory_bytes);
}

static void compiled_free(struct compiled_files *c, struct compiled *one)
{
	HASH_DEL(c->all, one);
	free(one->key);
	free(one->path);
	free(one);
}

void compiled_done(struct compiled_files *c)
{
	struct compiled *one, *next;

	HASH_ITER (hh, c->all, one, next)
		compiled_free(c, one);
}

static struct compiled *find(const struct compiled_files *c, const char *module_digest,
			     uint64_t memory_bytes)
{
	CLEANUP(freep) char *key = key_new(module_digest, memory_bytes);
	struct compiled *one = NULL;

	HASH_FIND_STR(c->all, key, one);
	return one;
}

void compiled_add(struct compiled_files *c, const char *module_digest, uint64_t memory_bytes,
		  const char *path)
{
	struct compiled *one = find(c, module_digest, memory_bytes);
	struct stat seen;

	if (one != NULL)
		compiled_free(c, one);
	if (stat(path, &seen) < 0)
		return;
	one = mem_new(struct compiled);
	one->key = key_new(module_digest, memory_bytes);
	one->path = mem_strdup(path);
	one->seen = seen;
	HASH_ADD_KEYPTR(hh, c->all, one->key, strlen(one->key), one);
}

const char *compiled_use(struct compiled_files *c, const char *module_digest,
			 uint64_t memory_bytes)
{
	struct compiled *one = find(c, module_digest, memory_bytes);
	struct stat now;

	if (one == NULL)
		return NULL;
	if (stat(one->path, &now) < 0 || now.st_ino != one->seen.st_ino ||
	    now.st_size != one->seen.st_size ||
	    now.st_mtim.tv_sec != one->seen.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != one->seen.st_mtim.tv_nsec) {
		compiled_free(c, one);
		return NULL;
	}
	/* What was not used for longest goes first from the translator's cache. */
	(void)utimensat(AT_FDCWD, one->path, NULL, 0);
	if (stat(one->path, &one->seen) < 0) {
		compiled_free(c, one);
		return NULL;
	}
	return one->path;
}

void compiled_suspect(struct compiled_files *c, const char *module_digest)
{
	struct compiled *one, *next;

	HASH_ITER (hh, c->all, one, next)
		if (strncmp(one->key, module_digest, ARTIFACT_DIGEST_CHARS) == 0)
			compiled_free(c, one);
}
