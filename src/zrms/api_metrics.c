#include "zrms/api_metrics.h"

#include <stdio.h>

#include "adapter/cli/build_metrics.h"
#include "adapter/sqlite/store.h"
#include "adapter/uv/loop.h"
#include "zrms/own_history.h"
#include "zrms/recorder.h"
#include "zrms/secret_keeper.h"

enum { CONNECTIONS, OPENED, REQUESTS, REFUSED, STARVED, STREAMS, WAITING, ANSWERS };
static const struct metric metrics[] = {
	[CONNECTIONS] = {"zrms_http_connections", METRIC_GAUGE, "Open connections."},
	[OPENED] = {"zrms_http_accepted_total", METRIC_COUNTER, "Connections accepted."},
	[REQUESTS] = {"zrms_http_requests_total", METRIC_COUNTER, "Requests received."},
	[REFUSED] = {"zrms_http_refused_total", METRIC_COUNTER,
		     "Requests and connections that broke a rule."},
	[STARVED] = {"zrms_http_starved_total", METRIC_COUNTER,
		     "Times when no descriptor was left for a new connection."},
	[STREAMS] = {"zrms_http_streams", METRIC_GAUGE, "Open event streams."},
	[WAITING] = {"zrms_http_waiting", METRIC_GAUGE, "Requests that are not answered yet."},
	[ANSWERS] = {"zrms_http_answers_total", METRIC_COUNTER, "Answers by class.", "status"},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	struct http_counters c = http_server_counters(part);

	metric_set(to, CONNECTIONS, c.connections);
	metric_set(to, OPENED, c.connections_total);
	metric_set(to, REQUESTS, c.requests_total);
	metric_set(to, REFUSED, c.refused_total);
	metric_set(to, STARVED, c.starved_total);
	metric_set(to, STREAMS, c.streams);
	metric_set(to, WAITING, c.waiting);
	for (size_t i = 1; i < ARRAY_SIZE(c.answers); i++) {
		char class[8];

		(void)snprintf(class, sizeof(class), "%zuxx", i);
		metric_set_labelled(to, ANSWERS, class, c.answers[i]);
	}
}

static const struct metric_source http_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- the loop ---- */

enum { TURN, LONGEST_TURN };
static const struct metric turn_metrics[] = {
	[TURN] = {"zrms_loop_turn_seconds", METRIC_HISTOGRAM,
		  "Time that a turn of the event loop took, in which nothing else is served."},
	[LONGEST_TURN] = {"zrms_loop_longest_turn_seconds", METRIC_GAUGE,
			  "The longest turn of the event loop since zrms was started."},
};

static void read_turn_metrics(const void *part, struct metric_values *to)
{
	const struct loop_turns *turns = part;

	metric_add_histogram(to, TURN, NULL, &turns->times);
	metric_set_us(to, LONGEST_TURN, turns->longest_us);
}

static const struct metric_source loop_metrics = METRIC_SOURCE(turn_metrics, read_turn_metrics);

/* ---- what zhosts may not ---- */

static const struct metric link_metrics[] = {
	{"zrms_link_refused_total", METRIC_COUNTER,
	 "What zhosts said or asked of what is not theirs, or not any more; frames that no "
	 "zhost "
	 "may send end the link.",
	 "what"},
};

static void read_link_metrics(const void *part, struct metric_values *to)
{
	const struct zrms *zrms = part;
	struct control_link_refusals refused = control_link_refusals(zrms->control);

	metric_set_labelled(to, 0, "report", refused.reports);
	metric_set_labelled(to, 0, "data", refused.data);
	metric_set_labelled(to, 0, "message", hub_refused(zrms->hub));
	metric_set_labelled(to, 0, "artifact", zrms->artifacts_refused);
	metric_set_labelled(to, 0, "secret", zrms->secrets_refused);
	metric_set_labelled(to, 0, "frame", links_refused(zrms->links));
}

static const struct metric_source link_refusal_metrics =
	METRIC_SOURCE(link_metrics, read_link_metrics);

/* As api_register_metrics() registers them. */
const struct metric_source *const api_metric_sources[] = {
	&cli_build_metrics,    &loop_metrics,	       &control_metrics,
	&sqlite_store_metrics, &commit_driver_metrics, &links_metrics,
	&link_refusal_metrics, &listening_metrics,     &hub_metrics,
	&submissions_metrics,  &translations_metrics,  &artifacts_metrics,
	&copies_metrics,       &http_metrics,	       &execs_metrics,
	&backups_metrics,      &recorder_metrics,      &own_history_metrics,
	&notices_metrics,      &secret_metrics,	       NULL,
};

void api_register_metrics(struct zrms *zrms)
{
	struct metric_registry *r = &zrms->metrics;

	metric_registry_add(r, &cli_build_metrics, "zrms");
	metric_registry_add(r, &loop_metrics, loop_turns(&zrms->loop));
	metric_registry_add(r, &control_metrics, zrms->control);
	if (zrms->store->ops->metrics != NULL)
		metric_registry_add(r, zrms->store->ops->metrics, zrms->store);
	metric_registry_add(r, &commit_driver_metrics, zrms->commits);
	metric_registry_add(r, &links_metrics, zrms->links);
	metric_registry_add(r, &link_refusal_metrics, zrms);
	if (zrms->listening != NULL)
		metric_registry_add(r, &listening_metrics, zrms->listening);
	metric_registry_add(r, &hub_metrics, zrms->hub);
	if (zrms->execs != NULL)
		metric_registry_add(r, &execs_metrics, zrms->execs);
	metric_registry_add(r, &backups_metrics, zrms->backups);
	metric_registry_add(r, &notices_metrics, zrms->notices);
	metric_registry_add(r, &secret_metrics, zrms);
	if (zrms->recorder != NULL)
		metric_registry_add(r, &recorder_metrics, zrms->recorder);
	metric_registry_add(r, &submissions_metrics, zrms->submissions);
	if (zrms->copies != NULL)
		metric_registry_add(r, &copies_metrics, zrms->copies);
	if (zrms->own_history != NULL)
		metric_registry_add(r, &own_history_metrics, zrms->own_history);
	if (zrms->translations != NULL)
		metric_registry_add(r, &translations_metrics, zrms->translations);
	metric_registry_add(r, &artifacts_metrics, zrms->artifacts);
	metric_registry_add(r, &http_metrics, zrms->http);
}
