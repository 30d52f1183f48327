/* Hands what pages ask to the store, and the store's answers to the pages. */
#include <samoza.h>
#include <stdio.h>
#include <string.h>

static char page[SAMOZA_FROM_MAX]; /* who asked last */
static unsigned served;

SAMOZA_ON_INIT(void)
{
	return samoza_log(SAMOZA_INFO, "api ready");
}

SAMOZA_ON_PROCESS(void)
{
	static char text[SAMOZA_MESSAGE_MAX];
	char from[SAMOZA_FROM_MAX], line[128];
	int32_t size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));

	if (size <= 0)
		return 0;
	if (strncmp(from, "rows#", 5) == 0) {
		(void)samoza_reply(page, text, (uint32_t)size);
		return 0;
	}
	strcpy(page, from);
	snprintf(line, sizeof(line), "request %u of %d bytes", ++served, (int)size);
	(void)samoza_log(SAMOZA_INFO, line);
	(void)samoza_emit("rows", text, (uint32_t)size);
	return 0;
}
