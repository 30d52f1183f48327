/* A real guest for the tests of the checker and the translator. */
#include <samoza.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SAMOZA_ON_INIT(void)
{
	char *text = malloc(100);

	snprintf(text, 100, "started at %lld", (long long)samoza_now());
	samoza_log(SAMOZA_INFO, text);
	free(text);
	return 0;
}

SAMOZA_ON_PROCESS(void)
{
	char text[256], from[SAMOZA_FROM_MAX];
	int32_t size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));

	if (size > 0)
		samoza_reply(from, text, (uint32_t)size);
	return 0;
}
