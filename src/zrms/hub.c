#include "zrms/hub.h"

#include <inttypes.h>
#include <string.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"

enum {
	HELLO_WAIT_MS = 10000,
	LINK_OUTPUT_MAX =
		64 * 1024 * 1024, /* the core's frames: a full set of 100,000 instances */
	MESH_OUTPUT_MAX = 4 * 1024 * 1024, /* messages of spaces: dropped behind that much */
	TO_ZHOST_FIELD = 5,		   /* MeshMessage.to_zhost */
	ZHOST_NAME_MAX = 255,
};

struct hub_link {
	UT_hash_handle hh;
	uint64_t number;
	struct hub *hub;
	struct wire_link *link;
	struct loop_timer *hello_deadline; /* NULL once HELLO is there */
	char *zhost;			   /* as its HELLO says; NULL before */
	bool accepted;
};

struct hub {
	struct loop *loop;
	struct commit_driver *commits;
	struct control *control;
	const struct hub_listener *listener;
	void *user;
	struct wire_link_handler handler;
	struct hub_link *links; /* by number */
	uint64_t last_number;
	uint64_t frames_in, mesh_forwarded, mesh_bytes, mesh_dropped, links_total;
};

/* ---- frames that come in ---- */

static void input_hello(struct hub_link *l, const Samoza__V1__Hello *hello)
{
	loop_timer_free(l->hello_deadline);
	l->hello_deadline = NULL;
	l->zhost = mem_strdup(hello->spec->name);
	const struct control_input input = {.type = CONTROL_HELLO,
					    .hello = {.link = l->number, .message = hello}};
	commit_driver_input(l->hub->commits, &input);
}

static int input_decoded(struct hub_link *l, unsigned type, ProtobufCMessage *message,
			 struct error **err)
{
	struct control_input input = {0};
	switch (type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO:
		if (l->zhost != NULL)
			return error_set(err, ERR_INVALID, "a second hello");
		input_hello(l, (const Samoza__V1__Hello *)message);
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
		input.type = CONTROL_REPORT;
		input.report.link = l->number;
		input.report.message = (const Samoza__V1__Report *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT:
		input.type = CONTROL_HEARTBEAT;
		input.heartbeat.link = l->number;
		input.heartbeat.message = (const Samoza__V1__Heartbeat *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST:
		input.type = CONTROL_DATA;
		input.data.link = l->number;
		input.data.message = (const Samoza__V1__DataRequest *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
		input.type = CONTROL_FORGOTTEN;
		input.forgotten.link = l->number;
		input.forgotten.message = (const Samoza__V1__DataForgotten *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK:
		l->hub->listener->log_chunk(l->hub->user, l->number,
					    (const Samoza__V1__LogChunk *)message);
		return 0;
	default:
		return error_set(err, ERR_INVALID, "a %s, which only zrms sends",
				 frame_type_name(type));
	}
	commit_driver_input(l->hub->commits, &input);
	return 0;
}

/* Only `to_zhost` is looked at; the bytes go on as they came. */
static int mesh_forward(struct hub_link *l, const struct frame *frame, struct error **err)
{
	struct hub *hub = l->hub;
	const char *name = NULL;
	size_t size = 0;
	int r = frame_peek(frame, TO_ZHOST_FIELD, &name, &size, err);
	if (r < 0)
		return r;
	char zhost[ZHOST_NAME_MAX + 1];
	if (r == 0 || size > ZHOST_NAME_MAX)
		return error_set(err, ERR_INVALID, "a mesh-message for nobody");
	memcpy(zhost, name, size);
	zhost[size] = '\0';
	struct hub_link *to = NULL;
	uint64_t number = control_link_of(hub->control, zhost);
	if (number != 0)
		HASH_FIND(hh, hub->links, &number, sizeof number, to);
	if (to == NULL || wire_link_forward(to->link, frame, MESH_OUTPUT_MAX, NULL) < 0) {
		hub->mesh_dropped++;
		return 0;
	}
	hub->mesh_forwarded++;
	hub->mesh_bytes += frame->whole_size;
	return 0;
}

static int link_frame(void *user, struct wire_link *link, const struct frame *frame,
		      struct error **err)
{
	(void)link;
	struct hub_link *l = user;
	l->hub->frames_in++;
	if (frame->type != SAMOZA__V1__FRAME_TYPE__FRAME_HELLO && l->zhost == NULL)
		return error_set(err, ERR_INVALID, "a %s before the hello",
				 frame_type_name(frame->type));
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE) {
		if (!l->accepted) {
			l->hub->mesh_dropped++;
			return 0;
		}
		loop_busy_poll(l->hub->loop);
		return mesh_forward(l, frame, err);
	}
	ProtobufCMessage *message = NULL;
	int r = frame_decode(frame, &message, err);
	if (r < 0)
		return r;
	r = input_decoded(l, frame->type, message, err);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

/* ---- life of a link ---- */

static void link_closed(void *user, struct wire_link *link, const struct error *why)
{
	(void)link;
	struct hub_link *l = user;
	struct hub *hub = l->hub;
	HASH_DEL(hub->links, l);
	if (why != NULL)
		log_warn("link", "closed", LOG_U("link", l->number), LOG_S("zhost", l->zhost),
			 LOG_E(why));
	else
		log_info("link", "closed", LOG_U("link", l->number), LOG_S("zhost", l->zhost));
	hub->listener->gone(hub->user, l->number);
	if (l->zhost != NULL) { /* otherwise the core never heard of it */
		const struct control_input input = {.type = CONTROL_CLOSED,
						    .closed = {.link = l->number}};
		commit_driver_input(hub->commits, &input);
	}
	loop_timer_free(l->hello_deadline);
	free(l->zhost);
	free(l);
}

static void hello_missing(void *user)
{
	struct hub_link *l = user;
	CLEANUP(error_freep) struct error *why = NULL;
	(void)error_set(&why, ERR_TIMEOUT, "no hello in time");
	wire_link_close(l->link, why);
}

void hub_add(struct hub *hub, struct stream *stream)
{
	struct hub_link *l = mem_new(struct hub_link);
	l->hub = hub;
	l->number = ++hub->last_number;
	hub->links_total++;
	HASH_ADD(hh, hub->links, number, sizeof l->number, l);
	l->link = wire_link_new(stream, LINK_OUTPUT_MAX, &hub->handler, l);
	l->hello_deadline = loop_timer_new(hub->loop, hello_missing, l);
	loop_timer_at(l->hello_deadline, loop_now(hub->loop).mono_ms + HELLO_WAIT_MS);
	log_info("link", "opened", LOG_U("link", l->number));
}

/* ---- frames that go out ---- */

static struct hub_link *link_find(struct hub *hub, uint64_t number)
{
	struct hub_link *l = NULL;
	HASH_FIND(hh, hub->links, &number, sizeof number, l);
	return l;
}

static void link_send_or_close(struct hub_link *l, Samoza__V1__FrameType type,
			       const ProtobufCMessage *message)
{
	CLEANUP(error_freep) struct error *why = NULL;
	if (wire_link_send(l->link, type, message, &why) < 0 && why->code != ERR_UNAVAILABLE)
		wire_link_close(l->link, why);
}

static bool is_accepted(const struct link_message *message)
{
	return message->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK &&
	       ((const Samoza__V1__HelloAck *)message->message)->verdict ==
		       SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
}

void hub_send(struct hub *hub, const struct link_message *message)
{
	struct hub_link *l = link_find(hub, message->link);
	if (l == NULL)
		return; /* it closed meanwhile: the core is told, or will be */
	if (message->message != NULL) {
		if (is_accepted(message))
			l->accepted = true;
		link_send_or_close(l, message->type, message->message);
	}
	if (message->close)
		wire_link_close_after(l->link);
}

int hub_send_frame(struct hub *hub, uint64_t number, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message, struct error **err)
{
	struct hub_link *l = link_find(hub, number);
	if (l == NULL)
		return error_set(err, ERR_UNAVAILABLE, "the zhost is not connected");
	return wire_link_send(l->link, type, message, err);
}

void hub_answer(struct hub *hub, const struct data_change *change, struct data_answer *answer)
{
	struct hub_link *l = link_find(hub, change->link);
	if (l == NULL)
		return;
	Samoza__V1__DataReply reply = SAMOZA__V1__DATA_REPLY__INIT;
	reply.request = change->request;
	reply.status = answer->status;
	reply.has_value = answer->value != NULL;
	reply.value.data = answer->value;
	reply.value.len = answer->value_size;
	reply.n_keys = answer->key_count;
	reply.keys = answer->keys;
	reply.has_more = change->operation == SAMOZA__V1__DATA_OPERATION__DATA_LIST;
	reply.more = answer->more;
	link_send_or_close(l, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY, &reply.base);
}

/* ---- life of the hub ---- */

struct hub *hub_new(struct loop *loop, struct commit_driver *commits, struct control *control,
		    const struct hub_listener *listener, void *user)
{
	struct hub *hub = mem_new(struct hub);
	hub->loop = loop;
	hub->commits = commits;
	hub->control = control;
	hub->listener = listener;
	hub->user = user;
	hub->handler = (struct wire_link_handler){.frame = link_frame, .closed = link_closed};
	return hub;
}

void hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	PRE(hub_is_empty(hub));
	free(hub);
}

void hub_close_all(struct hub *hub)
{
	struct hub_link *l, *next;
	HASH_ITER (hh, hub->links, l, next)
		wire_link_close_after(l->link);
}

bool hub_is_empty(const struct hub *hub)
{
	return hub->links == NULL;
}

enum { OPEN, OPENED, FRAMES, FORWARDED, FORWARDED_BYTES, DROPPED };
static const struct metric metrics[] = {
	[OPEN] = {"zrms_links", METRIC_GAUGE, "Links of zhosts that are open."},
	[OPENED] = {"zrms_links_total", METRIC_COUNTER, "Links that were opened."},
	[FRAMES] = {"zrms_link_frames_total", METRIC_COUNTER, "Frames received."},
	[FORWARDED] = {"zrms_mesh_forwarded_total", METRIC_COUNTER,
		       "Messages forwarded between zhosts."},
	[FORWARDED_BYTES] = {"zrms_mesh_forwarded_bytes_total", METRIC_COUNTER,
			     "Bytes forwarded between zhosts."},
	[DROPPED] = {"zrms_mesh_dropped_total", METRIC_COUNTER,
		     "Messages dropped: no such zhost, or its link is full."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct hub *hub = part;

	metric_set(to, OPEN, HASH_COUNT(hub->links));
	metric_set(to, OPENED, hub->links_total);
	metric_set(to, FRAMES, hub->frames_in);
	metric_set(to, FORWARDED, hub->mesh_forwarded);
	metric_set(to, FORWARDED_BYTES, hub->mesh_bytes);
	metric_set(to, DROPPED, hub->mesh_dropped);
}

const struct metric_source hub_metrics = METRIC_SOURCE(metrics, read_metrics);
