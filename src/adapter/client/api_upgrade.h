/*
 * A request that becomes a stream of another protocol (HTTP Upgrade).
 */
#ifndef SAMOZA_ADAPTER_CLIENT_API_UPGRADE_H
#define SAMOZA_ADAPTER_CLIENT_API_UPGRADE_H

#include "adapter/client/api.h"
#include "base/buffer.h"

/* The descriptor is the caller's; ret_rest takes what the other end has sent already. Errors as those of
 * api.h. */
int api_upgrade(struct api *api, const char *path, const char *protocol, int *ret_fd,
		struct buffer *ret_rest, struct error **err) must_check;

#endif
