#include "adapter/uv/stream_kinds.h"

#include <string.h>

#include "adapter/uv/tcp_stream.h"

struct stream_kind {
	const char *name;
	int (*open)(struct loop *loop, const char *credentials,
		    struct stream_transport **ret_transport, struct error **err);
};

/* A further kind is one line here and one file beside tcp_stream.c. */
static const struct stream_kind kinds[] = {
	{"plain", tcp_transport_open},
};

int stream_transport_open(struct loop *loop, const char *kind, const char *credentials,
			  struct stream_transport **ret_transport, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return kinds[i].open(loop, credentials, ret_transport, err);
	return error_set(err, ERR_UNSUPPORTED, "unknown kind of stream '%s': expected plain",
			 kind);
}
