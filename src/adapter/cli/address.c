#include "adapter/cli/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return false;
}

bool cli_address_is_loopback(const struct cli_address *address)
{
	return is_loopback(address->host);
}

bool cli_address_is_any(const struct cli_address *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address->host, &v4) == 1)
		return v4.s_addr == htonl(INADDR_ANY);
	return inet_pton(AF_INET6, address->host, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

static bool is_address(const char *host)
{
	unsigned char any[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, any) == 1 || inet_pton(AF_INET6, host, any) == 1;
}

int cli_address_split(const char *text, char *host, size_t host_size, uint64_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	const char *begin = text;
	size_t length;

	if (colon == NULL || str_to_u64(colon + 1, ret_port) < 0 || *ret_port > 65535)
		return -1;
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
		begin++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return -1; /* an IPv6 address needs its brackets */
	}
	if (length == 0 || length >= host_size)
		return -1;
	memcpy(host, begin, length);
	host[length] = '\0';
	return 0;
}

int cli_address_parse_any(const char *text, struct cli_address *ret_address, struct error **err)
{
	struct cli_address address = {0};
	uint64_t port;

	if (cli_address_split(text, address.host, sizeof(address.host), &port) < 0)
		return error_set(
			err, ERR_INVALID,
			"'%s' is not an address: expected ADDRESS:PORT such as 127.0.0.1:7331",
			text);
	if (str_equal(address.host, "localhost"))
		(void)snprintf(address.host, sizeof(address.host), "127.0.0.1");
	if (!is_address(address.host))
		return error_set(err, ERR_INVALID,
				 "'%s' is not an address of this machine: expected a number "
				 "such as 127.0.0.1, or localhost",
				 address.host);
	address.port = (uint16_t)port;
	*ret_address = address;
	return 0;
}

int cli_address_parse(const char *text, struct cli_address *ret_address, struct error **err)
{
	struct cli_address address;
	int r = cli_address_parse_any(text, &address, err);

	if (r < 0)
		return r;
	if (!is_loopback(address.host))
		return error_set(
			err, ERR_DENIED,
			"%s can be reached from other machines, and there is no access "
			"control yet: listen on a loopback address such as "
			"127.0.0.1:%u",
			address.host, address.port);
	*ret_address = address;
	return 0;
}

char *cli_address_text(const struct cli_address *address)
{
	if (strchr(address->host, ':') != NULL)
		return str_printf("[%s]:%u", address->host, address->port);
	return str_printf("%s:%u", address->host, address->port);
}
