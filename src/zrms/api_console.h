/*
 * The web console, out of the program itself: nothing is loaded from elsewhere, and nothing inline is run.
 */
#ifndef SAMOZA_ZRMS_API_CONSOLE_H
#define SAMOZA_ZRMS_API_CONSOLE_H

#include "adapter/http/http.h"

/* Answers with its page. False: this build has no console. */
bool api_console_page(struct http_request *request);

#endif
