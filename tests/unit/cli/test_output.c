#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/output/output.h"
#include "base/memory.h"

struct printed {
	struct output o;
	char *text;
	size_t size;
};

static void begin(struct printed *p)
{
	*p = (struct printed){0};
	output_init(&p->o, open_memstream(&p->text, &p->size), stderr);
	assert_false(p->o.terminal);
	assert_false(p->o.colour);
}

static void end(struct printed *p, const char *expected)
{
	(void)fclose(p->o.out);
	assert_string_equal(p->text, expected);
	free(p->text);
}

static void columns_are_as_wide_as_asked_or_needed(void **state)
{
	static const struct output_column columns[] = {
		{"SPACE", 0, 10}, {"N", OUTPUT_RIGHT, 0}, {"STATE", OUTPUT_STATE, 8}, {0}};
	struct printed p;
	struct output_table *t;

	begin(&p);
	t = output_table_new(&p.o, columns, OUTPUT_RULED | OUTPUT_INDENTED);
	output_table_row(t, (const char *[]){"api", "1", "running"});
	output_table_row(t, (const char *[]){"caf\xc3\xa9\x1b", "100", NULL});
	output_table_print(t);
	end(&p, "  SPACE       N STATE\n"
		"  ----------------------\n"
		"  api         1 running\n"
		"  caf\xc3\xa9\\x1b  100 -\n");
}

static void blocks_align_their_values(void **state)
{
	struct printed p;

	begin(&p);
	output_block(&p.o, 7,
		     (const struct output_pair[]){{"ID", "a"},
						  {"None", NULL},
						  {"State", "x\ny"},
						  {"LongerThan", "b"},
						  {0}});
	end(&p, "  ID:     a\n  State:  x\\ny\n  LongerThan: b\n");
}

static void progress_without_a_terminal_is_a_line_for_each_change(void **state)
{
	struct printed p;
	struct output_progress *progress;

	begin(&p);
	progress = output_progress_new(&p.o, "running");
	output_progress_set(progress, "api", "deploying");
	output_progress_set(progress, "api", "deploying");
	output_progress_set(progress, "store", "running");
	output_progress_draw(progress);
	output_progress_set(progress, "api", "running");
	output_progress_free(progress);
	end(&p, "  api                  deploying\n"
		"  store                running\n"
		"  api                  running\n");
}

static void progress_of_many_is_a_count(void **state)
{
	struct printed p;
	struct output_progress *progress;
	char name[16];

	begin(&p);
	progress = output_progress_new(&p.o, "running");
	for (int i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "api-%d", i);
		output_progress_set(progress, name, "deploying");
	}
	(void)fflush(p.o.out);
	/* The first hundred were few enough for lines. */
	assert_null(strstr(p.text, "api-100 "));
	p.size = 0;
	rewind(p.o.out);
	for (int i = 0; i < 199; i++) {
		(void)snprintf(name, sizeof(name), "api-%d", i);
		output_progress_set(progress, name, "running");
	}
	output_progress_free(progress);
	(void)fflush(p.o.out);
	assert_memory_equal(p.text, "  10 of 200 running\n  20 of 200 running\n", 38);
	assert_non_null(strstr(p.text, "  199 of 200 running\n"));
	(void)fclose(p.o.out);
	free(p.text);
}

static void progress_is_quiet_unless_the_format_is_a_table(void **state)
{
	struct printed p;
	struct output_progress *progress;

	begin(&p);
	p.o.format = OUTPUT_JSON;
	progress = output_progress_new(&p.o, "running");
	output_progress_set(progress, "api", "running");
	output_progress_free(progress);
	end(&p, "");
}

static void amounts_read_well(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {{0, "0 B"},
		     {1023, "1023 B"},
		     {1024, "1 KiB"},
		     {1536, "1.5 KiB"},
		     {UINT64_C(32) << 20, "32 MiB"},
		     {(UINT64_C(1) << 30) - 1, "1 GiB"},
		     {UINT64_C(5) << 30, "5 GiB"}};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(freep) char *text = output_size(sizes[i].bytes);

		assert_string_equal(text, sizes[i].text);
	}
	for (size_t i = 0; i < 4; i++) {
		static const uint64_t amounts[] = {0, 50, 2000, 1250};
		static const char *const texts[] = {"0", "0.05", "2", "1.25"};
		CLEANUP(freep) char *text = output_cores(amounts[i]);

		assert_string_equal(text, texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_asked_or_needed),
		cmocka_unit_test(blocks_align_their_values),
		cmocka_unit_test(progress_without_a_terminal_is_a_line_for_each_change),
		cmocka_unit_test(progress_of_many_is_a_count),
		cmocka_unit_test(progress_is_quiet_unless_the_format_is_a_table),
		cmocka_unit_test(amounts_read_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
