#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/message.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/list.h"
#include "zshell/command/zhost_text.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_cluster_upgrade_status = {
	.words = "cluster upgrade status",
	.summary = "who runs which version",
	.details = "zrms is upgraded first, then one zhost after another: the programs are "
		   "replaced "
		   "and restarted,\nand no space notices. Versions may differ meanwhile. Of "
		   "several zrms the one that\nleads is the last.",
	.run = run,
};

static const struct output_column columns[] = {
	{"PROGRAM", 0, 0}, {"NAME", 0, 0}, {"VERSION", 0, 0}, {"STATE", OUTPUT_STATE, 0}, {0}};

static Samoza__V1__UpgradeMemberView *member(const char *program, const char *name,
					     const char *version, const char *state)
{
	Samoza__V1__UpgradeMemberView *m = (Samoza__V1__UpgradeMemberView *)schema_message_new(
		&samoza__v1__upgrade_member_view__descriptor);
	m->program = mem_strdup(program);
	m->name = mem_strdup(name);
	m->version = mem_strdup(version);
	m->state = mem_strdup(state);
	return m;
}

static void add_zrms(Samoza__V1__UpgradeView *v, const Samoza__V1__ClusterView *cluster)
{
	if (cluster->n_members == 0)
		v->members[v->n_members++] =
			member("zrms", "zrms", cluster->version, "deployed-started");
	for (size_t i = 0; i < cluster->n_members; i++)
		v->members[v->n_members++] =
			member("zrms", cluster->members[i]->name, cluster->members[i]->version,
			       "deployed-started");
}

static Samoza__V1__UpgradeView *compile(const Samoza__V1__ClusterView *cluster,
					const Samoza__V1__ZhostListView *list)
{
	const char *version = cluster->version;
	Samoza__V1__UpgradeView *v = (Samoza__V1__UpgradeView *)schema_message_new(
		&samoza__v1__upgrade_view__descriptor);
	v->version = mem_strdup(version);
	v->members = mem_new_array(Samoza__V1__UpgradeMemberView *,
				   list->n_zhosts + cluster->n_members + 1);
	add_zrms(v, cluster);
	for (size_t i = 0; i < list->n_zhosts; i++) {
		const Samoza__V1__ZhostView *z = list->zhosts[i];
		v->members[v->n_members++] = member("zhost", z->name, z->version, z->state);
		v->other += !str_equal(z->version, version);
	}
	return v;
}

static void print(const struct output *o, const Samoza__V1__UpgradeView *view)
{
	unsigned zrms = 0, other_zrms = 0;
	struct output_table *table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < view->n_members; i++) {
		const Samoza__V1__UpgradeMemberView *m = view->members[i];
		output_table_row(table, (const char *[]){m->program, m->name, m->version,
							 state_shown(m->state)});
		zrms += str_equal(m->program, "zrms");
		other_zrms +=
			str_equal(m->program, "zrms") && !str_equal(m->version, view->version);
	}
	output_table_print(table);
	if (other_zrms > 0)
		output_note(o, "%u of %u zrms %s not run %s, as the one that leads does.",
			    other_zrms, zrms, other_zrms == 1 ? "does" : "do", view->version);
	if (view->other == 0 && other_zrms == 0)
		output_note(o, "All run %s.", view->version);
	else if (view->other > 0)
		output_note(o, "%u of %zu zhosts %s not run %s, as zrms does.", view->other,
			    view->n_members - zrms, view->other == 1 ? "does" : "do",
			    view->version);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	(void)line;
	CLEANUP(view_freep) Samoza__V1__ClusterView *cluster = NULL;
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;
	int r = api_get(shell->api, "/v1/cluster", &samoza__v1__cluster_view__descriptor,
			(void **)&cluster, err);
	if (r == 0)
		r = api_get(shell->api, "/v1/zhosts", &samoza__v1__zhost_list_view__descriptor,
			    (void **)&list, err);
	if (r < 0)
		return r;
	if (cluster->version == NULL)
		return error_set(err, ERR_UNAVAILABLE,
				 "this zrms does not say its version: it is older than this "
				 "command; upgrade it first");
	CLEANUP(view_freep) Samoza__V1__UpgradeView *view = compile(cluster, list);
	output_page(&shell->output);
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &view->base);
	else
		print(&shell->output, view);
	return CLI_DONE;
}
