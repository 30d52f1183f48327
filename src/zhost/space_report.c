#include "zhost/space_report.h"

#include <unistd.h>

#include "base/str.h"
#include "schema/message.h"
#include "zhost/mesh/mesh_table.h"

struct report {
	const char *topology; /* NULL: of all */
	VECTOR(Samoza__V1__SpaceUsage *) spaces;
	uint64_t left_out;
};

static void add_paths(Samoza__V1__SpaceUsage *usage, const struct mesh_peer *peer)
{
	size_t at = 0;

	usage->paths = mem_new_array(Samoza__V1__PathUsage *, peer->paths.count + 1);
	vector_for_each (&peer->paths, p) {
		Samoza__V1__PathUsage *path = (Samoza__V1__PathUsage *)schema_message_new(
			&samoza__v1__path_usage__descriptor);

		path->name = mem_strdup(p->name);
		path->sent = p->counts.sent;
		path->refused = p->counts.refused;
		path->received = p->counts.received;
		path->dropped = p->counts.dropped;
		usage->paths[at++] = path;
	}
	usage->n_paths = at;
}

static void add_space(void *user, const struct resident_view *v)
{
	struct report *to = user;
	Samoza__V1__SpaceUsage *usage;

	if (to->topology != NULL && !str_equal(to->topology, v->key->topology))
		return;
	if (to->spaces.count >= SPACE_REPORT_MAX) {
		to->left_out++;
		return;
	}
	usage = (Samoza__V1__SpaceUsage *)schema_message_new(
		&samoza__v1__space_usage__descriptor);
	usage->topology = mem_strdup(v->key->topology);
	usage->path = mem_strdup(v->key->path);
	usage->epoch = v->key->epoch;
	usage->state = mem_strdup(resident_state_names[v->state]);
	usage->has_pid = v->pid >= 0;
	usage->pid = v->pid >= 0 ? (uint64_t)v->pid : 0;
	usage->has_cpu_us = usage->has_memory_bytes = v->has_usage && usage->has_pid;
	usage->cpu_us = v->usage.cpu_ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	usage->memory_bytes = v->usage.memory_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	usage->restarts = v->restarts;
	if (v->peer != NULL)
		add_paths(usage, v->peer);
	vector_push(&to->spaces, usage);
}

void space_report_take(const struct space_report *r, const Samoza__V1__MeshQuery *query)
{
	Samoza__V1__MeshAnswer answer = SAMOZA__V1__MESH_ANSWER__INIT;
	struct report report = {.topology = query->topology};

	space_figures_visit(r->figures, add_space, &report);
	answer.request = query->request;
	answer.usage = report.spaces.items;
	answer.n_usage = report.spaces.count;
	answer.has_left_out = report.left_out > 0;
	answer.left_out = report.left_out;
	answer.has_at_us = true;
	answer.at_us = (uint64_t)loop_mono_us(r->loop);
	upstream_send(r->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER, &answer.base);
	vector_for_each (&report.spaces, space)
		schema_message_free(*space);
	vector_done(&report.spaces);
}
