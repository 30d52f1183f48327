#include "zbench/crowd_zhost.h"

#include <stdio.h>

#include "adapter/tls/tls.h"
#include "adapter/uv/tcp_stream.h"
#include "adapter/wire/wire_dial.h"
#include "adapter/wire/wire_link.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/agent/agent_frames.h"

enum {
	DIAL_MS = 30000,
	TOLD_MAX = 10, /* links whose end is told */
	RETRY_FIRST_MS = 100,
	RETRY_MOST_MS = 10000,
	DEFAULT_HEARTBEAT_MS = 1000,
	DEFAULT_TIMEOUT_MS = 30000,
	FIRST_ADDRESS = 0x7f010001, /* 127.1.0.1 */
};

struct crowd_zhost {
	struct crowd_world *world;
	struct stream_transport *transport;
	struct agent *agent;
	struct agent_outbox outbox;
	VECTOR(uint64_t) actions; /* ordered, and not answered yet */
	struct wire_link *link;	  /* NULL: none */
	struct loop_timer *tick, *again;
	int64_t retry_ms;
	bool is_accepted, was_accepted, is_lost;
};

/* ---- the core ---- */

static void say(struct crowd_zhost *z, const struct agent_message *m)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (z->link != NULL && wire_link_send(z->link, m->type, m->message, &err) < 0 &&
	    err->code != ERR_UNAVAILABLE)
		wire_link_close(z->link, err);
}

/* Stops end by themselves, so nothing is ever killed; a lease has no process to renew. */
static void carry_out(struct crowd_zhost *z)
{
	vector_for_each (&z->outbox.orders, order)
		if (order->type == ORDER_ACTION)
			vector_push(&z->actions, order->action);
	vector_for_each (&z->outbox.messages, m)
		say(z, m);
	agent_outbox_clear(&z->outbox);
}

/* With all that follows at once. */
static void handle(struct crowd_zhost *z, const struct agent_input *input)
{
	agent_handle(z->agent, loop_now(z->world->loop), input, &z->outbox);
	carry_out(z);
	for (size_t k = 0; k < z->actions.count; k++) {
		const struct agent_input done = {.type = AGENT_ACTION_DONE,
						 .done.action = z->actions.items[k]};
		agent_handle(z->agent, loop_now(z->world->loop), &done, &z->outbox);
		carry_out(z);
	}
	vector_clear(&z->actions);
	loop_timer_at(z->tick, agent_next_ms(z->agent));
}

static void on_tick(void *user)
{
	handle(user, &(struct agent_input){.type = AGENT_TICK});
}

/* ---- the link ---- */

static void connect_later(struct crowd_zhost *z)
{
	struct crowd_world *w = z->world;
	int64_t wait_ms = random_below(&w->random, (uint32_t)z->retry_ms);
	loop_timer_at(z->again, loop_now(w->loop).mono_ms + wait_ms);
	z->retry_ms = 2 * z->retry_ms < RETRY_MOST_MS ? 2 * z->retry_ms : RETRY_MOST_MS;
}

static int take_ack(struct crowd_zhost *z, const Samoza__V1__HelloAck *ack, struct error **err)
{
	if (ack->verdict != SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED)
		return error_set(err, ERR_DENIED, "zrms does not accept a simulated zhost: %s",
				 ack->reason != NULL ? ack->reason : "");
	z->is_accepted = true;
	z->retry_ms = RETRY_FIRST_MS;
	z->world->figures->accepted++;
	z->world->figures->taken++;
	if (!z->was_accepted)
		z->world->on_accepted(z->world->user);
	z->was_accepted = true;
	return 0;
}

static int take_message(struct crowd_zhost *z, Samoza__V1__FrameType type,
			const ProtobufCMessage *message, struct error **err)
{
	struct agent_input input;
	int r = agent_frame_input(type, message, &input, err);
	if (r == 1 && input.type == AGENT_HELLO_ACK &&
	    take_ack(z, (const Samoza__V1__HelloAck *)message, err) < 0)
		return ERR_DENIED;
	if (r <= 0)
		return r; /* the mesh, data, logs: there are no processes to which they matter */
	handle(z, &input);
	const char *fault = agent_link_fault(z->agent);
	return fault != NULL ? error_set(err, ERR_INVALID, "%s", fault) : 0;
}

static int on_frame(void *user, struct wire_link *link, const struct frame *frame,
		    struct error **err)
{
	(void)link;
	struct crowd_zhost *z = user;
	ProtobufCMessage *message = NULL;
	if (z->is_lost)
		return 0;
	int r = frame_decode(frame, &message, err);
	if (r < 0)
		return r;
	r = take_message(z, (Samoza__V1__FrameType)frame->type, message, err);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static void on_closed(void *user, struct wire_link *link, const struct error *why)
{
	(void)link;
	struct crowd_zhost *z = user;
	z->link = NULL;
	if (z->is_lost)
		return;
	if (z->is_accepted)
		z->world->figures->accepted--;
	z->is_accepted = false;
	if (why != NULL && z->world->told++ < TOLD_MAX)
		(void)fprintf(stderr, "zbench: a link of a simulated zhost ended: %s\n",
			      why->message);
	handle(z, &(struct agent_input){.type = AGENT_LINK_DOWN});
	connect_later(z);
}

static const struct wire_link_handler link_handler = {.frame = on_frame, .closed = on_closed};

static void on_dialled(void *user, struct stream *stream, const struct error *why)
{
	(void)why;
	struct crowd_zhost *z = user;
	if (stream == NULL) {
		connect_later(z);
		return;
	}
	z->link = wire_link_new(stream, 0, &link_handler, z);
	handle(z, &(struct agent_input){.type = AGENT_LINK_UP});
}

void crowd_zhost_connect(struct crowd_zhost *z)
{
	const struct crowd_world *w = z->world;
	const struct wire_dial_options options = {.to = {w->address, w->port},
						  .token = w->token,
						  .peer_role = w->token == NULL ? "zrms" : NULL,
						  .timeout_ms = DIAL_MS};
	w->figures->attempts++;
	/* It lives as long as the process. */
	(void)wire_dial_new(w->loop, z->transport, &options, on_dialled, z);
}

static void on_again(void *user)
{
	crowd_zhost_connect(user);
}

/* ---- life ---- */

static struct agent *agent_of(unsigned number)
{
	CLEANUP(freep) char *name = str_printf("bench-%u", number);
	CLEANUP(freep) char *identity = str_printf("identity of %s", name);
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = name;
	spec.cpu = (char *)(uintptr_t) "64";
	spec.memory = (char *)(uintptr_t) "256GiB";
	const struct agent_config config = {
		.identity = identity,
		.incarnation = 1,
		.spec = &spec,
		.heartbeat_ms = DEFAULT_HEARTBEAT_MS,
		.failure_timeout_ms = DEFAULT_TIMEOUT_MS,
	};
	return agent_new(&config);
}

static int secure_transport(const struct crowd_world *w, unsigned number,
			    struct stream_transport **ret_transport, struct error **err)
{
	CLEANUP(freep) char *directory = str_printf("%s/bench-%u", w->credentials, number);
	const struct tls_options options = {.directory = directory};
	struct stream_transport *plain = NULL;
	int r = tcp_transport_open(w->loop, NULL, &plain, err);
	if (r == 0)
		tcp_transport_from(plain, FIRST_ADDRESS + number % w->addresses);
	return r < 0 ? r : tls_transport_new(w->loop, plain, &options, ret_transport, err);
}

int crowd_zhost_new(struct crowd_world *world, unsigned number, struct crowd_zhost **ret_zhost,
		    struct error **err)
{
	struct stream_transport *transport = world->transport;
	if (world->credentials != NULL) {
		int r = secure_transport(world, number, &transport, err);
		if (r < 0)
			return r;
	}
	struct crowd_zhost *z = mem_new(struct crowd_zhost);
	z->world = world;
	z->transport = transport;
	z->agent = agent_of(number);
	z->retry_ms = RETRY_FIRST_MS;
	z->tick = loop_timer_new(world->loop, on_tick, z);
	z->again = loop_timer_new(world->loop, on_again, z);
	agent_outbox_init(&z->outbox);
	world->figures->ready++;
	*ret_zhost = z;
	return 0;
}

void crowd_zhost_lose(struct crowd_zhost *z)
{
	z->is_lost = true;
	loop_timer_at(z->tick, NEVER_MS);
	loop_timer_at(z->again, NEVER_MS);
}
