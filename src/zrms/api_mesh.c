/*
 * Messages between spaces as their zhosts see them: what those are asked, and how it is put together.
 */
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/control/state/iso8601.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_answer.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/mesh_queries.h"
#include "zrms/mesh_routes.h"

enum {
	WAIT_MS = 3000,
	PING_COUNT_MAX = 20,
	PING_INTERVAL_MS = 200,
	PING_WAIT_MS = 1000,
	PING_SOURCES_MAX = 64, /* zhosts that ping at the same time */
	VIEWS_AT_ONCE = 256,
};

#define NEW(view, type)         \
	Samoza__V1__##view *v = \
		(Samoza__V1__##view *)schema_message_new(&samoza__v1__##type##__descriptor)

typedef VECTOR(Samoza__V1__MeshSilentView *) silent_vector;

struct mesh_wait {
	struct zrms *zrms;
	struct http_request *request;
	const char *topology;			     /* borrowed from the request: its id */
	VECTOR(Samoza__V1__MeshSpaceView *) targets; /* of pings: one for each answer */
};

static struct mesh_wait *wait_new(struct zrms *zrms, struct http_request *request)
{
	struct mesh_wait *wait = mem_new(struct mesh_wait);
	wait->zrms = zrms;
	wait->request = request;
	return wait;
}

static void wait_free(struct mesh_wait *wait)
{
	vector_for_each (&wait->targets, target)
		samoza__v1__mesh_space_view__free_unpacked(*target, NULL);
	vector_done(&wait->targets);
	free(wait);
}

static void add_silent(silent_vector *silent, const struct mesh_answer *answer)
{
	NEW(MeshSilentView, mesh_silent_view);
	v->zhost = mem_strdup(answer->zhost);
	v->why = mem_strdup(answer->why);
	vector_push(silent, v);
}

static void send_and_free(struct http_request *request, ProtobufCMessage *view)
{
	if (store_is_failing(access_asker(request)->zrms->store)) /* what it shows is durable */
		api_send_view_now(request, 200, view);
	else
		api_send_view_durable(request, 200, view);
	schema_message_free(view);
}

/* ---- who is asked ---- */

/* True: the query names no zhost, or one that there is. Otherwise it was refused. */
static bool zhost_is_known(struct zrms *zrms, struct http_request *request)
{
	const char *name = http_query(request, "zhost");
	Samoza__V1__ZhostView *zhost = NULL;
	struct error *err = NULL;
	if (name == NULL)
		return true;
	if (control_view_zhost(api_control(zrms), name, &zhost, &err) < 0) {
		api_refuse(request, err);
		return false;
	}
	samoza__v1__zhost_view__free_unpacked(zhost, NULL);
	return true;
}

/* What zhosts say is kept until all have answered. False: too much of it; it was refused. */
static bool may_ask(struct zrms *zrms, struct http_request *request)
{
	if (!mesh_queries_are_busy(zrms->mesh_queries))
		return true;
	CLEANUP(freep)
	char *message =
		str_printf("zrms asks zhosts for %d others already: try again in a moment",
			   MESH_GATHERS_MAX);
	http_reply_failure(request, 503, "busy", message);
	return false;
}

/* Asks the zhost that the query names, or else all that should be there. */
static void ask_zhosts(struct mesh_wait *wait, const Samoza__V1__MeshQuery *query,
		       mesh_gathered_fn *done)
{
	const char *only = http_query(wait->request, "zhost");
	const struct control *control = api_control(wait->zrms);
	struct mesh_gather *gather = mesh_gather_new(wait->zrms->mesh_queries, done, wait);
	if (only != NULL) {
		mesh_gather_ask(gather, only, control_link_of(wait->zrms->control, only),
				query);
		mesh_gather_begin(gather, WAIT_MS);
		return;
	}
	Samoza__V1__ZhostListView *list = control_view_zhosts(control);
	for (size_t i = 0; i < list->n_zhosts; i++) {
		const char *name = list->zhosts[i]->name;
		uint64_t link_id = control_link_of(wait->zrms->control, name);
		if (link_id != 0 || !str_equal(list->zhosts[i]->state, "not-deployed"))
			mesh_gather_ask(gather, name, link_id, query);
	}
	samoza__v1__zhost_list_view__free_unpacked(list, NULL);
	mesh_gather_begin(gather, WAIT_MS);
}

/* ---- peers ---- */

static Samoza__V1__MeshPeerView *peer_view(const char *zhost,
					   const Samoza__V1__MeshPeerState *said)
{
	NEW(MeshPeerView, mesh_peer_view);
	v->zhost = mem_strdup(zhost);
	v->peer = mem_strdup(said->zhost);
	v->way = mem_strdup(mesh_way_text(said->by));
	if (said->has_since_wall_ms)
		v->since = iso8601_text((int64_t)said->since_wall_ms);
	v->has_round_trip_ms = said->has_round_trip_us;
	v->round_trip_ms = (double)said->round_trip_us / 1000;
	v->sent_direct = said->sent_direct;
	v->sent_by_hub = said->sent_by_hub;
	v->refused = said->refused;
	v->received = said->received;
	v->dropped = said->dropped;
	v->lost = said->lost;
	return v;
}

static void peers_gathered(void *user, const struct mesh_answer *answers, size_t count)
{
	struct mesh_wait *wait = user;
	NEW(MeshPeerListView, mesh_peer_list_view);
	VECTOR(Samoza__V1__MeshPeerView *) peers = {0};
	silent_vector silent = {0};
	for (size_t i = 0; i < count; i++) {
		if (answers[i].said == NULL)
			add_silent(&silent, &answers[i]);
		for (size_t k = 0; answers[i].said != NULL && k < answers[i].said->n_peers; k++)
			vector_push(&peers,
				    peer_view(answers[i].zhost, answers[i].said->peers[k]));
	}
	v->peers = peers.items;
	v->n_peers = peers.count;
	v->silent = silent.items;
	v->n_silent = silent.count;
	send_and_free(wait->request, &v->base);
	wait_free(wait);
}

void api_mesh_peers(void *context, struct http_request *request)
{
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	if (!api_read_ready(context, request) || !zhost_is_known(context, request) ||
	    !may_ask(context, request))
		return;
	query.has_peers = query.peers = true;
	ask_zhosts(wait_new(context, request), &query, peers_gathered);
}

/* ---- routes ---- */

/* The names of the topologies that who asks may see: routes of others are left out. */
static void name_topologies(struct mesh_wait *wait, struct mesh_routes *routes)
{
	const struct list_filter filter = {.reader = access_reader(wait->request)};
	struct list_position position = {0};
	ProtobufCMessage *views[VIEWS_AT_ONCE];
	size_t count = VIEWS_AT_ONCE;
	while (count == VIEWS_AT_ONCE) {
		count = control_list_next(wait->zrms->control, CONTROL_LIST_TOPOLOGIES, NULL,
					  &filter, &position, views, VIEWS_AT_ONCE);
		for (size_t i = 0; i < count; i++) {
			const Samoza__V1__TopologySummaryView *t =
				(const Samoza__V1__TopologySummaryView *)views[i];
			mesh_routes_name(routes, t->id, t->name);
			protobuf_c_message_free_unpacked(views[i], NULL);
		}
	}
	list_position_done(&position);
}

static void routes_gathered(void *user, const struct mesh_answer *answers, size_t count)
{
	struct mesh_wait *wait = user;
	struct mesh_routes *routes = mesh_routes_new();
	silent_vector silent = {0};
	name_topologies(wait, routes);
	for (size_t i = 0; i < count; i++) {
		if (answers[i].said == NULL)
			add_silent(&silent, &answers[i]);
		else
			mesh_routes_add(routes, answers[i].zhost, answers[i].said);
	}
	Samoza__V1__MeshRouteListView *view = mesh_routes_view(routes);
	mesh_routes_free(routes);
	view->silent = silent.items;
	view->n_silent = silent.count;
	send_and_free(wait->request, &view->base);
	wait_free(wait);
}

void api_mesh_routes(void *context, struct http_request *request)
{
	const char *topology = http_query(request, "topology"), *id = NULL;
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	if (!api_read_ready(context, request) || !zhost_is_known(context, request) ||
	    (topology != NULL && !api_resolve(context, request, topology, &id)) ||
	    !may_ask(context, request))
		return;
	query.has_routes = query.routes = true;
	query.topology = (char *)(uintptr_t)id;
	ask_zhosts(wait_new(context, request), &query, routes_gathered);
}

/* ---- usage ---- */

struct topology_name {
	char *id, *name;
	UT_hash_handle hh;
};

/* The topologies that who asks may see: instances of others are left out. */
static struct topology_name *names_of(struct mesh_wait *wait)
{
	const struct list_filter filter = {.reader = access_reader(wait->request)};
	struct list_position position = {0};
	struct topology_name *all = NULL;
	ProtobufCMessage *views[VIEWS_AT_ONCE];
	size_t count = VIEWS_AT_ONCE;
	while (count == VIEWS_AT_ONCE) {
		count = control_list_next(wait->zrms->control, CONTROL_LIST_TOPOLOGIES, NULL,
					  &filter, &position, views, VIEWS_AT_ONCE);
		for (size_t i = 0; i < count; i++) {
			const Samoza__V1__TopologySummaryView *t =
				(const Samoza__V1__TopologySummaryView *)views[i];
			struct topology_name *n = mem_new(struct topology_name);
			n->id = mem_strdup(t->id);
			n->name = mem_strdup(t->name);
			HASH_ADD_KEYPTR(hh, all, n->id, strlen(n->id), n);
			protobuf_c_message_free_unpacked(views[i], NULL);
		}
	}
	list_position_done(&position);
	return all;
}

static void names_free(struct topology_name *all)
{
	struct topology_name *n, *next;
	HASH_ITER (hh, all, n, next) {
		HASH_DEL(all, n);
		free(n->id);
		free(n->name);
		free(n);
	}
}

static void add_path_usage(Samoza__V1__UsageView *v, const Samoza__V1__SpaceUsage *said)
{
	v->paths = mem_new_array(Samoza__V1__PathUsageView *, said->n_paths + 1);
	for (size_t i = 0; i < said->n_paths; i++) {
		const Samoza__V1__PathUsage *p = said->paths[i];
		Samoza__V1__PathUsageView *path =
			(Samoza__V1__PathUsageView *)schema_message_new(
				&samoza__v1__path_usage_view__descriptor);
		path->name = mem_strdup(p->name);
		path->sent = p->sent;
		path->refused = p->refused;
		path->received = p->received;
		path->dropped = p->dropped;
		v->paths[v->n_paths++] = path;
	}
}

static Samoza__V1__UsageView *usage_view(const struct mesh_answer *answer, const char *topology,
					 const Samoza__V1__SpaceUsage *said)
{
	NEW(UsageView, usage_view);
	v->topology = mem_strdup(topology);
	v->space = mem_strdup(said->path);
	v->zhost = mem_strdup(answer->zhost);
	v->epoch = said->epoch;
	v->state = mem_strdup(said->state);
	v->at_seconds = (double)answer->said->at_us / 1e6;
	v->has_pid = said->has_pid;
	v->pid = said->pid;
	v->has_cpu_seconds = said->has_cpu_us;
	v->cpu_seconds = (double)said->cpu_us / 1e6;
	v->has_memory_bytes = said->has_memory_bytes;
	v->memory_bytes = said->memory_bytes;
	v->restarts = said->restarts;
	add_path_usage(v, said);
	return v;
}

static void usage_gathered(void *user, const struct mesh_answer *answers, size_t count)
{
	struct mesh_wait *wait = user;
	struct topology_name *names = names_of(wait);
	NEW(UsageListView, usage_list_view);
	VECTOR(Samoza__V1__UsageView *) spaces = {0};
	silent_vector silent = {0};
	for (size_t i = 0; i < count; i++) {
		const Samoza__V1__MeshAnswer *said = answers[i].said;
		struct mesh_answer earlier = {.zhost = answers[i].zhost,
					      .why = "its version does not say"};
		if (said == NULL || !said->has_at_us) {
			add_silent(&silent, said == NULL ? &answers[i] : &earlier);
			continue;
		}
		v->left_out += said->left_out;
		for (size_t k = 0; k < said->n_usage; k++) {
			struct topology_name *n;
			HASH_FIND_STR(names, said->usage[k]->topology, n);
			if (n != NULL)
				vector_push(&spaces,
					    usage_view(&answers[i], n->name, said->usage[k]));
		}
	}
	names_free(names);
	v->has_left_out = v->left_out > 0;
	v->spaces = spaces.items;
	v->n_spaces = spaces.count;
	v->silent = silent.items;
	v->n_silent = silent.count;
	send_and_free(wait->request, &v->base);
	wait_free(wait);
}

void api_usage(void *context, struct http_request *request)
{
	const char *topology = http_query(request, "topology"), *id = NULL;
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	if (!api_read_ready(context, request) || !zhost_is_known(context, request) ||
	    (topology != NULL && !api_resolve(context, request, topology, &id)) ||
	    !may_ask(context, request))
		return;
	query.has_usage = query.usage = true;
	query.topology = (char *)(uintptr_t)id;
	ask_zhosts(wait_new(context, request), &query, usage_gathered);
}

/* ---- ping ---- */

static Samoza__V1__MeshPingView *ping_view(const struct mesh_answer *answer,
					   const Samoza__V1__MeshSpaceView *target,
					   const Samoza__V1__MeshPinged *pinged)
{
	NEW(MeshPingView, mesh_ping_view);
	v->from = mem_strdup(answer->zhost);
	v->topology = mem_strdup(target->topology);
	v->space = mem_strdup(target->space);
	v->zhost = mem_strdup(target->zhost);
	v->error = mem_strdup(pinged->error);
	if (pinged->has_by)
		v->way = mem_strdup(mesh_way_text(pinged->by));
	v->has_round_trip_ms = pinged->has_round_trip_us;
	v->round_trip_ms = (double)pinged->round_trip_us / 1000;
	return v;
}

static void pings_gathered(void *user, const struct mesh_answer *answers, size_t count)
{
	struct mesh_wait *wait = user;
	NEW(MeshPingListView, mesh_ping_list_view);
	VECTOR(Samoza__V1__MeshPingView *) pings = {0};
	silent_vector silent = {0};
	for (size_t i = 0; i < count; i++) {
		if (answers[i].said == NULL)
			add_silent(&silent, &answers[i]);
		for (size_t k = 0; answers[i].said != NULL && k < answers[i].said->n_pings; k++)
			vector_push(&pings, ping_view(&answers[i], wait->targets.items[i],
						      answers[i].said->pings[k]));
	}
	v->pings = pings.items;
	v->n_pings = pings.count;
	v->silent = silent.items;
	v->n_silent = silent.count;
	send_and_free(wait->request, &v->base);
	wait_free(wait);
}

typedef VECTOR(Samoza__V1__MeshSpaceView *) space_vector;

/* "api" names the instance api, or else all of the space: api-1, api-2, api@edge-1 … */
static bool is_named(const char *path, const char *name)
{
	size_t size = strlen(name);
	const char *rest = path + size;
	if (strncmp(path, name, size) != 0 || strchr(rest, '/') != NULL)
		return false;
	if (*rest == '@')
		return true;
	return *rest == '-' && rest[1] != '\0' &&
	       rest[1 + strspn(rest + 1, "0123456789")] == '\0';
}

/* Started instances of the topology; where one has that path, it is the only target. */
static void list_spaces(struct zrms *zrms, const char *id, const char *path,
			space_vector *ret_all, space_vector *ret_targets)
{
	struct list_position position = {0};
	ProtobufCMessage *views[VIEWS_AT_ONCE];
	size_t count = VIEWS_AT_ONCE;
	Samoza__V1__MeshSpaceView *exact = NULL;
	while (count == VIEWS_AT_ONCE) {
		count = control_list_next(api_control(zrms), CONTROL_LIST_MESH, id, NULL,
					  &position, views, VIEWS_AT_ONCE);
		for (size_t i = 0; i < count; i++) {
			Samoza__V1__MeshSpaceView *space =
				(Samoza__V1__MeshSpaceView *)views[i];
			vector_push(ret_all, space);
			if (str_equal(space->space, path))
				exact = space;
			else if (is_named(space->space, path))
				vector_push(ret_targets, space);
		}
	}
	list_position_done(&position);
	if (exact == NULL)
		return;
	vector_clear(ret_targets);
	vector_push(ret_targets, exact);
}

static void ask_ping(struct mesh_wait *wait, struct mesh_gather *gather, const char *from,
		     const Samoza__V1__MeshSpaceView *target, uint32_t count)
{
	Samoza__V1__MeshQuery query = SAMOZA__V1__MESH_QUERY__INIT;
	Samoza__V1__MeshProbe probe = SAMOZA__V1__MESH_PROBE__INIT;
	probe.topology = (char *)(uintptr_t)wait->topology;
	probe.path = target->space;
	probe.zhost = target->zhost;
	probe.count = count;
	probe.interval_ms = PING_INTERVAL_MS;
	probe.wait_ms = PING_WAIT_MS;
	query.ping = &probe;
	mesh_gather_ask(gather, from, control_link_of(wait->zrms->control, from), &query);
	vector_push(&wait->targets,
		    (Samoza__V1__MeshSpaceView *)schema_message_copy(&target->base));
}

/* The zhosts from which a target is pinged: those on which the topology has something, but for its own, unless
 * there is no other. */
static void ask_from_all(struct mesh_wait *wait, struct mesh_gather *gather,
			 const space_vector *all, const Samoza__V1__MeshSpaceView *target,
			 uint32_t count)
{
	VECTOR(const char *) from = {0};
	vector_for_each (all, space) {
		bool is_new = !str_equal((*space)->zhost, target->zhost);
		vector_for_each (&from, name)
			is_new = is_new && !str_equal(*name, (*space)->zhost);
		if (is_new && from.count < PING_SOURCES_MAX)
			vector_push(&from, (*space)->zhost);
	}
	if (from.count == 0)
		vector_push(&from, target->zhost);
	vector_for_each (&from, name)
		if (wait->targets.count < PING_SOURCES_MAX)
			ask_ping(wait, gather, *name, target, count);
	vector_done(&from);
}

static void spaces_free(space_vector *all)
{
	vector_for_each (all, space)
		samoza__v1__mesh_space_view__free_unpacked(*space, NULL);
	vector_done(all);
}

static void ping_all(struct zrms *zrms, struct http_request *request, const char *id,
		     const space_vector *all, const space_vector *targets, uint32_t count)
{
	const char *from = http_query(request, "zhost");
	struct mesh_wait *wait = wait_new(zrms, request);
	struct mesh_gather *gather = mesh_gather_new(zrms->mesh_queries, pings_gathered, wait);
	wait->topology = id;
	vector_for_each (targets, target) {
		if (from == NULL)
			ask_from_all(wait, gather, all, *target, count);
		else if (wait->targets.count < PING_SOURCES_MAX)
			ask_ping(wait, gather, from, *target, count);
	}
	wait->topology = NULL; /* until here it is good */
	mesh_gather_begin(gather, WAIT_MS + (int64_t)count * (PING_WAIT_MS + PING_INTERVAL_MS));
}

void api_mesh_ping(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *space = http_query(request, "space"), *id = NULL;
	const char *slash = space != NULL ? strchr(space, '/') : NULL;
	uint64_t count = 1;
	space_vector all = {0}, targets = {0};
	if (slash == NULL || slash[1] == '\0') {
		http_reply_failure(request, 400, "invalid",
				   "missing query parameter 'space', for example "
				   "?space=my-app/api");
		return;
	}
	CLEANUP(freep) char *topology = mem_strndup(space, (size_t)(slash - space));
	if (!api_read_ready(zrms, request) ||
	    !api_query_u64(request, "count", 1, PING_COUNT_MAX, &count) ||
	    !zhost_is_known(zrms, request) || !api_resolve(zrms, request, topology, &id) ||
	    !may_ask(zrms, request))
		return;
	list_spaces(zrms, id, slash + 1, &all, &targets);
	if (targets.count > 0) {
		ping_all(zrms, request, id, &all, &targets, count > 0 ? (uint32_t)count : 1);
	} else {
		struct error *err = NULL;
		(void)error_set(&err, ERR_NOT_FOUND, "no started instance %s in topology %s",
				slash + 1, topology);
		api_refuse(request, err);
	}
	vector_done(&targets);
	spaces_free(&all);
}
