#include "zrun/runner/message_queue.h"

#include <string.h>

#include "zrun/runner/runner.h"

static uint8_t queue[CONNECTION_QUEUE_SIZE];

const char *message_queue_add(struct runner *i, const struct zrun_frame *frame,
			      const uint8_t *body)
{
	struct zhost_connection *l = &i->connection;
	size_t size = sizeof(*frame) + frame->size;
	struct zrun_cursor c = {body, frame->size};
	struct zrun_message message;

	if (!zrun_take(&c, &message, sizeof(message)) || message.from_size > c.left ||
	    message.from_size > ZRUN_ADDRESS_MAX ||
	    c.left - message.from_size > ZRUN_PAYLOAD_MAX)
		return "a damaged message";
	if (l->queue_messages + 1 > ZRUN_WINDOW_MESSAGES ||
	    l->queue_bytes + size > ZRUN_WINDOW_BYTES)
		return "more messages than the window allows";
	if (l->queue_tail + size > CONNECTION_QUEUE_SIZE) {
		memmove(queue, queue + l->queue_head, l->queue_tail - l->queue_head);
		l->queue_tail -= l->queue_head;
		l->queue_head = 0;
	}
	memcpy(queue + l->queue_tail, frame, sizeof(*frame));
	memcpy(queue + l->queue_tail + sizeof(*frame), body, frame->size);
	l->queue_tail += size;
	l->queue_messages++;
	l->queue_bytes += (uint32_t)size;
	return NULL;
}

bool connection_message(struct runner *i, const char **ret_from, size_t *ret_from_size,
			const uint8_t **ret_payload, size_t *ret_payload_size)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame;
	struct zrun_message message;
	const uint8_t *body = queue + l->queue_head + sizeof(frame);

	if (l->queue_messages == 0)
		return false;
	memcpy(&frame, queue + l->queue_head, sizeof(frame));
	memcpy(&message, body, sizeof(message));
	*ret_from = (const char *)body + sizeof(message);
	*ret_from_size = message.from_size;
	*ret_payload = body + sizeof(message) + message.from_size;
	*ret_payload_size = frame.size - sizeof(message) - message.from_size;
	return true;
}

void connection_message_taken(struct runner *i)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame;
	uint32_t size;

	memcpy(&frame, queue + l->queue_head, sizeof(frame));
	size = (uint32_t)sizeof(frame) + frame.size;
	l->queue_head += size;
	l->queue_messages--;
	l->queue_bytes -= size;
	if (l->queue_messages == 0)
		l->queue_head = l->queue_tail = 0;
	l->credit_messages++;
	l->credit_bytes += size;
	/* A quarter of the window: zhost always has room left when the guest waits. */
	if (l->credit_messages >= ZRUN_CREDIT_MESSAGES ||
	    l->credit_bytes >= ZRUN_WINDOW_BYTES / 4) {
		struct zrun_credit credit = {l->credit_messages, l->credit_bytes};

		if (connection_send(i, ZRUN_CREDIT, 0, &credit, sizeof(credit), NULL, 0))
			l->credit_messages = l->credit_bytes = 0;
	}
}
