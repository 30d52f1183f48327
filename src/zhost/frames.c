#include "zhost/frames.h"

#include "zhost/space_report.h"

#include "base/check.h"
#include "base/memory.h"
#include "core/agent/agent_frames.h"
#include "zhost/mesh/hub_transport.h"
#include "zhost/space/residents.h"

/* ---- frames that are not the core's ---- */

/* A table by which this zhost goes, and what it has sent by the one before. */
struct confirmation {
	struct mesh_settle settle; /* first */
	struct upstream *upstream;
	char *topology;
	uint64_t version;
};

static void on_settled(struct mesh_settle *settle, bool is_settled)
{
	struct confirmation *c = (struct confirmation *)settle;
	Samoza__V1__MeshApplied applied = SAMOZA__V1__MESH_APPLIED__INIT;
	applied.topology = c->topology;
	applied.version = c->version;
	if (is_settled)
		upstream_send(c->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED,
			      &applied.base);
	free(c->topology);
	free(c);
}

static void to_mesh_table(const struct frame_parts *p, const ProtobufCMessage *message)
{
	const Samoza__V1__MeshTable *table = (const Samoza__V1__MeshTable *)message;
	mesh_table_apply(mesh_table(p->mesh), table);
	if (!table->confirm)
		return;
	struct confirmation *c = mem_new(struct confirmation);
	c->settle.fn = on_settled;
	c->upstream = p->upstream;
	c->topology = mem_strdup(table->topology);
	c->version = table->version;
	mesh_transport_settle(mesh_transport(p->mesh), &c->settle);
}

static void to_direct(const struct frame_parts *p, const ProtobufCMessage *message)
{
	direct_service_take(p->direct, (const Samoza__V1__MeshZhosts *)message);
}

static void to_mesh_reports(const struct frame_parts *p, const ProtobufCMessage *message)
{
	const Samoza__V1__MeshQuery *query = (const Samoza__V1__MeshQuery *)message;

	if (query->has_usage && query->usage && query->ping == NULL)
		space_report_take(p->space_report, query);
	else
		mesh_reports_take(p->mesh_reports, query);
}

static void to_mesh_sync(const struct frame_parts *p, const ProtobufCMessage *message)
{
	mesh_table_sync(mesh_table(p->mesh), ((const Samoza__V1__MeshSync *)message)->kept);
}

static void to_mesh(const struct frame_parts *p, const ProtobufCMessage *message)
{
	hub_transport_take(p->hub, (const Samoza__V1__MeshMessage *)message);
}

static void to_data(const struct frame_parts *p, const ProtobufCMessage *message)
{
	data_take(p->data, (const Samoza__V1__DataReply *)message);
}

static void to_data_forget(const struct frame_parts *p, const ProtobufCMessage *message)
{
	data_forget(p->data, (const Samoza__V1__DataForget *)message);
}

static void to_logs(const struct frame_parts *p, const ProtobufCMessage *message)
{
	log_service_take(p->logs, (const Samoza__V1__LogRequest *)message);
}

static void to_exec(const struct frame_parts *p, const ProtobufCMessage *message)
{
	exec_service_take(p->exec, (const Samoza__V1__Exec *)message);
}

static void to_edge(const struct frame_parts *p, const ProtobufCMessage *message)
{
	edge_take(p->edge, (const Samoza__V1__PageAnswer *)message);
}

static void to_residents(const struct frame_parts *p, const ProtobufCMessage *message)
{
	residents_token_taken(p->residents, (const Samoza__V1__ApiTokenTaken *)message);
}

static void to_secrets(const struct frame_parts *p, const ProtobufCMessage *message)
{
	secrets_service_take(p->secrets, (const Samoza__V1__SecretAnswer *)message);
}

static void to_renewal(const struct frame_parts *p, const ProtobufCMessage *message)
{
	if (p->renewal != NULL)
		renewal_take(p->renewal, (const Samoza__V1__Renewed *)message);
}

static void to_renewal_prompt(const struct frame_parts *p, const ProtobufCMessage *message)
{
	if (p->renewal != NULL)
		renewal_prompt(p->renewal, (const Samoza__V1__Reissue *)message);
}

typedef void frame_route(const struct frame_parts *parts, const ProtobufCMessage *message);

static frame_route *const routes[] = {
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE] = to_mesh_table,
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC] = to_mesh_sync,
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE] = to_mesh,
	[SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY] = to_data,
	[SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET] = to_data_forget,
	[SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST] = to_logs,
	[SAMOZA__V1__FRAME_TYPE__FRAME_EXEC] = to_exec,
	[SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED] = to_renewal,
	[SAMOZA__V1__FRAME_TYPE__FRAME_REISSUE] = to_renewal_prompt,
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ZHOSTS] = to_direct,
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_QUERY] = to_mesh_reports,
	[SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ANSWER] = to_edge,
	[SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN_TAKEN] = to_residents,
	[SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_ANSWER] = to_secrets,
};

bool frames_has_route(Samoza__V1__FrameType type)
{
	return (size_t)type < ARRAY_SIZE(routes) && routes[type] != NULL;
}

/* ---- every frame ---- */

/* Requests for data that wait for a connection are sent again once zrms has accepted it, after
 * the answer of the core. */
static void after_input(const struct frame_parts *p, const struct agent_input *input)
{
	if (input->type != AGENT_HELLO_ACK || !upstream_is_up(p->upstream))
		return;
	data_connected(p->data);
	direct_service_connected(p->direct);
	residents_connected(p->residents);
	secrets_service_connected(p->secrets);
}

int frames_take(const struct frame_parts *p, Samoza__V1__FrameType type,
		const ProtobufCMessage *message, struct error **err)
{
	struct agent_input input;
	int r = agent_frame_input(type, message, &input, err);
	if (r < 0)
		return r;
	if (r == 0) {
		INVARIANT(frames_has_route(type));
		routes[type](p, message);
		return 0;
	}
	r = reconcile_frame(p->reconcile, &input, err);
	if (r < 0)
		return r;
	after_input(p, &input);
	return 0;
}
