#include "zhost/space/farewell.h"

#include "zhost/space/resident.h"
#include "zhost/space/residents_private.h"
#include "zrun/protocol/protocol.h"

/* A question that takes its receiver longer is not waited for. */
#define QUIET_MS 500
/* Nobody waits for an answer of what was last used so long ago. */
#define UNUSED_MS 5000

static int64_t now_ms(const struct resident *r)
{
	return loop_now(r->owner->parts.loop).mono_ms;
}

void farewell_unused(struct resident *r)
{
	r->farewell.used_ms = 0;
}

void farewell_used(struct resident *r)
{
	r->farewell.used_ms = now_ms(r);
}

static bool is_in_use(const struct resident *r)
{
	int64_t used_ms = r->farewell.used_ms;
	return r->process == NULL || zrun_process_untaken(r->process) >= ZRUN_CREDIT_MESSAGES ||
	       (used_ms != 0 && now_ms(r) - used_ms < UNUSED_MS);
}

void farewell_end(struct resident *r)
{
	loop_timer_free(r->farewell.timer);
	r->farewell.timer = NULL;
}

static void look(void *user)
{
	struct resident *r = user;
	struct farewell *f = &r->farewell;
	int64_t now = now_ms(r);
	if (r->process == NULL) { /* pages */
		farewell_end(r);
		r->farewell.over(r, 0);
		return;
	}
	uint32_t untaken = zrun_process_untaken(r->process);
	if (untaken != f->untaken || untaken >= ZRUN_CREDIT_MESSAGES)
		f->used_ms = now;
	f->untaken = untaken;
	int64_t quiet_at = f->used_ms + QUIET_MS;
	if (quiet_at > f->wait_until_ms)
		quiet_at = f->wait_until_ms;
	if (now < quiet_at) {
		loop_timer_at(f->timer, quiet_at);
		return;
	}
	farewell_end(r);
	r->farewell.over(r, f->stop_by_ms > now ? f->stop_by_ms - now : 0);
}

/* When the end is first looked at. */
static int64_t look_at(const struct resident *r, int64_t now)
{
	int64_t until = r->farewell.wait_until_ms;
	return r->process != NULL && now + QUIET_MS < until ? now + QUIET_MS : until;
}

bool farewell_begin(struct resident *r, int64_t grace_ms, farewell_over *over)
{
	int64_t now = now_ms(r);
	if (r->serves || r->spec->exclusive || r->peer == NULL ||
	    (r->process == NULL && !r->runtime->kind->has_pages) || !is_in_use(r))
		return false;
	r->farewell = (struct farewell){
		.timer = loop_timer_new(r->owner->parts.loop, look, r),
		.over = over,
		.used_ms = now,
		.untaken = r->process != NULL ? zrun_process_untaken(r->process) : 0,
		.wait_until_ms = now + grace_ms / 2,
		.stop_by_ms = now + grace_ms,
	};
	loop_timer_at(r->farewell.timer, look_at(r, now));
	return true;
}
