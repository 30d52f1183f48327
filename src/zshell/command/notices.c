/*
 * Whom the cluster notifies: notices list, test.
 */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_test(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument target_argument[] = {
	{.name = "NAME", .kind = ARGUMENT_NOTICES}, {0}};

#define LIST_DETAILS                                                                         \
	"The targets are in the settings file of zrms, as `notices`. Counts are since zrms " \
	"leads, but for\nDROPPED: notices since the last delivery that could not be "        \
	"delivered "                                                                         \
	"in time. WHERE shows no secret."

const struct cli_command command_notices = {
	.words = "notices",
	.summary = "show whom the cluster notifies, and how that fares",
	.details = LIST_DETAILS,
	.run = run_list,
};

const struct cli_command command_notices_list = {
	.words = "notices list",
	.summary = "show whom the cluster notifies, and how that fares",
	.details = LIST_DETAILS,
	.run = run_list,
};

const struct cli_command command_notices_test = {
	.words = "notices test",
	.summary = "send a notice as a test, and say whether it arrived",
	.details = "It does not wait for those that are to be sent, and is tried once.",
	.arguments = target_argument,
	.run = run_test,
};

static const struct output_column columns[] = {
	{"NAME", 0, 0},
	{"TO", 0, 0},
	{"WHERE", OUTPUT_CUT, 0},
	{"STATE", 0, 0},
	{"WAITING", OUTPUT_RIGHT, 0},
	{"SENT", OUTPUT_RIGHT, 0},
	{"FAILED", OUTPUT_RIGHT, 0},
	{"DROPPED", OUTPUT_RIGHT, 0},
	{"DELIVERED", 0, 0},
	{"ERROR", OUTPUT_CUT, 0},
	{0},
};

static void add_row(struct output_table *table, const Samoza__V1__NoticeTargetView *v)
{
	CLEANUP(freep) char *waiting = str_printf("%u", v->waiting);
	CLEANUP(freep) char *sent = str_printf("%llu", (unsigned long long)v->sent);
	CLEANUP(freep) char *failed = str_printf("%llu", (unsigned long long)v->failed);
	CLEANUP(freep) char *dropped = str_printf("%llu", (unsigned long long)v->dropped);
	output_table_row(table,
			 (const char *[]){v->name, v->to, v->where, v->state, waiting, sent,
					  failed, dropped, v->delivered, v->error});
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__NoticeListView *list = NULL;
	int r = api_get(shell->api, "/v1/notices", &samoza__v1__notice_list_view__descriptor,
			(void **)&list, err);
	(void)line;
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	if (list->n_notices == 0) {
		output_line(o,
			    "Nobody is notified: the settings file of zrms has no `notices`.");
		return CLI_DONE;
	}
	struct output_table *table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_notices; i++)
		add_row(table, list->notices[i]);
	output_table_print(table);
	return CLI_DONE;
}

static int run_test(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__NoticeTestView *view = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/notices/", cli_argument(line, 0), "/test", NULL);
	int r = api_send(shell->api, "POST", path, NULL,
			 &samoza__v1__notice_test_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output, "%s took the test (%s, %llu ms).", view->name, view->where,
		    (unsigned long long)view->ms);
	return CLI_DONE;
}
