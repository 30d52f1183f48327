#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/limits_text.h"
#include "zshell/command/status_view.h"
#include "zshell/command/zhost_text.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "ZHOST", .kind = ARGUMENT_ZHOST},
	{0},
};

const struct cli_command command_cluster_status = {
	.words = "cluster status",
	.summary = "show one zhost: state, since when and why, load, instances, last events",
	.arguments = arguments,
	.run = run,
};

/* Of the instances: as many as are looked at. */
#define SHOWN "100"

static const struct output_column instance_columns[] = {
	{"SPACE", OUTPUT_CUT, 0}, {"STATE", OUTPUT_STATE, 0}, {"SINCE", 0, 0}, {0}};

static void print_drain(const struct output *o, const Samoza__V1__DrainView *d)
{
	if (d == NULL)
		return;
	CLEANUP(freep)
	char *text = str_printf("%s, asked for by %s at %s%s%s%s", d->state, d->by, d->since,
				d->deadline != NULL ? ", until " : "",
				d->deadline != NULL ? d->deadline : "",
				d->force ? ", then what is left is stopped" : "");
	output_block(o, 10, (const struct output_pair[]){{"Drain", text}, {0}});
	print_left(o, d);
}

/* The caller frees; NULL: no driver has made it. */
static char *made_text(const Samoza__V1__MadeView *made)
{
	if (made == NULL)
		return NULL;
	return str_printf("by driver %s as %s, for %s: %s", made->driver, made->key, made->by,
			  made->step);
}

/* "sensors.camera (/dev/video0 is missing)"; NULL: nothing is. The caller frees. */
static char *withdrawn_text(const Samoza__V1__ZhostView *z)
{
	struct buffer text = BUFFER_INIT(1 << 16);

	for (size_t k = 0; k < z->n_withdrawn; k++)
		(void)buffer_printf(&text, "%s%s (%s is missing)", k > 0 ? ", " : "",
				    z->withdrawn[k]->capability, z->withdrawn[k]->missing);
	return text.size > 0 ? buffer_steal(&text) : NULL;
}

static void print_head(const struct output *o, const Samoza__V1__ZhostView *z,
		       const struct history *history)
{
	const Samoza__V1__EventView *arrival = history_arrival(history, "zhost", z->state);
	CLEANUP(freep) char *state = zhost_state_text(z);
	CLEANUP(freep) char *cpu = zhost_load_text(z->cpu_millicores, output_cores, " of ");
	CLEANUP(freep) char *memory = zhost_load_text(z->memory_bytes, output_size, " of ");
	CLEANUP(freep) char *cpu_line = str_printf("%s reserved", cpu);
	CLEANUP(freep) char *memory_line = str_printf("%s reserved", memory);
	CLEANUP(freep) char *label = zhost_labels_text(z, ", ");
	CLEANUP(freep)
	char *identity = z->certificate_expires != NULL
				 ? str_printf("certificate until %s", z->certificate_expires)
				 : NULL;

	CLEANUP(freep) char *made = made_text(z->made);
	CLEANUP(freep) char *limits = limits_text(z->limits, z->n_limits);
	CLEANUP(freep)
	char *withdrawn = withdrawn_text(z);
	CLEANUP(freep)
	char *native = limits != NULL ? str_printf("of NATIVE spaces: %s", limits) : NULL;

	output_line(o, "Zhost: %s", z->name);
	output_block(o, 10,
		     (const struct output_pair[]){
			     {"State", state},
			     {"Since", z->since},
			     {"Reason", arrival != NULL ? arrival->cause : NULL},
			     {"Heartbeat", z->last_heartbeat},
			     {"Zedge", z->zedge},
			     {"CPU", cpu_line},
			     {"Memory", memory_line},
			     {"Labels", z->n_labels > 0 ? label : NULL},
			     {"Identity", identity},
			     {"Limits", native},
			     {"Withdrawn", withdrawn},
			     {"Mesh", z->mesh},
			     {"Made", made},
			     {"Failed", z->made != NULL ? z->made->error : NULL},
			     {0}});
	print_drain(o, z->drain);
}

static void print_instances(const struct output *o, const Samoza__V1__SpaceListView *list,
			    const char *zhost)
{
	struct output_table *table = output_table_new(o, instance_columns, OUTPUT_INDENTED);

	for (size_t i = 0; i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *s = list->spaces[i];

		output_table_row(table,
				 (const char *[]){s->name, state_shown(s->state), s->since});
	}
	output_line(o, "%s", "");
	output_line(o, list->n_spaces > 0 ? "Instances:" : "Instances: none");
	if (list->n_spaces > 0)
		output_table_print(table);
	else
		output_table_free(table);
	if (list->next != NULL)
		output_text(o, 4, "  and more; `zshell spaces list --zhost %s` lists all",
			    zhost);
}

/* One that is running may move what is there, or to there. */
static int print_rebalance(struct shell *shell, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__ClusterView *cluster = NULL;
	int r = api_get(shell->api, "/v1/cluster", &samoza__v1__cluster_view__descriptor,
			(void **)&cluster, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *text = rebalance_text(cluster);
	if (text != NULL)
		output_block(&shell->output, 10,
			     (const struct output_pair[]){{"Rebalance", text}, {0}});
	return 0;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *name = cli_argument(line, 0);
	CLEANUP(freep) char *path = api_path("/v1/zhosts/", name, NULL);
	CLEANUP(freep)
	char *there = api_path("/v1/spaces?zhost=", name, "&limit=" SHOWN, NULL);
	CLEANUP(view_freep) Samoza__V1__ZhostView *view = NULL;
	CLEANUP(view_freep) Samoza__V1__SpaceListView *spaces = NULL;
	CLEANUP(history_done) struct history history = {0};
	const struct history_query query = {.subject = name, .newest = STATUS_NEWEST};
	int r = api_get(shell->api, path, &samoza__v1__zhost_view__descriptor, (void **)&view,
			err);

	if (r < 0)
		return hint_zhosts(r, err);
	r = history_fetch(shell, &query, &history, err);
	if (r == 0 && shell->output.format == OUTPUT_TABLE)
		r = api_get(shell->api, there, &samoza__v1__space_list_view__descriptor,
			    (void **)&spaces, err);
	if (r < 0)
		return r;
	output_page(&shell->output);
	if (shell->output.format != OUTPUT_TABLE) {
		status_print_zhost(&shell->output, view, &history);
		return CLI_DONE;
	}
	print_head(&shell->output, view, &history);
	r = print_rebalance(shell, err);
	if (r < 0)
		return r;
	print_instances(&shell->output, spaces, name);
	history_print_section(&shell->output, &history, STATUS_EVENTS);
	return CLI_DONE;
}
