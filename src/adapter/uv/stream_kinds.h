/*
 * The kinds of streams that a daemon can open.
 */
#ifndef SAMOZA_ADAPTER_UV_STREAM_KINDS_H
#define SAMOZA_ADAPTER_UV_STREAM_KINDS_H

#include "adapter/uv/loop.h"
#include "port/stream.h"

/* `kind`: "plain". `credentials`: the directory of its key, certificate and trusted authorities,
 * for kinds that have some; otherwise NULL. ERR_UNSUPPORTED: no such kind. */
int stream_transport_open(struct loop *loop, const char *kind, const char *credentials,
			  struct stream_transport **ret_transport,
			  struct error **err) must_check;

#endif
