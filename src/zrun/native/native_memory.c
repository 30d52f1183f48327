#include "zrun/native/native_memory.h"

#include <inttypes.h>

#include "zrun/native/native_settings.h"
#include "zrun/runner/clocks.h"

#define JUST_NOW_MS 5000 /* from the kill to the end that it leads to */

/* "48 MiB", as it is written in topology.yaml. */
static void limit_text(const struct native *n, char *text, size_t size)
{
	uint64_t bytes = native_number(n, "memory_bytes");

	if (bytes % (1 << 20) == 0)
		native_text(text, size, "%" PRIu64 " MiB", bytes >> 20);
	else if (bytes % (1 << 10) == 0)
		native_text(text, size, "%" PRIu64 " KiB", bytes >> 10);
	else
		native_text(text, size, "%" PRIu64 " bytes", bytes);
}

void native_memory_look(struct native *n)
{
	uint64_t kills = cgroup_oom_kills(&n->group);
	char limit[40];

	if (kills <= n->oom_kills)
		return;
	limit_text(n, limit, sizeof(limit));
	connection_note(n->instance, ZRUN_LEVEL_ERROR,
			"out of memory: %" PRIu64 " process%s killed at the limit of %s "
			"(resources.memory)",
			kills - n->oom_kills, kills - n->oom_kills == 1 ? " was" : "es were",
			limit);
	n->oom_kills = kills;
	n->oom_ms = mono_ms();
}

const char *native_memory_text(struct native *n)
{
	static char text[100];
	char limit[40];

	native_memory_look(n);
	if (n->oom_ms == 0 || mono_ms() - n->oom_ms > JUST_NOW_MS)
		return "";
	limit_text(n, limit, sizeof(limit));
	native_text(text, sizeof(text), ": out of memory, its limit is %s (resources.memory)",
		    limit);
	return text;
}
