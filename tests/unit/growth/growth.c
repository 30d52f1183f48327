/*
 *     growth [WORD…]     parts whose names have one of the words; all without
 *
 * Under callgrind it dumps the counts of each part at each size as "NAME/SIZE", and prints the list of parts:
 * NAME, n and bound, separated by tabs.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "base/str.h"
#include "growth.h"

static void run(const struct part *part, unsigned n)
{
	struct world w = {.n = n};
	CLEANUP(freep) char *name = str_printf("%s/%u", part->name, n);
	part->begin(&w);
	(void)malloc_trim(0); /* what was freed so far is not put together later */
	CALLGRIND_START_INSTRUMENTATION;
	part->measure(&w);
	CALLGRIND_STOP_INSTRUMENTATION;
	CALLGRIND_DUMP_STATS_AT(name);
	world_done(&w);
}

static bool is_wanted(const struct part *part, char *const *words)
{
	if (*words == NULL)
		return true;
	for (; *words != NULL; words++)
		if (strstr(part->name, *words) != NULL)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct part *const lists[] = {control_parts, plan_parts, place_parts};
	(void)argc;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (const struct part *part = lists[i]; part->name != NULL; part++) {
			(void)fflush(stdout);
			if (!is_wanted(part, argv + 1))
				continue;
			run(part, part->n);
			run(part, 4 * part->n);
			(void)printf("%s\t%u\t%g\n", part->name, part->n, part->bound);
		}
	}
	return 0;
}
