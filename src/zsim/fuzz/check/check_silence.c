#include "zsim/fuzz/check/check_silence.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"
#include "zsim/world/world.h"

void silence_stands_still(struct fuzz *f, int64_t duration_ms)
{
	struct standstill *s = &f->standstill;
	uint64_t life = f->world.life->number;
	*s = (struct standstill){.life = life,
				 .count = s->life == life ? s->count + 1 : 1,
				 .from_ms = f->world.now_ms,
				 .until_ms = f->world.now_ms + duration_ms};
}

#define NO_HEARTBEAT "no heartbeat for "

/* What the event says, a tenth of a second, is rounded. */
#define ROUNDED_MS 50

/* It was heard after zrms stood still: what is judged is a silence of its own. */
static bool was_heard_since(const Samoza__V1__EventRecord *event, int64_t at_ms,
			    int64_t until_ms)
{
	double silent_s = strtod(event->cause + strlen(NO_HEARTBEAT), NULL);
	return at_ms - (int64_t)(silent_s * 1000) + ROUNDED_MS >= until_ms;
}

void check_silence(struct fuzz *f, const Samoza__V1__EventRecord *event)
{
	const struct standstill *s = &f->standstill;
	const struct world_options *o = &f->world.options;
	int64_t at_ms = event->time_ms - WORLD_WALL_MS;
	if (f->world.life == NULL || s->life != f->world.life->number || s->count != 1 ||
	    !str_equal(event->to, "problem") || !str_has_prefix(event->cause, NO_HEARTBEAT) ||
	    draws_have(f, DRAW_CLOCKS) || draws_have(f, DRAW_SETTINGS) ||
	    draws_have(f, DRAW_LEADERS) ||
	    s->until_ms - s->from_ms <= o->check_ms + o->timeout_ms / 6)
		return;
	if (was_heard_since(event, at_ms, s->until_ms))
		return;
	if (at_ms >= s->until_ms && at_ms < s->until_ms + o->heartbeat_ms + o->check_ms)
		world_violate(
			&f->world,
			"%s is lost %lld ms after zrms stood still, too early to be heard",
			event->subject, (long long)(at_ms - s->until_ms));
}
