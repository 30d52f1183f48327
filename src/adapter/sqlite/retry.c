#include "adapter/sqlite/retry.h"

#include <poll.h>
#include <time.h>

enum { PAUSE_MS = 100 };

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool retry_wait(struct retry *r, const struct database *db, int64_t for_ms,
		atomic_bool *is_failing)
{
	if (db->is_damaged || for_ms == 0)
		return false;
	if (r->until_ms == 0)
		r->until_ms = now_ms() + for_ms;
	if (now_ms() >= r->until_ms)
		return false;
	atomic_store(is_failing, true);
	(void)poll(NULL, 0, PAUSE_MS);
	return true;
}
