#include "zhost/uplink/uplink.h"

#include <errno.h>

#include "adapter/log/log.h"
#include "adapter/uv/link.h"
#include "adapter/uv/link_dial.h"
#include "base/check.h"
#include "zhost/data/data_service.h"
#include "zhost/log/log_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/reconcile/reconcile.h"

#define RETRY_FIRST_MS 100
#define DIAL_MS	       5000

struct uplink {
	struct zhost *zhost;
	struct link *link; /* NULL: none */
	struct link_dial *dial;
	struct loop_timer *timer;
	int64_t retry_ms; /* until the next try, when this one fails */
	bool is_accepted;
	bool was_reached; /* one line for each outage, not for each try */
	char *refused;	  /* what zrms last said, to log it once */
};

static void dial(void *user);

static void retry_later(struct uplink *u)
{
	int64_t most = u->zhost->heartbeat_ms < 10000 ? u->zhost->heartbeat_ms : 10000;

	if (u->retry_ms > most)
		u->retry_ms = most;
	loop_timer_at(u->timer, loop_now(&u->zhost->loop).mono_ms + u->retry_ms);
	u->retry_ms *= 2;
}

/* ---- frames ---- */

static int take_hello_ack(struct uplink *u, struct link *link, Samoza__V1__HelloAck *ack)
{
	struct zhost *z = u->zhost;

	if (ack->has_heartbeat_ms && ack->heartbeat_ms > 0)
		z->heartbeat_ms = (int64_t)ack->heartbeat_ms;
	if (ack->has_failure_timeout_ms && ack->failure_timeout_ms > 0)
		z->failure_timeout_ms = (int64_t)ack->failure_timeout_ms;
	if (ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED) {
		if (u->refused == NULL || ack->reason == NULL ||
		    strcmp(u->refused, ack->reason) != 0)
			log_error("link", "refused", LOG_S("zrms", z->settings.zrms),
				  LOG_S("reason", ack->reason));
		free(u->refused);
		u->refused = mem_strdup(ack->reason != NULL ? ack->reason : "");
		u->retry_ms = z->heartbeat_ms;
		link_close(link, NULL);
	} else if (ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED) {
		free(steal_ptr(&u->refused));
		u->is_accepted = true;
		u->retry_ms = RETRY_FIRST_MS;
		log_info("link", "accepted", LOG_S("zrms", z->settings.zrms),
			 LOG_S("cluster", ack->cluster), LOG_MS("heartbeat", z->heartbeat_ms),
			 LOG_MS("timeout", z->failure_timeout_ms));
	}
	reconcile_message(z->reconcile, AGENT_HELLO_ACK, &ack->base);
	if (u->is_accepted)
		data_link_up(z->data);
	return 0;
}

static int take_frame(struct uplink *u, struct link *link, const struct frame *frame,
		      struct error **err)
{
	struct zhost *z = u->zhost;
	ProtobufCMessage *m;
	int r = frame_decode(frame, &m, err);

	if (r < 0)
		return r;
	switch ((Samoza__V1__FrameType)frame->type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK:
		return take_hello_ack(u, link, (Samoza__V1__HelloAck *)m);
	case SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED:
		reconcile_message(z->reconcile, AGENT_DESIRED, m);
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK:
		reconcile_message(z->reconcile, AGENT_HEARTBEAT_ACK, m);
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE:
		mesh_table_apply(z->mesh, (Samoza__V1__MeshTable *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE:
		mesh_take(z, (Samoza__V1__MeshMessage *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY:
		data_take(z->data, (Samoza__V1__DataReply *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET:
		data_forget(z->data, (Samoza__V1__DataForget *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST:
		log_service_take(z->log_service, (Samoza__V1__LogRequest *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO:
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
	case _SAMOZA__V1__FRAME_TYPE_IS_INT_SIZE:
		r = error_set(err, ERR_INVALID, "zrms sent a frame that only a zhost sends: %s",
			      frame_type_name(frame->type));
		break;
	}
	protobuf_c_message_free_unpacked(m, NULL);
	return r;
}

static int on_frame(void *user, struct link *link, const struct frame *frame,
		    struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = take_frame(user, link, frame, &why);

	/* A newer zrms may say more than we know. */
	if (r == ERR_UNSUPPORTED) {
		log_debug("link", "frame.unknown", LOG_U("type", frame->type));
		return 0;
	}
	return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
}

static void on_closed(void *user, struct link *link, const struct error *why)
{
	struct uplink *u = user;

	(void)link;
	u->link = NULL;
	u->is_accepted = false;
	reconcile_link(u->zhost->reconcile, false);
	log_service_link_down(u->zhost->log_service);
	if (u->zhost->ending)
		return;
	if (u->refused == NULL)
		log_warn("link", "lost", LOG_S("zrms", u->zhost->settings.zrms), LOG_E(why));
	retry_later(u);
}

static const struct link_handler handler = {.frame = on_frame, .closed = on_closed};

/* ---- dialling ---- */

static void on_dialled(void *user, int fd, const void *extra, size_t extra_size,
		       const struct error *error)
{
	struct uplink *u = user;
	static const struct link_options options = {.output_max = 0};

	u->dial = NULL;
	if (fd < 0) {
		if (u->was_reached)
			log_warn("link", "unreachable", LOG_S("zrms", u->zhost->settings.zrms),
				 LOG_E(error));
		else
			log_debug("link", "unreachable", LOG_S("zrms", u->zhost->settings.zrms),
				  LOG_E(error));
		u->was_reached = false;
		retry_later(u);
		return;
	}
	u->was_reached = true;
	u->zhost->counters.links++;
	log_debug("link", "connected", LOG_S("zrms", u->zhost->settings.zrms));
	u->link = link_new(&u->zhost->loop, fd, extra, extra_size, &options, &handler, u);
	reconcile_link(u->zhost->reconcile, true);
}

static void dial(void *user)
{
	struct uplink *u = user;
	const struct config_address *to = &u->zhost->settings.zrms_address;

	if (u->dial != NULL || u->link != NULL || u->zhost->ending)
		return;
	u->dial = link_dial_new(&u->zhost->loop, to->host, to->port, DIAL_MS, on_dialled, u);
}

struct uplink *uplink_new(struct zhost *z)
{
	struct uplink *u = mem_new(struct uplink);

	u->zhost = z;
	u->retry_ms = RETRY_FIRST_MS;
	u->was_reached = true;
	u->timer = loop_timer_new(&z->loop, dial, u);
	loop_timer_at(u->timer, loop_now(&u->zhost->loop).mono_ms);
	return u;
}

void uplink_close(struct uplink *u)
{
	link_dial_cancel(u->dial);
	u->dial = NULL;
	loop_timer_free(u->timer);
	u->timer = NULL;
	if (u->link != NULL)
		link_close(u->link, NULL);
}

void uplink_free(struct uplink *u)
{
	if (u == NULL)
		return;
	PRE(u->link == NULL && u->dial == NULL && u->timer == NULL);
	free(u->refused);
	free(u);
}

bool uplink_is_up(const struct uplink *u)
{
	return u != NULL && u->link != NULL && u->is_accepted;
}

bool uplink_is_closed(const struct uplink *u)
{
	return u == NULL || u->link == NULL;
}

void uplink_send(struct uplink *u, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	CLEANUP(error_freep) struct error *err = NULL;

	if (u->link == NULL)
		return;
	if (link_send(u->link, type, message, &err) == 0 || err->code == ERR_UNAVAILABLE)
		return;
	/* Something that must not be lost was: begin anew, both sides then say what they have.
	 */
	log_error("link", "full", LOG_S("frame", frame_type_name(type)), LOG_E(err));
	link_close(u->link, err);
}

int uplink_try(struct uplink *u, Samoza__V1__FrameType type, const ProtobufCMessage *message,
	       size_t room)
{
	if (!uplink_is_up(u))
		return -EHOSTUNREACH;
	if (link_waiting(u->link) > room)
		return -EAGAIN;
	return link_send(u->link, type, message, NULL) == 0 ? 0 : -EAGAIN;
}
