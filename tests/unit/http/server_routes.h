/*
 * The server under test: routes that greet, echo a body, hold a request, stream, and become a link.
 */
#ifndef TEST_HTTP_SERVER_ROUTES_H
#define TEST_HTTP_SERVER_ROUTES_H

#include "serving.h"

/* With these routes; to be freed with serving_free(). */
struct serving *serve_with(struct http_options options);
struct serving *serve(void);

#endif
