#include "adapter/uv/tcp_transport.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/memory.h"

static void transport_free(struct stream_transport *transport)
{
	free(container_of(transport, struct tcp_transport, transport));
}

static const struct stream_transport_ops transport_ops = {
	.connect = tcp_transport_connect,
	.listen = tcp_transport_listen,
	.free = transport_free,
};

void tcp_transport_from(struct stream_transport *transport, uint32_t address)
{
	PRE(transport->ops == &transport_ops);
	container_of(transport, struct tcp_transport, transport)->from.s_addr = htonl(address);
}

int tcp_transport_open(struct loop *loop, const char *credentials,
		       struct stream_transport **ret_transport, struct error **err)
{
	if (credentials != NULL)
		return error_set(err, ERR_INVALID, "plain streams take no credentials");
	struct tcp_transport *t = mem_new(struct tcp_transport);
	t->transport.ops = &transport_ops;
	t->loop = loop;
	*ret_transport = &t->transport;
	return 0;
}
