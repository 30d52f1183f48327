/* Prints the words of the core for each state: API spelling, tabulator, word for people. */
#include <stdio.h>

#include "core/lifecycle/state.h"

int main(void)
{
	for (unsigned s = 0; s < STATE_COUNT; s++)
		printf("%s\t%s\n", state_name((enum instance_state)s),
		       state_label((enum instance_state)s));
	return 0;
}
