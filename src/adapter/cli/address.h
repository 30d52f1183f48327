/*
 * An address to listen on, as it is written in settings: "127.0.0.1:7331", "[::1]:7331".
 */
#ifndef SAMOZA_ADAPTER_CLI_ADDRESS_H
#define SAMOZA_ADAPTER_CLI_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* `host` has no brackets, "" when unset; port 0 means any free one. */
struct cli_address {
	char host[64];
	uint16_t port;
};

/* 127.0.0.1, ::1 and the like: only this machine reaches it. */
bool cli_address_is_loopback(const struct cli_address *address);
/* 0.0.0.0 and ::, all addresses of this machine. */
bool cli_address_is_any(const struct cli_address *address);

/* ERR_INVALID for what is not an address. */
int cli_address_parse_any(const char *text, struct cli_address *ret_address,
			  struct error **err) must_check;
/* The same; ERR_DENIED, with the reason, for one that other
 * machines can reach. */
int cli_address_parse(const char *text, struct cli_address *ret_address,
		      struct error **err) must_check;
/* The caller frees. */
char *cli_address_text(const struct cli_address *address);

/* Splits "HOST:PORT" and "[HOST]:PORT". 0, or -1. */
int cli_address_split(const char *text, char *host, size_t host_size, uint64_t *ret_port);

#endif
