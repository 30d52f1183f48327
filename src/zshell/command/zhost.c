/*
 * `zhost create` and `zhost destroy`: machines that drivers make.
 */
#include <stdlib.h>
#include <string.h>

#include "adapter/client/view.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/cluster_wait.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_create(void *context, const struct cli_run *line, struct error **err);
static int run_destroy(void *context, const struct cli_run *line, struct error **err);

struct create_options {
	char *driver, *set, *labels;
	int64_t wait_ms;
};

struct destroy_options {
	bool drain;
	int64_t wait_ms;
};

static const struct cli_option create_options[] = {
	{.name = "driver",
	 .type = CLI_STRING,
	 .value = "DRIVER",
	 .offset = offsetof(struct create_options, driver),
	 .required = true,
	 .help = "which makes the machine: one of those in the settings of zrms"},
	{.name = "set",
	 .type = CLI_STRING,
	 .value = "NAME=VALUE[,NAME=VALUE]",
	 .offset = offsetof(struct create_options, set),
	 .help = "settings for the driver, as host=10.0.0.7"},
	{.name = "labels",
	 .type = CLI_STRING,
	 .value = "NAME=VALUE[,NAME=VALUE]",
	 .offset = offsetof(struct create_options, labels),
	 .help = "labels that the zhost gets from the cluster"},
	OPTION_WAIT(struct create_options),
	{0},
};

static const struct cli_option destroy_options[] = {
	{.name = "drain",
	 .offset = offsetof(struct destroy_options, drain),
	 .help = "hand over to other zhosts what runs there, before"},
	OPTION_WAIT(struct destroy_options),
	{0},
};

static const struct cli_argument new_argument[] = {{.name = "NAME"}, {0}};
static const struct cli_argument zhost_argument[] = {{.name = "ZHOST", .kind = ARGUMENT_ZHOST},
						     {0}};

const struct cli_command command_zhost_create = {
	.words = "zhost create",
	.summary = "make a machine by a driver, and a zhost there",
	.details = "The zhost is 'deploying' at once, and 'running' with its first heartbeat. "
		   "`cluster status`\nsays why a creation failed; the same command again tries "
		   "again, `zhost destroy` removes it.\nWith --wait: exits with the first "
		   "heartbeat, with status 1 when the creation has failed,\nor with status 4 "
		   "after the timeout.",
	.arguments = new_argument,
	.options = create_options,
	.options_size = sizeof(struct create_options),
	.run = run_create,
};

const struct cli_command command_zhost_destroy = {
	.words = "zhost destroy",
	.summary = "remove a zhost that a driver has made, and its machine",
	.details = "Refused while something is placed there, unless --drain hands it over to "
		   "other zhosts\nfirst; `cluster uncordon` then takes the request back until "
		   "the zhost is empty.\nWhere the driver failed, `cluster status` says why; "
		   "the same command again tries again,\nand `cluster rm` forgets the zhost, "
		   "whatever the driver keeps of its machine.\nWith --wait: exits when the "
		   "zhost is gone, with status 1 when the driver has failed,\nor with status 4 "
		   "after the timeout.",
	.arguments = zhost_argument,
	.options = destroy_options,
	.options_size = sizeof(struct destroy_options),
	.run = run_destroy,
};

/* ---- waiting ---- */

struct machine_wait {
	struct shell *shell;
	const char *zhost;
	char *path;
	bool is_destroyed; /* it is to be */
	int status;
};

static bool concerns(const void *data, const Samoza__V1__EventView *e)
{
	const struct machine_wait *w = data;
	return str_equal(e->kind, "zhost") && str_equal(e->subject, w->zhost);
}

static int failed(const struct machine_wait *w, const Samoza__V1__MadeView *made)
{
	output_note(&w->shell->output, "%s: %s", w->zhost,
		    made->error != NULL ? made->error : "the driver has failed");
	return CLI_FAILED;
}

/* -1: it is under way. */
static int status_of(const struct machine_wait *w, const Samoza__V1__ZhostView *now)
{
	const Samoza__V1__MadeView *made = now->made;
	if (made == NULL)
		return w->is_destroyed ? CLI_DONE : CLI_FAILED;
	if (str_equal(made->step, w->is_destroyed ? "stuck" : "failed"))
		return failed(w, made);
	if (!str_equal(made->step, "standing"))
		return -1;
	if (w->is_destroyed)
		output_note(&w->shell->output, "%s was uncordoned: it is not destroyed.",
			    w->zhost);
	return w->is_destroyed ? CLI_FAILED : CLI_DONE;
}

static int look(void *data, struct output_progress *progress, bool *ret_done,
		struct error **err)
{
	struct machine_wait *w = data;
	CLEANUP(view_freep) Samoza__V1__ZhostView *now = NULL;
	CLEANUP(error_freep) struct error *missing = NULL;
	int r = api_get(w->shell->api, w->path, &samoza__v1__zhost_view__descriptor,
			(void **)&now, &missing);
	if (r == ERR_NOT_FOUND) {
		w->status = w->is_destroyed ? CLI_DONE : CLI_FAILED;
		*ret_done = true;
		return 0;
	}
	if (r < 0) {
		*err = steal_ptr(&missing);
		return r;
	}
	if (progress != NULL && now->made != NULL) {
		output_progress_set(progress, w->zhost, now->made->step);
		output_progress_draw(progress);
	}
	w->status = status_of(w, now);
	*ret_done = w->status >= 0;
	return 0;
}

static int wait_for_it(struct machine_wait *w, uint64_t after, int64_t wait_ms,
		       struct error **err)
{
	CLEANUP(freep) char *how = str_printf("cluster status %s", w->zhost);
	struct cluster_wait wait = {.shell = w->shell,
				    .concerns = concerns,
				    .look = look,
				    .data = w,
				    .moved = w->is_destroyed ? "gone" : "standing",
				    .what = w->is_destroyed ? "the destruction"
							    : "the creation",
				    .how = how};
	int r = cluster_wait(&wait, after, wait_ms, err);
	if (r < 0)
		return r;
	if (!wait.done)
		w->status = EXIT_TIMEOUT;
	if (w->shell->output.format == OUTPUT_TABLE && w->status == CLI_DONE)
		output_line(&w->shell->output, "Zhost %s is %s.", w->zhost,
			    w->is_destroyed ? "gone" : "running");
	return w->status;
}

/* ---- asking ---- */

static int ask(struct machine_wait *w, const char *url, const char *body, int64_t wait_ms,
	       struct error **err)
{
	const struct output *o = &w->shell->output;
	CLEANUP(view_freep) Samoza__V1__ZhostView *view = NULL;
	uint64_t after = 0;
	int r = wait_ms > 0 ? wait_last_event(w->shell, &after, err) : 0;
	if (r == 0)
		r = api_send(w->shell->api, "POST", url, body,
			     &samoza__v1__zhost_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else
		output_line(o,
			    w->is_destroyed ? "Zhost %s is being destroyed."
					    : "Zhost %s is being made.",
			    w->zhost);
	return wait_ms > 0 ? wait_for_it(w, after, wait_ms, err) : CLI_DONE;
}

/* Of "a=b,c=d", which is changed; the caller frees the list and its entries. */
static int pairs_read(char *text, const char *what, Samoza__V1__VariableView ***ret_list,
		      size_t *ret_count, struct error **err)
{
	char *rest = NULL;
	size_t most = 1;
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		most += *at == ',';
	*ret_list = mem_new_array(Samoza__V1__VariableView *, most);
	*ret_count = 0;
	for (char *word = text != NULL ? strtok_r(text, ",", &rest) : NULL; word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		char *equals = strchr(word, '=');
		if (equals == NULL)
			return error_set(err, ERR_INVALID, "'%s' is no %s: expected NAME=VALUE",
					 word, what);
		*equals = '\0';
		Samoza__V1__VariableView *pair = mem_new(Samoza__V1__VariableView);
		samoza__v1__variable_view__init(pair);
		pair->name = word;
		pair->value = equals + 1;
		(*ret_list)[(*ret_count)++] = pair;
	}
	return 0;
}

static void pairs_free(Samoza__V1__VariableView **list, size_t count)
{
	for (size_t k = 0; k < count; k++)
		free(list[k]);
	free(list);
}

static int run_create(void *context, const struct cli_run *line, struct error **err)
{
	const struct create_options *given = line->options;
	CLEANUP(freep) char *set = mem_strdup(given->set);
	CLEANUP(freep) char *labels = mem_strdup(given->labels);
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__MachineRequest asked = SAMOZA__V1__MACHINE_REQUEST__INIT;
	struct machine_wait w = {.shell = context, .zhost = cli_argument(line, 0)};

	asked.name = (char *)(uintptr_t)w.zhost;
	asked.driver = given->driver;
	int r = pairs_read(set, "setting", &asked.settings, &asked.n_settings, err);
	if (r == 0)
		r = pairs_read(labels, "label", &asked.labels, &asked.n_labels, err);
	if (r == 0)
		body = view_write(&asked.base);
	pairs_free(asked.settings, asked.n_settings);
	pairs_free(asked.labels, asked.n_labels);
	if (r < 0)
		return r;
	w.path = api_path("/v1/zhosts/", w.zhost, NULL);
	r = ask(&w, "/v1/zhosts", body, given->wait_ms, err);
	free(w.path);
	return r;
}

static int run_destroy(void *context, const struct cli_run *line, struct error **err)
{
	const struct destroy_options *given = line->options;
	struct machine_wait w = {
		.shell = context, .zhost = cli_argument(line, 0), .is_destroyed = true};
	Samoza__V1__DestroyRequest asked = SAMOZA__V1__DESTROY_REQUEST__INIT;
	CLEANUP(freep) char *url = api_path("/v1/zhosts/", w.zhost, "/destroy", NULL);

	asked.has_drain = asked.drain = given->drain;
	CLEANUP(freep) char *body = view_write(&asked.base);
	w.path = api_path("/v1/zhosts/", w.zhost, NULL);
	int r = ask(&w, url, body, given->wait_ms, err);
	free(w.path);
	return r < 0 ? hint_zhosts(r, err) : r;
}
