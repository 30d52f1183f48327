#include "zsim/fuzz/check/check_cut_off.h"

#include "model/topology.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

#define LOOK_EVERY_MS 1000

static struct cut_off *of_machine(struct fuzz *f, const struct sim_machine *n)
{
	while (f->cut_offs.count <= n->index)
		vector_push(&f->cut_offs, ((struct cut_off){0}));
	return &f->cut_offs.items[n->index];
}

static void acknowledged(struct fuzz *f, const struct sim_machine *n, uint64_t counter)
{
	struct cut_off *c = of_machine(f, n);
	for (unsigned k = 0; k < CUT_OFF_HEARTBEATS; k++)
		if (c->sent[k].incarnation == n->incarnation && c->sent[k].counter == counter &&
		    c->sent[k].at_ms > c->heard_ms)
			c->heard_ms = c->sent[k].at_ms;
}

void cut_off_frame(struct fuzz *f, const struct sim_machine *n, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message)
{
	struct cut_off *c = of_machine(f, n);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO) {
		c->hello_ms = f->world.now_ms;
		if (c->heard_ms == 0) /* its time began when its zhost did */
			c->heard_ms = f->world.now_ms;
	}
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK &&
	    ((const Samoza__V1__HelloAck *)message)->verdict ==
		    SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED &&
	    c->hello_ms > c->heard_ms)
		c->heard_ms = c->hello_ms;
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT) {
		const Samoza__V1__Heartbeat *h = (const Samoza__V1__Heartbeat *)message;
		c->sent[c->next].incarnation = h->incarnation;
		c->sent[c->next].counter = h->counter;
		c->sent[c->next].at_ms = f->world.now_ms;
		c->next = (c->next + 1) % CUT_OFF_HEARTBEATS;
	}
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK)
		acknowledged(f, n, ((const Samoza__V1__HeartbeatAck *)message)->counter);
}

/* The longest that any revision gives it; NEVER_MS: one of them does not limit it. */
static int64_t longest_ms(const struct fuzz *f, const struct sim_process *p)
{
	const struct submitted *s = fuzz_submitted(f, p->topology);
	int64_t longest = 0;
	for (size_t k = 0; s != NULL && k < s->revisions.count; k++) {
		const struct topology *t = s->revisions.items[k];
		int i = names_find(t, p->path);
		if (i < 0)
			continue;
		const struct space *space = instance_space(t, (unsigned)i);
		int64_t own = (int64_t)space->stop_after_ms + space->stop_grace_ms;
		if (space->stop_after_ms == 0 || space->exclusive)
			return NEVER_MS;
		longest = own > longest ? own : longest;
	}
	return longest > 0 ? longest : NEVER_MS;
}

static void check_machine(struct fuzz *f, const struct sim_machine *n)
{
	int64_t heard_ms = of_machine(f, n)->heard_ms;
	for (const struct sim_process *p = n->processes; p != NULL; p = p->hh.next) {
		int64_t most = longest_ms(f, p);
		if (most != NEVER_MS && f->world.now_ms - heard_ms > most)
			world_violate(&f->world,
				      "%s lives on %s, which is cut off for %lld s, longer "
				      "than it may",
				      p->name, n->name,
				      (long long)(f->world.now_ms - heard_ms) / 1000);
	}
}

static bool is_awake(struct fuzz *f, const struct sim_machine *n)
{
	struct cut_off *c = of_machine(f, n);
	if (c->slept && !n->suspended)
		c->awake_ms = f->world.now_ms;
	c->slept = n->suspended;
	return !n->suspended && f->world.now_ms > c->awake_ms;
}

/* Over a boot only the wall clock tells how long it is cut off, and that is set. */
static bool has_lost_time(const struct fuzz *f, const struct sim_machine *n)
{
	return n->boots > 1 && draws_have(f, DRAW_CLOCKS);
}

void check_cut_off(struct fuzz *f)
{
	if (!draws_have(f, DRAW_LOSS))
		return;
	bool looks = f->world.now_ms - f->cut_offs_checked_ms >= LOOK_EVERY_MS;
	if (looks)
		f->cut_offs_checked_ms = f->world.now_ms;
	vector_for_each (&f->world.machines, n)
		if (is_awake(f, *n) && looks && !has_lost_time(f, *n))
			check_machine(f, *n);
}
