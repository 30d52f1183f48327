#include "zrun/runner/log_budget.h"

#include "zrun/runner/clocks.h"
#include "zrun/runner/runner.h"

#define REPORT_MS 5000

bool log_budget_afford(struct log_budget *b, size_t size)
{
	uint64_t now = mono_ms();

	if (!b->is_begun)
		*b = (struct log_budget){.at_ms = now, .left = LOG_BURST, .is_begun = true};
	b->left += (now - b->at_ms) * LOG_BYTES_PER_S / 1000;
	b->at_ms = now;
	if (b->left > LOG_BURST)
		b->left = LOG_BURST;
	if (b->left < size) {
		b->dropped += size;
		return false;
	}
	b->left -= size;
	return true;
}

void log_budget_report(struct runner *i, struct log_budget *b, bool now)
{
	if (b->dropped == 0 || (!now && mono_ms() - b->dropped_at_ms < REPORT_MS))
		return;
	connection_note(i, ZRUN_LEVEL_WARN,
			"it prints more than %d KiB a second: %llu byte%s not in this log",
			LOG_BYTES_PER_S / 1024, (unsigned long long)b->dropped,
			b->dropped == 1 ? " is" : "s are");
	b->dropped = 0;
	b->dropped_at_ms = mono_ms();
}

void log_budget_line(struct runner *i, enum zrun_log_level level, const char *text, size_t size)
{
	/* The rest of a longer one is cut, and costs nothing. */
	size_t kept = size < ZRUN_LOG_MAX ? size : ZRUN_LOG_MAX;

	if (!log_budget_afford(&i->log_budget, kept + LOG_LINE_COST))
		return;
	log_budget_report(i, &i->log_budget, false);
	connection_log(i, ZRUN_LOG_GUEST, level, text, size);
}
