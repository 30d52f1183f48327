#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void verdict_refused(const struct buffer *b, enum error_code code, const char *part)
{
	struct module_info info;
	struct error *error = NULL;
	double start = seconds();
	int r = module_check((const uint8_t *)b->data, b->size, MEMORY, &info, &error);

	if (r >= 0)
		fail_msg("accepted; expected a refusal with '%s'", part);
	if (r != (int)code || strstr(error->message, part) == NULL)
		fail_msg("refused with %s '%s'; expected %s '%s'",
			 error_code_name((enum error_code)r), error->message,
			 error_code_name(code), part);
	/* 32 MiB take a fraction of a second of processor time; minutes would be the fault. */
	assert_true(seconds() - start < 5);
	error_free(error);
}

void verdict_accepted(const struct buffer *b, struct module_info *ret_info)
{
	struct error *error = NULL;

	if (module_check((const uint8_t *)b->data, b->size, MEMORY, ret_info, &error) < 0)
		fail_msg("refused: %s", error->message);
}
