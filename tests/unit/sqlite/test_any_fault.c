/*
 * Whatever happens to the files of a store, a bit or a cut anywhere: it is never merely different without a
 * word (adapter/sqlite/ledger.h, inspect.h).
 */
#include "integrity_stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../store/content.h"
#include "adapter/sqlite/inspect.h"

#define GET(o, owner, key) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_GET, owner, key, NULL)

/* ---- any fault ---- */

/* Everything that the store in `path` hands out; "refused" when it does not open or load. Findings
 * first, after them "--". */
static char *everything(struct fixture *f, const char *path)
{
	struct store *store = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (sqlite_store_open(&f->loop, path, &store, &err) < 0)
		return mem_strdup("refused--");
	bool is_fine = store->ops->inspect(store, on_finding, f, &err) == 0;
	say(f, "--");
	is_fine = is_fine && store->ops->load(store, on_record, f, &err) == 0;
	if (is_fine) {
		for (int i = 0; i < BATCHES; i++) {
			CLEANUP(freep) char *key = str_printf("value-%02d", i);
			GET(&f->outbox, "shop/api", key);
		}
		commit_to(f, store);
	}
	store_close(f, &store);
	CLEANUP(freep) char *text = said(f);
	return is_fine ? steal_ptr(&text) : mem_strdup("refused--");
}

/* Whether a look into it finds something. */
static bool is_noticed(struct fixture *f, const char *path)
{
	struct store_inventory inventory;
	CLEANUP(error_freep) struct error *err = NULL;
	if (sqlite_store_check(path, on_finding, on_record, f, &inventory, &err) < 0) {
		buffer_clear(&f->seen);
		return true;
	}
	CLEANUP(freep) char *text = said(f);
	static const char *const words[] = {"record ", "event ", "value ", "lost ", "shape "};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]) != NULL)
			return true;
	return false;
}

/* Not silently different. Records: a start refuses, or has a finding. Values: they are errors, or at
 * least a look into the store has a finding. */
static void check_told(struct fixture *f, const char *path, const char *whole, const char *what,
		       size_t at)
{
	bool noticed = is_noticed(f, path);
	CLEANUP(freep) char *found = everything(f, path);
	size_t records = (size_t)(strstr(whole, "0=value-") - whole);
	if (strncmp(found, "--", 2) != 0 || strcmp(found, whole) == 0)
		return;
	if (strncmp(found, whole, records) != 0)
		fail_msg("%s %zu: without a word\n%s\ninstead of\n%s", what, at, found, whole);
	if (!noticed && strstr(found, "-5;") == NULL)
		fail_msg("%s %zu: zrms check finds nothing\n%s\ninstead of\n%s", what, at,
			 found, whole);
}

static void no_flipped_bit_changes_anything_in_silence(void **state)
{
	struct fixture *f = *state;
	fill(f);
	store_close(f, &f->store); /* all of it is in the file itself */
	CLEANUP(freep) char *whole = everything(f, f->path);
	CLEANUP(freep) uint8_t *data = NULL;
	CLEANUP(freep) char *path = directory_file(f->directory, "flipped.db");
	size_t size = file_read(f->path, &data);
	/* Steps that meet every kind of page and every bit. */
	for (size_t bit = 0; bit < size * 8; bit += 331) {
		CLEANUP(freep) uint8_t *changed = mem_memdup(data, size);
		changed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		for (size_t i = 1; i < STORE_FILES; i++) {
			CLEANUP(freep) char *other = str_printf("%s%s", path, suffixes[i]);
			(void)unlink(other);
		}
		file_write(path, changed, size);
		check_told(f, path, whole, "bit", bit);
	}
}

static void no_cut_of_the_log_passes_unnoticed(void **state)
{
	struct fixture *f = *state;
	fill(f);
	CLEANUP(freep) char *copy = copy_files(f, "whole.db");
	CLEANUP(freep) char *whole = everything(f, copy);
	assert_true(strncmp(whole, "--", 2) == 0);
	CLEANUP(freep) uint8_t *log = NULL;
	CLEANUP(freep) char *log_path = str_printf("%s-wal", f->path);
	size_t size = file_read(log_path, &log);
	assert_true(size != SIZE_MAX && size > 4096);
	unsigned lost = 0;
	for (size_t left = 0; left < size; left += 1999) {
		CLEANUP(freep) char *path = copy_files(f, "cut.db");
		CLEANUP(freep) char *cut = str_printf("%s-wal", path);
		file_write(cut, log, left);
		lost += is_noticed(f, path);
		check_told(f, path, whole, "log cut at", left);
	}
	assert_true(lost > 10);
}

static void a_store_without_a_witness_is_taken_as_it_is(void **state)
{
	struct fixture *f = *state;
	fill(f);
	CLEANUP(freep) char *copy = copy_files(f, "whole.db");
	CLEANUP(freep) char *witness = str_printf("%s-acknowledged", copy);
	assert_int_equal(unlink(witness), 0);
	CLEANUP(freep) char *found = everything(f, copy);
	assert_true(strncmp(found, "--", 2) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_flipped_bit_changes_anything_in_silence),
		TEST(no_cut_of_the_log_passes_unnoticed),
		TEST(a_store_without_a_witness_is_taken_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
