#include <inttypes.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/limits_text.h"
#include "zshell/command/status_view.h"
#include "zshell/command/usage_view.h"
#include "zshell/shell/places.h"

#define PLACES_MAX 5

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "NAME", .kind = ARGUMENT_SPACE},
	{0},
};

const struct cli_command command_spaces_status = {
	.words = "spaces status",
	.summary = "show one instance: state, goal, usage, paths, imports, exports, last error "
		   "and log lines",
	.details = SPACE_DETAILS,
	.arguments = arguments,
	.run = run,
};

static const struct output_column import_columns[] = {
	{"FROM", 0, 0}, {"KIND", 0, 0}, {"PROVIDERS", OUTPUT_CUT, 0}, {0}};
static const struct output_column export_columns[] = {
	{"NAME", 0, 0}, {"VALUE", OUTPUT_CUT, 0}, {0}};

/* "1.3.0 on edge-node-2, starting"; the caller frees. NULL: it is not replaced. */
static char *next_text(const Samoza__V1__HandoverView *h)
{
	if (h == NULL)
		return NULL;
	if (h->next != NULL)
		return str_printf("%s%son %s, %s (%s)",
				  h->next->version != NULL ? h->next->version : "",
				  h->next->version != NULL ? " " : "", h->next->zhost,
				  state_shown(h->next->state), h->cause);
	if (h->waits != NULL && h->room_on != NULL)
		return str_printf("waits for room on %s: %s (%s)", h->room_on, h->waits,
				  h->cause);
	if (h->waits != NULL)
		return str_printf("waits for a place: %s (%s)", h->waits, h->cause);
	return str_printf("%s (%s)", h->state, h->cause);
}

/* "1.2.0 on edge-node-2, running; without traffic"; the caller frees. NULL: nothing is kept. */
static char *kept_text(const Samoza__V1__NextView *kept)
{
	if (kept == NULL)
		return NULL;
	return str_printf(
		"%s%son %s, %s; without traffic", kept->version != NULL ? kept->version : "",
		kept->version != NULL ? " " : "", kept->zhost, state_shown(kept->state));
}

/* "DB=${imports.db.ip}, LEVEL=info"; NULL: none. */
static char *env_text(const Samoza__V1__SettingsView *settings)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	if (settings == NULL || settings->n_env == 0)
		return NULL;
	for (size_t k = 0; k < settings->n_env; k++)
		(void)buffer_printf(&text, "%s%s=%s", k > 0 ? ", " : "", settings->env[k]->name,
				    settings->env[k]->value);
	return buffer_steal(&text);
}

static char *config_text(const Samoza__V1__SettingsView *settings)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	if (settings == NULL || settings->n_config == 0)
		return NULL;
	for (size_t k = 0; k < settings->n_config; k++)
		(void)buffer_printf(&text, "%s%s", k > 0 ? ", " : "", settings->config[k]);
	return buffer_steal(&text);
}

/* "imports.db.ip=10.0.0.2, imports.db.port has none"; NULL: there are no references. */
static char *references_text(const Samoza__V1__SettingsView *settings)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	if (settings == NULL || settings->n_references == 0)
		return NULL;
	for (size_t k = 0; k < settings->n_references; k++) {
		const Samoza__V1__ReferenceView *one = settings->references[k];
		(void)buffer_printf(&text, "%simports.%s%s%s", k > 0 ? ", " : "", one->name,
				    one->value != NULL ? "=" : " has none",
				    one->value != NULL ? one->value : "");
	}
	return buffer_steal(&text);
}

/* "DB_PASSWORD is db-password version 3, tls.key is tls, which is not set for its topology"; NULL: none. */
static char *secrets_text(const Samoza__V1__SettingsView *settings)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	if (settings == NULL || settings->n_secrets == 0)
		return NULL;
	for (size_t k = 0; k < settings->n_secrets; k++) {
		const Samoza__V1__SecretUseView *one = settings->secrets[k];
		(void)buffer_printf(&text, "%s%s is %s", k > 0 ? ", " : "",
				    one->as != NULL ? one->as : one->file, one->name);
		if (one->has_version)
			(void)buffer_printf(&text, " version %" PRIu64, one->version);
		else
			(void)buffer_add_string(&text, ", which is not set for its topology");
	}
	return buffer_steal(&text);
}

/* "restart (another value waits: waits for the rollout)" */
static char *reload_text(const Samoza__V1__SettingsView *settings)
{
	if (settings == NULL)
		return NULL;
	return settings->waits == NULL ? mem_strdup(settings->reload)
				       : str_printf("%s (its process has other values than it "
						    "would get now: %s)",
						    settings->reload, settings->waits);
}

/* "operator of shop-*, blog"; NULL: it does not ask zrms. */
/* "gpu T4 0, gpu T4 1"; NULL: it has none. The caller frees. */
static char *devices_text(const Samoza__V1__SpaceView *s)
{
	struct buffer text = BUFFER_INIT(1 << 16);

	for (size_t k = 0; k < s->n_devices; k++) {
		const Samoza__V1__DeviceChoiceView *d = s->devices[k];

		(void)buffer_printf(&text, "%s%s%s%s %" PRIu32, k > 0 ? ", " : "", d->kind,
				    d->model != NULL ? " " : "",
				    d->model != NULL ? d->model : "", d->index);
	}
	return text.size > 0 ? buffer_steal(&text) : NULL;
}

static char *api_text(const Samoza__V1__ApiView *api)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	if (api == NULL)
		return NULL;
	(void)buffer_printf(&text, "%s of ", api->role);
	for (size_t k = 0; k < api->n_topologies; k++)
		(void)buffer_printf(&text, "%s%s", k > 0 ? ", " : "", api->topologies[k]);
	if (api->since == NULL)
		(void)buffer_printf(&text, " (it has no token now)");
	return buffer_steal(&text);
}

static char *cpu_text(const Samoza__V1__UsageView *usage)
{
	return usage != NULL && usage->has_cpu_seconds
		       ? str_printf("%.2f s since its process began", usage->cpu_seconds)
		       : NULL;
}

static void print_head(const struct shell *shell, const Samoza__V1__SpaceView *s,
		       const Samoza__V1__UsageView *usage, const char *page)
{
	const struct output *o = &shell->output;
	CLEANUP(freep) char *see = api_manual(shell->api, MANUAL_REASONS, s->failure_code);
	CLEANUP(freep) char *restarts = str_printf("%" PRIu32, s->restarts);
	CLEANUP(freep) char *epoch = str_printf("%" PRIu64, s->epoch);
	CLEANUP(freep)
	char *error = s->last_error_at != NULL
			      ? str_printf("%s (at %s)", s->last_error, s->last_error_at)
			      : mem_strdup(s->last_error);

	CLEANUP(freep) char *next = next_text(s->handover);
	CLEANUP(freep) char *kept = kept_text(s->kept);
	CLEANUP(freep) char *limits = limits_text(s->limits, s->n_limits);
	CLEANUP(freep) char *devices = devices_text(s);
	CLEANUP(freep) char *api = api_text(s->api);
	CLEANUP(freep) char *env = env_text(s->settings);
	CLEANUP(freep) char *config = config_text(s->settings);
	CLEANUP(freep) char *references = references_text(s->settings);
	CLEANUP(freep) char *secrets = secrets_text(s->settings);
	CLEANUP(freep) char *reload = reload_text(s->settings);
	CLEANUP(freep) char *cpu = cpu_text(usage);
	CLEANUP(freep)
	char *memory = usage != NULL && usage->has_memory_bytes
			       ? output_size(usage->memory_bytes)
			       : NULL;
	CLEANUP(freep)
	char *pid = usage != NULL && usage->has_pid ? str_printf("%" PRIu64, usage->pid) : NULL;

	output_line(o, "Space: %s", s->name);
	output_block(o, 10,
		     (const struct output_pair[]){
			     {"Type", s->type},
			     {"State", state_shown(s->state)},
			     {"Goal", state_shown(s->goal)},
			     {"Zhost", s->zhost != NULL ? s->zhost : "-"},
			     {"Next", next},
			     {"Kept", kept},
			     {"Parent", s->parent},
			     {"Public", s->public_ ? "to other topologies" : NULL},
			     {"Since", s->since},
			     {"Epoch", epoch},
			     {"Restarts", restarts},
			     {"Limits", limits},
			     {"Devices", devices},
			     {"Api", api},
			     {"Env", env},
			     {"Config", config},
			     {"Values", references},
			     {"Secrets", secrets},
			     {"Reload", reload},
			     {"Process", pid},
			     {"Cpu", cpu},
			     {"Memory", memory},
			     {"Page", page},
			     {"Why", s->why},
			     {"See", see},
			     {"LastError", error},
			     {0}});
}

static void print_imports(const struct output *o, const Samoza__V1__SpaceView *s)
{
	struct output_table *table;

	if (s->n_imports == 0)
		return;
	table = output_table_new(o, import_columns, OUTPUT_INDENTED);
	for (size_t i = 0; i < s->n_imports; i++) {
		const Samoza__V1__ImportView *import = s->imports[i];
		CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(1 << 20);

		for (size_t j = 0; j < import->n_providers; j++)
			(void)buffer_printf(&all, "%s%s", j > 0 ? ", " : "",
					    import->providers[j]);
		if (import->kept_until != NULL)
			(void)buffer_printf(&all, "none; it runs on until %s",
					    import->kept_until);
		output_table_row(table, (const char *[]){import->from,
							 import->optional_import ? "optional"
										 : "mandatory",
							 all.data});
	}
	output_line(o, "%s", "");
	output_line(o, "Imports:");
	output_table_print(table);
}

static void print_exports(const struct output *o, const Samoza__V1__SpaceView *s)
{
	struct output_table *table;

	if (s->n_exports == 0)
		return;
	table = output_table_new(o, export_columns, OUTPUT_INDENTED);
	for (size_t i = 0; i < s->n_exports; i++)
		output_table_row(table,
				 (const char *[]){s->exports[i]->name, s->exports[i]->value});
	output_line(o, "%s", "");
	output_line(o, "Exports:");
	output_table_print(table);
}

/* "was on beta until 2026-04-29T12:44:00Z: exit status 7", the newest first. */
static void print_places(const struct output *o, const Samoza__V1__SpaceView *s,
			 const struct history *history)
{
	stay_vector stays = {0};
	size_t shown = 0;

	places_find(history, s->name, &stays);
	for (size_t i = stays.count; i > 0 && shown < PLACES_MAX; i--) {
		const struct stay *stay = &stays.items[i - 1];

		if (stay->until == NULL)
			continue; /* it is there now */
		if (shown++ == 0) {
			output_line(o, "%s", "");
			output_line(o, "Earlier places:");
		}
		output_text(o, 4, "  was on %s until %s: %s", stay->zhost, stay->until,
			    stay->cause);
	}
	vector_done(&stays);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__SpaceView *view = NULL;
	CLEANUP(freep) char *path = NULL;
	CLEANUP(history_done) struct history history = {0};
	struct history_query query = {.newest = STATUS_NEWEST};
	const struct output *o = &shell->output;
	int r = resolve_space(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	path = api_path("/v1/topologies/", ref.topology.id, "/spaces/", ref.path, NULL);
	r = api_get(shell->api, path, &samoza__v1__space_view__descriptor, (void **)&view, err);
	query.topology = ref.topology.id;
	if (r == 0)
		r = history_fetch(shell, &query, &history, err);
	if (r < 0)
		return r;
	output_page(&shell->output);
	if (o->format != OUTPUT_TABLE) {
		status_print_space(o, view, &history);
		return CLI_DONE;
	}
	CLEANUP(view_freep) Samoza__V1__UsageListView *list = NULL;
	CLEANUP(freep) char *page = page_address(shell, view);
	const Samoza__V1__UsageView *usage =
		usage_of_space(shell, view, ref.topology.id, &list);

	print_head(shell, view, usage, page);
	usage_print_paths(o, usage);
	print_places(o, view, &history);
	print_imports(o, view);
	print_exports(o, view);
	if (view->n_log > 0) {
		output_line(o, "%s", "");
		output_line(o, "Log:");
	}
	for (size_t i = 0; i < view->n_log; i++)
		output_line(o, "  %s", view->log[i]);
	history_keep_only(&history, view->name);
	history_print_section(o, &history, STATUS_EVENTS);
	return CLI_DONE;
}
