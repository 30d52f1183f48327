#include "zshell/command/usage_view.h"

#include <inttypes.h>

#include "base/str.h"

const Samoza__V1__UsageView *usage_of_space(struct shell *shell,
					    const Samoza__V1__SpaceView *space,
					    const char *topology,
					    Samoza__V1__UsageListView **ret_list)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(freep) char *path = NULL;

	if (space->zhost == NULL)
		return NULL;
	path = api_path("/v1/usage?topology=", topology, NULL);
	/* An earlier zrms does not know it, and a zhost may be away: then there is less to show. */
	if (api_get(shell->api, path, &samoza__v1__usage_list_view__descriptor,
		    (void **)ret_list, &err) < 0)
		return NULL;
	for (size_t i = 0; i < (*ret_list)->n_spaces; i++) {
		const Samoza__V1__UsageView *v = (*ret_list)->spaces[i];

		if (str_equal(v->space, space->path) && v->epoch == space->epoch)
			return v;
	}
	return NULL;
}

char *page_address(struct shell *shell, const Samoza__V1__SpaceView *space)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(view_freep) Samoza__V1__ZhostView *zhost = NULL;
	CLEANUP(freep) char *path = NULL;

	if (!str_equal(space->type, "UI") || space->zhost == NULL)
		return NULL;
	path = api_path("/v1/zhosts/", space->zhost, NULL);
	if (api_get(shell->api, path, &samoza__v1__zhost_view__descriptor, (void **)&zhost,
		    &err) < 0 ||
	    zhost->zedge == NULL)
		return NULL;
	return str_printf("%s%s/%s/%s/", strstr(zhost->zedge, "://") == NULL ? "http://" : "",
			  zhost->zedge, space->topology, space->space);
}

static const struct output_column path_columns[] = {{"PATH", 0, 0},
						    {"SENT", OUTPUT_RIGHT, 0},
						    {"REFUSED", OUTPUT_RIGHT, 0},
						    {"RECEIVED", OUTPUT_RIGHT, 0},
						    {"DROPPED", OUTPUT_RIGHT, 0},
						    {0}};

void usage_print_paths(const struct output *o, const Samoza__V1__UsageView *usage)
{
	struct output_table *table;

	if (usage == NULL || usage->n_paths == 0)
		return;
	table = output_table_new(o, path_columns, OUTPUT_INDENTED);
	for (size_t i = 0; i < usage->n_paths; i++) {
		const Samoza__V1__PathUsageView *p = usage->paths[i];
		CLEANUP(freep) char *sent = str_printf("%" PRIu64, p->sent);
		CLEANUP(freep) char *refused = str_printf("%" PRIu64, p->refused);
		CLEANUP(freep) char *received = str_printf("%" PRIu64, p->received);
		CLEANUP(freep) char *dropped = str_printf("%" PRIu64, p->dropped);

		output_table_row(table,
				 (const char *[]){p->name, sent, refused, received, dropped});
	}
	output_line(o, "%s", "");
	output_line(o, "Paths:");
	output_table_print(table);
}
