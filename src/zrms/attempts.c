#include "zrms/attempts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/tls/network.h"
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

static bool is_loopback(const char *network)
{
	struct in_addr v4;
	return inet_pton(AF_INET, network, &v4) == 1 &&
	       ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
}

char *attempt_origin(const char *address)
{
	if (address == NULL)
		return mem_strdup("");
	CLEANUP(freep) char *network = peer_network(address);
	return is_loopback(network) || str_equal(address, "::1") ? mem_strdup("loopback")
								 : steal_ptr(&network);
}
