/* Does nothing, for as long as it may. */
#include <samoza.h>

SAMOZA_ON_PROCESS(void)
{
	(void)samoza_sleep(60000);
	return 0;
}
