/*
 * Answers of zrms, JSON into the messages of proto/view.proto. Lenient where a newer zrms may
 * send more: unknown keys are passed over, null counts as absent. Strict where it would be
 * wrong: types, required fields.
 */
#ifndef SAMOZA_ADAPTER_CLIENT_VIEW_H
#define SAMOZA_ADAPTER_CLIENT_VIEW_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/error.h"

/* The message belongs to the caller: view_free(). ERR_INVALID for what is not such a message.
 */
int view_read(const ProtobufCMessageDescriptor *type, const char *text, size_t size,
	      ProtobufCMessage **ret_message, struct error **err) must_check;

void view_free(void *message);
/* For CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL; */
void view_freep(void *message_pointer);

/* A message as JSON on one line, for bodies of requests; the caller frees. */
char *view_write(const ProtobufCMessage *message);

#endif
