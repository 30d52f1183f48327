#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/backup/archive.h"
#include "base/memory.h"
#include "base/str.h"

#define PIECE	   ((size_t)64 * 1024)
#define LINE_BYTES 4096

struct reading {
	struct seal_reader *seal;
	int directory;
	struct digest lines;
	struct archive_contents contents;
	size_t have, used; /* of `piece` */
	char piece[PIECE];
	char line[LINE_BYTES];
};

static int damaged(const char *what, struct error **err)
{
	return error_set(err, ERR_INVALID, "the backup is damaged: %s", what);
}

/* At least a byte, unless it is the end. */
static int fill(struct reading *r, struct error **err)
{
	if (r->used < r->have)
		return 0;
	r->used = 0;
	return seal_read(r->seal, r->piece, sizeof(r->piece), &r->have, err);
}

/* Without its end; ERR_INVALID at the end of the file. */
static int read_line(struct reading *r, struct error **err)
{
	size_t size = 0;
	for (;;) {
		int result = fill(r, err);
		if (result < 0)
			return result;
		if (r->used == r->have)
			return error_set(err, ERR_INVALID,
					 "the backup ends too early: it was cut");
		char c = r->piece[r->used++];
		if (c == '\n')
			break;
		if (size == sizeof(r->line) - 1 || (unsigned char)c < ' ')
			return damaged("it has a line that is none", err);
		r->line[size++] = c;
	}
	r->line[size] = '\0';
	return 0;
}

static void count_line(struct reading *r)
{
	digest_add(&r->lines, r->line, strlen(r->line));
	digest_add(&r->lines, "\n", 1);
}

/* "a/b": no empty name, none that begins with a dot: nothing leads upwards. */
static bool path_is_valid(const char *path)
{
	if (*path == '\0')
		return false;
	for (const char *name = path; name != NULL; name = strchr(name, '/')) {
		name += *name == '/';
		if (*name == '\0' || *name == '/' || *name == '.')
			return false;
	}
	return true;
}

/* The directories of the path, and the file itself; the descriptor. */
static int make_file(const struct reading *r, const char *path, struct error **err)
{
	CLEANUP(freep) char *part = mem_strdup(path);
	for (char *slash = strchr(part, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(r->directory, part, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make the directory %s", part);
		*slash = '/';
	}
	int fd = openat(r->directory, path,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return damaged("it has two files of one name", err);
	return fd >= 0 ? fd : error_errno(err, "cannot make the file %s", path);
}

static int write_piece(int fd, const char *data, size_t size, const char *path,
		       struct error **err)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot write %s", path);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int copy_bytes(struct reading *r, const char *path, uint64_t size, int fd,
		      struct digest *sum, struct error **err)
{
	while (size > 0) {
		int result = fill(r, err);
		if (result < 0)
			return result;
		size_t there = r->have - r->used;
		size_t n = size < there ? (size_t)size : there;
		if (n == 0)
			return error_set(err, ERR_INVALID,
					 "the backup ends too early, within %s: it was cut",
					 path);
		digest_add(sum, r->piece + r->used, n);
		result = write_piece(fd, r->piece + r->used, n, path, err);
		if (result < 0)
			return result;
		r->used += n;
		size -= n;
	}
	return 0;
}

/* The lines after the bytes: an empty one, and the checksum. */
static int check_sum(struct reading *r, const char *path, struct digest *sum,
		     struct error **err)
{
	char hex[ARTIFACT_DIGEST_CHARS + 1];
	digest_final(sum, hex);
	for (int k = 0; k < 2; k++) {
		int result = read_line(r, err);
		if (result < 0)
			return result;
		count_line(r);
		if (k == 0 && r->line[0] != '\0')
			break;
	}
	if (str_has_prefix(r->line, "SUM ") && str_equal(r->line + strlen("SUM "), hex))
		return 0;
	return error_set(err, ERR_INVALID, "the backup is damaged: %s is not what was written",
			 path);
}

/* "FILE 12 trust/team.pub" */
static int read_file(struct reading *r, struct error **err)
{
	char *end = NULL;
	struct digest sum;
	uint64_t size = strtoull(r->line + strlen("FILE "), &end, 10);
	if (*end != ' ' || !path_is_valid(end + 1))
		return damaged("a file in it has no valid name", err);
	CLEANUP(freep) char *path = mem_strdup(end + 1);
	CLEANUP(closep) int fd = make_file(r, path, err);
	if (fd < 0)
		return fd;
	digest_init(&sum);
	int result = copy_bytes(r, path, size, fd, &sum, err);
	if (result == 0 && fsync(fd) < 0)
		result = error_errno(err, "cannot write %s", path);
	if (result < 0)
		return result;
	r->contents.files++;
	r->contents.bytes += size;
	return check_sum(r, path, &sum, err);
}

static void read_meta(struct reading *r)
{
	const char *of = r->line + strlen("META ");
	if (str_has_prefix(of, "version "))
		(void)snprintf(r->contents.version, sizeof(r->contents.version), "%s",
			       of + strlen("version "));
	else if (str_has_prefix(of, "created "))
		(void)snprintf(r->contents.created, sizeof(r->contents.created), "%s",
			       of + strlen("created "));
}

/* `END 12 SUM`, then nothing. */
static int read_end(struct reading *r, struct error **err)
{
	char hex[ARTIFACT_DIGEST_CHARS + 1];
	digest_final(&r->lines, hex);
	CLEANUP(freep)
	char *expected = str_printf("END %" PRIu64 " %s", r->contents.files, hex);
	if (!str_equal(r->line, expected))
		return damaged("files of it are missing", err);
	int result = fill(r, err);
	if (result == 0 && r->used < r->have)
		return damaged("it goes on after its end", err);
	return result;
}

static int read_entries(struct reading *r, struct error **err)
{
	int result;
	while ((result = read_line(r, err)) == 0) {
		if (str_has_prefix(r->line, "END "))
			return read_end(r, err);
		count_line(r);
		if (str_has_prefix(r->line, "META "))
			read_meta(r);
		else if (str_has_prefix(r->line, "FILE "))
			result = read_file(r, err);
		else
			result = damaged("it has a line that is none", err);
		if (result < 0)
			return result;
	}
	return result;
}

int archive_extract(struct seal_reader *seal, int directory,
		    struct archive_contents *ret_contents, struct error **err)
{
	CLEANUP(freep) struct reading *r = mem_new(struct reading);
	CLEANUP(error_freep) struct error *why = NULL;
	r->seal = seal;
	r->directory = directory;
	digest_init(&r->lines);
	if (read_line(r, &why) < 0 || !str_equal(r->line, "samoza-backup 1"))
		return error_set(err, ERR_INVALID,
				 "this is no backup of Samoza, or one of a later version");
	count_line(r);
	int result = read_entries(r, err);
	if (result == 0)
		*ret_contents = r->contents;
	return result;
}
