#include "zrun/runner/priority.h"

#include <sys/resource.h>

/* sched_prio_to_weight of the kernel, from nice 0 on. */
static const uint32_t weights[] = {1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
				   110,	 87,  70,  56,	45,  36,  29,  23,  18,	 15};
#define COUNT ((int)(sizeof(weights) / sizeof(weights[0])))

int priority_nice(uint32_t cpu_millicores)
{
	uint64_t wanted = (uint64_t)cpu_millicores * 1024 / 1000;
	int nice = 0;

	if (cpu_millicores == 0)
		return 0;
	/* The next one, while it is nearer. */
	while (nice + 1 < COUNT && 2 * wanted < weights[nice] + weights[nice + 1])
		nice++;
	return nice;
}

void priority_set(uint32_t cpu_millicores)
{
	(void)setpriority(PRIO_PROCESS, 0, priority_nice(cpu_millicores));
}
