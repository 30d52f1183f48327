#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/recorder/segment.h"
#include "adapter/recorder/segment_private.h"
#include "base/fingerprint.h"
#include "base/memory.h"
#include "schema/message.h"

struct segment_writer {
	int fd;
	char *path;
	uint64_t size;
};

static void put(struct buffer *to, uint64_t value, unsigned bytes)
{
	uint8_t data[8];
	for (unsigned k = 0; k < bytes; k++)
		data[k] = (uint8_t)(value >> (8 * k));
	(void)!buffer_add(to, data, bytes);
}

static int write_header(struct segment_writer *w, const Samoza__V1__RecordingHeader *header,
			struct error **err)
{
	struct buffer packed = BUFFER_INIT(SEGMENT_HEADER_MAX);
	struct buffer all = BUFFER_INIT(2 * SEGMENT_HEADER_MAX);
	int r = schema_message_pack(&header->base, &packed, err);
	if (r == 0) {
		(void)!buffer_add_string(&all, SEGMENT_MAGIC);
		put(&all, SEGMENT_FORMAT, 4);
		put(&all, packed.size, 4);
		(void)!buffer_add(&all, packed.data, packed.size);
		put(&all, fingerprint(FINGERPRINT_NONE, packed.data, packed.size), 8);
		r = segment_append(w, all.data, all.size, err);
	}
	buffer_done(&packed);
	buffer_done(&all);
	return r;
}

int segment_create(const char *path, const Samoza__V1__RecordingHeader *header,
		   struct segment_writer **ret_writer, struct error **err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, ERR_CONFLICT, "%s is there already; remove it first",
				 path);
	if (fd < 0)
		return error_errno(err, "cannot make %s", path);
	struct segment_writer *w = mem_new(struct segment_writer);
	w->fd = fd;
	w->path = mem_strdup(path);
	int r = write_header(w, header, err);
	if (r < 0) {
		(void)unlink(path);
		segment_writer_free(w);
		return r;
	}
	*ret_writer = w;
	return 0;
}

int segment_append(struct segment_writer *w, const void *data, size_t size, struct error **err)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = write(w->fd, (const char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = ENOSPC;
			int r = error_errno(err, "cannot write %s", w->path);
			/* A reader would pass over a part of a block. It is of no use to anybody. */
			(void)!ftruncate(w->fd, (off_t)w->size);
			(void)lseek(w->fd, (off_t)w->size, SEEK_SET);
			return r;
		}
		done += (size_t)n;
	}
	w->size += size;
	return 0;
}

uint64_t segment_size(const struct segment_writer *w)
{
	return w->size;
}

void segment_writer_free(struct segment_writer *w)
{
	if (w == NULL)
		return;
	(void)close(w->fd);
	free(w->path);
	free(w);
}
