/*
 * Counters and gauges of the decisions, as Prometheus text. The daemon adds its own.
 */
#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "core/control/control.h"
#include "core/control/state.h"

#define MAX_TEXT (1024 * 1024)

static void metric(struct buffer *b, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	(void)buffer_printf(b, "# HELP samoza_%s %s\n# TYPE samoza_%s %s\nsamoza_%s %llu\n",
			    name, help, name, type, name, (unsigned long long)value);
}

static void by_state(struct buffer *b, const char *name, const char *help,
		     const char *const *names, const unsigned *values, unsigned count)
{
	(void)buffer_printf(b, "# HELP samoza_%s %s\n# TYPE samoza_%s gauge\n", name, help,
			    name);
	for (unsigned k = 0; k < count; k++)
		(void)buffer_printf(b, "samoza_%s{state=\"%s\"} %u\n", name, names[k],
				    values[k]);
}

char *control_metrics(const struct control *c)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(MAX_TEXT);
	unsigned zhosts[STATE_COUNT] = {0}, spaces[STATE_COUNT] = {0},
		 topologies[TOPOLOGY_STATE_COUNT] = {0};
	const char *states[STATE_COUNT], *topology_states[TOPOLOGY_STATE_COUNT];
	for (unsigned s = 0; s < STATE_COUNT; s++)
		states[s] = state_name((enum instance_state)s);
	for (unsigned s = 0; s < TOPOLOGY_STATE_COUNT; s++)
		topology_states[s] = topology_state_name((enum topology_state)s);
	zhost_for_each (&c->zhosts, z)
		zhosts[z->state] += !z->removed;
	for (const struct deployment *d = c->deployments.first; d != NULL; d = d->next) {
		topologies[d->state]++;
		for (uint32_t k = 0; k < d->topology->instance_count; k++)
			spaces[d->copies[k].slot->state]++;
	}
	by_state(&b, "zhosts", "Zhosts by state.", states, zhosts, STATE_COUNT);
	by_state(&b, "topologies", "Topologies by state.", topology_states, topologies,
		 TOPOLOGY_STATE_COUNT);
	by_state(&b, "spaces", "Instances of spaces by state.", states, spaces, STATE_COUNT);
	metric(&b, "submits_total", "counter", "Topologies accepted.", c->count.submits);
	metric(&b, "refusals_total", "counter", "Requests refused.", c->emitter.refusals);
	metric(&b, "placements_total", "counter", "Placements decided.", c->count.placements);
	metric(&b, "recoveries_total", "counter", "Instances placed anew after a loss.",
	       c->count.recoveries);
	metric(&b, "zhost_problems_total", "counter", "Zhosts that fell silent.",
	       c->count.zhost_problems);
	metric(&b, "moves_total", "counter", "Changes of state of instances.", c->count.moves);
	metric(&b, "heartbeats_total", "counter", "Heartbeats received.", c->count.heartbeats);
	metric(&b, "reports_total", "counter", "Reports of instances received.",
	       c->count.reports);
	metric(&b, "reports_ignored_total", "counter", "Reports of old epochs.",
	       c->count.reports_ignored);
	metric(&b, "data_requests_total", "counter", "Requests to cluster storage.",
	       c->count.data_requests);
	metric(&b, "data_stale_total", "counter", "Requests of old epochs, refused.",
	       c->count.data_stale);
	metric(&b, "batches_total", "counter", "Batches decided.", c->count.flushes);
	return buffer_steal(&b);
}
