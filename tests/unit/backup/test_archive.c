/* adapter/backup: what was written is read, and nothing else. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "adapter/backup/archive.h"
#include "base/memory.h"
#include "base/str.h"

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("backup", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Three files, one of them empty, one larger than a chunk; the bytes of the archive. */
static char *written(const char *passphrase, size_t *ret_size)
{
	static char large[70000];
	const struct {
		const char *path, *data;
		size_t size;
	} files[] = {{"zrms.db", large, sizeof(large)},
		     {"trust/team.pub", "key\n", 4},
		     {"trust/none", "", 0}};
	struct seal_writer *seal = NULL;
	struct error *err = NULL;
	memset(large, 'x', sizeof(large));
	int fd = memfd_create("backup", MFD_CLOEXEC);
	assert_int_equal(seal_writer_new(fd, passphrase, &seal, &err), 0);
	struct archive_writer *archive = archive_writer_new(seal);
	assert_int_equal(archive_meta(archive, "version", "1.2.3", &err), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int file = memory_file(files[i].data, files[i].size);
		assert_int_equal(archive_file(archive, files[i].path, file, &err), 0);
		assert_int_equal(close(file), 0);
	}
	assert_int_equal(archive_end(archive, &err), 0);
	assert_int_equal(seal_finish(seal, &err), 0);
	archive_writer_free(archive);
	seal_writer_free(seal);
	*ret_size = (size_t)lseek(fd, 0, SEEK_END);
	char *all = mem_calloc(1, *ret_size + 1);
	assert_int_equal(pread(fd, all, *ret_size, 0), (ssize_t)*ret_size);
	assert_int_equal(close(fd), 0);
	return all;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* In a directory of its own, which is removed; the code. */
static int extract(const char *data, size_t size, const char *passphrase,
		   struct archive_contents *ret, char **ret_why)
{
	char directory[] = "/tmp/samoza-test-backup-XXXXXX";
	struct seal_reader *seal = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_non_null(mkdtemp(directory));
	int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = memory_file(data, size);
	int r = seal_reader_new(fd, passphrase, &seal, &err);
	if (r == 0)
		r = archive_extract(seal, at, ret, &err);
	seal_reader_free(seal);
	if (ret_why != NULL)
		*ret_why = r < 0 ? mem_strdup(err->message) : NULL;
	assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(close(at), 0);
	assert_int_equal(close(fd), 0);
	return r;
}

static void test_what_was_written_is_read(void **state)
{
	static const char *const passphrases[] = {NULL, "correct horse"};
	for (size_t i = 0; i < 2; i++) {
		struct archive_contents contents = {0};
		size_t size;
		CLEANUP(freep) char *all = written(passphrases[i], &size);
		assert_int_equal(extract(all, size, passphrases[i], &contents, NULL), 0);
		assert_int_equal(contents.files, 3);
		assert_int_equal(contents.bytes, 70004);
		assert_string_equal(contents.version, "1.2.3");
	}
}

/* All of the lines at both ends, and some of the bytes in between: each is a file that is synced. */
static size_t next_place(size_t n, size_t size)
{
	bool is_between = n > 110 && n + 400 < size;
	return n + (is_between ? 1997 : 1);
}

static void test_every_cut_is_noticed(void **state)
{
	size_t size;
	CLEANUP(freep) char *all = written(NULL, &size);
	struct archive_contents contents;
	for (size_t n = 0; n < size; n = next_place(n, size))
		assert_true(extract(all, n, NULL, &contents, NULL) < 0);
	assert_true(extract(all, size + 1, NULL, &contents, NULL) < 0); /* one byte more */
}

static void test_every_changed_byte_is_noticed(void **state)
{
	size_t size;
	CLEANUP(freep) char *all = written(NULL, &size);
	struct archive_contents contents;
	for (size_t n = 0; n < size; n = next_place(n, size)) {
		all[n] = (char)(all[n] ^ 0x11);
		assert_true(extract(all, size, NULL, &contents, NULL) < 0);
		all[n] = (char)(all[n] ^ 0x11);
	}
	assert_int_equal(extract(all, size, NULL, &contents, NULL), 0);
}

/* A key takes its time: a few places are enough, the rest is libsodium's. */
static void test_a_sealed_one_notices_a_cut_at_a_chunk_too(void **state)
{
	static const char passphrase[] = "correct horse";
	static const size_t chunk = 64 * 1024 + 17;
	size_t size;
	CLEANUP(freep) char *all = written(passphrase, &size);
	struct archive_contents contents;
	CLEANUP(freep) char *why = NULL;
	size_t head = size - chunk - (size - 16 - 16 - 24) % chunk;
	assert_true(extract(all, head + chunk, passphrase, &contents, &why) < 0);
	assert_non_null(strstr(why, "cut"));
	assert_true(extract(all, size - 1, passphrase, &contents, NULL) < 0);
	all[size / 2] = (char)(all[size / 2] ^ 1);
	assert_true(extract(all, size, passphrase, &contents, NULL) < 0);
	assert_int_equal(extract(all, size, NULL, &contents, NULL), ERR_DENIED);
	assert_int_equal(extract(all, size, "battery staple", &contents, NULL), ERR_DENIED);
}

/* An archive with one file of that path, with right checksums. */
static int of_path(const char *path)
{
	struct seal_writer *seal = NULL;
	struct error *err = NULL;
	struct archive_contents contents;
	char data[4096];
	int fd = memfd_create("backup", MFD_CLOEXEC), file = memory_file("key\n", 4);
	assert_int_equal(seal_writer_new(fd, NULL, &seal, &err), 0);
	struct archive_writer *archive = archive_writer_new(seal);
	assert_int_equal(archive_file(archive, path, file, &err), 0);
	assert_int_equal(archive_end(archive, &err), 0);
	assert_int_equal(seal_finish(seal, &err), 0);
	archive_writer_free(archive);
	seal_writer_free(seal);
	ssize_t size = pread(fd, data, sizeof(data), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(file), 0);
	return extract(data, (size_t)size, NULL, &contents, NULL);
}

static void test_no_path_leads_out_of_the_directory(void **state)
{
	static const char *const bad[] = {
		"",   "/etc/passwd", "../up", "trust/../../up", ".", "a//b", "trust/.hidden",
		"a/", "a\tb"};
	assert_int_equal(of_path("trust/team.pub"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(of_path(bad[i]) < 0);
	assert_int_equal(access("/tmp/up", F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_read),
		cmocka_unit_test(test_every_cut_is_noticed),
		cmocka_unit_test(test_every_changed_byte_is_noticed),
		cmocka_unit_test(test_a_sealed_one_notices_a_cut_at_a_chunk_too),
		cmocka_unit_test(test_no_path_leads_out_of_the_directory),
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
