#include "zrms/attempts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"

enum { HOUR_MS = 3600 * 1000, DELAY_FIRST = 4, DELAY_MS = 100, DELAY_MAX_MS = 5000 };

struct attempt {
	UT_hash_handle hh; /* the longest ago first */
	char *key;
	uint32_t count;
	int64_t since_ms;
};

static void forget(struct attempts *all, struct attempt *one)
{
	HASH_DEL(all->by_key, one);
	free(one->key);
	free(one);
}

void attempts_done(struct attempts *all)
{
	while (all->by_key != NULL)
		forget(all, all->by_key);
}

static struct attempt *attempt_new(struct attempts *all, const char *key, int64_t mono_ms)
{
	if (HASH_COUNT(all->by_key) >= ATTEMPTS_KEPT)
		forget(all, all->by_key);
	struct attempt *one = mem_new(struct attempt);
	one->key = mem_strdup(key);
	one->since_ms = mono_ms;
	HASH_ADD_KEYPTR(hh, all->by_key, one->key, strlen(one->key), one);
	return one;
}

uint32_t attempts_add(struct attempts *all, const char *key, int64_t mono_ms)
{
	struct attempt *one = NULL;
	HASH_FIND_STR(all->by_key, key, one);
	if (one == NULL) {
		one = attempt_new(all, key, mono_ms);
	} else { /* the newest is last */
		HASH_DEL(all->by_key, one);
		HASH_ADD_KEYPTR(hh, all->by_key, one->key, strlen(one->key), one);
	}
	if (mono_ms - one->since_ms >= HOUR_MS) {
		one->count = 0;
		one->since_ms = mono_ms;
	}
	one->count += one->count < UINT32_MAX;
	return one->count;
}

int64_t attempt_delay_ms(uint32_t count)
{
	int64_t delay = DELAY_MS;
	if (count < DELAY_FIRST)
		return 0;
	for (uint32_t k = DELAY_FIRST; k < count && delay < DELAY_MAX_MS; k++)
		delay *= 2;
	return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

bool attempt_is_told(uint32_t count, uint32_t first)
{
	return count <= first || (count & (count - 1)) == 0;
}

static char *origin_v4(const struct in_addr *address)
{
	char text[INET_ADDRSTRLEN];
	if (ntohl(address->s_addr) >> 24 == IN_LOOPBACKNET)
		return mem_strdup("loopback");
	return mem_strdup(inet_ntop(AF_INET, address, text, sizeof(text)));
}

/* A machine may take any address of its network. */
static char *origin_v6(struct in6_addr *address)
{
	enum { NETWORK_BYTES = 8, V4_AT = 12 };
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	if (IN6_IS_ADDR_LOOPBACK(address))
		return mem_strdup("loopback");
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		memcpy(&v4, address->s6_addr + V4_AT, sizeof(v4));
		return origin_v4(&v4);
	}
	memset(address->s6_addr + NETWORK_BYTES, 0, sizeof(address->s6_addr) - NETWORK_BYTES);
	return str_printf("%s/64", inet_ntop(AF_INET6, address, text, sizeof(text)));
}

char *attempt_origin(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (address == NULL)
		return mem_strdup("");
	/* "fe80::1%eth0": without the interface. */
	CLEANUP(freep) char *plain = mem_strndup(address, strcspn(address, "%"));
	if (inet_pton(AF_INET, plain, &v4) == 1)
		return origin_v4(&v4);
	if (inet_pton(AF_INET6, plain, &v6) == 1)
		return origin_v6(&v6);
	return mem_strdup(address);
}
