#include "adapter/sim/troubles.h"

#include <stdint.h>
#include <stdlib.h>

#include "adapter/sim/network_state.h"
#include "base/memory.h"
#include "base/str.h"

static size_t trouble_index(const struct sim_network *net, const char *from, const char *to)
{
	for (size_t i = 0; i < net->troubles.count; i++)
		if (str_equal(net->troubles.items[i].from, from) &&
		    str_equal(net->troubles.items[i].to, to))
			return i;
	return SIZE_MAX;
}

bool net_is_silent(const struct sim_network *net, const char *from, const char *to)
{
	size_t i = trouble_index(net, from, to);
	return i != SIZE_MAX && !net->troubles.items[i].is_cut;
}

bool net_is_cut(const struct sim_network *net, const char *from, const char *to)
{
	size_t i = trouble_index(net, from, to);
	return i != SIZE_MAX && net->troubles.items[i].is_cut;
}

void trouble_remove(struct sim_network *net, const char *from, const char *to)
{
	size_t i = trouble_index(net, from, to);
	if (i == SIZE_MAX)
		return;
	free(net->troubles.items[i].from);
	free(net->troubles.items[i].to);
	vector_remove_at(&net->troubles, i);
}

void trouble_add(struct sim_network *net, const char *from, const char *to, bool is_cut)
{
	trouble_remove(net, from, to);
	vector_push(&net->troubles,
		    ((struct trouble){
			    .from = mem_strdup(from), .to = mem_strdup(to), .is_cut = is_cut}));
}
