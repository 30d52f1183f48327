#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *kind, const char *what, const char *file, int line,
		  const char *function)
{
	fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, function, kind, what);
	abort();
}
