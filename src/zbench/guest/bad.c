/* Does not start. */
#include <samoza.h>

SAMOZA_ON_INIT(void)
{
	return 3;
}

SAMOZA_ON_PROCESS(void)
{
	return 0;
}
