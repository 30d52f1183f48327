#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/recorder/segment.h"
#include "adapter/recorder/segment_private.h"
#include "base/fingerprint.h"
#include "base/memory.h"
#include "schema/message.h"

#define CHUNK ((size_t)1024 * 1024)

struct segment_reader {
	int fd;
	char *path;
	bool at_end;	     /* nothing more is in the file */
	struct buffer ahead; /* read, and not taken */
	size_t taken;	     /* of it */
	Samoza__V1__RecordingHeader *header;
};

/* Bytes that are there and not taken. */
static size_t left(const struct segment_reader *r)
{
	return r->ahead.size - r->taken;
}

static const uint8_t *here(const struct segment_reader *r)
{
	return (const uint8_t *)r->ahead.data + r->taken;
}

/* Until so many are there, or the file ends. */
static int fill(struct segment_reader *r, size_t wanted, struct error **err)
{
	while (!r->at_end && left(r) < wanted) {
		if (r->taken >= CHUNK) {
			buffer_consume(&r->ahead, r->taken);
			r->taken = 0;
		}
		char *to = buffer_reserve(&r->ahead, CHUNK);
		if (to == NULL)
			return error_set(err, ERR_LIMIT, "%s: no room for a block", r->path);
		ssize_t n = read(r->fd, to, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read %s", r->path);
		r->at_end = n == 0;
		buffer_grew(&r->ahead, (size_t)n);
	}
	return 0;
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned k = 0; k < bytes; k++)
		value |= (uint64_t)from[k] << (8 * k);
	return value;
}

static int take_header(struct segment_reader *r, struct error **err)
{
	const size_t fixed = strlen(SEGMENT_MAGIC) + 8;
	int result = fill(r, fixed, err);
	if (result < 0)
		return result;
	if (left(r) < fixed || memcmp(here(r), SEGMENT_MAGIC, strlen(SEGMENT_MAGIC)) != 0)
		return error_set(err, ERR_INVALID, "%s is no recording", r->path);
	uint64_t format = get(here(r) + strlen(SEGMENT_MAGIC), 4);
	if (format != SEGMENT_FORMAT)
		return error_set(err, ERR_UNSUPPORTED,
				 "%s has the format %u, and this version reads format %u only; "
				 "replay it with the version that wrote it",
				 r->path, (unsigned)format, SEGMENT_FORMAT);
	size_t size = (size_t)get(here(r) + fixed - 4, 4);
	if (size > SEGMENT_HEADER_MAX)
		return error_set(err, ERR_INVALID, "%s: its beginning is damaged", r->path);
	result = fill(r, fixed + size + 8, err);
	if (result < 0)
		return result;
	const uint8_t *packed = here(r) + fixed;
	ProtobufCMessage *header = NULL;
	if (left(r) < fixed + size + 8 ||
	    get(packed + size, 8) != fingerprint(FINGERPRINT_NONE, packed, size) ||
	    schema_message_unpack(&samoza__v1__recording_header__descriptor, packed, size,
				  &header, NULL) < 0)
		return error_set(err, ERR_INVALID, "%s: its beginning is damaged", r->path);
	r->header = (Samoza__V1__RecordingHeader *)header;
	r->taken += fixed + size + 8;
	return 0;
}

int segment_open(const char *path, struct segment_reader **ret_reader, struct error **err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	struct segment_reader *r = mem_new(struct segment_reader);
	r->fd = fd;
	r->path = mem_strdup(path);
	r->ahead = BUFFER_INIT(2 * BLOCK_BYTES_MAX);
	int result = take_header(r, err);
	if (result < 0) {
		segment_reader_free(r);
		return result;
	}
	*ret_reader = r;
	return 0;
}

const Samoza__V1__RecordingHeader *segment_header(const struct segment_reader *r)
{
	return r->header;
}

/* 1: *ret_block. 0: none begins here, or it is damaged. */
static int take_block(struct segment_reader *r, struct block *ret_block, struct error **err)
{
	struct block_head head;
	if (block_head_read(here(r), &head) == 0)
		return 0;
	size_t size = BLOCK_HEAD_BYTES + head.packed_size;
	int result = fill(r, size, err);
	if (result < 0)
		return result;
	if (left(r) < size || block_unpack(here(r), ret_block, NULL) < 0)
		return 0;
	r->taken += size;
	return 1;
}

int segment_next(struct segment_reader *r, struct block *ret_block, uint64_t *ret_lost,
		 struct error **err)
{
	*ret_lost = 0;
	for (;;) {
		int result = fill(r, BLOCK_HEAD_BYTES, err);
		if (result < 0)
			return result;
		if (left(r) < BLOCK_HEAD_BYTES) {
			*ret_lost += left(r);
			r->taken = r->ahead.size;
			return 0;
		}
		result = take_block(r, ret_block, err);
		if (result != 0)
			return result;
		r->taken++;
		(*ret_lost)++;
	}
}

void segment_reader_free(struct segment_reader *r)
{
	if (r == NULL)
		return;
	(void)close(r->fd);
	buffer_done(&r->ahead);
	schema_message_free(r->header);
	free(r->path);
	free(r);
}
