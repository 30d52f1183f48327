/* Keeps what it is sent and answers with the number of entries. */
#include <samoza.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned entries;

SAMOZA_ON_INIT(void)
{
	char text[32];
	int32_t size = samoza_get("entries", text, sizeof(text) - 1);

	if (size > 0) {
		text[size] = '\0';
		entries = (unsigned)strtoul(text, NULL, 10);
	}
	return samoza_log(SAMOZA_INFO, "store ready");
}

SAMOZA_ON_PROCESS(void)
{
	static char text[SAMOZA_MESSAGE_MAX];
	char from[SAMOZA_FROM_MAX], key[64], number[32];
	int32_t size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));
	int digits;

	if (size <= 0)
		return 0;
	snprintf(key, sizeof(key), "entry/%08u", ++entries);
	digits = snprintf(number, sizeof(number), "%u", entries);
	if (samoza_put(key, text, (uint32_t)size) == 0 &&
	    samoza_put("entries", number, (uint32_t)digits) == 0)
		(void)samoza_reply(from, number, (uint32_t)digits);
	return 0;
}
