/* The thread that writes blocks into files of a directory (adapter/recorder/writer.h). */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/recorder/directory.h"
#include "adapter/recorder/segment.h"
#include "adapter/recorder/writer.h"
#include "adapter/snapshot/snapshot.h"
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
	assert_true(files > 3);
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

/* ---- what is still being made ---- */

/* The numbers of the blocks that are there, in order; *ret_count of them. */
static uint64_t read_numbers(uint64_t *ret_numbers, size_t most, size_t *ret_files)
{
	struct recording_files all;
	struct block read;
	size_t count = 0;
	uint64_t lost;
	assert_int_equal(recording_files_list(directory, &all, NULL), 0);
	*ret_files = all.all.count;
	block_init(&read);
	vector_for_each (&all.all, file) {
		struct segment_reader *reader;
		bool is_first = true;
		assert_int_equal(segment_open(file->path, &reader, NULL), 0);
		while (segment_next(reader, &read, &lost, NULL) > 0) {
			assert_int_equal(lost, 0);
			assert_true(count + read.head.covers <= most);
			assert_true(read.head.begins || !is_first);
			is_first = false;
			for (uint32_t k = 0; k < read.head.covers; k++)
				ret_numbers[count++] = read.head.number + k;
		}
		assert_int_equal(lost, 0);
		segment_reader_free(reader);
	}
	block_done(&read);
	recording_files_done(&all);
	return count;
}

/* As much as a file has, so that the next one begins. */
static void fill_file(struct record_writer *w, struct block *block)
{
	unsigned blocks = 0;
	while (!record_writer_wants_begin(w)) {
		assert_true(put(w, block, blocks == 0, 20 * KIB));
		(void)status_when(w, ++blocks);
	}
}

static int pack_number(uint64_t number, struct buffer *to, struct error **err)
{
	struct block block;
	block_init(&block);
	block.head.number = number;
	block_add(&block, 1, true, "checkpoint", 10);
	int r = block_pack(&block, to, err);
	block_done(&block);
	return r;
}

struct made_later {
	sem_t go;
	uint64_t number;
	bool fails;
};

static int wait_for(void *user, struct buffer *to, struct error **err)
{
	struct made_later *m = user;
	(void)sem_wait(&m->go);
	if (m->fails)
		return error_set(err, ERR_UNAVAILABLE, "it was killed");
	return pack_number(m->number, to, err);
}

static void a_block_that_is_still_being_made_holds_up_nobody(void **state)
{
	struct record_writer *w = writer(1024 * KIB);
	struct block block;
	struct made_later later = {0};
	uint64_t numbers[64];
	size_t files;
	block_init(&block);
	(void)sem_init(&later.go, 0, 0);
	fill_file(w, &block);
	uint64_t before = block.head.number;
	later.number = block.head.number++;
	record_writer_put_later(w, wait_for, &later);
	for (unsigned k = 0; k < 10; k++) {
		assert_true(put(w, &block, false, KIB));
		assert_false(record_writer_wants_begin(w)); /* one is coming */
	}
	assert_int_equal(status_when(w, before).written, before);
	(void)sem_post(&later.go);
	struct record_writer_status status = status_when(w, before + 11);
	assert_int_equal(status.lost, 0);
	assert_int_equal(status.later, 1);
	assert_int_equal(read_numbers(numbers, 64, &files), before + 11);
	assert_int_equal(files, 2);
	for (size_t k = 0; k < before + 11; k++)
		assert_int_equal(numbers[k], k);
	record_writer_free(w);
	block_done(&block);
	empty_directory();
}

static void what_follows_one_that_was_never_made_is_a_gap(void **state)
{
	struct record_writer *w = writer(1024 * KIB);
	struct block block;
	struct made_later later = {.fails = true}, again = {0};
	uint64_t numbers[64];
	size_t files;
	block_init(&block);
	(void)sem_init(&later.go, 0, 0);
	(void)sem_init(&again.go, 0, 1);
	fill_file(w, &block);
	uint64_t before = block.head.number;
	later.number = block.head.number++;
	record_writer_put_later(w, wait_for, &later);
	assert_true(put(w, &block, false, KIB));
	(void)sem_post(&later.go);
	struct record_writer_status status = status_when(w, before + 2);
	assert_true(status.is_failing);
	assert_string_equal(status.why, "it was killed");
	assert_int_equal(status.lost, 2);
	assert_true(record_writer_wants_begin(w));
	again.number = block.head.number++;
	record_writer_put_later(w, wait_for, &again);
	assert_true(put(w, &block, false, KIB));
	status = status_when(w, before + 4);
	assert_false(status.is_failing);
	assert_int_equal(read_numbers(numbers, 64, &files), before + 2);
	assert_int_equal(numbers[before], before + 2);
	assert_int_equal(numbers[before + 1], before + 3);
	record_writer_free(w);
	block_done(&block);
	empty_directory();
}

/* ---- kill -9 ---- */

struct shared {
	pid_t child;
	bool is_writing;
	uint64_t before; /* blocks that are in the file */
};

static struct shared *shared;

/* In the child, which never comes to an end. */
static _Noreturn int write_for_ever(void *user, struct buffer *to, struct error **err)
{
	shared->child = getpid();
	__atomic_store_n(&shared->is_writing, true, __ATOMIC_RELEASE);
	for (;;)
		(void)pause();
}

static int wait_for_child(void *user, struct buffer *to, struct error **err)
{
	return snapshot_read(user, to, err);
}

static void record_and_be_killed(void)
{
	struct record_writer *w = writer(1024 * KIB);
	static struct snapshot snapshot;
	struct block block;
	block_init(&block);
	fill_file(w, &block);
	shared->before = block.head.number++;
	if (snapshot_fork(write_for_ever, NULL, &snapshot, NULL) < 0)
		_exit(1);
	record_writer_put_later(w, wait_for_child, &snapshot);
	(void)put(w, &block, false, KIB);
	while (!__atomic_load_n(&shared->is_writing, __ATOMIC_ACQUIRE))
		usleep(1000);
	(void)raise(SIGKILL);
	_exit(1);
}

static void killed_in_the_middle_of_one_the_file_is_whole(void **state)
{
	int status;
	uint64_t numbers[64];
	size_t files;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t pid = fork();
	if (pid == 0)
		record_and_be_killed();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* Its child has died with it, and may become ours a moment later. */
	pid_t ended = 0;
	for (unsigned tries = 0; tries < 10000 && ended <= 0; tries++) {
		usleep(1000);
		ended = waitpid(shared->child, &status, WNOHANG);
	}
	if (ended <= 0)
		(void)kill(shared->child, SIGKILL);
	assert_int_equal(ended, shared->child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(read_numbers(numbers, 64, &files), shared->before);
	assert_int_equal(files, 1);
	assert_int_equal(munmap(shared, sizeof(*shared)), 0);
	empty_directory();
}

/* ---- sizes ---- */

static void a_file_has_several_times_what_it_begins_with(void **state)
{
	struct record_writer *w = writer(1024 * KIB);
	struct block block;
	size_t files;
	block_init(&block);
	assert_true(put(w, &block, true, 72 * KIB)); /* more than a share */
	(void)status_when(w, 1);
	assert_false(record_writer_wants_begin(w));
	for (unsigned k = 2; !record_writer_wants_begin(w); k++) {
		assert_true(put(w, &block, false, 8 * KIB));
		(void)status_when(w, k);
	}
	assert_true(bytes_there(&files) >= 4 * (uint64_t)72 * KIB);
	assert_int_equal(files, 1);
	record_writer_free(w);
	block_done(&block);
	empty_directory();
}

static void what_is_too_large_for_a_block_is_a_gap_that_is_said(void **state)
{
	struct record_writer *w = writer(1024 * KIB);
	struct record_writer_status status;
	struct block block;
	block_init(&block);
	block.entries.max = 100;
	assert_true(block_takes(&block, 96));
	assert_false(block_takes(&block, 97));
	assert_false(block_takes(&block, SIZE_MAX));
	block_add(&block, 1, true, "entry", 5);
	assert_true(block_takes(&block, 87));
	assert_false(block_takes(&block, 88));
	record_writer_put_nothing(w, "the state is too large for a block");
	block.head.number++;
	record_writer_status(w, &status);
	assert_true(status.is_failing);
	assert_string_equal(status.why, "the state is too large for a block");
	assert_int_equal(status.lost, 1);
	assert_true(record_writer_wants_begin(w));
	assert_true(record_writer_put(w, &block));
	assert_false(status_when(w, 2).is_failing);
	record_writer_free(w);
	block_done(&block);
	empty_directory();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_files_go_and_the_newest_stays),
		cmocka_unit_test(after_a_gap_it_goes_on_where_a_reading_may_begin),
		cmocka_unit_test(what_is_in_the_queue_is_written_at_the_end),
		cmocka_unit_test(a_block_that_is_still_being_made_holds_up_nobody),
		cmocka_unit_test(what_follows_one_that_was_never_made_is_a_gap),
		cmocka_unit_test(killed_in_the_middle_of_one_the_file_is_whole),
		cmocka_unit_test(a_file_has_several_times_what_it_begins_with),
		cmocka_unit_test(what_is_too_large_for_a_block_is_a_gap_that_is_said),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
