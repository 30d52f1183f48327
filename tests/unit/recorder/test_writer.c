/* The thread that writes blocks into files of a directory (adapter/recorder/writer.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/recorder/directory.h"
#include "adapter/recorder/segment.h"
#include "adapter/recorder/writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/str.h"

enum { KIB = 1024 };

static char above[] = "/tmp/samoza-writer-XXXXXX";
static char *directory;

static int make_directory(void **state)
{
	if (mkdtemp(above) == NULL)
		return -1;
	directory = str_printf("%s/recorder", above);
	return 0;
}

static void empty_directory(void)
{
	struct recording_files files;
	if (recording_files_list(directory, &files, NULL) == 0)
		vector_for_each (&files.all, file)
			(void)unlink(file->path);
	recording_files_done(&files);
	(void)rmdir(directory);
}

static int remove_directory(void **state)
{
	empty_directory();
	free(directory);
	return rmdir(above);
}

static struct record_writer *writer(uint64_t size_bytes)
{
	const struct record_writer_options options = {.directory = directory,
						      .program = "1.2.3",
						      .zrms = "z",
						      .size_bytes = size_bytes,
						      .keep_ms = INT64_C(3600) * 1000};
	return record_writer_new(&options);
}

/* Of bytes that cannot be made smaller. */
static bool put(struct record_writer *w, struct block *block, bool begins, size_t size)
{
	static struct random random;
	CLEANUP(freep) uint64_t *data = mem_calloc(size / 8, 8);
	for (size_t k = 0; k < size / 8; k++)
		data[k] = random_next(&random);
	block_add(block, 1, begins, data, size);
	return record_writer_put(w, block);
}

static struct record_writer_status status_when(struct record_writer *w, uint64_t blocks)
{
	struct record_writer_status status;
	for (unsigned tries = 0; tries < 10000; tries++) {
		record_writer_status(w, &status);
		if (status.written + status.lost >= blocks)
			return status;
		usleep(1000);
	}
	fail_msg("the writer does nothing");
	return status;
}

static uint64_t bytes_there(size_t *ret_files)
{
	struct recording_files files;
	uint64_t bytes = 0;
	assert_int_equal(recording_files_list(directory, &files, NULL), 0);
	vector_for_each (&files.all, file)
		bytes += file->bytes;
	*ret_files = files.all.count;
	recording_files_done(&files);
	return bytes;
}

static void the_oldest_files_go_and_the_newest_stays(void **state)
{
	const uint64_t budget = 1024 * KIB;
	struct record_writer *w = writer(budget);
	struct block block;
	size_t files;
	block_init(&block);
	for (unsigned k = 0; k < 60; k++) {
		assert_true(put(w, &block, true, 40 * KIB));
		assert_int_equal(block.head.number, k + 1);
		(void)status_when(w, k + 1);
		assert_true(bytes_there(&files) <= budget);
	}
	assert_true(files > 5);
	assert_true(bytes_there(&files) > budget / 2);
	struct recording_files all;
	struct segment_reader *reader;
	struct block read;
	uint64_t lost, last = 0;
	assert_int_equal(recording_files_list(directory, &all, NULL), 0);
	assert_int_equal(segment_open(vector_last(&all.all)->path, &reader, NULL), 0);
	block_init(&read);
	while (segment_next(reader, &read, &lost, NULL) > 0)
		last = read.head.number;
	assert_int_equal(last, 59);
	block_done(&read);
	segment_reader_free(reader);
	recording_files_done(&all);
	record_writer_free(w);
	block_done(&block);
	empty_directory();
}

static void after_a_gap_it_goes_on_where_a_reading_may_begin(void **state)
{
	FILE *in_its_place = fopen(directory, "w");
	struct block block;
	size_t files;
	assert_non_null(in_its_place);
	assert_int_equal(fclose(in_its_place), 0);
	struct record_writer *w = writer(1024 * KIB);
	block_init(&block);
	assert_true(put(w, &block, true, KIB));
	struct record_writer_status status = status_when(w, 1);
	assert_true(status.is_failing);
	assert_int_equal(status.lost, 1);
	assert_non_null(strstr(status.why, directory));
	assert_true(record_writer_wants_begin(w));
	assert_false(put(w, &block, false, KIB)); /* what it continues is lost */
	assert_int_equal(unlink(directory), 0);
	assert_false(put(w, &block, false, KIB));
	assert_true(put(w, &block, true, KIB));
	status = status_when(w, 4);
	assert_false(status.is_failing);
	assert_int_equal(status.written, 1);
	assert_int_equal(status.lost, 3);
	assert_true(put(w, &block, false, KIB));
	status = status_when(w, 5);
	assert_int_equal(status.written, 2);
	assert_false(record_writer_wants_begin(w));
	record_writer_free(w);
	(void)bytes_there(&files);
	assert_int_equal(files, 1);
	block_done(&block);
	empty_directory();
}

static void what_is_in_the_queue_is_written_at_the_end(void **state)
{
	struct record_writer *w = writer(1024 * KIB);
	struct block block;
	size_t files;
	block_init(&block);
	for (unsigned k = 0; k < 20; k++)
		assert_true(put(w, &block, k == 0, KIB));
	record_writer_free(w);
	assert_true(bytes_there(&files) > 20 * KIB);
	block_done(&block);
	empty_directory();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_files_go_and_the_newest_stays),
		cmocka_unit_test(after_a_gap_it_goes_on_where_a_reading_may_begin),
		cmocka_unit_test(what_is_in_the_queue_is_written_at_the_end),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
