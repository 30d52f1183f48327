#include "adapter/recorder/merge.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/recorder/segment.h"
#include "base/check.h"
#include "base/str.h"

/* It is done once, beside what zrms has to do. */
#define LEVEL	   6
#define VARINT_MAX 10
/* Of a RecordingEntry (proto/recording.proto): they are its first ones. */
#define TAG_MONO_STEP (1 << 3)
#define TAG_DRIFT     (2 << 3)

/* ---- times of an entry ---- */

struct entry_times {
	int64_t mono_step, drift;
	const uint8_t *rest; /* of the entry */
	size_t rest_size;
};

static bool take_number(struct entry_times *t, uint8_t tag, int64_t *ret)
{
	uint64_t number = 0;
	size_t at = 1;
	*ret = 0;
	if (t->rest_size == 0 || t->rest[0] != tag)
		return false;
	for (unsigned shift = 0; at < t->rest_size && shift < 64; shift += 7) {
		uint8_t byte = t->rest[at++];
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte >= 0x80)
			continue;
		*ret = (int64_t)(number >> 1 ^ (~(number & 1) + 1));
		t->rest += at;
		t->rest_size -= at;
		return true;
	}
	return false;
}

static struct entry_times times_of(const void *data, size_t size)
{
	struct entry_times t = {.rest = data, .rest_size = size};
	(void)take_number(&t, TAG_MONO_STEP, &t.mono_step);
	(void)take_number(&t, TAG_DRIFT, &t.drift);
	return t;
}

static void put_number(struct buffer *to, uint8_t tag, int64_t value)
{
	uint8_t bytes[1 + VARINT_MAX] = {tag};
	uint64_t number = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
	size_t size = 1;
	if (value == 0)
		return;
	for (; number >= 0x80; number >>= 7)
		bytes[size++] = (uint8_t)(number | 0x80);
	bytes[size++] = (uint8_t)number;
	(void)!buffer_add(to, bytes, size);
}

/* ---- blocks ---- */

void block_merger_init(struct block_merger *m)
{
	*m = (struct block_merger){0};
	block_init(&m->block);
}

void block_merger_done(struct block_merger *m)
{
	block_done(&m->block);
}

static bool takes(const struct block *b, const struct block *next)
{
	return !next->head.begins && next->head.number == block_next_number(&b->head) &&
	       b->head.covers + next->head.covers <= BLOCK_COVERS_MAX &&
	       b->entries.size + next->entries.size <= MERGED_BYTES;
}

/* The first one of a block that follows on another. */
static void add_first(struct block_merger *m, int64_t wall_ms, const struct entry_times *t)
{
	struct buffer entry = BUFFER_INIT(SIZE_MAX);
	int64_t mono_step = t->mono_step - m->mono_ms;
	put_number(&entry, TAG_MONO_STEP, mono_step);
	put_number(&entry, TAG_DRIFT, t->mono_step + t->drift - m->wall_ms - mono_step);
	(void)!buffer_add(&entry, t->rest, t->rest_size);
	block_add(&m->block, wall_ms, false, entry.data, entry.size);
	buffer_done(&entry);
}

static void append_entries(struct block_merger *m, const struct block *b)
{
	bool follows = !block_is_empty(&m->block);
	const void *data;
	size_t at = 0, size;
	while (block_next(b, &at, &data, &size)) {
		const struct entry_times t = times_of(data, size);
		int64_t mono_ms = m->mono_ms, wall_ms = m->wall_ms;
		if (data == (const char *)b->entries.data + 4)
			mono_ms = wall_ms = 0;
		mono_ms += t.mono_step;
		wall_ms += t.mono_step + t.drift;
		if (follows)
			add_first(m, wall_ms, &t);
		else
			block_add(&m->block, wall_ms,
				  block_is_empty(&m->block) && b->head.begins, data, size);
		follows = false;
		m->mono_ms = mono_ms;
		m->wall_ms = wall_ms;
	}
}

int block_merger_end(struct block_merger *m, struct buffer *to, struct error **err)
{
	return block_is_empty(&m->block) ? 0 : block_pack_tight(&m->block, LEVEL, to, err);
}

int block_merger_add(struct block_merger *m, const struct block *b, struct buffer *to,
		     struct error **err)
{
	struct block *whole = &m->block;
	if (!block_is_empty(whole) && takes(whole, b)) {
		append_entries(m, b);
		whole->head.covers += b->head.covers;
	} else {
		int result = block_merger_end(m, to, err);
		if (result < 0)
			return result;
		append_entries(m, b);
		whole->head.number = b->head.number;
		whole->head.covers = b->head.covers;
		whole->head.first_wall_ms = b->head.first_wall_ms;
	}
	whole->head.last_wall_ms = b->head.last_wall_ms;
	return 0;
}

/* ---- a file ---- */

struct merging {
	struct segment_reader *from;
	struct segment_writer *to;
	struct block_merger merger;
	struct block block;
};

static int flush(struct merging *g, struct buffer *packed, struct error **err)
{
	int result =
		packed->size > 0 ? segment_append(g->to, packed->data, packed->size, err) : 0;
	buffer_clear(packed);
	return result;
}

static int merge_blocks(struct merging *g, struct error **err)
{
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	int result;
	for (;;) {
		uint64_t lost = 0;
		result = segment_next(g->from, &g->block, &lost, err);
		if (result >= 0 && lost > 0)
			result = error_set(err, ERR_INVALID, "something of it is damaged");
		if (result <= 0)
			break;
		result = block_merger_add(&g->merger, &g->block, &packed, err);
		if (result == 0)
			result = flush(g, &packed, err);
		if (result < 0)
			break;
	}
	if (result == 0)
		result = block_merger_end(&g->merger, &packed, err);
	if (result == 0)
		result = flush(g, &packed, err);
	buffer_done(&packed);
	return result;
}

/* Its age counts from when it was written. */
static void keep_times(const char *from, const char *to)
{
	struct stat st;
	if (stat(from, &st) == 0)
		(void)utimensat(AT_FDCWD, to, (struct timespec[]){st.st_atim, st.st_mtim}, 0);
}

/* It takes the place of one that is on the disk. */
static int sync_file(const char *path, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? error_errno(err, "cannot sync %s", path) : 0;
}

int recording_file_merge(const char *path, struct error **err)
{
	CLEANUP(freep) char *made = str_printf("%s" MERGING_SUFFIX, path);
	struct merging g = {0};
	block_merger_init(&g.merger);
	block_init(&g.block);
	(void)unlink(made); /* of a process that died */
	int result = segment_open(path, &g.from, err);
	if (result == 0)
		result = segment_create(made, segment_header(g.from), &g.to, err);
	if (result == 0)
		result = merge_blocks(&g, err);
	segment_writer_free(g.to);
	segment_reader_free(g.from);
	block_merger_done(&g.merger);
	block_done(&g.block);
	if (result == 0)
		result = sync_file(made, err);
	if (result == 0)
		keep_times(path, made);
	if (result == 0 && rename(made, path) < 0)
		result = error_errno(err, "cannot replace %s", path);
	if (result < 0)
		(void)unlink(made);
	return result < 0 ? error_wrap(err, "blocks of %s cannot be merged", path) : 0;
}
