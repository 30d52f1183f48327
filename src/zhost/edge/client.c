#include "zhost/edge/client.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct client_address *a)
{
	return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

/* ---- addresses ---- */

static bool parse(const char *text, size_t size, struct client_address *to)
{
	char host[INET6_ADDRSTRLEN];
	if (size == 0 || size >= sizeof(host))
		return false;
	memcpy(host, text, size);
	host[size] = '\0';
	if (inet_pton(AF_INET6, host, to->bytes) == 1)
		return true;
	memcpy(to->bytes, mapped, sizeof(mapped));
	return inet_pton(AF_INET, host, to->bytes + sizeof(mapped)) == 1;
}

bool client_address_read(const char *text, size_t size, struct client_address *ret_address)
{
	const char *colon = memchr(text, ':', size);
	if (size > 0 && text[0] == '[') {
		const char *end = memchr(text, ']', size);
		return end != NULL && parse(text + 1, (size_t)(end - text) - 1, ret_address);
	}
	/* One colon is before a port; IPv6 has two or more. */
	if (colon != NULL && memchr(colon + 1, ':', size - (size_t)(colon + 1 - text)) == NULL)
		size = (size_t)(colon - text);
	return parse(text, size, ret_address);
}

char *client_address_text(const struct client_address *address)
{
	char text[INET6_ADDRSTRLEN];
	return mem_strdup(is_v4(address)
				  ? inet_ntop(AF_INET, address->bytes + sizeof(mapped), text,
					      sizeof(text))
				  : inet_ntop(AF_INET6, address->bytes, text, sizeof(text)));
}

bool client_address_is_loopback(const struct client_address *address)
{
	static const uint8_t one[16] = {[15] = 1};
	return memcmp(address->bytes, one, sizeof(one)) == 0 ||
	       (is_v4(address) && address->bytes[12] == 127);
}

struct client_address client_address_network(const struct client_address *address)
{
	struct client_address network = *address;
	if (!is_v4(address))
		memset(network.bytes + 8, 0, 8);
	return network;
}

/* ---- networks ---- */

static bool network_parse(const char *text, size_t size, struct client_network *to)
{
	const char *slash = memchr(text, '/', size);
	size_t address = slash != NULL ? (size_t)(slash - text) : size;
	uint64_t bits = 128;
	if (!parse(text, address, &to->address))
		return false;
	if (slash != NULL) {
		CLEANUP(freep) char *number = mem_strndup(slash + 1, size - address - 1);
		unsigned before = is_v4(&to->address) ? 96 : 0;
		if (str_to_u64(number, &bits) < 0 || bits > 128 - before)
			return false;
		bits += before;
	}
	to->bits = (unsigned)bits;
	return true;
}

int client_networks_read(const char *text, client_network_vector *to, struct error **err)
{
	for (const char *at = text; at != NULL;) {
		struct client_network network;
		size_t size = strcspn(at, ",");
		if (!network_parse(at, size, &network))
			return error_set(err, ERR_INVALID,
					 "'%.*s' is no address and no network: expected such "
					 "as 10.0.0.5, 10.1.0.0/16 or fd00::/8",
					 (int)size, at);
		vector_push(to, network);
		at = at[size] == ',' ? at + size + 1 : NULL;
	}
	return 0;
}

static bool network_has(const struct client_network *n, const struct client_address *a)
{
	unsigned bytes = n->bits / 8, rest = n->bits % 8;
	if (memcmp(n->address.bytes, a->bytes, bytes) != 0)
		return false;
	return rest == 0 || ((n->address.bytes[bytes] ^ a->bytes[bytes]) >> (8 - rest)) == 0;
}

bool client_networks_have(const client_network_vector *networks,
			  const struct client_address *address)
{
	vector_for_each (networks, n)
		if (network_has(n, address))
			return true;
	return false;
}

/* ---- who ---- */

/* The last one of "a, b, c"; *size is then that of "a, b". */
static const char *last_of(const char *list, size_t *size, size_t *ret_word)
{
	size_t end = *size, from;
	while (end > 0 && strchr(" \t", list[end - 1]) != NULL)
		end--;
	from = end;
	while (from > 0 && list[from - 1] != ',')
		from--;
	*size = from > 0 ? from - 1 : 0;
	while (from < end && strchr(" \t", list[from]) != NULL)
		from++;
	*ret_word = end - from;
	return list + from;
}

bool client_find(const client_network_vector *proxies, const char *peer, const char *forwarded,
		 struct client_address *ret_address)
{
	struct client_address who;
	size_t left = forwarded != NULL ? strlen(forwarded) : 0;
	if (!client_address_read(peer, strlen(peer), &who))
		return false;
	if (client_networks_have(proxies, &who) && left == 0)
		return false;
	while (left > 0 && client_networks_have(proxies, &who)) {
		size_t size = 0;
		const char *word = last_of(forwarded, &left, &size);
		if (!client_address_read(word, size, &who))
			return false;
	}
	*ret_address = who;
	return true;
}
