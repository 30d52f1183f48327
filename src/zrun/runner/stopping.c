#include "zrun/runner/stopping.h"

#include "zrun/runner/clocks.h"

void runner_stop(struct runner *i, enum zrun_stopped_cause cause, uint64_t grace_ms)
{
	uint64_t at = mono_ms() + grace_ms;
	bool first = !runner_stopping(i);

	if (!first && at >= i->stop_deadline_ms)
		return;
	if (first)
		i->stop_cause = (int)cause;
	i->stop_deadline_ms = at;
	if (i->kind->stop != NULL)
		i->kind->stop(i);
}

void runner_check_clocks(struct runner *i)
{
	if (runner_stopping(i))
		return;
	if (i->connection.fd < 0 &&
	    mono_ms() - i->connection.lost_ms >= i->request->orphan_ms) {
		connection_note(i, ZRUN_LEVEL_WARN, "stopping: no zhost for %u ms",
				i->request->orphan_ms);
		runner_stop(i, ZRUN_STOPPED_ORPHAN, i->request->grace_ms);
	} else if (i->stop_at_boot_ms != 0 && boot_ms() >= i->stop_at_boot_ms) {
		uint64_t now = boot_ms();

		connection_note(
			i, ZRUN_LEVEL_WARN,
			"stopping: its zhost was cut off from zrms for as long as it may be");
		runner_stop(i, ZRUN_STOPPED_NOT_RENEWED,
			    i->end_at_boot_ms > now ? i->end_at_boot_ms - now : 0);
	}
}
