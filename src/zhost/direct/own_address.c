#include "zhost/direct/own_address.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool local_name(const struct addrinfo *to, char *ret_host, size_t size)
{
	struct sockaddr_storage own;
	socklen_t own_size = sizeof(own);
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_there = fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
			getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
			getnameinfo((struct sockaddr *)&own, own_size, ret_host,
				    (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
	if (fd >= 0)
		close(fd);
	return is_there;
}

bool own_address_towards(const struct stream_address *other, char *ret_host, size_t size)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	char port[8];
	(void)snprintf(port, sizeof(port), "%u", other->port);
	if (getaddrinfo(other->host, port, &hints, &found) != 0)
		return false;
	bool is_there = local_name(found, ret_host, size);
	freeaddrinfo(found);
	return is_there;
}
