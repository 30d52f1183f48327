#include "zbench/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define PORT_FIRST 12000u
#define PORT_COUNT 8000u
#define PORT_SHARE 16u /* so far apart two processes begin */

static bool is_free(uint32_t address, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(address),
				 .sin_port = htons(port)};
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}

int port_find(uint32_t address, uint16_t *ret_port, struct error **err)
{
	static unsigned given;
	for (unsigned tried = 0; tried < PORT_COUNT; tried++) {
		unsigned at = (unsigned)getpid() * PORT_SHARE + given++;
		*ret_port = (uint16_t)(PORT_FIRST + at % PORT_COUNT);
		if (is_free(address, *ret_port))
			return 0;
	}
	return error_set(err, ERR_UNAVAILABLE, "no port from %u to %u is free", PORT_FIRST,
			 PORT_FIRST + PORT_COUNT - 1);
}
