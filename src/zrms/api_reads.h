/*
 * Requests that read, and wait until what they show is durable. A store that fails tries again for a
 * while: those that wait are refused then, and so are new ones, so that people and programs hear why instead
 * of waiting with it.
 *
 *   api_read_begin() ──► waits ──api_read_end(): true──► is answered
 *          │               └──api_reads_refuse()──► refused; api_read_end(): false
 *          └── false: refused at once
 */
#ifndef SAMOZA_ZRMS_API_READS_H
#define SAMOZA_ZRMS_API_READS_H

#include "zrms/zrms.h"

/* Embedded by who waits. */
struct api_read {
	struct http_request *request; /* NULL: refused */
	struct api_read *next, *prev;
};

/* False: the store is failing, and the request was refused. */
bool api_read_begin(struct zrms *zrms, struct api_read *read, struct http_request *request);
/* What it shows is durable. False: it was refused meanwhile; else read->request is to be answered. */
bool api_read_end(struct zrms *zrms, struct api_read *read);
/* The store begins to fail. */
void api_reads_refuse(struct zrms *zrms);

#endif
