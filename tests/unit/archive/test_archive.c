/* The strict reader: archives made byte by byte, each with one thing wrong. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/archive/archive.h"
#include "base/memory.h"
#include "base/str.h"
#include "crafted.h"

/* An anonymous file with these bytes. */
static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	return fd;
}

static int collect(void *context, const void *data, size_t size, struct error **err)
{
	return buffer_add(context, data, size) < 0 ? ERR_LIMIT : 0;
}

/* Opens and reads everything; NULL when all is fine, else the message. */
static char *open_and_read(const struct buffer *b, enum error_code *ret_code)
{
	CLEANUP(closep) int fd = file_of(b->data, b->size);
	CLEANUP(error_freep) struct error *err = NULL;
	struct archive *a = NULL;
	int r = archive_open_fd(fd, &a, &err);

	for (unsigned i = 0; r == 0 && i < archive_entry_count(a); i++) {
		CLEANUP(buffer_done) struct buffer content = BUFFER_INIT(64 << 20);
		r = archive_read(a, archive_entry_at(a, i), collect, &content, &err);
	}
	archive_close(a);
	if (r == 0)
		return NULL;
	*ret_code = (enum error_code)r;
	return mem_strdup(err->message);
}

struct crafted_case {
	const char *what;
	struct crafted_entry entries[3];
	struct crafted_end end;
	const char *message; /* part of the refusal; NULL: accepted */
};

#define A                                           \
	{                                           \
		.name = "a.txt", .content = "hello" \
	}
#define B                                                      \
	{                                                      \
		.name = "dir/b.txt", .content = "world, world" \
	}
#define TIMES	 "UT\005\000\001abcd"
#define OTHER_ID "up\001\000x"

static struct crafted_case cases[] = {
	{"two files", {A, B}, {0}, NULL},
	{"a directory's entry",
	 {A, {.name = "dir/", .content = "", .mode = 0040755}, B},
	 {0},
	 NULL},
	{"no attributes", {{.name = "a", .content = "x", .mode = UINT32_MAX}}, {0}, NULL},
	{"an empty file", {{.name = "a", .content = ""}}, {0}, NULL},
	{"times in extra fields",
	 {{.name = "a",
	   .content = "x",
	   .extra = TIMES,
	   .extra_size = 9,
	   .local_extra = TIMES,
	   .local_extra_size = 9}},
	 {0},
	 NULL},
	{"UTF-8 name", {{.name = "caf\xc3\xa9", .content = "x", .flags = 0x800}}, {0}, NULL},

	{"another local name",
	 {{.name = "a.txt", .content = "x", .local_name = "b.txt"}},
	 {0},
	 "local header"},
	{"longer local name",
	 {{.name = "a.txt", .content = "x", .local_name = "../../a.txt"}},
	 {0},
	 "local header disagrees"},
	{"other local crc",
	 {{.name = "a", .content = "x", .local_crc_xor = 1}},
	 {0},
	 "local header disagrees"},
	{"other local size",
	 {{.name = "a", .content = "xx", .local_size_xor = 1}},
	 {0},
	 "local header disagrees"},
	{"other local method",
	 {{.name = "a", .content = "x", .local_method_xor = 8}},
	 {0},
	 "local header disagrees"},
	{"other local flags",
	 {{.name = "a", .content = "x", .local_flags_xor = 1}},
	 {0},
	 "local header disagrees"},
	{"local flag utf8",
	 {{.name = "a", .content = "x", .local_flags_xor = 0x800}},
	 {0},
	 "local header disagrees"},
	{"other local time",
	 {{.name = "a", .content = "x", .local_time_xor = 1}},
	 {0},
	 "local header disagrees"},
	{"local extra only",
	 {{.name = "a", .content = "x", .local_extra = OTHER_ID, .local_extra_size = 5}},
	 {0},
	 "extra field of kind 0x7075"},
	{"unicode path in both",
	 {{.name = "a",
	   .content = "x",
	   .extra = OTHER_ID,
	   .extra_size = 5,
	   .local_extra = OTHER_ID,
	   .local_extra_size = 5}},
	 {0},
	 "extra field of kind 0x7075"},
	{"malformed extra",
	 {{.name = "a", .content = "x", .extra = "UT\377\000", .extra_size = 4}},
	 {0},
	 "malformed extra field"},
	{"zip64 extra",
	 {{.name = "a", .content = "x", .extra = "\001\000\000\000", .extra_size = 4}},
	 {0},
	 "ZIP64"},
	{"zip64 in the local header only",
	 {{.name = "a", .content = "x", .local_size_xor = UINT32_MAX ^ 1}},
	 {0},
	 "ZIP64"},
	{"encrypted", {{.name = "a", .content = "x", .flags = 1}}, {0}, "is encrypted"},
	{"strong encryption",
	 {{.name = "a", .content = "x", .flags = 0x40}},
	 {0},
	 "unknown flags"},
	{"data descriptor",
	 {{.name = "a", .content = "x", .flags = 8, .descriptor = true}},
	 {0},
	 "data descriptor"},
	{"other method",
	 {{.name = "a", .content = "x", .method = 12}},
	 {0},
	 "compressed with method 12"},
	{"hidden between",
	 {A, {.name = "evil", .content = "x", .hidden = true}, B},
	 {0},
	 "hidden data before entry 'dir/b.txt'"},
	{"hidden at the end",
	 {A, B, {.name = "evil", .content = "x", .hidden = true}},
	 {0},
	 "hidden data before the directory"},
	{"gap",
	 {A, {.name = "b", .content = "x", .gap_before = "junk"}},
	 {0},
	 "hidden data before entry 'b'"},
	{"prepended bytes",
	 {{.name = "a", .content = "x", .gap_before = "#!/bin/sh\n"}},
	 {0},
	 "hidden data before entry 'a'"},
	{"before the directory",
	 {A},
	 {.before_directory = "junk"},
	 "hidden data before the directory"},
	{"behind the directory",
	 {A},
	 {.behind_directory = "junk"},
	 "is not directly before the end record"},
	{"trailing bytes", {A}, {.behind = "junk"}, "its last 22 bytes are not an end record"},
	{"comment",
	 {A},
	 {.comment = "hi"},
	 "has a comment (2 bytes at its end), which is not accepted"},
	{"entry comment",
	 {{.name = "a", .content = "x", .comment = "hi"}},
	 {0},
	 "has a comment"},
	{"count too small", {A, B}, {.entry_count_add = -1}, "holds more than its entries"},
	{"count too large", {A, B}, {.entry_count_add = 1}, "directory is damaged"},
	{"several disks", {A}, {.disk = 1}, "several disks"},
	{"entry on another disk",
	 {{.name = "a", .content = "x", .disk = 1}},
	 {0},
	 "on another disk"},
	{"zip64", {A}, {.zip64 = true}, "ZIP64"},
	{"two on one local",
	 {A, {.name = "a.txt", .content = "hello", .shares_local = &cases[0].entries[0]}},
	 {0},
	 "overlaps"},
	{"same name twice", {A, A}, {0}, "there are two entries 'a.txt'"},
	{"case twice", {A, {.name = "A.TXT", .content = "x"}}, {0}, "differ only in case"},
	{"case of a directory",
	 {{.name = "dir/a", .content = "x"}, {.name = "Dir/b", .content = "y"}},
	 {0},
	 "differ only in case"},
	{"case in UTF-8",
	 {{.name = "\xc3\xa9", .content = "x", .flags = 0x800},
	  {.name = "\xc3\x89", .content = "y", .flags = 0x800}},
	 {0},
	 "differ only in case"},
	{"file and directory",
	 {{.name = "a", .content = "x"}, {.name = "a/b", .content = "y"}},
	 {0},
	 "'a' is both a file and a directory"},
	{"file and directory apart",
	 {{.name = "a", .content = "x"},
	  {.name = "a.b", .content = "z"},
	  {.name = "a/b", .content = "y"}},
	 {0},
	 "'a' is both a file and a directory"},
	{"directory twice",
	 {{.name = "d/", .content = "", .mode = 0040755},
	  {.name = "d/", .content = "", .mode = 0040755}},
	 {0},
	 "two entries"},
	{"symbolic link",
	 {{.name = "a", .content = "/etc/passwd", .mode = 0120777}},
	 {0},
	 "is a symbolic link"},
	{"device", {{.name = "a", .content = "", .mode = 0020666}}, {0}, "special file"},
	{"fifo", {{.name = "a", .content = "", .mode = 0010666}}, {0}, "special file"},
	{"directory with content",
	 {{.name = "d/", .content = "x", .mode = 0040755}},
	 {0},
	 "named like a directory"},
	{"directory without slash",
	 {{.name = "d", .content = "", .mode = 0040755}},
	 {0},
	 "named like a file"},
	{"dot dot", {{.name = "../evil", .content = "x"}}, {0}, "'..' in a path"},
	{"dot dot inside", {{.name = "a/../../evil", .content = "x"}}, {0}, "'..' in a path"},
	{"absolute", {{.name = "/etc/evil", .content = "x"}}, {0}, "an absolute path"},
	{"backslash", {{.name = "..\\evil", .content = "x"}}, {0}, "a backslash"},
	{"drive", {{.name = "C:evil", .content = "x"}}, {0}, "a ':'"},
	{"NUL in a name", {{.name = "a\0b", .name_size = 3, .content = "x"}}, {0}, "NUL byte"},
	{"no name", {{.name = "", .content = "x"}}, {0}, "no name"},
	{"escape in a name",
	 {{.name = "a\033[2J", .content = "x"}},
	 {0},
	 "a control character"},
	{"name not marked as UTF-8",
	 {{.name = "caf\xc3\xa9", .content = "x"}},
	 {0},
	 "not marked as UTF-8"},
	{"name not UTF-8",
	 {{.name = "a\xff", .content = "x", .flags = 0x800}},
	 {0},
	 "not UTF-8"},
	{"wrong crc", {{.name = "a", .content = "hello", .crc_xor = 1}}, {0}, "is damaged"},
};

static void write_case(struct buffer *b, struct crafted_case *c)
{
	size_t count = 0;

	while (count < 3 && c->entries[count].name != NULL) {
		/* The case's own first entry, whichever case it is. */
		if (c->entries[count].shares_local != NULL)
			c->entries[count].shares_local = &c->entries[0];
		count++;
	}
	crafted_write(b, c->entries, count, &c->end);
}

static void crafted_archives_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
		enum error_code code = 0;

		write_case(&b, &cases[i]);
		CLEANUP(freep) char *message = open_and_read(&b, &code);
		if (cases[i].message == NULL && message != NULL)
			fail_msg("%s: refused: %s", cases[i].what, message);
		if (cases[i].message != NULL && message == NULL)
			fail_msg("%s: accepted", cases[i].what);
		if (message != NULL && strstr(message, cases[i].message) == NULL)
			fail_msg("%s: '%s' lacks '%s'", cases[i].what, message,
				 cases[i].message);
	}
}

/* Cut anywhere, it is refused. */
static void truncated_archives_are_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);

	write_case(&b, &cases[0]);
	for (size_t size = 0; size < b.size; size++) {
		struct buffer part = {.data = b.data, .size = size};
		enum error_code code = 0;
		CLEANUP(freep) char *message = open_and_read(&part, &code);
		if (message == NULL)
			fail_msg("accepted when cut to %zu of %zu bytes", size, b.size);
	}
}

/* Any byte changed: refused, or nothing of what is read differs (version, internal and DOS
 * attributes say nothing about the content). */
static void archives_with_a_flipped_byte_are_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	unsigned accepted = 0;

	write_case(&b, &cases[0]);
	for (size_t i = 0; i < b.size * 8; i++) {
		enum error_code code = 0;

		b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
		CLEANUP(freep) char *message = open_and_read(&b, &code);
		accepted += message == NULL;
		b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
	}
	print_message("%u of %zu single-bit changes accepted\n", accepted, b.size * 8);
	/* Per entry: version made by and needed 6 bytes, internal attributes 2, external ones
	 * (but for the kind of file) under 4; nothing else. */
	if (accepted > 2 * (6 + 2 + 4) * 8)
		fail_msg("%u changed bits accepted, expected at most %u", accepted,
			 2 * (6 + 2 + 4) * 8);
}

static void zip_bombs_are_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(16 << 20);
	struct crafted_entry entry = {.name = "zeros", .content = NULL, .method = 8};
	enum error_code code = 0;

	entry.size = 64 << 20;
	entry.packed = crafted_deflate_zeros(entry.size, &entry.packed_size, &entry.crc_xor);
	crafted_write(&b, &entry, 1, &(struct crafted_end){0});
	CLEANUP(freep) char *message = open_and_read(&b, &code);
	assert_non_null(message);
	assert_non_null(strstr(message, "more than 100 to 1"));
	assert_int_equal(code, ERR_LIMIT);
	free((void *)entry.packed);
}

/* The directory promises less than what comes out. */
static void a_zip_bomb_that_declares_a_small_size_is_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(16 << 20);
	struct crafted_entry entry = {.name = "zeros", .content = NULL, .method = 8};
	enum error_code code = 0;

	entry.packed = crafted_deflate_zeros(64 << 20, &entry.packed_size, &entry.crc_xor);
	entry.size = 1000;
	crafted_write(&b, &entry, 1, &(struct crafted_end){0});
	CLEANUP(freep) char *message = open_and_read(&b, &code);
	assert_non_null(message);
	if (strstr(message, "zeros") == NULL)
		fail_msg("unexpected message: %s", message);
	free((void *)entry.packed);
}

static void an_archive_that_is_too_large_is_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	struct crafted_entry entry = {.name = "a",
				      .content = NULL,
				      .method = 8,
				      .packed = "x",
				      .packed_size = 1,
				      .size = (128 << 20) + 1};
	enum error_code code = 0;

	crafted_write(&b, &entry, 1, &(struct crafted_end){0});
	CLEANUP(freep) char *message = open_and_read(&b, &code);
	assert_non_null(strstr(message, "at most 134217728"));
	assert_int_equal(code, ERR_LIMIT);

	/* the archive itself: a sparse file */
	CLEANUP(closep) int fd = memfd_create("large", MFD_CLOEXEC);
	CLEANUP(error_freep) struct error *err = NULL;
	struct archive *a = NULL;
	assert_int_equal(ftruncate(fd, (256 << 20) + 1), 0);
	assert_int_equal(archive_open_fd(fd, &a, &err), ERR_LIMIT);
	assert_non_null(strstr(err->message, "the archive has 268435457 bytes"));
}

static void an_archive_with_too_many_entries_is_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4 << 20);
	size_t count = ARCHIVE_MAX_ENTRIES + 1;
	struct crafted_entry *entries = mem_new_array(struct crafted_entry, count);
	enum error_code code = 0;

	for (size_t i = 0; i < count; i++) {
		entries[i].name = str_printf("%zu", i);
		entries[i].content = "";
	}
	crafted_write(&b, entries, count, &(struct crafted_end){0});
	CLEANUP(freep) char *message = open_and_read(&b, &code);
	assert_non_null(strstr(message, "10001 entries are too many"));
	assert_int_equal(code, ERR_LIMIT);
	buffer_clear(&b);
	crafted_write(&b, entries, count - 1, &(struct crafted_end){0});
	CLEANUP(freep) char *fine = open_and_read(&b, &code);
	assert_null(fine);
	for (size_t i = 0; i < count; i++)
		free((char *)entries[i].name);
	free(entries);
}

static void entries_are_found_by_name(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	CLEANUP(buffer_done) struct buffer content = BUFFER_INIT(1000);
	struct archive *a = NULL;
	struct crafted_entry entries[] = {
		{.name = "z", .content = "last"},
		{.name = "bin/run", .content = "#!", .mode = 0100755},
	};

	crafted_write(&b, entries, 2, &(struct crafted_end){0});
	int fd = file_of(b.data, b.size);
	assert_int_equal(archive_open_fd(fd, &a, NULL), 0);
	close(fd); /* the archive has its own */
	assert_int_equal(archive_entry_count(a), 2);
	assert_string_equal(archive_entry_at(a, 0)->name, "bin/run");
	assert_true(archive_entry_at(a, 0)->executable);
	assert_false(archive_entry_at(a, 1)->executable);
	assert_null(archive_find(a, "y"));
	assert_int_equal(archive_read(a, archive_find(a, "z"), collect, &content, NULL), 0);
	assert_string_equal(content.data, "last");
	archive_close(a);
}

static void a_path_that_is_not_a_regular_file_is_refused(void **state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct archive *a = NULL;

	assert_int_equal(archive_open("/dev/zero", &a, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "not a regular file"));
	error_freep(&err);
	err = NULL;
	assert_int_equal(archive_open("/nonexistent/x", &a, &err), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crafted_archives_are_refused),
		cmocka_unit_test(truncated_archives_are_refused),
		cmocka_unit_test(archives_with_a_flipped_byte_are_refused),
		cmocka_unit_test(zip_bombs_are_refused),
		cmocka_unit_test(a_zip_bomb_that_declares_a_small_size_is_refused),
		cmocka_unit_test(an_archive_that_is_too_large_is_refused),
		cmocka_unit_test(an_archive_with_too_many_entries_is_refused),
		cmocka_unit_test(entries_are_found_by_name),
		cmocka_unit_test(a_path_that_is_not_a_regular_file_is_refused),
	};
	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
