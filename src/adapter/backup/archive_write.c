#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/backup/archive.h"
#include "base/memory.h"
#include "base/str.h"

#define PIECE ((size_t)64 * 1024)

struct archive_writer {
	struct seal_writer *seal;
	struct digest lines;
	uint64_t files;
	bool has_begun;
	unsigned char piece[PIECE];
};

struct archive_writer *archive_writer_new(struct seal_writer *seal)
{
	struct archive_writer *w = mem_new(struct archive_writer);
	w->seal = seal;
	digest_init(&w->lines);
	return w;
}

void archive_writer_free(struct archive_writer *writer)
{
	free(writer);
}

/* A line, whose text is freed. */
static int line(struct archive_writer *w, char *text, struct error **err)
{
	CLEANUP(freep) char *owned = text;
	digest_add(&w->lines, owned, strlen(owned));
	return seal_write(w->seal, owned, strlen(owned), err);
}

static int begin(struct archive_writer *w, struct error **err)
{
	if (w->has_begun)
		return 0;
	w->has_begun = true;
	return line(w, mem_strdup("samoza-backup 1\n"), err);
}

int archive_meta(struct archive_writer *w, const char *name, const char *value,
		 struct error **err)
{
	int r = begin(w, err);
	return r == 0 ? line(w, str_printf("META %s %s\n", name, value), err) : r;
}

static int changed(const char *path, struct error **err)
{
	return error_set(err, ERR_STALE, "%s changed while it was read", path);
}

static int bytes(struct archive_writer *w, const char *path, int fd, uint64_t size,
		 struct digest *sum, struct error **err)
{
	while (size > 0) {
		ssize_t n = read(fd, w->piece, size < PIECE ? (size_t)size : PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read %s", path);
		if (n == 0)
			return changed(path, err);
		digest_add(sum, w->piece, (size_t)n);
		int r = seal_write(w->seal, w->piece, (size_t)n, err);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return 0;
}

int archive_file(struct archive_writer *w, const char *path, int fd, struct error **err)
{
	struct stat st;
	struct digest sum;
	char hex[ARTIFACT_DIGEST_CHARS + 1];
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s", path);
	digest_init(&sum);
	int r = begin(w, err);
	if (r == 0)
		r = line(w, str_printf("FILE %" PRIu64 " %s\n", (uint64_t)st.st_size, path),
			 err);
	if (r == 0)
		r = bytes(w, path, fd, (uint64_t)st.st_size, &sum, err);
	if (r < 0)
		return r;
	digest_final(&sum, hex);
	w->files++;
	return line(w, str_printf("\nSUM %s\n", hex), err);
}

int archive_end(struct archive_writer *w, struct error **err)
{
	char hex[ARTIFACT_DIGEST_CHARS + 1];
	int r = begin(w, err);
	if (r < 0)
		return r;
	digest_final(&w->lines, hex);
	CLEANUP(freep) char *text = str_printf("END %" PRIu64 " %s\n", w->files, hex);
	return seal_write(w->seal, text, strlen(text), err);
}
