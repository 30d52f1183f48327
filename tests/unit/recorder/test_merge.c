/* Few large blocks of many small ones (adapter/recorder/merge.h): the same entries at the same times, in less room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/recorder/merge.h"
#include "adapter/recorder/segment.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "schema/message.h"

enum { BLOCKS = 40, ENTRIES = 3, SECOND_BEGINNING = 25, MISSING = 33, STRIDE_MS = 400 };

#define WALL_MS INT64_C(1767225600000)

static char directory[] = "/tmp/samoza-merge-XXXXXX";
static char *path;

static int make_directory(void **state)
{
	if (mkdtemp(directory) == NULL)
		return -1;
	path = str_printf("%s/one", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)unlink(path);
	free(path);
	return rmdir(directory);
}

struct moment {
	int64_t mono_ms, wall_ms;
	uint64_t heartbeats;
};

/* As core/record writes it. The wall clock is set back in the middle. */
static void add_entry(struct block *b, struct moment *last, unsigned number)
{
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	Samoza__V1__RecordedCalm calm = SAMOZA__V1__RECORDED_CALM__INIT;
	const struct moment now = {.mono_ms = (int64_t)number * STRIDE_MS,
				   .wall_ms = WALL_MS + (int64_t)number * STRIDE_MS -
					      (number > 50 ? 3600000 : 0)};
	if (block_is_empty(b))
		*last = (struct moment){0};
	entry.mono_step = now.mono_ms - last->mono_ms;
	entry.has_mono_step = entry.mono_step != 0;
	entry.drift = now.wall_ms - last->wall_ms - entry.mono_step;
	entry.has_drift = entry.drift != 0;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_CALM;
	entry.calm = &calm;
	calm.heartbeats = number;
	assert_int_equal(schema_message_pack(&entry.base, &bytes, NULL), 0);
	block_add(b, now.wall_ms,
		  block_is_empty(b) &&
			  (b->head.number == 0 || b->head.number == SECOND_BEGINNING),
		  bytes.data, bytes.size);
	*last = now;
	buffer_done(&bytes);
}

static void write_file(void)
{
	Samoza__V1__RecordingHeader header = SAMOZA__V1__RECORDING_HEADER__INIT;
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	struct segment_writer *w;
	struct moment last = {0};
	struct block b;
	header.program = header.zrms = (char *)(uintptr_t) "x";
	(void)unlink(path);
	assert_int_equal(segment_create(path, &header, &w, NULL), 0);
	block_init(&b);
	for (unsigned number = 0; b.head.number < BLOCKS;) {
		for (unsigned k = 0; k < ENTRIES; k++)
			add_entry(&b, &last, number++);
		assert_int_equal(block_pack(&b, &packed, NULL), 0);
		if (b.head.number - 1 != MISSING)
			assert_int_equal(segment_append(w, packed.data, packed.size, NULL), 0);
		buffer_clear(&packed);
	}
	segment_writer_free(w);
	block_done(&b);
	buffer_done(&packed);
}

struct found {
	VECTOR(struct moment) moments;
	VECTOR(struct block_head) heads;
	uint64_t lost;
};

static void read_block(struct found *f, const struct block *b)
{
	const void *data;
	size_t at = 0, size;
	struct moment now = {0};
	vector_push(&f->heads, b->head);
	while (block_next(b, &at, &data, &size)) {
		ProtobufCMessage *message = NULL;
		assert_int_equal(schema_message_unpack(&samoza__v1__recording_entry__descriptor,
						       data, size, &message, NULL),
				 0);
		const Samoza__V1__RecordingEntry *entry =
			(const Samoza__V1__RecordingEntry *)message;
		now.mono_ms += entry->mono_step;
		now.wall_ms += entry->mono_step + entry->drift;
		now.heartbeats = entry->calm->heartbeats;
		vector_push(&f->moments, now);
		schema_message_free(message);
	}
}

static struct found read_file(void)
{
	struct found f = {0};
	struct segment_reader *reader;
	struct block b;
	uint64_t lost;
	assert_int_equal(segment_open(path, &reader, NULL), 0);
	block_init(&b);
	while (segment_next(reader, &b, &lost, NULL) > 0) {
		f.lost += lost;
		read_block(&f, &b);
	}
	f.lost += lost;
	block_done(&b);
	segment_reader_free(reader);
	return f;
}

static void found_done(struct found *f)
{
	vector_done(&f->moments);
	vector_done(&f->heads);
}

static void a_merged_file_has_the_same_at_the_same_times(void **state)
{
	struct stat before, after;
	write_file();
	assert_int_equal(stat(path, &before), 0);
	struct found was = read_file();
	assert_int_equal(was.heads.count, BLOCKS - 1);
	assert_int_equal(recording_file_merge(path, NULL), 0);
	struct found is = read_file();
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(is.lost, 0);
	assert_int_equal(is.moments.count, was.moments.count);
	for (size_t k = 0; k < is.moments.count; k++)
		assert_memory_equal(&is.moments.items[k], &was.moments.items[k],
				    sizeof(struct moment));
	/* A block begins where a reading may, and where one is missing. */
	assert_int_equal(is.heads.count, 3);
	assert_int_equal(is.heads.items[0].number, 0);
	assert_true(is.heads.items[0].begins);
	assert_int_equal(block_next_number(&is.heads.items[0]), SECOND_BEGINNING);
	assert_true(is.heads.items[1].begins);
	assert_int_equal(block_next_number(&is.heads.items[1]), MISSING);
	assert_false(is.heads.items[2].begins);
	assert_int_equal(is.heads.items[2].number, MISSING + 1);
	assert_int_equal(block_next_number(&is.heads.items[2]), BLOCKS);
	assert_int_equal(is.heads.items[0].first_wall_ms, WALL_MS);
	assert_int_equal(is.heads.items[2].last_wall_ms, vector_last(&is.moments)->wall_ms);
	assert_true(after.st_size < before.st_size / 3);
	assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	found_done(&was);
	found_done(&is);
}

static void merging_again_changes_nothing(void **state)
{
	write_file();
	assert_int_equal(recording_file_merge(path, NULL), 0);
	struct found was = read_file();
	assert_int_equal(recording_file_merge(path, NULL), 0);
	struct found is = read_file();
	assert_int_equal(is.heads.count, was.heads.count);
	assert_int_equal(is.moments.count, was.moments.count);
	for (size_t k = 0; k < is.moments.count; k++)
		assert_memory_equal(&is.moments.items[k], &was.moments.items[k],
				    sizeof(struct moment));
	found_done(&was);
	found_done(&is);
}

static void what_is_damaged_stays_as_it_is(void **state)
{
	struct stat before, after;
	write_file();
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(truncate(path, before.st_size - 5), 0); /* zrms died */
	assert_true(recording_file_merge(path, NULL) < 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size - 5);
	CLEANUP(freep) char *made = str_printf("%s" MERGING_SUFFIX, path);
	assert_int_not_equal(access(made, F_OK), 0);
}

static void a_block_is_no_larger_than_a_merged_one_may_be(void **state)
{
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	struct block_merger m;
	struct block b;
	static char data[MERGED_BYTES / 4];
	block_merger_init(&m);
	block_init(&b);
	for (unsigned k = 0; k < 9; k++) {
		b.head.number = k;
		block_add(&b, 1, false, data, sizeof(data));
		assert_int_equal(block_merger_add(&m, &b, &packed, NULL), 0);
		assert_true(m.block.entries.size <= MERGED_BYTES);
		buffer_clear(&b.entries);
	}
	assert_int_equal(m.block.head.number, 6); /* three in each */
	assert_int_equal(m.block.head.covers, 3);
	block_merger_done(&m);
	block_done(&b);
	buffer_done(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_merged_file_has_the_same_at_the_same_times),
		cmocka_unit_test(merging_again_changes_nothing),
		cmocka_unit_test(what_is_damaged_stays_as_it_is),
		cmocka_unit_test(a_block_is_no_larger_than_a_merged_one_may_be),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
