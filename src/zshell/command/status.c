#include <string.h>

#include "base/str.h"
#include "zshell/command/common.h"

static int run(struct shell *shell, const struct invocation *in, struct error **err);

const struct command command_status = {
	.words = "status",
	.summary = "every service: connected, unreachable or error",
	.run = run,
};

static const struct output_column columns[] = {
	{"SERVICE", 0, 0},	    {"NAME", 0, 0},
	{"STATE", OUTPUT_STATE, 0}, {"ADDRESS", 0, 0},
	{"DETAIL", OUTPUT_CUT, 0},  {0},
};

/* zrms knows its zhosts by their heartbeats. */
static const char *zhost_state(const Samoza__V1__ZhostView *z)
{
	if (str_equal(z->state, "deployed-started"))
		return "connected";
	return str_equal(z->state, "problem") || str_equal(z->state, "deploying")
		       ? "unreachable"
		       : "error";
}

static void add_zedge(struct shell *shell, struct output_table *table,
		      const Samoza__V1__ZhostView *z)
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
	output_table_row(table, (const char *[]){"zedge", z->name, state, z->zedge, detail});
}

/* `why` is NULL when zrms answers. */
static void add_zrms(const struct shell *shell, struct output_table *table, int r,
		     const struct error *why)
{
	const char *state = r == 0		   ? "connected"
			    : r == ERR_UNAVAILABLE ? "unreachable"
						   : "error";

	output_table_row(table, (const char *[]){"zrms", "zrms", state, api_url(shell->api),
						 why != NULL ? why->message : NULL});
}

static int run(struct shell *shell, const struct invocation *in, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	struct output_table *table;
	int r = api_get(shell->api, "/v1/zhosts", &samoza__v1__zhost_list_view__descriptor,
			(void **)&list, &why);

	if (shell->output.format != OUTPUT_TABLE) {
		if (r < 0)
			return error_move(err, steal_ptr(&why));
		output_message(&shell->output, &list->base);
		return EXIT_DONE;
	}
	table = output_table_new(&shell->output, columns, 0);
	add_zrms(shell, table, r, why);
	for (size_t i = 0; r == 0 && i < list->n_zhosts; i++) {
		const Samoza__V1__ZhostView *z = list->zhosts[i];

		output_table_row(table, (const char *[]){"zhost", z->name, zhost_state(z),
							 z->address, state_shown(z->state)});
		add_zedge(shell, table, z);
	}
	output_table_print(table);
	return r < 0 ? error_move(err, steal_ptr(&why)) : EXIT_DONE;
}
