/* Files of a recording: torn anywhere, changed anywhere, a full disk (adapter/recorder/segment.h). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/recorder/segment.h"
#include "base/memory.h"
#include "base/str.h"

enum { BLOCKS = 5, ENTRIES = 3 };

static char directory[] = "/tmp/samoza-segment-XXXXXX";
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

static Samoza__V1__RecordingHeader header(void)
{
	static char program[] = "1.2.3", zrms[] = "zrms-1";
	Samoza__V1__RecordingHeader h = SAMOZA__V1__RECORDING_HEADER__INIT;
	h.program = program;
	h.zrms = zrms;
	h.created_ms = 77;
	return h;
}

static char *entry_text(unsigned block, unsigned entry)
{
	return str_printf("entry %u of block %u", entry, block);
}

/* Where each block begins, and the end of the last one. */
static void write_file(size_t starts[BLOCKS + 1])
{
	Samoza__V1__RecordingHeader h = header();
	struct segment_writer *w;
	struct block b;
	(void)unlink(path);
	assert_int_equal(segment_create(path, &h, &w, NULL), 0);
	block_init(&b);
	for (unsigned k = 0; k < BLOCKS; k++) {
		struct buffer packed = BUFFER_INIT(SIZE_MAX);
		starts[k] = (size_t)segment_size(w);
		for (unsigned n = 0; n < ENTRIES; n++) {
			CLEANUP(freep) char *text = entry_text(k, n);
			block_add(&b, 100 * k + n, k == 0 && n == 0, text, strlen(text));
		}
		assert_int_equal(block_pack(&b, &packed, NULL), 0);
		assert_int_equal(segment_append(w, packed.data, packed.size, NULL), 0);
		buffer_done(&packed);
	}
	starts[BLOCKS] = (size_t)segment_size(w);
	block_done(&b);
	segment_writer_free(w);
}

struct read_file {
	bool has[BLOCKS];
	unsigned count;
	uint64_t lost;
};

/* Every block that is read is one that was written, as it was, in order. */
static void check_block(const struct block *b, struct read_file *ret)
{
	const void *data;
	size_t at = 0, size;
	unsigned n = 0;
	assert_true(b->head.number < BLOCKS);
	assert_int_equal(b->head.first_wall_ms, 100 * (int64_t)b->head.number);
	assert_int_equal(b->head.last_wall_ms, 100 * (int64_t)b->head.number + ENTRIES - 1);
	assert_int_equal(b->head.begins, b->head.number == 0);
	while (block_next(b, &at, &data, &size)) {
		CLEANUP(freep) char *text = entry_text((unsigned)b->head.number, n++);
		assert_int_equal(size, strlen(text));
		assert_memory_equal(data, text, size);
	}
	assert_int_equal(n, ENTRIES);
	assert_false(ret->has[b->head.number]);
	ret->has[b->head.number] = true;
	ret->count++;
}

static int read_file(struct read_file *ret, struct error **err)
{
	struct segment_reader *r;
	struct block b;
	uint64_t lost;
	*ret = (struct read_file){0};
	int result = segment_open(path, &r, err);
	if (result < 0)
		return result;
	assert_string_equal(segment_header(r)->program, "1.2.3");
	assert_int_equal(segment_header(r)->created_ms, 77);
	block_init(&b);
	while ((result = segment_next(r, &b, &lost, err)) > 0) {
		ret->lost += lost;
		check_block(&b, ret);
	}
	ret->lost += lost;
	block_done(&b);
	segment_reader_free(r);
	return result;
}

static char *read_all(size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *all = mem_calloc(1, 65536);
	*ret_size = fread(all, 1, 65536, f);
	assert_int_equal(fclose(f), 0);
	return all;
}

static void write_all(const char *data, size_t size)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void a_whole_file_is_read_as_it_was_written(void **state)
{
	size_t starts[BLOCKS + 1];
	struct read_file got;
	write_file(starts);
	assert_int_equal(read_file(&got, NULL), 0);
	assert_int_equal(got.count, BLOCKS);
	assert_int_equal(got.lost, 0);
}

static void a_file_may_end_at_any_byte(void **state)
{
	size_t starts[BLOCKS + 1], size;
	write_file(starts);
	CLEANUP(freep) char *all = read_all(&size);
	assert_int_equal(size, starts[BLOCKS]);
	for (size_t end = 0; end < size; end++) {
		struct read_file got;
		CLEANUP(error_freep) struct error *err = NULL;
		write_all(all, end);
		int r = read_file(&got, &err);
		if (end < starts[0]) {
			assert_int_equal(r, ERR_INVALID);
			continue;
		}
		unsigned whole = 0;
		while (whole < BLOCKS && starts[whole + 1] <= end)
			whole++;
		assert_int_equal(r, 0);
		assert_int_equal(got.count, whole);
		assert_int_equal(got.lost, end - starts[whole]);
	}
}

static void a_bit_that_is_wrong_costs_one_block(void **state)
{
	size_t starts[BLOCKS + 1], size;
	write_file(starts);
	CLEANUP(freep) char *all = read_all(&size);
	for (size_t at = 0; at < size; at++) {
		struct read_file got;
		CLEANUP(error_freep) struct error *err = NULL;
		all[at] = (char)(all[at] ^ (1 << (at % 8)));
		write_all(all, size);
		int r = read_file(&got, &err);
		all[at] = (char)(all[at] ^ (1 << (at % 8)));
		if (at < starts[0]) {
			assert_true(r == ERR_INVALID || r == ERR_UNSUPPORTED);
			continue;
		}
		unsigned damaged = 0;
		while (starts[damaged + 1] <= at)
			damaged++;
		assert_int_equal(r, 0);
		assert_int_equal(got.count, BLOCKS - 1);
		assert_false(got.has[damaged]);
		assert_int_equal(got.lost, starts[damaged + 1] - starts[damaged]);
	}
}

static void a_file_of_another_format_is_refused_with_what_to_do(void **state)
{
	size_t starts[BLOCKS + 1], size;
	struct read_file got;
	CLEANUP(error_freep) struct error *err = NULL;
	write_file(starts);
	CLEANUP(freep) char *all = read_all(&size);
	all[strlen("samoza-recording")] = 0;
	write_all(all, size);
	assert_int_equal(read_file(&got, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err->message, "has the format 0"));
	assert_non_null(strstr(err->message, "the version that wrote it"));
}

static void on_a_full_disk_no_part_of_a_block_stays(void **state)
{
	size_t starts[BLOCKS + 1];
	struct rlimit before, less;
	struct read_file got;
	write_file(starts);
	(void)unlink(path);
	Samoza__V1__RecordingHeader h = header();
	struct segment_writer *w;
	struct block b;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(segment_create(path, &h, &w, NULL), 0);
	block_init(&b);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	less = before;
	less.rlim_cur = starts[2] + 10; /* in the middle of the third one */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
	int results[BLOCKS];
	for (unsigned k = 0; k < BLOCKS; k++) {
		struct buffer packed = BUFFER_INIT(SIZE_MAX);
		for (unsigned n = 0; n < ENTRIES; n++) {
			CLEANUP(freep) char *text = entry_text(k, n);
			block_add(&b, 100 * k + n, k == 0 && n == 0, text, strlen(text));
		}
		assert_int_equal(block_pack(&b, &packed, NULL), 0);
		if (k == 4) /* there is room again */
			assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		error_free(steal_ptr(&err));
		results[k] = segment_append(w, packed.data, packed.size, &err);
		buffer_done(&packed);
	}
	block_done(&b);
	segment_writer_free(w);
	assert_int_equal(results[1], 0);
	assert_true(results[2] < 0);
	assert_true(results[3] < 0);
	assert_int_equal(results[4], 0);
	assert_int_equal(read_file(&got, NULL), 0);
	assert_int_equal(got.count, 3);
	assert_int_equal(got.lost, 0);
	assert_true(got.has[4]);
}

static void a_file_that_is_there_is_not_written_over(void **state)
{
	size_t starts[BLOCKS + 1];
	Samoza__V1__RecordingHeader h = header();
	struct segment_writer *w;
	write_file(starts);
	assert_int_equal(segment_create(path, &h, &w, NULL), ERR_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file_is_read_as_it_was_written),
		cmocka_unit_test(a_file_may_end_at_any_byte),
		cmocka_unit_test(a_bit_that_is_wrong_costs_one_block),
		cmocka_unit_test(a_file_of_another_format_is_refused_with_what_to_do),
		cmocka_unit_test(on_a_full_disk_no_part_of_a_block_stays),
		cmocka_unit_test(a_file_that_is_there_is_not_written_over),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
