#include <inttypes.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/list.h"
#include "zshell/command/zhost_text.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_option options[] = {
	LIST_OPTION_STATE(zhost_states), LIST_OPTION_LABEL, {0}};

const struct cli_command command_cluster_zhosts = {
	.words = "cluster zhosts",
	.summary = "list the zhosts with state, load, labels and capabilities",
	.details =
		"CPU and MEMORY: reserved by placements / total. -o wide also shows until when "
		"the\ncertificate of each zhost is valid, and the version of its program.",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = run,
};

/* The same, beside `zhost create`. */
const struct cli_command command_zhost_list = {
	.words = "zhost list",
	.summary = "list the zhosts with state, load, labels and capabilities",
	.details =
		"CPU and MEMORY: reserved by placements / total. -o wide also shows until when "
		"the\ncertificate of each zhost is valid, and the version of its program.",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = run,
};

/* clang-format off */
#define COLUMNS \
	{"NAME", 0, 0}, {"STATE", OUTPUT_STATE, 0}, {"CPU", OUTPUT_RIGHT, 0}, \
	{"MEMORY", OUTPUT_RIGHT, 0}, {"SPACES", OUTPUT_RIGHT, 0}, {"ZEDGE", 0, 0}, \
	{"LABELS", OUTPUT_CUT, 0}, {"CAPABILITIES", OUTPUT_CUT, 0}
/* clang-format on */
static const struct output_column columns[] = {COLUMNS, {0}};
static const struct output_column wide_columns[] = {
	COLUMNS, {"CERTIFICATE UNTIL", 0, 0}, {"VERSION", 0, 0}, {0}};

/* Capabilities and devices, which spaces can request. */
static char *offers(const Samoza__V1__ZhostView *z)
{
	struct buffer out = BUFFER_INIT(1 << 20);

	for (size_t i = 0; i < z->n_capabilities; i++)
		(void)buffer_printf(&out, "%s%s", i > 0 ? "," : "", z->capabilities[i]);
	for (size_t i = 0; i < z->n_devices; i++) {
		const Samoza__V1__DeviceView *d = z->devices[i];

		(void)buffer_printf(&out, "%s%s%s%s:%" PRIu32 "/%" PRIu32,
				    out.size > 0 ? "," : "", d->kind,
				    d->model != NULL ? "-" : "",
				    d->model != NULL ? d->model : "", d->free, d->count);
	}
	return buffer_steal(&out);
}

static void add_row(struct output_table *table, const Samoza__V1__ZhostView *z)
{
	CLEANUP(freep) char *state = zhost_state_text(z);
	CLEANUP(freep) char *cpu = zhost_load_text(z->cpu_millicores, output_cores, "/");
	CLEANUP(freep) char *memory = zhost_load_text(z->memory_bytes, output_size, "/");
	CLEANUP(freep) char *spaces = str_printf("%" PRIu32, z->instances);
	CLEANUP(freep) char *label = zhost_labels_text(z, ",");
	CLEANUP(freep) char *offer = offers(z);

	output_table_row(table,
			 (const char *[]){z->name, state, cpu, memory, spaces, z->zedge, label,
					  offer, z->certificate_expires, z->version});
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;
	struct output_table *table;
	int r = list_get(shell, "/v1/zhosts", line->options,
			 &samoza__v1__zhost_list_view__descriptor, (void **)&list, err);

	if (r < 0 || list == NULL)
		return r < 0 ? r : CLI_DONE;
	table = output_table_new(&shell->output, shell->output.wide ? wide_columns : columns,
				 0);
	for (size_t i = 0; i < list->n_zhosts; i++)
		add_row(table, list->zhosts[i]);
	output_table_print(table);
	return CLI_DONE;
}
