/* Sends every message back to its sender. */
#include <samoza.h>

SAMOZA_ON_PROCESS(void)
{
	static char text[SAMOZA_MESSAGE_MAX];
	char from[SAMOZA_FROM_MAX];
	int32_t size = samoza_recv_next(-1, text, sizeof(text), from, sizeof(from));

	if (size > 0)
		(void)samoza_reply(from, text, (uint32_t)size);
	return 0;
}
