/* Before zrms starts on a store: is its content here, or was it moved (zrms store migrate)? */
#ifndef SAMOZA_ZRMS_STORE_PLACE_H
#define SAMOZA_ZRMS_STORE_PLACE_H

#include "port/store.h"
#include "zrms/settings.h"

/* ERR_CONFLICT: it was, or is on its way, and what is to be done. With --force what was moved is here again, as in a backup of
 * that moment. `url`: for messages. */
int store_place_check(struct store *store, const char *url, const struct settings *settings,
		      struct error **err) must_check;

#endif
