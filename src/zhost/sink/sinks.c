#include "zhost/sink/sinks.h"

#include <string.h>

#include "adapter/log/log.h"
#include "base/str.h"
#include "zhost/sink/sink.h"

#define LOOK_MS 1000

enum { WRITTEN, DROPPED, FAILING };
static const struct metric metrics[] = {
	[WRITTEN] = {"zhost_log_sink_lines_total", METRIC_COUNTER,
		     "Lines of spaces that were forwarded, by sink.", "sink"},
	[DROPPED] =
		{"zhost_log_sink_dropped_total", METRIC_COUNTER,
		 "Lines of spaces that a sink did not get, because it takes them too slowly or "
		 "not at all.",
		 "sink"},
	[FAILING] = {"zhost_log_sink_failing", METRIC_GAUGE,
		     "1: the sink takes nothing, and is tried again.", "sink"},
};

struct one {
	struct sink *sink;
	uint64_t dropped;	      /* as of the last look */
	bool is_failing, is_dropping; /* so it was told */
};

struct sinks {
	struct loop *loop;
	struct loop_timer *look;
	char *zhost;
	VECTOR(struct one) list;
};

/* ---- what the log says, once ---- */

static void tell_failing(const struct one *o, const struct sink_state *state)
{
	if (state->is_failing)
		log_error("spaces", "sink.failing", LOG_S("sink", sink_url(o->sink)),
			  LOG_S("error", state->why),
			  LOG_S("then",
				"it is tried again; the lines wait, up to 1 MiB, and are "
				"in the logs of this zhost"));
	else
		log_info("spaces", "sink.recovered", LOG_S("sink", sink_url(o->sink)),
			 LOG_U("dropped", state->dropped));
}

static void look_at(struct one *o)
{
	struct sink_state state;

	sink_state(o->sink, &state);
	if (state.is_failing != o->is_failing)
		tell_failing(o, &state);
	o->is_failing = state.is_failing;
	if (state.dropped > o->dropped && !o->is_dropping)
		log_warn("spaces", "sink.dropping", LOG_S("sink", sink_url(o->sink)),
			 LOG_U("dropped", state.dropped),
			 LOG_S("then", "lines are missing there until it is quicker"));
	/* It is told once more when all that waited was written. */
	o->is_dropping = state.dropped > o->dropped || (o->is_dropping && state.waiting > 0);
	o->dropped = state.dropped;
}

static void on_look(void *user)
{
	struct sinks *all = user;

	vector_for_each (&all->list, o)
		look_at(o);
	loop_timer_at(all->look,
		      all->list.count > 0 ? loop_now(all->loop).mono_ms + LOOK_MS : NEVER_MS);
}

/* ---- which there are ---- */

struct sinks *sinks_new(struct loop *loop, const char *zhost)
{
	struct sinks *all = mem_new(struct sinks);

	all->loop = loop;
	all->zhost = mem_strdup(zhost);
	all->look = loop_timer_new(loop, on_look, all);
	return all;
}

void sinks_free(struct sinks *all)
{
	if (all == NULL)
		return;
	vector_for_each (&all->list, o)
		sink_free(o->sink, true);
	vector_done(&all->list);
	loop_timer_free(all->look);
	free(all->zhost);
	free(all);
}

static bool is_among(const char *url, char *const *urls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(urls[i], url))
			return true;
	return false;
}

static bool is_there(const struct sinks *all, const char *url)
{
	vector_for_each (&all->list, o)
		if (str_equal(sink_url(o->sink), url))
			return true;
	return false;
}

static void remove_others(struct sinks *all, char *const *urls, size_t count)
{
	for (size_t i = all->list.count; i-- > 0;) {
		struct sink *sink = all->list.items[i].sink;

		if (is_among(sink_url(sink), urls, count)) {
			sink_reopen(sink);
		} else {
			vector_remove_at(&all->list, i);
			sink_free(sink, false);
		}
	}
}

int sinks_set(struct sinks *all, char *const *urls, size_t count, struct error **err)
{
	VECTOR(struct one) made = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct one o = {0};

		if (is_there(all, urls[i]) || is_among(urls[i], urls, i))
			continue;
		r = sink_new(urls[i], all->zhost, &o.sink, err);
		if (r == 0)
			vector_push(&made, o);
	}
	if (r == 0)
		remove_others(all, urls, count);
	vector_for_each (&made, o) {
		if (r == 0)
			vector_push(&all->list, *o);
		else
			sink_free(o->sink, false);
	}
	vector_done(&made);
	if (r == 0)
		on_look(all);
	return r;
}

void sinks_take(void *user, const struct spacelog_source *source, int64_t wall_ms,
		const char *level, const char *text, size_t size)
{
	struct sinks *all = user;
	const struct sink_record record = {.wall_ms = wall_ms,
					   .level = level,
					   .topology = source->topology_name,
					   .id = source->topology,
					   .space = source->space,
					   .path = source->path,
					   .text = text,
					   .size = size};

	if (source->topology == NULL)
		return;
	vector_for_each (&all->list, o)
		sink_take(o->sink, &record);
}

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct sinks *all = part;

	vector_for_each (&all->list, o) {
		struct sink_state state;
		const char *url = sink_url(o->sink);

		sink_state(o->sink, &state);
		metric_set_labelled(to, WRITTEN, url, state.written);
		metric_set_labelled(to, DROPPED, url, state.dropped);
		metric_set_labelled(to, FAILING, url, state.is_failing);
	}
}
const struct metric_source sinks_metrics = METRIC_SOURCE(metrics, read_metrics);
