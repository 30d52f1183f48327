#include "zsim/world/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/str.h"

void world_violate(struct world *w, const char *format, ...)
{
	if (w->violation != NULL)
		return;
	va_list args;
	va_start(args, format);
	w->violation = str_vprintf(format, args);
	va_end(args);
	world_log(w, "VIOLATION %s", w->violation);
}

void world_log(struct world *w, const char *format, ...)
{
	if (!w->keep_log && w->print_log == NULL)
		return;
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	if (w->print_log != NULL)
		fprintf(w->print_log, "%9.3f  %s\n", (double)w->now_ms / 1000.0, text);
	else
		vector_push(&w->log, str_printf("%9.3f  %s", (double)w->now_ms / 1000.0, text));
}

char *world_uuid(struct world *w, const char *what)
{
	struct random r = {.state = str_hash(what) + ++w->next_identity};
	uint64_t a = random_next(&r);
	uint64_t b = random_next(&r);
	return str_printf("%08" PRIx32 "-%04x-4%03x-8%03x-%012" PRIx64, (uint32_t)(a >> 32),
			  (unsigned)(a >> 16) & 0xffffu, (unsigned)a & 0xfffu,
			  (unsigned)(b >> 48) & 0xfffu, b & UINT64_C(0xffffffffffff));
}
