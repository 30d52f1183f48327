#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static _Atomic(void (*)(void)) before_abort;

void check_before_abort(void (*fn)(void))
{
	before_abort = fn;
}

void check_failed(const char *kind, const char *what, const char *file, int line,
		  const char *function)
{
	void (*before)(void) = before_abort;
	if (before != NULL)
		before();
	fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, function, kind, what);
	abort();
}
