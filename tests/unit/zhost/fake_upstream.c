#include "fake_upstream.h"

#include <errno.h>

#include "schema/message.h"

static bool is_up(const struct upstream *u)
{
	return ((const struct fake_upstream *)u)->is_up;
}

static void keep(struct upstream *u, Samoza__V1__FrameType type,
		 const ProtobufCMessage *message)
{
	struct fake_upstream *f = (struct fake_upstream *)u;
	if (f->last != NULL)
		protobuf_c_message_free_unpacked(f->last, NULL);
	f->last = schema_message_copy(message);
	f->last_type = type;
	f->sent++;
}

static int try_send(struct upstream *u, Samoza__V1__FrameType type,
		    const ProtobufCMessage *message, size_t room)
{
	struct fake_upstream *f = (struct fake_upstream *)u;
	(void)room;
	if (!f->is_up)
		return -EHOSTUNREACH;
	if (f->result == 0)
		keep(u, type, message);
	return f->result;
}

static size_t waiting(const struct upstream *u)
{
	(void)u;
	return 0;
}

static const struct upstream_methods methods = {.is_up = is_up,
						.send = keep,
						.try_send = try_send,
						.pass = try_send,
						.passes = is_up,
						.waiting = waiting};

void fake_upstream_init(struct fake_upstream *f)
{
	*f = (struct fake_upstream){.upstream.methods = &methods, .is_up = true};
}

void fake_upstream_done(struct fake_upstream *f)
{
	if (f->last != NULL)
		protobuf_c_message_free_unpacked(f->last, NULL);
	f->last = NULL;
}
