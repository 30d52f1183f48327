#include "core/outbox.h"

#include <stdlib.h>

void outbox_init(struct outbox *o)
{
	*o = (struct outbox){0};
}

static void free_message(ProtobufCMessage *message)
{
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
}

void outbox_clear(struct outbox *o)
{
	vector_for_each (&o->records, r) {
		free(r->id);
		free(r->data);
	}
	vector_clear(&o->records);
	vector_for_each (&o->events, e)
		samoza__v1__event_record__free_unpacked(*e, NULL);
	vector_clear(&o->events);
	vector_for_each (&o->audit, line)
		samoza__v1__audit_record__free_unpacked(*line, NULL);
	vector_clear(&o->audit);
	vector_for_each (&o->data, d) {
		free(d->owner);
		free(d->key);
		free(d->value);
		free(d->cursor);
	}
	vector_clear(&o->data);
	vector_for_each (&o->data_forget, name)
		free(*name);
	vector_clear(&o->data_forget);
	vector_for_each (&o->messages, m)
		if (!m->is_shared)
			free_message(m->message);
	vector_clear(&o->messages);
	vector_for_each (&o->replies, r) {
		free(r->message);
		free(r->topology);
		free(r->path);
		error_free(r->error);
		free_message(r->view);
	}
	vector_clear(&o->replies);
	vector_for_each (&o->calls, call) {
		free(call->driver);
		free(call->token);
		samoza__v1__machine_record__free_unpacked(call->machine, NULL);
	}
	vector_clear(&o->calls);
}

void outbox_done(struct outbox *o)
{
	outbox_clear(o);
	vector_done(&o->records);
	vector_done(&o->events);
	vector_done(&o->audit);
	vector_done(&o->data);
	vector_done(&o->data_forget);
	vector_done(&o->messages);
	vector_done(&o->replies);
	vector_done(&o->calls);
}

bool outbox_is_durable(const struct outbox *o)
{
	return o->records.count > 0 || o->events.count > 0 || o->audit.count > 0 ||
	       o->data.count > 0 || o->data_forget.count > 0;
}

bool outbox_is_empty(const struct outbox *o)
{
	return !outbox_is_durable(o) && o->messages.count == 0 && o->replies.count == 0 &&
	       o->calls.count == 0;
}
