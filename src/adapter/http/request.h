/*
 * From the first byte of a request to its handler: MHD's callbacks.
 */
#ifndef SAMOZA_ADAPTER_HTTP_REQUEST_H
#define SAMOZA_ADAPTER_HTTP_REQUEST_H

#include <microhttpd.h>
#include <stddef.h>

void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_size, void **context);
void request_completed(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode code);

/* Answers refusals that have waited long enough. `user`: struct http_server. */
void request_late_due(void *user);

#endif
