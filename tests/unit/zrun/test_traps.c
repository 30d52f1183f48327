/* Traps: each is found, named, reported to zhost and in the status file, and ends the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "harness.h"

#define OOB	    "out of bounds memory or table access"
#define DIVIDE	    "integer divide by zero"
#define OVERFLOW    "integer overflow"
#define CONVERSION  "invalid conversion to integer"
#define UNREACHABLE "unreachable executed"
#define INDIRECT    "undefined element or wrong type in an indirect call"
#define EXHAUSTED   "call stack exhausted"

/* In the order of the table in guests/traps.wat. */
static const struct {
	const char *name, *text;
} traps[] = {
	{"load", OOB},
	{"load, result dropped", OOB},
	{"load near 4 GiB", OOB},
	{"load near 8 GiB", OOB},
	{"64-bit load that ends behind 8 GiB", OOB},
	{"store", OOB},
	{"store, overwritten", OOB},
	{"store near 8 GiB", OOB},
	{"8-bit store behind the end", OOB},
	{"memory.copy", OOB},
	{"memory.fill", OOB},
	{"memory.init", OOB},
	{"division by zero", DIVIDE},
	{"remainder by zero", DIVIDE},
	{"division overflow", OVERFLOW},
	{"64-bit division by zero", DIVIDE},
	{"64-bit division overflow", OVERFLOW},
	{"truncation of a large number", OVERFLOW},
	{"truncation of NaN", CONVERSION},
	{"truncation to 64 bits", OVERFLOW},
	{"truncation of a negative number", OVERFLOW},
	{"unreachable", UNREACHABLE},
	{"indirect call of null", INDIRECT},
	{"indirect call behind the table", INDIRECT},
	{"indirect call of another type", INDIRECT},
	{"recursion", EXHAUSTED},
	{"recursion in tail position", EXHAUSTED},
	{"mutual recursion", EXHAUSTED},
	{"recursion without result", EXHAUSTED},
	{"indirect recursion", EXHAUSTED},
	{"recursion with a large frame", EXHAUSTED},
	{"load behind what was grown", OOB},
	{"load of the last byte of 4 GiB", OOB},
	{"fill of 4 GiB", OOB},
	{"copy from the end", OOB},
	{"recursion with 64-bit values", EXHAUSTED},
	{"recursion, in a host function that logs", EXHAUSTED},
	{"recursion, in a host function that waits for an answer", EXHAUSTED},
	{"recursion, in a host function with a large frame", EXHAUSTED},
};

static void test_traps(void **state)
{
	static struct play p;

	for (size_t n = 0; n < ARRAY_SIZE(traps); n++) {
		char number[4], text[200];

		(void)snprintf(number, sizeof(number), "%02zu", n);
		(void)snprintf(text, sizeof(text), "trap: %s in on_process", traps[n].text);
		play_start(&p, &(struct part){.guest = GUEST_TRAPS, .test_case = number});
		play_until(&p, 0);
		if (strcmp(p.failed_text, text) != 0)
			fail_msg("%s: '%s', expected '%s' (%s)", traps[n].name, p.failed_text,
				 text, launch_status_text(p.status));
		assert_int_equal(p.failed.kind, ZRUN_FAILED_TRAP);
		assert_int_equal(p.status, (ZRUN_EXIT_FAILED + ZRUN_FAILED_TRAP) << 8);
		assert_int_equal(play_status_file(&p), ZRUN_FAILED);
		play_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_traps)};

	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}
