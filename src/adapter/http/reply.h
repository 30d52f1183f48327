/*
 * Answers.
 */
#ifndef SAMOZA_ADAPTER_HTTP_REPLY_H
#define SAMOZA_ADAPTER_HTTP_REPLY_H

#include <microhttpd.h>

struct http_request;

/* Gives the answer to MHD: from inside its callback only. */
enum MHD_Result reply_queue(struct http_request *request);
/* Keeps the answer; outside MHD's callback, wakes the connection for it. */
void reply_with(struct http_request *request, unsigned status, const char *type,
		struct MHD_Response *response);
/* `bytes` of a body go to the client. */
void reply_sent(struct http_request *request, uint64_t bytes);

#endif
