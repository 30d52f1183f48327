#include "zrms/submission/uuid.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/check.h"

void uuid_draw(char ret_text[UUID_SIZE])
{
	uint8_t b[16];
	ssize_t n = getrandom(b, sizeof b, 0);
	INVARIANT(n == (ssize_t)sizeof b);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret_text, UUID_SIZE,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
		       b[12], b[13], b[14], b[15]);
}
