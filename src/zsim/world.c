/* Time: one queue, the timers of the cores, and what is in flight. */
#include "zsim/world.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/agent/agent_frames.h"
#include "core/control/control_frames.h"
#include "port/frame.h"

#define SETTLE_MAX_MS INT64_C(3600000)
/* More at one instant is a loop that never ends. */
#define INSTANT_MAX_STEPS 1000000

void answer_done(struct answer *a)
{
	free(a->message);
	free(a->topology);
	*a = (struct answer){0};
}

void world_init(struct world *w, const struct world_options *options)
{
	*w = (struct world){.options = *options};
	w->cluster = world_uuid(w, "cluster");
}

static void event_free(struct sim_event *h)
{
	free(h->data);
	free(h->id);
	free(h);
}

void world_done(struct world *w)
{
	controller_free(w, 0);
	vector_for_each (&w->machines, n)
		machine_free(*n);
	vector_done(&w->machines);
	for (size_t i = 0; i < w->queue.count; i++)
		event_free(container_of(w->queue.nodes[i], struct sim_event, node));
	free(w->queue.nodes);
	sim_disk_done(&w->disk);
	vector_for_each (&w->failures, f)
		free(f->name);
	vector_done(&w->failures);
	vector_for_each (&w->log, line)
		free(*line);
	vector_done(&w->log);
	vector_done(&w->links);
	free(w->cluster);
	free(w->violation);
}

void world_violate(struct world *w, const char *format, ...)
{
	if (w->violation != NULL)
		return;
	va_list args;
	va_start(args, format);
	w->violation = str_vprintf(format, args);
	va_end(args);
	world_log(w, "VIOLATION %s", w->violation);
}

void world_log(struct world *w, const char *format, ...)
{
	if (!w->keep_log && w->print_log == NULL)
		return;
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	if (w->print_log != NULL)
		fprintf(w->print_log, "%9.3f  %s\n", (double)w->now_ms / 1000.0, text);
	else
		vector_push(&w->log, str_printf("%9.3f  %s", (double)w->now_ms / 1000.0, text));
}

char *world_uuid(struct world *w, const char *what)
{
	struct random r = {.state = str_hash(what) + ++w->next_identity};
	uint64_t a = random_next(&r);
	uint64_t b = random_next(&r);
	return str_printf("%08" PRIx32 "-%04x-4%03x-8%03x-%012" PRIx64, (uint32_t)(a >> 32),
			  (unsigned)(a >> 16) & 0xffffu, (unsigned)a & 0xfffu,
			  (unsigned)(b >> 48) & 0xfffu, b & UINT64_C(0xffffffffffff));
}

/* ---- the queue ---- */

static bool is_foreground(enum sim_event_type type)
{
	return type != SIM_EVENT_CONNECT && type != SIM_EVENT_END;
}

struct sim_event *world_plan(struct world *w, int64_t at_ms, enum sim_event_type type)
{
	struct sim_event *h = mem_new(struct sim_event);
	h->type = type;
	heap_set(&w->queue, &h->node, at_ms > w->now_ms ? at_ms : w->now_ms);
	if (is_foreground(type))
		w->foreground++;
	return h;
}

static void take_control_frame(struct world *w, const struct sim_event *h,
			       const ProtobufCMessage *message)
{
	struct control_input input;
	if (control_frame_input(h->link, h->frame, message, &input, NULL) > 0)
		controller_take(w, &input);
	else
		world_violate(w, "a zhost sent a %s", message->descriptor->short_name);
}

static void take_agent_frame(struct world *w, struct sim_machine *n, const struct sim_event *h,
			     const ProtobufCMessage *message)
{
	struct agent_input input;
	int r = agent_frame_input(h->frame, message, &input, NULL);
	if (r < 0)
		world_violate(w, "zrms sent a %s", message->descriptor->short_name);
	if (r == 0 && h->frame == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET)
		machine_forget(w, n, (const Samoza__V1__DataForget *)message);
	if (r <= 0)
		return; /* the mesh is not simulated */
	bool is_refused = input.type == AGENT_HELLO_ACK &&
			  input.hello_ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED;
	if (input.type == AGENT_HELLO_ACK) {
		free(n->refusal);
		n->refusal = is_refused ? mem_strdup(input.hello_ack->reason) : NULL;
	}
	machine_take(w, n, &input);
	if (is_refused && n->link == h->link) {
		sim_link_break(w, h->link, true, false);
		n->link = 0;
		machine_connect_later(w, n, w->options.heartbeat_ms);
	}
}

static void frame_arrives(struct world *w, const struct sim_event *h)
{
	const struct sim_link *link = &w->links.items[h->link - 1];
	struct sim_machine *n = w->machines.items[link->machine];
	if (!link->open || (h->to_agent ? n->link != h->link : w->control == NULL))
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

static void connect_machine(struct world *w, struct sim_machine *n)
{
	if (!n->powered || n->agent == NULL || n->link != 0)
		return;
	if (n->partitioned || w->control == NULL) {
		machine_connect_later(w, n, w->options.heartbeat_ms);
		return;
	}
	n->link = sim_link_open(w, n);
	world_log(w, "%s connects", n->name);
	machine_take(w, n, &(struct agent_input){.type = AGENT_LINK_UP});
}

static void process_ends_itself(struct world *w, struct sim_machine *n,
				const struct sim_event *h)
{
	struct sim_process *p = NULL;
	HASH_FIND_STR(n->processes, h->id, p);
	if (p == NULL || p->life != h->number)
		return;
	if (p->deadline_ms <= w->now_ms || p->orphan_ms <= w->now_ms)
		machine_process_dies(w, n, p, "not renewed by its zhost");
}

static void dispatch(struct world *w, struct sim_event *h)
{
	if (is_foreground(h->type))
		w->foreground--;
	bool is_zrms = h->type == SIM_EVENT_FRAME || h->type == SIM_EVENT_CLOSED ||
		       h->machine == MACHINE_NONE;
	struct sim_machine *n = is_zrms ? NULL : w->machines.items[h->machine];
	switch (h->type) {
	case SIM_EVENT_FRAME:
		frame_arrives(w, h);
		break;
	case SIM_EVENT_CLOSE:
		if (w->links.items[h->link - 1].open) {
			sim_link_break(w, h->link, true, false);
			machine_link_closed(w, n, h->link);
		}
		break;
	case SIM_EVENT_CLOSED:
		if (w->control != NULL)
			controller_take(w, &(struct control_input){.type = CONTROL_CLOSED,
								   .closed.link = h->link});
		break;
	case SIM_EVENT_DOWN:
		if (n->agent != NULL && n->life == h->life && n->link == h->link) {
			n->link = 0;
			machine_take(w, n, &(struct agent_input){.type = AGENT_LINK_DOWN});
			machine_connect_later(w, n, 0);
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
	case SIM_EVENT_COMMITTED:
		if (n == NULL && w->control != NULL && w->zrms_life == h->life)
			controller_answer_commit(w);
		else if (n != NULL && n->agent != NULL && n->life == h->life)
			machine_answer_commit(w, n);
		break;
	}
	event_free(h);
}

/* ---- time ---- */

/* The first machine whose zhost has an open batch. */
static struct sim_machine *filling_machine(const struct world *w)
{
	vector_for_each (&w->machines, n)
		if ((*n)->agent != NULL && agent_loop_is_due((*n)->commits))
			return *n;
	return NULL;
}

static struct sim_machine *due_machine(const struct world *w)
{
	vector_for_each (&w->machines, n)
		if ((*n)->agent != NULL && agent_next_ms((*n)->agent) <= w->now_ms)
			return *n;
	return NULL;
}

/* Messages and results come before timers, and those of zhosts before those of zrms: what
 * arrives at the instant of a check has arrived. */
static bool step_now(struct world *w)
{
	struct heap_node *first = heap_first(&w->queue);
	if (w->control != NULL && control_loop_is_due(w->commits) &&
	    (first == NULL || first->key > w->now_ms || !w->hooks.batch_more(w->hooks.user))) {
		controller_turn(w);
		return true;
	}
	struct sim_machine *filling = filling_machine(w);
	if (filling != NULL &&
	    (first == NULL || first->key > w->now_ms || !w->hooks.batch_more(w->hooks.user))) {
		machine_turn(w, filling);
		return true;
	}
	if (first != NULL && first->key <= w->now_ms) {
		heap_remove(&w->queue, first);
		dispatch(w, container_of(first, struct sim_event, node));
		return true;
	}
	struct sim_machine *n = due_machine(w);
	if (n != NULL) {
		machine_take(w, n, &(struct agent_input){.type = AGENT_TICK});
		return true;
	}
	if (w->control != NULL && control_next_ms(w->control) <= w->now_ms) {
		controller_take(w, &(struct control_input){.type = CONTROL_TICK});
		return true;
	}
	return false;
}

static int64_t next_ms(const struct world *w)
{
	struct heap_node *first = heap_first(&w->queue);
	int64_t next = first != NULL ? first->key : NEVER_MS;
	vector_for_each (&w->machines, n) {
		int64_t t = (*n)->agent != NULL ? agent_next_ms((*n)->agent) : NEVER_MS;
		if (t < next)
			next = t;
	}
	int64_t t = w->control != NULL ? control_next_ms(w->control) : NEVER_MS;
	return t < next ? t : next;
}

void world_drain(struct world *w)
{
	for (size_t steps = 0; step_now(w); steps++) {
		if (w->hooks.after_step != NULL)
			w->hooks.after_step(w->hooks.user);
		if (steps > INSTANT_MAX_STEPS) {
			world_violate(w, "it never comes to rest at %.3f s",
				      (double)w->now_ms / 1000.0);
			return;
		}
		if (w->violation != NULL)
			return;
	}
}

void world_run_until(struct world *w, const bool *is_done, int64_t until_ms)
{
	uint64_t life = w->zrms_life;
	size_t steps = 0;
	while (!*is_done && w->violation == NULL && w->control != NULL &&
	       w->zrms_life == life && steps++ < INSTANT_MAX_STEPS) {
		int64_t next = next_ms(w);
		if (step_now(w)) {
			if (w->hooks.after_step != NULL)
				w->hooks.after_step(w->hooks.user);
		} else if (next > until_ms) {
			return;
		} else {
			w->now_ms = next;
		}
	}
}

bool world_step(struct world *w, int64_t until_ms)
{
	world_drain(w);
	if (w->violation != NULL)
		return false;
	int64_t next = next_ms(w);
	if (next > until_ms) {
		w->now_ms = until_ms > w->now_ms ? until_ms : w->now_ms;
		return false;
	}
	w->now_ms = next;
	world_drain(w);
	return w->violation == NULL;
}

void world_advance(struct world *w, int64_t duration_ms)
{
	int64_t until = w->now_ms + duration_ms;
	while (world_step(w, until))
		;
}

char *world_in_flight(const struct world *w)
{
	char *what = NULL;
	if (w->foreground > 0)
		return str_printf("%zu messages or actions", w->foreground);
	vector_for_each (&w->machines, n)
		if ((*n)->agent != NULL && agent_is_busy((*n)->agent, &what))
			return what;
	if (w->control != NULL && control_is_busy(w->control, world_instant(w), &what))
		return what != NULL ? what : mem_strdup("zrms waits");
	return NULL;
}

bool world_settle(struct world *w, char **ret_left)
{
	int64_t until = w->now_ms + SETTLE_MAX_MS;
	world_drain(w);
	for (;;) {
		char *left = w->violation != NULL ? NULL : world_in_flight(w);
		if (left == NULL)
			return true;
		if (!world_step(w, until)) {
			*ret_left = w->violation != NULL
					    ? (free(left), mem_strdup(w->violation))
					    : left;
			return false;
		}
		free(left);
	}
}
