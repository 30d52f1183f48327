#include "zbench/askers.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "zbench/events.h"

#define MARK	      "zbench asker "
#define LIMIT_SECONDS 60u

char *askers_more(uint32_t count, const char *more)
{
	return str_printf("count: %" PRIu32 ", capabilities: [sys.log, net.emit, net.recv]%s",
			  count, more);
}

char *askers_path(const char *space)
{
	return str_printf("{from: " ASKERS_NAME ", to: %s, name: calls}", space);
}

struct seen {
	uint64_t until_ns;
	struct asked asked;
};

static int on_line(void *data, const char *line, struct error **err)
{
	struct seen *seen = data;
	uint64_t settled_ns, asked, refused, lost, twice;

	if (sscanf(line,
		   MARK "settled_ns=%" SCNu64 " asked=%" SCNu64 " refused=%" SCNu64
			" lost=%" SCNu64 " twice=%" SCNu64,
		   &settled_ns, &asked, &refused, &lost, &twice) != 5)
		return error_set(err, ERR_INVALID, "an asker says: %s", line);
	seen->asked = (struct asked){asked, refused + lost + twice};
	return settled_ns >= seen->until_ns;
}

int askers_end(uint16_t port, const char *topology_id, uint32_t count, uint64_t until_ns,
	       struct asked *ret, struct error **err)
{
	struct asked sum = {0};
	int r = 0;

	for (uint32_t k = 1; k <= count && r >= 0; k++) {
		CLEANUP(freep) char *path = str_printf(ASKERS_NAME "-%" PRIu32, k);
		struct seen seen = {.until_ns = until_ns};

		r = log_until(port, topology_id, path, MARK, on_line, &seen, LIMIT_SECONDS,
			      err);
		sum.asked += seen.asked.asked;
		sum.failed += seen.asked.failed;
	}
	if (r < 0)
		return r;
	*ret = sum;
	return 0;
}

int askers_begin(uint16_t port, const char *topology_id, uint32_t count, struct error **err)
{
	struct asked unused;
	return askers_end(port, topology_id, count, 0, &unused, err);
}

void askers_report(struct report *report, const char *key, const char *when,
		   struct samples *asked, struct samples *failed)
{
	if (asked->list.count == 0)
		return;
	CLEANUP(freep) char *asked_key = str_printf("%srequests", key);
	CLEANUP(freep) char *failed_key = str_printf("%sfailed_requests", key);
	CLEANUP(freep) char *asked_label = str_printf("requests of clients %s", when);
	CLEANUP(freep) char *failed_label = str_printf("of these failed %s", when);

	report_add(report, asked_key, asked_label, "", NULL, asked);
	report_add(report, failed_key, failed_label, "", "max 0", failed);
}
