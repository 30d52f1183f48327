/* Pieces of recordings: where they begin, what is named as missing, and lives of several zrms in the order in which they led
 * (adapter/recorder/piece.h). */
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

#include "adapter/recorder/piece.h"
#include "adapter/recorder/segment.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

static char root[] = "/tmp/samoza-piece-XXXXXX";

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	CLEANUP(freep) char *command = str_printf("rm -rf %s", root);
	return system(command);
}

static char *in_root(const char *name)
{
	return str_printf("%s/%s", root, name);
}

/* A block of one entry, at that time. */
struct wanted {
	uint64_t number;
	bool begins;
	int64_t ms;
};

static void write_file(const char *directory, const char *name, const struct wanted *blocks,
		       size_t count)
{
	Samoza__V1__RecordingHeader h = SAMOZA__V1__RECORDING_HEADER__INIT;
	char program[] = "1.2.3", zrms[] = "any";
	CLEANUP(freep) char *path = str_printf("%s/%s/%s.recording", root, directory, name);
	CLEANUP(freep) char *above = in_root(directory);
	struct segment_writer *w;
	h.program = program;
	h.zrms = zrms;
	(void)mkdir(above, 0700);
	assert_int_equal(segment_create(path, &h, &w, NULL), 0);
	for (size_t k = 0; k < count; k++) {
		struct block b;
		struct buffer packed = BUFFER_INIT(SIZE_MAX);
		CLEANUP(freep)
		char *text = str_printf("%s at %d", directory, (int)blocks[k].ms);
		block_init(&b);
		b.head.number = blocks[k].number;
		block_add(&b, blocks[k].ms, blocks[k].begins, text, strlen(text));
		assert_int_equal(block_pack(&b, &packed, NULL), 0);
		assert_int_equal(segment_append(w, packed.data, packed.size, NULL), 0);
		buffer_done(&packed);
		block_done(&b);
	}
	segment_writer_free(w);
}

/* "100-300 why; " for each gap. */
static char *gaps_of(const Samoza__V1__RecordedAbout *about)
{
	struct buffer text = BUFFER_INIT(4096);
	(void)buffer_add_string(&text, "");
	for (size_t k = 0; k < about->n_gaps; k++)
		(void)buffer_printf(&text, "%d-%d%s%s; ", (int)about->gaps[k]->from_ms,
				    (int)about->gaps[k]->to_ms,
				    about->gaps[k]->zrms != NULL ? " of " : "",
				    about->gaps[k]->zrms != NULL ? about->gaps[k]->zrms : "");
	return buffer_steal(&text);
}

/* What is in it after what it says of itself: "a at 100; ", and "[a]" where a part begins; "!" where a number is missing. */
static char *contents(const char *path)
{
	struct segment_reader *reader;
	struct block b;
	struct buffer text = BUFFER_INIT(4096);
	uint64_t lost, next = 0;
	(void)buffer_add_string(&text, "");
	assert_int_equal(segment_open(path, &reader, NULL), 0);
	block_init(&b);
	while (segment_next(reader, &b, &lost, NULL) == 1) {
		const void *data;
		size_t at = 0, size;
		ProtobufCMessage *message = NULL;
		assert_true(block_next(&b, &at, &data, &size));
		assert_int_equal(lost, 0);
		if (b.head.number != next)
			(void)buffer_add_string(&text, "!");
		next = b.head.number + 1;
		bool is_entry = memchr(data, ' ', size) == NULL ||
				memcmp((const char *)data + 1, " at ", 4) != 0;
		if (!is_entry) {
			(void)buffer_printf(&text, "%.*s; ", (int)size, (const char *)data);
			continue;
		}
		assert_int_equal(schema_message_unpack(&samoza__v1__recording_entry__descriptor,
						       data, size, &message, NULL),
				 0);
		const Samoza__V1__RecordingEntry *e =
			(const Samoza__V1__RecordingEntry *)message;
		if (e->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_PART)
			(void)buffer_printf(&text, "[%s] ", e->part->zrms);
		schema_message_free(message);
	}
	block_done(&b);
	segment_reader_free(reader);
	return buffer_steal(&text);
}

static void check(const char *path, const char *expected, const char *gaps)
{
	Samoza__V1__RecordedAbout *about = NULL;
	assert_int_equal(piece_about(path, &about, NULL), 0);
	CLEANUP(freep) char *seen = contents(path);
	CLEANUP(freep) char *missing = gaps_of(about);
	assert_string_equal(seen, expected);
	assert_string_equal(missing, gaps);
	schema_message_free(about);
}

static void cut(const char *directory, const char *name, int64_t from_ms, int64_t to_ms,
		int64_t lives_ms)
{
	const struct piece piece = {.zrms = directory,
				    .program = "1.2.3",
				    .from_ms = from_ms,
				    .to_ms = to_ms,
				    .lives_ms = lives_ms};
	CLEANUP(freep) char *from = in_root(directory);
	CLEANUP(freep) char *to = in_root(name);
	(void)unlink(to);
	assert_int_equal(piece_cut(from, &piece, to, NULL), 0);
}

/* Of "a": a life from 100 to 300 in two files, and another one from 700 on, of which a block is missing. Of "b": from 350 to 600. */
static void write_all(void)
{
	write_file("a", "1", (struct wanted[]){{0, true, 100}, {1, false, 150}}, 2);
	write_file("a", "2", (struct wanted[]){{2, true, 200}, {3, false, 300}}, 2);
	write_file("a", "3",
		   (struct wanted[]){
			   {0, true, 700}, {1, false, 750}, {3, false, 800}, {4, true, 850}},
		   4);
	write_file("b", "1", (struct wanted[]){{0, true, 350}, {1, false, 600}}, 2);
}

static void a_piece_begins_with_what_can_be_replayed_and_names_what_is_missing(void **state)
{
	(void)state;
	CLEANUP(freep) char *path = in_root("cut");
	write_all();
	cut("a", "cut", 250, 300, 0); /* the checkpoint before */
	check(path, "[a] a at 200; a at 300; ", "");
	cut("a", "cut", 150, 160, 0); /* the birth before */
	check(path, "[a] a at 100; a at 150; ", "150-160; ");
	cut("a", "cut", 50, 120, 0); /* nothing before */
	check(path, "[a] a at 100; ", "50-100; 100-120; ");
	cut("a", "cut", 200, 720, 0); /* two lives */
	check(path, "[a] a at 200; a at 300; a at 700; ", "300-700; 700-720; ");
	cut("a", "cut", 700, 900, 880); /* a block is missing, and it lives */
	check(path, "[a] a at 700; a at 750; !a at 800; a at 850; ", "750-850; 880-900; ");
	cut("none", "cut", 1, 2, 0);
	check(path, "", "1-2; ");
}

static void pieces_of_several_zrms_are_in_the_order_in_which_they_led(void **state)
{
	(void)state;
	CLEANUP(freep) char *path = in_root("joined");
	CLEANUP(freep) char *a = in_root("of-a");
	CLEANUP(freep) char *b = in_root("of-b");
	char *paths[] = {a, b};
	char name[] = "c", why[] = "it did not answer";
	Samoza__V1__RecordedGap away = SAMOZA__V1__RECORDED_GAP__INIT;
	Samoza__V1__RecordedGap *gaps[] = {&away};
	const struct piece piece = {
		.zrms = "a", .program = "1.2.3", .from_ms = 200, .to_ms = 760};
	away.from_ms = 200;
	away.to_ms = 760;
	away.zrms = name;
	away.why = why;
	cut("a", "of-a", 200, 760, 760);
	cut("b", "of-b", 200, 760, 0);
	assert_int_equal(piece_join(paths, 2, &piece, gaps, 1, path, NULL), 0);
	check(path, "[a] a at 200; a at 300; [b] b at 350; b at 600; [a] a at 700; a at 750; ",
	      "200-760 of c; 300-350; 600-700; ");
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(piece_join(paths, 2, &piece, gaps, 1, path, &err), ERR_CONFLICT);
}

static void a_file_of_another_format_is_named_and_what_is_no_piece_is_refused(void **state)
{
	(void)state;
	CLEANUP(freep) char *path = in_root("cut");
	CLEANUP(freep) char *old = in_root("old/0.recording");
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__RecordedAbout *about = NULL;
	write_file("old", "1", (struct wanted[]){{0, true, 100}}, 1);
	FILE *file = fopen(old, "we");
	assert_non_null(file);
	(void)fwrite("samoza-recording\0\0\0\0\0\0\0\0", 1, 24, file);
	(void)fclose(file);
	cut("old", "cut", 50, 100, 0);
	assert_int_equal(piece_about(path, &about, NULL), 0);
	assert_int_equal(about->n_gaps, 2);
	assert_non_null(
		strstr(about->gaps[0]->why, "replay it with the version that wrote it"));
	assert_string_equal(about->gaps[0]->zrms, "old");
	schema_message_free(about);
	CLEANUP(freep) char *whole = in_root("a/1.recording");
	assert_int_equal(piece_about(whole, &about, &err), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_piece_begins_with_what_can_be_replayed_and_names_what_is_missing),
		cmocka_unit_test(pieces_of_several_zrms_are_in_the_order_in_which_they_led),
		cmocka_unit_test(
			a_file_of_another_format_is_named_and_what_is_no_piece_is_refused),
	};
	return cmocka_run_group_tests_name("recorder piece", tests, make_root, remove_root);
}
