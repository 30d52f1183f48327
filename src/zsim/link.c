/* Links: frames in order, packed; what is on the way is lost when they break. */
#include "base/check.h"
#include "base/memory.h"
#include "port/frame.h"
#include "zsim/world.h"

static struct link *link_of(struct world *w, uint64_t number)
{
	PRE(number > 0 && number <= w->links.count);
	return &w->links.items[number - 1];
}

uint64_t link_open(struct world *w, struct node *n)
{
	vector_push(&w->links, ((struct link){.node = n->index, .open = true}));
	return w->links.count;
}

/* When something sent now arrives: never before what was sent earlier. */
static int64_t arrival_ms(struct world *w, struct link *link, bool to_agent)
{
	int64_t delay = w->hooks.frame_delay != NULL ? w->hooks.frame_delay(w->hooks.user) : 0;
	int64_t at = w->now_ms + delay + w->nodes.items[link->node]->frame_delay_ms;
	if (at < link->last_ms[to_agent])
		at = link->last_ms[to_agent];
	link->last_ms[to_agent] = at;
	return at;
}

void link_send(struct world *w, uint64_t number, bool to_agent, Samoza__V1__FrameType type,
	       const ProtobufCMessage *message)
{
	if (number == 0 || !link_of(w, number)->open)
		return;
	if (!protobuf_c_message_check(message)) {
		world_violate(w, "a %s without a required field was sent",
			      message->descriptor->short_name);
		return;
	}
	struct happening *h =
		world_plan(w, arrival_ms(w, link_of(w, number), to_agent), HAPPENS_FRAME);
	h->link = number;
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

void link_close_after(struct world *w, uint64_t number)
{
	struct link *link = link_of(w, number);
	if (!link->open)
		return;
	struct happening *h = world_plan(w, arrival_ms(w, link, true), HAPPENS_CLOSE);
	h->link = number;
	h->machine = link->node;
}

void link_break(struct world *w, uint64_t number, bool tell_control, bool tell_agent)
{
	struct link *link = link_of(w, number);
	link->open = false;
	if (tell_control)
		world_plan(w, w->now_ms, HAPPENS_CLOSED)->link = number;
	struct node *n = w->nodes.items[link->node];
	if (tell_agent && n->link == number) {
		struct happening *h = world_plan(w, w->now_ms, HAPPENS_DOWN);
		h->link = number;
		h->machine = link->node;
		h->life = n->life;
	}
}
