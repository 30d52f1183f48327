/*
 * Lists of the REST interface: {"spaces": [ … ], "next": "12.300"}, written a slice at a time (api_slices.h).
 *
 * `limit` and `after` of the query ask for one page; `next` is the `after` of the following page and
 * absent at the end. The others of struct list_filter_text ask for a part of the list
 * (core/control/view/list_filter.h).
 */
#ifndef SAMOZA_ZRMS_API_LIST_H
#define SAMOZA_ZRMS_API_LIST_H

#include "zrms/api.h"

/* `member`: a constant. `id`: as in control_list_next(); copied. */
void api_send_list(struct zrms *zrms, struct http_request *request, enum control_list kind,
		   const char *member, const char *id);

#endif
