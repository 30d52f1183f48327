/* Computes without end. */
#include <samoza.h>

SAMOZA_ON_PROCESS(void)
{
	static volatile unsigned turns;

	for (;;)
		turns++;
}
