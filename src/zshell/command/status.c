#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

/* Short, because a healthy zrms answers at once. */
#define ASK_TIMEOUT_MS 5000

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_status = {
	.words = "status",
	.summary = "show whether each service is connected, unreachable or in error",
	.run = run,
};

static const struct output_column columns[] = {
	{"SERVICE", 0, 0},	    {"NAME", 0, 0},
	{"STATE", OUTPUT_STATE, 0}, {"ADDRESS", 0, 0},
	{"DETAIL", OUTPUT_CUT, 0},  {0},
};

struct service {
	const char *service, *state; /* ours */
	char *name, *address, *detail;
};

typedef VECTOR(struct service) service_vector;

static void services_done(service_vector *all)
{
	vector_for_each (all, s) {
		free(s->name);
		free(s->address);
		free(s->detail);
	}
	vector_done(all);
}

static void add(service_vector *all, const char *service, const char *name, const char *state,
		const char *address, const char *detail)
{
	*vector_add(all) = (struct service){service, state, mem_strdup(name),
					    mem_strdup(address), mem_strdup(detail)};
}

/* zrms knows its zhosts by their heartbeats. */
static const char *zhost_state(const Samoza__V1__ZhostView *z)
{
	if (str_equal(z->state, "deployed-started"))
		return "connected";
	return str_equal(z->state, "problem") || str_equal(z->state, "deploying")
		       ? "unreachable"
		       : "error";
}

static void add_zedge(struct shell *shell, service_vector *all, const Samoza__V1__ZhostView *z)
{
	CLEANUP(error_freep) struct error *why = NULL;
	CLEANUP(freep) char *url = NULL;
	CLEANUP(freep) char *detail = NULL;
	const char *state = "connected";
	long status = 0;

	if (str_is_empty(z->zedge))
		return;
	url = strstr(z->zedge, "://") != NULL ? str_printf("%s/", z->zedge)
					      : str_printf("http://%s/", z->zedge);
	if (api_probe(shell->api, url, &status, &why) < 0) {
		state = "unreachable";
		detail = mem_strdup(why->message);
	} else if (status >= 500) {
		state = "error";
		detail = str_printf("HTTP status %ld", status);
	}
	add(all, "zedge", z->name, state, z->zedge, detail);
}

static json_t *text_or_null(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

/* JSON is YAML too. */
static void print_json(const struct output *o, const service_vector *all)
{
	json_t *list = json_array();
	json_t *root = json_pack("{s:o}", "services", list);

	vector_for_each (all, s) {
		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}",
							    "service", s->service, "name",
							    s->name, "state", s->state,
							    "address", text_or_null(s->address),
							    "detail", text_or_null(s->detail)));
	}
	(void)json_dumpf(root, o->out, JSON_INDENT(2));
	(void)fputc('\n', o->out);
	json_decref(root);
}

static void print_table(const struct output *o, const service_vector *all)
{
	struct output_table *table = output_table_new(o, columns, 0);

	vector_for_each (all, s)
		output_table_row(table, (const char *[]){s->service, s->name, s->state,
							 s->address, s->detail});
	output_table_print(table);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	CLEANUP(services_done) service_vector all = {0};
	int r;

	api_set_timeout(shell->api, ASK_TIMEOUT_MS);
	r = api_get(shell->api, "/v1/zhosts", &samoza__v1__zhost_list_view__descriptor,
		    (void **)&list, &why);
	api_set_timeout(shell->api, 0);
	add(&all, "zrms", "zrms",
	    r == 0		   ? "connected"
	    : r == ERR_UNAVAILABLE ? "unreachable"
				   : "error",
	    api_url(shell->api), why != NULL ? why->message : NULL);
	for (size_t i = 0; r == 0 && i < list->n_zhosts; i++) {
		const Samoza__V1__ZhostView *z = list->zhosts[i];

		add(&all, "zhost", z->name, zhost_state(z), z->address, state_shown(z->state));
		add_zedge(shell, &all, z);
	}
	output_page(&shell->output);
	if (shell->output.format == OUTPUT_TABLE)
		print_table(&shell->output, &all);
	else
		print_json(&shell->output, &all);
	return r < 0 ? error_move(err, steal_ptr(&why)) : CLI_DONE;
}
