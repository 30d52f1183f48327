#include "startz/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define DRAWN_FROM   10000u
#define DRAWN_COUNT  20000u
#define DRAWINGS_MAX 1000

bool port_is_taken(const struct cli_address *address)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
	bool is_v4 = inet_pton(AF_INET, address->host, &v4.sin_addr) == 1;
	CLEANUP(closep) int fd = -1;
	int on = 1;

	if (!is_v4 && inet_pton(AF_INET6, address->host, &v6.sin6_addr) != 1)
		return true;
	fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	/* Ignore connections of an earlier run that the kernel still holds (TIME_WAIT). */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Not listen(): it would take the port for a moment from a program that is starting. */
	return is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) < 0
		     : bind(fd, (struct sockaddr *)&v6, sizeof(v6)) < 0;
}

int port_draw(uint16_t *ret_port, struct error **err)
{
	struct cli_address address = {.host = "127.0.0.1"};

	for (int i = 0; i < DRAWINGS_MAX; i++) {
		uint32_t random = 0;

		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return error_errno(err, "cannot choose a port");
		address.port = (uint16_t)(DRAWN_FROM + random % DRAWN_COUNT);
		if (!port_is_taken(&address)) {
			*ret_port = address.port;
			return 0;
		}
	}
	return error_set(err, ERR_CONFLICT, "no free port on 127.0.0.1");
}
