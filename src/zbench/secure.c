#include "zbench/secure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

/* That with which it would send to others; nothing is sent. */
int secure_own_address(char to[SECURE_ADDRESS_TEXT], struct error **err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	socklen_t size = sizeof(address);
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
	    inet_ntop(AF_INET, &address.sin_addr, to, SECURE_ADDRESS_TEXT) == NULL ||
	    ntohl(address.sin_addr.s_addr) >> 24 == 127)
		return error_set(err, ERR_NOT_FOUND,
				 "this machine has no address but loopback, on which zrms "
				 "speaks no TLS");
	return 0;
}
