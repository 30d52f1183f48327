/*
 * An answer as it is written down: it shows the core, and is sent when what it shows is durable.
 *
 *   to a change   rendered when the core has decided ──► its batch is durable ──► sent: it shows nothing that was decided later
 *   other         rendered ──► all that was decided until then is durable ──► sent
 */
#ifndef SAMOZA_ZRMS_API_ANSWER_H
#define SAMOZA_ZRMS_API_ANSWER_H

#include <protobuf-c/protobuf-c.h>

#include "zrms/zrms.h"

/* For the listener of the commits: renders the answer that waits for `reply`; api_reply() sends it. */
void api_decided(struct api *api, const struct reply *reply);
/* As api_send_view_now() (api.h), as soon as everything is durable that the core has decided so far; while the store fails it
 * waits on. */
void api_send_view_durable(struct http_request *request, unsigned status,
			   const ProtobufCMessage *view);

struct api_answer {
	unsigned status;  /* 0: there is none */
	const char *code; /* of a refusal: error_code_name(). NULL: it is none */
	char *message;	  /* of a refusal, owned */
	char *json;	  /* owned; NULL: without a body */
};

/* Zero is fine. */
void api_answer_done(struct api_answer *answer);
/* It is zero then. */
void api_answer_send(struct http_request *request, struct api_answer *answer);
/* Sends it once everything that the core has decided so far is durable: at once when it is already. It is zero then. While
 * the store fails it waits on; what is known to be durable is to be sent by api_answer_send(). */
void api_answer_send_durable(struct zrms *zrms, struct http_request *request,
			     struct api_answer *answer);

#endif
