#include "zsim/world/link.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "port/frame.h"
#include "zsim/world/event.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

static struct sim_link *link_of(struct world *w, uint64_t number)
{
	PRE(number > 0 && number <= w->links.count);
	return &w->links.items[number - 1];
}

uint64_t sim_link_open(struct world *w, struct sim_machine *n, uint64_t life)
{
	vector_push(&w->links, ((struct sim_link){.machine = n->index,
						  .life = life,
						  .open = true,
						  .hello_ms = NEVER_MS,
						  .answered_ms = NEVER_MS,
						  .closed_ms = NEVER_MS}));
	return w->links.count;
}

/* When something sent now arrives: never before what was sent earlier. */
static int64_t arrival_ms(struct world *w, struct sim_link *link, bool to_agent)
{
	int64_t delay = w->hooks.frame_delay != NULL ? w->hooks.frame_delay(w->hooks.user) : 0;
	int64_t at = w->now_ms + delay + w->machines.items[link->machine]->frame_delay_ms;
	if (at < link->last_ms[to_agent])
		at = link->last_ms[to_agent];
	link->last_ms[to_agent] = at;
	return at;
}

static void send_one(struct world *w, uint64_t number, bool to_agent,
		     Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	struct sim_event *h =
		world_plan(w, arrival_ms(w, link_of(w, number), to_agent), SIM_EVENT_FRAME);
	h->link_id = number;
	h->to_agent = to_agent;
	h->frame = type;
	struct buffer packed = BUFFER_INIT(FRAME_MAX_BYTES + FRAME_HEADER_BYTES);
	CLEANUP(error_freep) struct error *err = NULL;
	if (frame_encode(&packed, type, message, &err) < 0)
		world_violate(w, "a %s cannot be sent: %s", message->descriptor->short_name,
			      err->message);
	h->size = packed.size;
	h->data = (uint8_t *)buffer_steal(&packed);
}

void sim_link_send(struct world *w, uint64_t number, bool to_agent, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message)
{
	if (number == 0 || !link_of(w, number)->open)
		return;
	if (!protobuf_c_message_check(message)) {
		world_violate(w, "a %s without a required field was sent",
			      message->descriptor->short_name);
		return;
	}
	send_one(w, number, to_agent, type, message);
	if (w->hooks.frame_repeats != NULL && w->hooks.frame_repeats(w->hooks.user, type))
		send_one(w, number, to_agent, type, message);
}

void sim_link_close_after(struct world *w, uint64_t number)
{
	struct sim_link *link = link_of(w, number);
	if (!link->open)
		return;
	struct sim_event *h = world_plan(w, arrival_ms(w, link, true), SIM_EVENT_CLOSE);
	h->link_id = number;
	h->machine = link->machine;
}

void sim_link_break(struct world *w, uint64_t number, bool control_notices, bool agent_notices)
{
	struct sim_link *link = link_of(w, number);
	link->open = false;
	if (control_notices)
		world_plan(w, w->now_ms, SIM_EVENT_CLOSED)->link_id = number;
	struct sim_machine *n = w->machines.items[link->machine];
	if (agent_notices && n->link_id == number) {
		struct sim_event *h = world_plan(w, w->now_ms, SIM_EVENT_DOWN);
		h->link_id = number;
		h->machine = link->machine;
		h->life = n->life;
	}
}

void sim_link_connect_later(struct world *w, struct sim_machine *n, int64_t delay_ms)
{
	struct sim_event *h = world_plan(w, w->now_ms + delay_ms, SIM_EVENT_CONNECT);
	h->machine = n->index;
	h->life = n->life;
	h->number = ++n->tries;
}
