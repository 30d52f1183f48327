/*
 * openapi.json out of the table of routes and the descriptors of the views.
 */
#ifndef SAMOZA_ZRMS_OPENAPI_H
#define SAMOZA_ZRMS_OPENAPI_H

#include "adapter/http/http.h"

/* OpenAPI 3.1, pretty; the caller frees. Routes without a summary are left out. */
char *openapi_write(const struct http_route *routes, size_t count, const char *version);

#endif
