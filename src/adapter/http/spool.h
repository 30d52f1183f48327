/*
 * Bodies that are too large for memory.
 */
#ifndef SAMOZA_ADAPTER_HTTP_SPOOL_H
#define SAMOZA_ADAPTER_HTTP_SPOOL_H

#include "base/error.h"

struct http_request;

enum { SPOOL_MEMORY_MAX = 256 * 1024 }; /* larger bodies go to a file */
/* Opens the unnamed file. */
int spool_open(struct http_request *request, struct error **err) must_check;
/* Suspends the connection and writes what request->body holds; resumes when it is done. */
void spool_write(struct http_request *request);
/* Detaches a running job from its request, which ends. */
void spool_abandon(struct http_request *request);

#endif
