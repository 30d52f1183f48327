#include "zsim/fuzz/check/check_silence.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"
#include "zsim/world/link.h"
#include "zsim/world/world.h"

void silence_stands_still(struct fuzz *f, int64_t duration_ms)
{
	struct standstills *s = &f->standstills;
	if (s->life != f->world.life->number)
		vector_clear(&s->all);
	s->life = f->world.life->number;
	vector_push(&s->all, ((struct standstill){.from_ms = f->world.now_ms,
						  .until_ms = f->world.now_ms + duration_ms}));
}

void silence_goes_on(struct fuzz *f)
{
	vector_for_each (&f->standstills.all, s)
		if (s->until_ms > f->world.now_ms)
			s->until_ms = f->world.now_ms;
}

#define NO_HEARTBEAT "no heartbeat for "

/* What the event says, a tenth of a second, is rounded. */
#define ROUNDED_MS 50

static int64_t judged_ms(const struct world_options *o, const struct standstill *s)
{
	return s->until_ms + o->heartbeat_ms + o->check_ms;
}

/* It was held, whatever was due when it began. */
static bool is_long(const struct world_options *o, const struct standstill *s)
{
	return s->until_ms - s->from_ms > o->check_ms + o->timeout_ms / 6;
}

/* The first time in which zrms stood still since it was heard: it is lost then, or is forgiven. */
static void check_early(struct fuzz *f, const char *zhost, int64_t heard_ms, int64_t at_ms)
{
	const struct world_options *o = &f->world.options;
	const struct standstill *first = NULL;
	for (size_t k = f->standstills.all.count; k > 0; k--)
		if (f->standstills.all.items[k - 1].until_ms > heard_ms - ROUNDED_MS)
			first = &f->standstills.all.items[k - 1];
	if (first == NULL || first->until_ms <= heard_ms + ROUNDED_MS || !is_long(o, first))
		return; /* it was heard since, or it is not clear */
	if (o->on_disconnect_ms > 0 &&
	    heard_ms + o->timeout_ms + ROUNDED_MS >= judged_ms(o, first))
		return; /* nothing was to be forgiven, and its link is closed */
	if (at_ms >= first->until_ms && at_ms < judged_ms(o, first))
		world_violate(
			&f->world,
			"%s is lost %lld ms after zrms stood still, too early to be heard",
			zhost, (long long)(at_ms - first->until_ms));
}

/* When its failure timeout is over, or a standstill that goes on then, and for the first one since then a heartbeat and a check later. */
static int64_t latest_ms(const struct fuzz *f, int64_t heard_ms)
{
	const struct world_options *o = &f->world.options;
	int64_t latest = heard_ms + o->timeout_ms + 1;
	bool forgiven = false;
	vector_for_each (&f->standstills.all, s) {
		if (s->until_ms <= heard_ms || s->from_ms > latest)
			continue;
		if (!forgiven && latest < judged_ms(o, s)) {
			forgiven = is_long(o, s);
			latest = judged_ms(o, s);
		} else if (latest < s->until_ms) {
			latest = s->until_ms;
		}
	}
	return latest;
}

static void check_late(struct fuzz *f, const char *zhost, int64_t heard_ms, int64_t at_ms)
{
	int64_t late_ms = at_ms - latest_ms(f, heard_ms);
	if (late_ms > f->world.options.check_ms + ROUNDED_MS)
		world_violate(&f->world, "%s is lost %lld ms too late", zhost,
			      (long long)late_ms);
}

/* The last one of its links whose HELLO the core has taken; NULL: none in this life of zrms. */
static const struct sim_link *last_link(const struct fuzz *f, const char *zhost)
{
	const struct world *w = &f->world;
	for (size_t k = w->links.count; k > 0; k--) {
		const struct sim_link *link = &w->links.items[k - 1];
		if (link->life == w->life->number && link->hello_ms != NEVER_MS &&
		    str_equal(w->machines.items[link->machine]->name, zhost))
			return link;
	}
	return NULL;
}

static void check_answered(struct fuzz *f, const char *zhost, int64_t at_ms)
{
	const struct world_options *o = &f->world.options;
	const struct sim_link *link = last_link(f, zhost);
	if (link == NULL || link->hello_ms > at_ms)
		return;
	int64_t from_ms =
		link->answered_ms < link->closed_ms ? link->answered_ms : link->closed_ms;
	bool is_short = o->on_disconnect_ms > 0 && link->closed_ms <= at_ms &&
			link->answered_ms <= link->closed_ms;
	int64_t patience_ms = is_short ? o->on_disconnect_ms : o->timeout_ms;
	if (from_ms > at_ms)
		world_violate(&f->world,
			      "%s is lost while it waits for the answer to its HELLO", zhost);
	else if (at_ms - from_ms < patience_ms)
		world_violate(&f->world, "%s is lost %lld ms after the answer to its HELLO",
			      zhost, (long long)(at_ms - from_ms));
}

void check_silence(struct fuzz *f, const Samoza__V1__EventRecord *event)
{
	int64_t at_ms = event->time_ms - WORLD_WALL_MS;
	if (f->world.life == NULL || !str_equal(event->to, "problem") ||
	    !str_has_prefix(event->cause, NO_HEARTBEAT) || draws_have(f, DRAW_CLOCKS) ||
	    draws_have(f, DRAW_SETTINGS) || draws_have(f, DRAW_LEADERS))
		return;
	if (f->standstills.life != f->world.life->number)
		vector_clear(&f->standstills.all);
	double silent_s = strtod(event->cause + strlen(NO_HEARTBEAT), NULL);
	int64_t heard_ms = at_ms - (int64_t)(silent_s * 1000);
	check_early(f, event->subject, heard_ms, at_ms);
	check_late(f, event->subject, heard_ms, at_ms);
	check_answered(f, event->subject, at_ms);
}
