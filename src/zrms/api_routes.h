/*
 * The table of routes of the REST interface.
 */
#ifndef SAMOZA_ZRMS_API_ROUTES_H
#define SAMOZA_ZRMS_API_ROUTES_H

#include "adapter/http/http.h"

/* For http_options and openapi.json. */
const struct http_route *api_routes(size_t *ret_count);

#endif
