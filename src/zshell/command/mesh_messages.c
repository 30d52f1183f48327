/*
 * Messages between spaces: `mesh ping`, `mesh peers`, `mesh routes`.
 */
#include <inttypes.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/list.h"

enum { PATH_MAX_BYTES = 4096 };

static int run_ping(void *context, const struct cli_run *line, struct error **err);
static int run_peers(void *context, const struct cli_run *line, struct error **err);
static int run_routes(void *context, const struct cli_run *line, struct error **err);

struct ping_options {
	uint32_t count;
	char *from;
};

static const struct cli_option ping_options[] = {
	{.name = "count",
	 .type = CLI_U32,
	 .value = "N",
	 .offset = offsetof(struct ping_options, count),
	 .fallback = "3",
	 .min = 1,
	 .max = 20,
	 .help = "so many from each zhost, one after the other"},
	{.name = "from",
	 .type = CLI_STRING,
	 .kind = ARGUMENT_ZHOST,
	 .value = "ZHOST",
	 .offset = offsetof(struct ping_options, from),
	 .help = "from this zhost; otherwise from all others on which the topology has "
		 "something"},
	{0},
};

static const struct cli_argument ping_argument[] = {
	{.name = "TOPOLOGY/SPACE", .kind = ARGUMENT_SPACE}, {0}};

const struct cli_command command_mesh_ping = {
	.words = "mesh ping",
	.summary = "measure how messages get to a space",
	.details = "SPACE is an instance (my-app/api-2), or a space, which means all its "
		   "instances.\n"
		   "A ping goes from zhost to zhost as messages do: directly, or through the "
		   "hub in zrms,\n"
		   "and the zhost of the space answers whether the space takes messages. The "
		   "first one may\n"
		   "go through the hub while the direct link is being made.\n"
		   "Exits with status 1 when none was answered.",
	.arguments = ping_argument,
	.options = ping_options,
	.options_size = sizeof(struct ping_options),
	.run = run_ping,
};

static const struct cli_option zhost_option[] = {LIST_OPTION_ZHOST, {0}};

const struct cli_command command_mesh_peers = {
	.words = "mesh peers",
	.summary = "list which zhosts exchange messages, and how",
	.details =
		"Each zhost counts since it started. DROPPED: of those received, what was "
		"overtaken on the\nother way, or what nobody takes. LOST: of those sent, what "
		"was lost when both ways failed.",
	.options = zhost_option,
	.options_size = sizeof(struct list_options),
	.run = run_peers,
};

static const struct cli_option route_options[] = {LIST_OPTION_ZHOST, LIST_OPTION_TOPOLOGY, {0}};

const struct cli_command command_mesh_routes = {
	.words = "mesh routes",
	.summary = "list which instances send messages to which, and how",
	.details =
		"Counted since the copies there began. REFUSED: the sender was told that there "
		"is no room,\nor no way.",
	.options = route_options,
	.options_size = sizeof(struct list_options),
	.run = run_routes,
};

/* ---- what they share ---- */

static void note_silent(const struct shell *shell, Samoza__V1__MeshSilentView *const *silent,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		output_note(&shell->output, "zhost %s is missing here: %s.", silent[i]->zhost,
			    silent[i]->why);
}

static const char *way_shown(const char *way)
{
	return str_equal(way, "same-zhost") ? "same zhost" : way;
}

/* "0.12 ms"; the caller frees. NULL: it is not known. */
static char *round_trip_shown(bool is_known, double ms)
{
	return is_known ? str_printf("%.2f ms", ms) : NULL;
}

static char *number(uint64_t n)
{
	return str_printf("%" PRIu64, n);
}

/* ---- ping ---- */

static const struct output_column ping_columns[] = {{"FROM", 0, 0},
						    {"TO", 0, 0},
						    {"ZHOST", 0, 0},
						    {"WAY", 0, 0},
						    {"ROUND TRIP", OUTPUT_RIGHT, 0},
						    {"RESULT", 0, 0},
						    {0}};

static void print_pings(const struct shell *shell, const Samoza__V1__MeshPingListView *list)
{
	struct output_table *table = output_table_new(&shell->output, ping_columns, 0);
	for (size_t i = 0; i < list->n_pings; i++) {
		const Samoza__V1__MeshPingView *p = list->pings[i];
		CLEANUP(freep) char *to = str_printf("%s/%s", p->topology, p->space);
		CLEANUP(freep)
		char *trip = round_trip_shown(p->has_round_trip_ms, p->round_trip_ms);
		output_table_row(table,
				 (const char *[]){p->from, to, p->zhost, way_shown(p->way),
						  trip, p->error != NULL ? p->error : "ok"});
	}
	output_table_print(table);
}

static bool any_answered(const Samoza__V1__MeshPingListView *list)
{
	for (size_t i = 0; i < list->n_pings; i++)
		if (list->pings[i]->error == NULL)
			return true;
	return false;
}

static int run_ping(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct ping_options *given = line->options;
	CLEANUP(buffer_done) struct buffer path = BUFFER_INIT(PATH_MAX_BYTES);
	CLEANUP(freep)
	char *query = api_path("/v1/mesh/ping?space=", cli_argument(line, 0), NULL);
	CLEANUP(freep)
	char *from = given->from != NULL ? api_path("&zhost=", given->from, NULL) : NULL;
	CLEANUP(view_freep) Samoza__V1__MeshPingListView *list = NULL;
	if (strchr(cli_argument(line, 0), '/') == NULL)
		return error_set(err, ERR_INVALID, "'%s' is not TOPOLOGY/SPACE",
				 cli_argument(line, 0));
	int r = buffer_printf(&path, "%s&count=%" PRIu32 "%s", query, given->count,
			      from != NULL ? from : "");
	if (r == 0)
		r = api_get(shell->api, path.data, &samoza__v1__mesh_ping_list_view__descriptor,
			    (void **)&list, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &list->base);
	else
		print_pings(shell, list);
	note_silent(shell, list->silent, list->n_silent);
	return any_answered(list) ? CLI_DONE : 1;
}

/* ---- peers ---- */

static const struct output_column peer_columns[] = {{"ZHOST", 0, 0},
						    {"PEER", 0, 0},
						    {"WAY", 0, 0},
						    {"SINCE", 0, 0},
						    {"ROUND TRIP", OUTPUT_RIGHT, 0},
						    {"DIRECT", OUTPUT_RIGHT, 0},
						    {"BY HUB", OUTPUT_RIGHT, 0},
						    {"REFUSED", OUTPUT_RIGHT, 0},
						    {"LOST", OUTPUT_RIGHT, 0},
						    {"RECEIVED", OUTPUT_RIGHT, 0},
						    {"DROPPED", OUTPUT_RIGHT, 0},
						    {0}};

static void add_peer(struct output_table *table, const Samoza__V1__MeshPeerView *p)
{
	CLEANUP(freep) char *trip = round_trip_shown(p->has_round_trip_ms, p->round_trip_ms);
	CLEANUP(freep) char *direct = number(p->sent_direct);
	CLEANUP(freep) char *by_hub = number(p->sent_by_hub);
	CLEANUP(freep) char *refused = number(p->refused);
	CLEANUP(freep) char *lost = number(p->lost);
	CLEANUP(freep) char *received = number(p->received);
	CLEANUP(freep) char *dropped = number(p->dropped);
	output_table_row(table,
			 (const char *[]){p->zhost, p->peer, way_shown(p->way), p->since, trip,
					  direct, by_hub, refused, lost, received, dropped});
}

static int run_peers(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__MeshPeerListView *list = NULL;
	int r = list_get(shell, "/v1/mesh/peers", line->options,
			 &samoza__v1__mesh_peer_list_view__descriptor, (void **)&list, err);
	if (r < 0 || list == NULL)
		return r < 0 ? hint_zhosts(r, err) : CLI_DONE;
	if (list->n_peers == 0) {
		output_line(&shell->output, "%s", "No messages between zhosts yet.");
	} else {
		struct output_table *table = output_table_new(&shell->output, peer_columns, 0);
		for (size_t i = 0; i < list->n_peers; i++)
			add_peer(table, list->peers[i]);
		output_table_print(table);
	}
	note_silent(shell, list->silent, list->n_silent);
	return CLI_DONE;
}

/* ---- routes ---- */

static const struct output_column route_columns[] = {{"FROM", 0, 0},
						     {"ZHOST", 0, 0},
						     {"TO", 0, 0},
						     {"ZHOST", 0, 0},
						     {"WAY", 0, 0},
						     {"DIRECT", OUTPUT_RIGHT, 0},
						     {"BY HUB", OUTPUT_RIGHT, 0},
						     {"HERE", OUTPUT_RIGHT, 0},
						     {"REFUSED", OUTPUT_RIGHT, 0},
						     {"RECEIVED", OUTPUT_RIGHT, 0},
						     {"DROPPED", OUTPUT_RIGHT, 0},
						     {0}};

static void add_route(struct output_table *table, const Samoza__V1__MeshRouteView *v)
{
	CLEANUP(freep) char *from = str_printf("%s/%s", v->topology, v->from);
	CLEANUP(freep) char *direct = number(v->sent_direct);
	CLEANUP(freep) char *by_hub = number(v->sent_by_hub);
	CLEANUP(freep) char *here = number(v->sent_here);
	CLEANUP(freep) char *refused = number(v->refused);
	CLEANUP(freep) char *received = v->has_received ? number(v->received) : NULL;
	CLEANUP(freep) char *dropped = v->has_dropped ? number(v->dropped) : NULL;
	output_table_row(table, (const char *[]){from, v->from_zhost, v->to, v->to_zhost,
						 way_shown(v->way), direct, by_hub, here,
						 refused, received, dropped});
}

static int run_routes(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__MeshRouteListView *list = NULL;
	int r = list_get(shell, "/v1/mesh/routes", line->options,
			 &samoza__v1__mesh_route_list_view__descriptor, (void **)&list, err);
	if (r < 0 || list == NULL)
		return r < 0 ? hint_zhosts(r, err) : CLI_DONE;
	if (list->n_routes == 0) {
		output_line(&shell->output, "%s", "No messages between spaces yet.");
	} else {
		struct output_table *table = output_table_new(&shell->output, route_columns, 0);
		for (size_t i = 0; i < list->n_routes; i++)
			add_route(table, list->routes[i]);
		output_table_print(table);
	}
	if (list->left_out > 0)
		output_note(&shell->output, "%" PRIu64 " more are left out.", list->left_out);
	note_silent(shell, list->silent, list->n_silent);
	return CLI_DONE;
}
