#include "zhost/space/farewell.h"

#include <string.h>

#include "base/hash.h"
#include "zhost/space/resident.h"
#include "zhost/space/residents_private.h"
#include "zrun/protocol/protocol.h"

/* A question that takes its receiver longer is not waited for. */
#define QUIET_MS 500
/* It has answered all that it was asked: what was sent before its sender knew the new copy has come by then. */
#define ANSWERED_MS 100
/* More who wait for an answer are not told apart. */
#define DEBTS_MOST 64
/* Nobody waits for an answer of what was last used so long ago. */
#define UNUSED_MS 5000

static int64_t now_ms(const struct resident *r)
{
	return loop_now(r->owner->parts.loop).mono_ms;
}

static void forget_debts(struct farewell *f)
{
	vector_done(&f->debts);
	f->is_unknown = false;
}

void farewell_unused(struct resident *r)
{
	forget_debts(&r->farewell);
	r->farewell.used_ms = r->farewell.asked_ms = 0;
}

void farewell_unknown(struct resident *r)
{
	r->farewell.used_ms = now_ms(r);
	r->farewell.is_unknown = true;
}

/* NULL: nothing is due there. */
static unsigned *find_debt(struct farewell *f, unsigned address)
{
	vector_for_each (&f->debts, debt)
		if (*debt == address)
			return debt;
	return NULL;
}

/* "questions#web-1" is where an answer goes (zrun_process_deliver()). */
static unsigned answer_address(const char *path_name, const char *sender, const char *suffix,
			       size_t suffix_size)
{
	char address[ZRUN_ADDRESS_MAX];
	size_t name_size = strlen(path_name), sender_size = strlen(sender);
	if (name_size + 1 + sender_size + suffix_size > sizeof(address))
		return 0; /* it is not delivered */
	char *to = mempcpy(address, path_name, name_size);
	*to++ = '#';
	to = mempcpy(to, sender, sender_size);
	if (suffix_size > 0)
		to = mempcpy(to, suffix, suffix_size);
	return hash_of_key(address, (size_t)(to - address));
}

void farewell_got(struct resident *r, const char *path_name, const char *sender,
		  const char *sender_suffix, size_t sender_suffix_size)
{
	struct farewell *f = &r->farewell;
	f->used_ms = now_ms(r);
	if (f->is_unknown)
		return;
	unsigned address = answer_address(path_name, sender, sender_suffix, sender_suffix_size);
	/* What goes to somebody who waits for several answers may be a part of the first one. */
	if (find_debt(f, address) != NULL || f->debts.count == DEBTS_MOST)
		f->is_unknown = true;
	else
		vector_push(&f->debts, address);
}

void farewell_sent(struct resident *r, const char *address, size_t size)
{
	struct farewell *f = &r->farewell;
	unsigned *debt = find_debt(f, hash_of_key(address, size));
	f->used_ms = now_ms(r);
	if (debt == NULL)
		f->asked_ms = f->used_ms;
	else
		vector_remove_at(&f->debts, (size_t)(debt - f->debts.items));
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
	forget_debts(&r->farewell);
}

/* So long nothing comes to it, and nothing from it. */
static int64_t quiet_ms(const struct resident *r, int64_t now)
{
	const struct farewell *f = &r->farewell;
	bool asks = f->asked_ms != 0 && now - f->asked_ms < UNUSED_MS;
	return asks || f->is_unknown || f->debts.count > 0 ? QUIET_MS : ANSWERED_MS;
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
	int64_t quiet_at = f->used_ms + quiet_ms(r, now);
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
	int64_t quiet_at = now + quiet_ms(r, now);
	return r->process != NULL && quiet_at < until ? quiet_at : until;
}

bool farewell_begin(struct resident *r, int64_t grace_ms, farewell_over *over)
{
	int64_t now = now_ms(r);
	if (r->serves || r->spec->exclusive || r->peer == NULL ||
	    (r->process == NULL && !r->runtime->kind->has_pages) || !is_in_use(r))
		return false;
	struct farewell *f = &r->farewell;
	f->timer = loop_timer_new(r->owner->parts.loop, look, r);
	f->over = over;
	f->used_ms = now;
	f->untaken = r->process != NULL ? zrun_process_untaken(r->process) : 0;
	f->wait_until_ms = now + grace_ms / 2;
	f->stop_by_ms = now + grace_ms;
	loop_timer_at(f->timer, look_at(r, now));
	return true;
}
