/*
 * Counters and gauges of the decisions.
 */
#include "core/control/control.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_event.h"

enum {
	ZHOSTS,
	TOPOLOGIES,
	SPACES,
	SUBMITS,
	REFUSALS,
	PLACEMENTS,
	RECOVERIES,
	ZHOST_PROBLEMS,
	MOVES,
	HEARTBEATS,
	REPORTS,
	REPORTS_IGNORED,
	DATA_REQUESTS,
	DATA_STALE,
	DATA_FULL,
	BATCHES,
	CERTIFICATES,
};
static const struct metric metrics[] = {
	[ZHOSTS] = {"samoza_zhosts", METRIC_GAUGE, "Zhosts by state.", "state"},
	[TOPOLOGIES] = {"samoza_topologies", METRIC_GAUGE, "Topologies by state.", "state"},
	[SPACES] = {"samoza_spaces", METRIC_GAUGE, "Instances of spaces by state.", "state"},
	[SUBMITS] = {"samoza_submits_total", METRIC_COUNTER, "Topologies accepted."},
	[REFUSALS] = {"samoza_refusals_total", METRIC_COUNTER, "Requests refused."},
	[PLACEMENTS] = {"samoza_placements_total", METRIC_COUNTER, "Placements decided."},
	[RECOVERIES] = {"samoza_recoveries_total", METRIC_COUNTER,
			"Instances re-placed after a loss."},
	[ZHOST_PROBLEMS] = {"samoza_zhost_problems_total", METRIC_COUNTER,
			    "Times that a zhost entered the state problem."},
	[MOVES] = {"samoza_moves_total", METRIC_COUNTER, "State changes of instances."},
	[HEARTBEATS] = {"samoza_heartbeats_total", METRIC_COUNTER, "Heartbeats received."},
	[REPORTS] = {"samoza_reports_total", METRIC_COUNTER, "Reports of instances received."},
	[REPORTS_IGNORED] = {"samoza_reports_ignored_total", METRIC_COUNTER,
			     "Reports from old epochs, ignored."},
	[DATA_REQUESTS] = {"samoza_data_requests_total", METRIC_COUNTER,
			   "Requests to cluster storage."},
	[DATA_STALE] = {"samoza_data_stale_total", METRIC_COUNTER,
			"Requests from old epochs, refused."},
	[DATA_FULL] = {"samoza_data_full_total", METRIC_COUNTER,
		       "Writes of spaces that were refused for want of room."},
	[BATCHES] = {"samoza_batches_total", METRIC_COUNTER, "Batches decided."},
	[CERTIFICATES] =
		{"samoza_zhost_certificate_expires_seconds", METRIC_GAUGE,
		 "Until when the certificate of each zhost is valid, in seconds since 1970.",
		 "zhost"},
};

static void read_zhosts(const struct control *c, struct metric_values *to)
{
	unsigned counts[STATE_COUNT] = {0};

	zhost_for_each (&c->zhosts, z)
		counts[zhost_shown(c, z)] += !z->removed;
	made_zhost_for_each(&c->made, m) counts[made_zhost_shown(m)] +=
		!made_zhost_has_zhost(c, m);
	for (unsigned s = 0; s < STATE_COUNT; s++)
		metric_set_labelled(to, ZHOSTS, state_name((enum instance_state)s), counts[s]);
}

static void read_identities(const struct control *c, struct metric_values *to)
{
	for (const struct identity *i = c->identities.by_name; i != NULL; i = i->hh.next)
		if (!identity_is_removed(i))
			metric_set_labelled(to, CERTIFICATES, i->record->name,
					    (uint64_t)i->record->expires_ms / 1000);
}

static void read_topologies(const struct control *c, struct metric_values *to)
{
	unsigned topologies[TOPOLOGY_STATE_COUNT] = {0}, spaces[STATE_COUNT] = {0};

	application_for_each (&c->applications, a) {
		topologies[a->state]++;
		for (unsigned s = 0; s < STATE_COUNT; s++)
			spaces[s] += a->slots.in_state[s];
	}
	for (unsigned s = 0; s < TOPOLOGY_STATE_COUNT; s++)
		metric_set_labelled(to, TOPOLOGIES, topology_state_name((enum topology_state)s),
				    topologies[s]);
	for (unsigned s = 0; s < STATE_COUNT; s++)
		metric_set_labelled(to, SPACES, state_name((enum instance_state)s), spaces[s]);
}

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct control *c = part;

	read_zhosts(c, to);
	read_topologies(c, to);
	metric_set(to, SUBMITS, c->count.submits);
	metric_set(to, REFUSALS, c->emitter.refusals);
	metric_set(to, PLACEMENTS, c->count.placements);
	metric_set(to, RECOVERIES, c->count.recoveries);
	metric_set(to, ZHOST_PROBLEMS, c->count.zhost_problems);
	metric_set(to, MOVES, c->count.moves);
	metric_set(to, HEARTBEATS, c->count.heartbeats);
	metric_set(to, REPORTS, c->count.reports);
	metric_set(to, REPORTS_IGNORED, c->count.reports_ignored);
	metric_set(to, DATA_REQUESTS, c->count.data_requests);
	metric_set(to, DATA_STALE, c->count.data_stale);
	metric_set(to, DATA_FULL, c->count.data_full);
	read_identities(c, to);
	metric_set(to, BATCHES, c->count.flushes);
}

struct control_link_refusals control_link_refusals(const struct control *c)
{
	return (struct control_link_refusals){.reports = c->count.reports_ignored,
					      .data = c->count.data_stale};
}

uint64_t control_placements(const struct control *c)
{
	return c->count.placements;
}

const struct metric_source control_metrics = METRIC_SOURCE(metrics, read_metrics);
