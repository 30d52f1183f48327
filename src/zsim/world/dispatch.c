#include "zsim/world/dispatch.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "core/agent/agent_frames.h"
#include "core/control/control_frames.h"
#include "port/frame.h"
#include "zhost/mesh/mesh.h"
#include "zsim/world/controller.h"
#include "zsim/world/driver.h"
#include "zsim/world/event.h"
#include "zsim/world/link.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/members.h"
#include "zsim/world/messages.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

static void note_hello(struct world *w, uint64_t link_id)
{
	struct sim_link *link = &w->links.items[link_id - 1];
	const char *zhost = w->machines.items[link->machine]->name;
	if (w->control != NULL && control_link_of(w->control, zhost) == link_id)
		link->hello_ms = w->now_ms;
}

static void take_control_frame(struct world *w, const struct sim_event *h,
			       const ProtobufCMessage *message)
{
	struct sim_link *link = &w->links.items[h->link_id - 1];
	struct sim_life *former = former_find(w, link->life);
	if (h->frame == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE) {
		if (former == NULL)
			messages_forward(w, link, h, message);
		return;
	}
	bool is_core = h->frame != SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST; /* a process' */
	if (is_core && !link->greeted && h->frame != SAMOZA__V1__FRAME_TYPE__FRAME_HELLO)
		world_violate(w, "a %s precedes HELLO on its link",
			      message->descriptor->short_name);
	link->greeted = link->greeted || is_core;
	struct control_input input;
	if (control_frame_input(h->link_id, h->frame, message, &input, NULL) <= 0) {
		world_violate(w, "a zhost sent a %s", message->descriptor->short_name);
		return;
	}
	if (input.type == CONTROL_HELLO && w->hooks.hello_key != NULL)
		input.hello.key =
			w->hooks.hello_key(w->hooks.user, w->machines.items[link->machine]);
	if (former != NULL)
		former_take(former, &input);
	else
		controller_take(w, &input);
	if (input.type == CONTROL_HELLO && former == NULL)
		note_hello(w, h->link_id);
}

static void take_agent_frame(struct world *w, struct sim_machine *n, const struct sim_event *h,
			     ProtobufCMessage *message)
{
	struct agent_input input;
	older_protocol_to_agent(n->protocol, h->frame, message);
	int r = agent_frame_input(h->frame, message, &input, NULL);
	if (r < 0)
		world_violate(w, "zrms sent a %s", message->descriptor->short_name);
	if (r == 0 && h->frame == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET)
		machine_forget(w, n, (const Samoza__V1__DataForget *)message);
	if (r == 0)
		messages_take(w, n, h->frame, message);
	if (r <= 0)
		return;
	bool is_refused = input.type == AGENT_HELLO_ACK &&
			  input.hello_ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED;
	if (input.type == AGENT_HELLO_ACK) {
		free(n->refusal);
		n->refusal = is_refused ? mem_strdup(input.hello_ack->reason) : NULL;
	}
	machine_take(w, n, &input);
	if (input.type == AGENT_HELLO_ACK && !is_refused && n->agent != NULL &&
	    n->link_id == h->link_id)
		api_tokens_on_link(w, n);
	const char *fault = n->agent != NULL ? agent_link_fault(n->agent) : NULL;
	if (fault != NULL && input.type != AGENT_HELLO_ACK)
		world_violate(w, "%s has to connect again: %s", n->name, fault);
	if (fault != NULL)
		world_log(w, "%s closes its link: %s", n->name, fault);
	is_refused |= fault != NULL;
	if (is_refused && n->link_id == h->link_id) {
		sim_link_break(w, h->link_id, true, false);
		n->link_id = 0;
		sim_link_connect_later(w, n, w->options.heartbeat_ms);
	}
}

/* The zrms of that life. */
static bool is_alive(const struct world *w, uint64_t life)
{
	return (w->life != NULL && w->life->number == life) || former_find(w, life) != NULL;
}

static void frame_arrives(struct world *w, const struct sim_event *h)
{
	const struct sim_link *link = &w->links.items[h->link_id - 1];
	struct sim_machine *n = w->machines.items[link->machine];
	if (!link->open || (h->to_agent ? n->link_id != h->link_id : !is_alive(w, link->life)))
		return;
	struct frame frame;
	ProtobufCMessage *message = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (frame_next(h->data, h->size, &frame, &err) <= 0 ||
	    frame_decode(&frame, &message, &err) < 0) {
		world_violate(w, "a frame cannot be read: %s",
			      err != NULL ? err->message : "it is not whole");
		return;
	}
	const ProtobufCMessageDescriptor *type = message->descriptor;
	world_log(w, "%s %s %s", h->to_agent ? "zrms ->" : n->name,
		  h->to_agent ? n->name : "-> zrms", type->short_name);
	if (w->hooks.frame != NULL)
		w->hooks.frame(w->hooks.user, n, h->to_agent, h->frame, message);
	if (h->to_agent)
		take_agent_frame(w, n, h, message);
	else
		take_control_frame(w, h, message);
	protobuf_c_message_free_unpacked(message, NULL);
}

/* Of several addresses it tries one after the other: what leads no more may take its connection. */
static uint64_t reached_life(const struct world *w)
{
	if (w->formers.count > 0 && w->hooks.reaches_former != NULL &&
	    w->hooks.reaches_former(w->hooks.user))
		return w->formers.items[0]->number;
	return w->life->number;
}

static void connect_machine(struct world *w, struct sim_machine *n)
{
	if (!n->powered || n->agent == NULL || n->link_id != 0 || agent_is_removed(n->agent))
		return;
	if (n->partitioned || w->control == NULL) {
		sim_link_connect_later(w, n, w->options.heartbeat_ms);
		return;
	}
	n->link_id = sim_link_open(w, n, reached_life(w));
	world_log(w, "%s connects", n->name);
	uint64_t mesh_sums[MESH_PARTS];
	mesh_table_begin_link(mesh_table(n->mesh), mesh_sums);
	if (!older_protocol_says_itself(n->protocol))
		mesh_table_sync(mesh_table(n->mesh),
				0); /* it says nothing of it, and gets all */
	machine_take(w, n,
		     &(struct agent_input){.type = AGENT_LINK_UP, .mesh_sums = mesh_sums});
}

static void process_ends_itself(struct world *w, struct sim_machine *n,
				const struct sim_event *h)
{
	struct sim_process *p = NULL;
	HASH_FIND_STR(n->processes, h->id, p);
	if (p == NULL || p->life != h->number)
		return;
	if (!p->killed && p->own_end_ms <= w->now_ms)
		process_check_lease(w, n, p);
	if (p->killed)
		machine_process_dies(w, n, p, PROCESS_FAILED, "killed by signal 9");
	else if (p->own_end_ms <= w->now_ms || p->orphan_ms <= w->now_ms)
		machine_process_dies(w, n, p, PROCESS_NOT_RENEWED, "not renewed by its zhost");
}

/* The machine on which it happens; NULL: on zrms. */
static struct sim_machine *happens_on(const struct world *w, const struct sim_event *h)
{
	bool is_link = h->type == SIM_EVENT_FRAME || h->type == SIM_EVENT_CLOSED;
	if (is_link && !h->to_agent)
		return NULL;
	unsigned index = is_link ? w->links.items[h->link_id - 1].machine : h->machine;
	return index != MACHINE_NONE ? w->machines.items[index] : NULL;
}

/* The former zrms on which it happens; NULL: on none. */
static struct sim_life *former_of(const struct world *w, const struct sim_event *h)
{
	if ((h->type == SIM_EVENT_FRAME && !h->to_agent) || h->type == SIM_EVENT_CLOSED)
		return former_find(w, w->links.items[h->link_id - 1].life);
	return h->type == SIM_EVENT_COMMITTED && h->machine == MACHINE_NONE
		       ? former_find(w, h->life)
		       : NULL;
}

/* zrms would notice it, and stands still. */
static bool has_to_wait(const struct world *w, const struct sim_event *h)
{
	if (former_of(w, h) != NULL || h->type == SIM_EVENT_ELECTION ||
	    h->type == SIM_EVENT_DRIVER_WORKS) /* outside of zrms */
		return false;
	bool is_for_zrms = h->type == SIM_EVENT_FRAME
				   ? !h->to_agent
				   : h->type == SIM_EVENT_CLOSED || h->machine == MACHINE_NONE;
	return is_for_zrms && controller_stalls(w);
}

static void driver_outcome(struct world *w, const struct sim_event *h)
{
	struct control_input input;
	if (driver_call_ends(w, h, &input))
		controller_take(w, &input);
}

static void link_closes(struct world *w, struct sim_life *former, uint64_t link_id)
{
	const struct control_input input = {.type = CONTROL_CLOSED, .closed.link_id = link_id};
	w->links.items[link_id - 1].closed_ms = w->now_ms;
	if (former != NULL)
		former_take(former, &input);
	else if (w->control != NULL &&
		 (w->members.count == 0 || w->life->number == w->links.items[link_id - 1].life))
		controller_take(w, &input);
}

void world_dispatch(struct world *w, struct sim_event *h)
{
	struct sim_life *former = former_of(w, h);
	if (has_to_wait(w, h)) {
		vector_push(&w->zrms_backlog, h);
		return;
	}
	if (former != NULL && former_stalls(w, former)) {
		vector_push(&former->backlog, h);
		return;
	}
	if (sim_event_is_foreground(h->type))
		w->foreground--;
	struct sim_machine *on = happens_on(w, h);
	if (on != NULL && on->suspended) {
		vector_push(&on->delayed, h);
		return;
	}
	bool is_zrms = h->type == SIM_EVENT_FRAME || h->type == SIM_EVENT_ELECTION ||
		       h->type == SIM_EVENT_CLOSED || h->machine == MACHINE_NONE;
	struct sim_machine *n = is_zrms ? NULL : w->machines.items[h->machine];
	switch (h->type) {
	case SIM_EVENT_FRAME:
		frame_arrives(w, h);
		break;
	case SIM_EVENT_CLOSE:
		if (w->links.items[h->link_id - 1].open) {
			sim_link_break(w, h->link_id, true, false);
			machine_link_closed(w, n, h->link_id);
		}
		break;
	case SIM_EVENT_CLOSED:
		link_closes(w, former, h->link_id);
		break;
	case SIM_EVENT_DOWN:
		if (n->agent != NULL && n->life == h->life && n->link_id == h->link_id) {
			n->link_id = 0;
			machine_take(w, n, &(struct agent_input){.type = AGENT_LINK_DOWN});
			sim_link_connect_later(w, n, 0);
		}
		break;
	case SIM_EVENT_CONNECT:
		if (n->life == h->life && n->tries == h->number)
			connect_machine(w, n);
		break;
	case SIM_EVENT_ACTION:
		if (n->agent != NULL && n->life == h->life)
			machine_action_ends(w, n, h->number);
		break;
	case SIM_EVENT_END:
		process_ends_itself(w, n, h);
		break;
	case SIM_EVENT_HEALTH:
		machine_probe_all(w);
		break;
	case SIM_EVENT_TRIED:
		if (n->agent != NULL && n->life == h->life)
			machine_tried(w, n, h->id);
		break;
	case SIM_EVENT_DRIVER:
		driver_outcome(w, h);
		break;
	case SIM_EVENT_DRIVER_WORKS:
		driver_works(w, h);
		break;
	case SIM_EVENT_ELECTION:
		members_dispatch(w, h);
		break;
	case SIM_EVENT_COMMITTED:
		if (former != NULL)
			former_answer_commit(former);
		else if (n == NULL && w->control != NULL && w->zrms_life == h->life)
			controller_answer_commit(w);
		else if (n != NULL && n->agent != NULL && n->life == h->life)
			machine_answer_commit(w, n);
		break;
	}
	sim_event_free(h);
}
