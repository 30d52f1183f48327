/*
 * How much of what zrms says runs, of `GET /metrics`.
 */
#ifndef SAMOZA_ZBENCH_GAUGES_H
#define SAMOZA_ZBENCH_GAUGES_H

#include "zbench/client.h"

struct gauges {
	uint64_t zhosts_up, zhosts_lost, topologies_running, spaces_started, recoveries;
	double answer_s; /* how long they took */
};

/* ERR_INVALID: one of them is missing. */
int gauges_parse(const char *text, struct gauges *ret_gauges, struct error **err) must_check;
int gauges_read(struct client *client, struct gauges *ret_gauges,
		struct error **err) must_check;

#endif
