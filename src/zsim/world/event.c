#include "zsim/world/event.h"

#include <stdlib.h>

#include "zsim/world/world.h"

bool sim_event_is_foreground(enum sim_event_type type)
{
	return type != SIM_EVENT_CONNECT && type != SIM_EVENT_END && type != SIM_EVENT_HEALTH &&
	       type != SIM_EVENT_TRIED && type != SIM_EVENT_ELECTION;
}

struct sim_event *world_plan(struct world *w, int64_t at_ms, enum sim_event_type type)
{
	struct sim_event *h = mem_new(struct sim_event);
	h->type = type;
	heap_set(&w->queue, &h->node, at_ms > w->now_ms ? at_ms : w->now_ms);
	if (sim_event_is_foreground(type))
		w->foreground++;
	return h;
}

void world_plan_delayed(struct world *w, struct sim_event *h)
{
	heap_set(&w->queue, &h->node, w->now_ms);
	if (sim_event_is_foreground(h->type))
		w->foreground++;
}

void sim_event_free(struct sim_event *h)
{
	free(h->data);
	free(h->id);
	free(h);
}
