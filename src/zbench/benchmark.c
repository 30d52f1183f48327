#include "zbench/benchmark.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"

int benchmark_run(void *context, const struct cli_run *line, struct error **err)
{
	struct bench_runner *runner = context;

	return runner->run(runner, line, err);
}

void bench_progress(const struct bench *bench, const char *format, ...)
{
	va_list args;

	if (bench->quiet)
		return;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	(void)fprintf(stderr, "zbench: %s\n", text);
}
