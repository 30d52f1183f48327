#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "growth.h"
#include "schema/message.h"
#include "schema/yaml.h"

void world_join(struct world *w, unsigned from, unsigned to)
{
	for (unsigned z = from; z < to; z++) {
		fleet_hello(&w->fleet, z);
		fleet_settle(&w->fleet);
	}
}

void world_cluster(struct world *w, unsigned zhosts, unsigned joined)
{
	fleet_init(&w->fleet, zhosts);
	w->fleet.protocol = 5;
	w->has_fleet = true;
	world_join(w, 0, joined);
}

static char *counted(const char *spaces, unsigned n)
{
	struct buffer text = BUFFER_INIT(1 << 16);
	for (const char *next; (next = strstr(spaces, "COUNT")) != NULL;
	     spaces = next + strlen("COUNT"))
		(void)buffer_printf(&text, "%.*s%u", (int)(next - spaces), spaces, n);
	(void)buffer_add_string(&text, spaces);
	return buffer_steal(&text);
}

void world_submit(struct world *w, const char *name, const char *spaces)
{
	CLEANUP(freep) char *text = counted(spaces, w->n);
	CLEANUP(error_freep) struct error *err = NULL;
	int r = fleet_submit(&w->fleet, name, text, 0, &err);
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err->message);
	INVARIANT(r == 0);
	fleet_settle(&w->fleet);
}

Samoza__V1__RevisionRecord *world_record(const struct world *w, const char *name,
					 const char *spaces)
{
	CLEANUP(freep) char *list = counted(spaces, w->n);
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\nkind: Topology\n"
				"metadata: {name: %s}\nspaces:\n%s",
				name, list);
	Samoza__V1__RevisionRecord *record = (Samoza__V1__RevisionRecord *)schema_message_new(
		&samoza__v1__revision_record__descriptor);
	ProtobufCMessage *topology = NULL;
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, NULL, text, strlen(text), 0,
				 NULL, &topology, NULL, NULL);
	INVARIANT(r == 0);
	record->topology = (Samoza__V1__Topology *)topology;
	record->application = mem_strdup("");
	record->package_digest = mem_strdup("another");
	record->version = mem_strdup("2.0.0");
	Samoza__V1__SpaceArtifacts *artifacts =
		(Samoza__V1__SpaceArtifacts *)schema_message_new(
			&samoza__v1__space_artifacts__descriptor);
	artifacts->space = mem_strdup(record->topology->spaces[0]->name);
	artifacts->module_digest = mem_strdup("another");
	record->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, 1);
	record->artifacts[record->n_artifacts++] = artifacts;
	return record;
}

void world_submit_each(struct world *w, const char *spaces)
{
	for (unsigned k = 0; k < w->n; k++) {
		CLEANUP(freep) char *name = str_printf("shop-%u", k);
		world_submit(w, name, spaces);
	}
}

void world_take(struct world *w, const struct control_input *input)
{
	fleet_take(&w->fleet, input);
	vector_for_each (&w->fleet.outbox.replies, reply)
		INVARIANT(reply->code == 0);
	fleet_settle(&w->fleet);
}

void world_heartbeat(struct world *w, unsigned zhost)
{
	const struct fleet_zhost *z = &w->fleet.zhosts.items[zhost];
	CLEANUP(freep) char *identity = str_printf("identity of %s", z->name);
	Samoza__V1__Heartbeat message = SAMOZA__V1__HEARTBEAT__INIT;
	message.identity = identity;
	message.incarnation = 1;
	message.counter = ++w->heartbeats;
	world_take(w, &(struct control_input){.type = CONTROL_HEARTBEAT,
					      .heartbeat = {z->link_id, &message}});
}

void world_pass(struct world *w)
{
	struct instant *now = &w->fleet.now;
	int64_t next_ms = control_next_ms(w->fleet.control);
	if (next_ms != NEVER_MS && next_ms > now->mono_ms) {
		now->wall_ms += next_ms - now->mono_ms;
		now->mono_ms = next_ms;
	}
	world_take(w, &(struct control_input){.type = CONTROL_TICK});
}

unsigned world_held(const struct world *w, unsigned zhost)
{
	return HASH_COUNT(w->fleet.zhosts.items[zhost].copies);
}

unsigned world_held_by_all(const struct world *w)
{
	unsigned count = 0;
	for (unsigned z = 0; z < w->fleet.zhosts.count; z++)
		count += world_held(w, z);
	return count;
}

const char *world_id(unsigned k)
{
	static char id[37];
	(void)snprintf(id, sizeof(id), "6d3f6c52-6c0e-4d0b-9a53-%012x", k);
	return id;
}

void world_done(struct world *w)
{
	if (w->control != NULL) {
		control_free(w->control);
		outbox_done(&w->outbox);
	}
	if (w->checkpoint != NULL)
		schema_message_free(&w->checkpoint->base);
	if (w->run.shape != NULL)
		shape_end(&w->run);
	free(w->last_page);
	if (w->has_fleet)
		fleet_done(&w->fleet);
}
