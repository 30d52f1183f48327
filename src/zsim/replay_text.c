#include "zsim/replay_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapter/cli/moment.h"
#include "base/str.h"
#include "core/control/control.h"
#include "schema/json.h"
#include "schema/message.h"

/* ---- times ---- */

static void print_time(int64_t wall_ms)
{
	char text[CLI_TIME_SIZE];
	cli_time_text(wall_ms, text);
	printf("%s", text);
}

/* ---- what an entry says ---- */

static char *input_text(const ProtobufCBinaryData *bytes)
{
	ProtobufCMessage *message = NULL;
	if (schema_message_unpack(&samoza__v1__recorded_input__descriptor, bytes->data,
				  bytes->len, &message, NULL) < 0)
		return mem_strdup("(it cannot be read)");
	char *text = schema_write_json(message, SCHEMA_JSON_COMPACT);
	schema_message_free(message);
	return text;
}

static void print_flush(const Samoza__V1__RecordedFlush *flush)
{
	printf("batch");
	if (flush->checks.len > 0)
		printf(", %zu items come out", flush->checks.len / 2);
	(void)putchar('\n');
	for (size_t k = 0; k < flush->n_outputs; k++)
		printf("    %s %s\n", flush->outputs[k]->name,
		       flush->outputs[k]->text != NULL ? flush->outputs[k]->text : "");
}

static void print_quiet(const Samoza__V1__RecordedQuiet *quiet)
{
	printf("%" PRIu64 " heartbeats and %" PRIu64 " ticks that changed nothing\n",
	       quiet->heartbeats, quiet->ticks);
	for (size_t k = 0; k < quiet->n_beats; k++) {
		CLEANUP(freep) char *text = input_text(&quiet->beats[k]->input);
		(void)fputs("    ", stdout);
		print_time(quiet->beats[k]->wall_ms);
		printf(" %s\n", text);
	}
}

static void print_calm(const Samoza__V1__RecordedCalm *calm, int64_t wall_ms)
{
	printf("%" PRIu64 " heartbeats and %" PRIu64 " ticks that changed nothing\n",
	       calm->heartbeats, calm->ticks);
	for (size_t k = 0; k < calm->n_heard; k++) {
		const Samoza__V1__RecordedHeard *heard = calm->heard[k];
		(void)fputs("    ", stdout);
		print_time(wall_ms - heard->before_ms - heard->drift_ms);
		printf(" last heartbeat on link %" PRIu64 ", its number %" PRIu64 "\n",
		       heard->link, heard->counter);
	}
}

void replay_print_entry(const struct replay_entry *entry)
{
	const Samoza__V1__RecordingEntry *m = entry->message;
	print_time(entry->at.wall_ms);
	(void)putchar(' ');
	if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_BIRTH) {
		printf("a life begins, %zu records\n", m->birth->n_records);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_CHECKPOINT) {
		printf("checkpoint, %zu records\n", m->checkpoint->n_records);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_INPUT) {
		CLEANUP(freep) char *text = input_text(&m->input);
		printf("input %s\n", text);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_AGAIN) {
		printf("the same from %zu other zhosts\n", m->again->n_links);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_FLUSH) {
		print_flush(m->flush);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_QUIET) {
		print_quiet(m->quiet);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_CALM) {
		print_calm(m->calm, entry->at.wall_ms);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_PART) {
		printf("recorded by zrms %s, version %s\n", m->part->zrms, m->part->program);
	} else if (m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_ABOUT) {
		printf("a piece of a recording\n");
	} else {
		printf("state\n");
	}
}

void replay_print_gaps(const Samoza__V1__RecordedAbout *about)
{
	for (size_t k = 0; k < about->n_gaps; k++) {
		const Samoza__V1__RecordedGap *gap = about->gaps[k];
		(void)fputs("gap: ", stdout);
		print_time(gap->from_ms);
		(void)fputs(" to ", stdout);
		print_time(gap->to_ms);
		printf("%s%s: %s\n", gap->zrms != NULL ? ", zrms " : "",
		       gap->zrms != NULL ? gap->zrms : "", gap->why);
	}
}

/* ---- a cluster ---- */

static const char *or_dash(const char *text)
{
	return str_is_empty(text) ? "-" : text;
}

static void print_topologies(const struct control *c)
{
	Samoza__V1__TopologyListView *view = control_view_topologies(c);
	for (size_t k = 0; k < view->n_topologies; k++) {
		const Samoza__V1__TopologySummaryView *t = view->topologies[k];
		printf("topology %s %s %s%s%s\n", t->name, or_dash(t->version), t->state,
		       t->failure_reason != NULL ? ": " : "",
		       t->failure_reason != NULL ? t->failure_reason : "");
	}
	schema_message_free(view);
}

/* Why no zhost takes it. */
static void print_explanation(const struct control *c, const Samoza__V1__SpaceView *s)
{
	Samoza__V1__ExplainView *view = NULL;
	if (control_view_explain(c, s->topology_id, s->path, false, &view, NULL) < 0)
		return;
	for (size_t k = 0; k < view->n_spaces; k++) {
		const Samoza__V1__ExplainSpaceView *e = view->spaces[k];
		printf("    %s: %s\n", e->space, e->reason != NULL ? e->reason : e->summary);
		for (size_t n = 0; n < e->n_zhosts; n++)
			for (size_t i = 0; i < e->zhosts[n]->n_failed_rules; i++)
				printf("      %s: %s\n", e->zhosts[n]->zhost,
				       e->zhosts[n]->failed_rules[i]);
	}
	schema_message_free(view);
}

static void print_spaces(const struct control *c)
{
	Samoza__V1__SpaceListView *view = control_view_spaces(c, NULL);
	for (size_t k = 0; k < view->n_spaces; k++) {
		const Samoza__V1__SpaceView *s = view->spaces[k];
		printf("space %s %s, goal %s, zhost %s, since %s\n", s->name, s->state, s->goal,
		       or_dash(s->zhost), s->since);
		if (s->last_error != NULL)
			printf("    last error: %s\n", s->last_error);
		if (s->why != NULL)
			printf("    %s\n", s->why);
		if (s->zhost == NULL && !str_equal(s->goal, "not-deployed"))
			print_explanation(c, s);
	}
	schema_message_free(view);
}

static void print_zhosts(const struct control *c)
{
	Samoza__V1__ZhostListView *view = control_view_zhosts(c);
	for (size_t k = 0; k < view->n_zhosts; k++) {
		const Samoza__V1__ZhostView *z = view->zhosts[k];
		printf("zhost %s %s%s, %u instance%s, last heartbeat %s\n", z->name, z->state,
		       z->cordoned ? ", cordoned" : "", z->instances, str_plural(z->instances),
		       or_dash(z->last_heartbeat));
	}
	schema_message_free(view);
}

void replay_print_cluster(const struct control *c, struct instant now)
{
	printf("as it was at ");
	print_time(now.wall_ms);
	(void)putchar('\n');
	print_zhosts(c);
	print_topologies(c);
	print_spaces(c);
}
