#include "adapter/tls/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

static char *network_v6(struct in6_addr *address)
{
	enum { NETWORK_BYTES = 8, V4_AT = 12 };
	char text[INET6_ADDRSTRLEN];
	if (IN6_IS_ADDR_V4MAPPED(address))
		return mem_strdup(
			inet_ntop(AF_INET, address->s6_addr + V4_AT, text, sizeof(text)));
	memset(address->s6_addr + NETWORK_BYTES, 0, sizeof(address->s6_addr) - NETWORK_BYTES);
	return str_printf("%s/64", inet_ntop(AF_INET6, address, text, sizeof(text)));
}

char *peer_network(const char *address)
{
	struct in6_addr v6;
	CLEANUP(freep) char *plain = mem_strndup(address, strcspn(address, "%"));
	if (inet_pton(AF_INET6, plain, &v6) == 1)
		return network_v6(&v6);
	return mem_strdup(address);
}
