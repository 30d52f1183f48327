/*
 * The certificate authorities of the cluster: cluster ca, cluster ca rotate.
 */
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

#define URL "/v1/authorities"

static int run_show(void *context, const struct cli_run *line, struct error **err);
static int run_rotate(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool finish, force, abort;
};

static const struct cli_option options[] = {
	{.name = "finish",
	 .offset = offsetof(struct options, finish),
	 .help = "do not wait any longer for zhosts that are away"},
	{.name = "force",
	 .offset = offsetof(struct options, force),
	 .help = "with --finish: nor for those that are connected"},
	{.name = "abort",
	 .offset = offsetof(struct options, abort),
	 .help = "take the rotation back: the one of before signs again"},
	{0},
};

const struct cli_command command_cluster_ca = {
	.words = "cluster ca",
	.summary = "show whom the cluster believes, and how far a rotation is",
	.details =
		"Names the zhosts that a rotation waits for, or that have not followed it yet.",
	.run = run_show,
};

const struct cli_command command_cluster_ca_status = {
	.words = "cluster ca status",
	.summary = "show whom the cluster believes, and how far a rotation is",
	.run = run_show,
};

const struct cli_command command_cluster_ca_rotate = {
	.words = "cluster ca rotate",
	.summary = "put another certificate authority in the place of the present one",
	.details = "Every zhost is told of the new one, then zrms and each zhost get "
		   "certificates of "
		   "it, then the\nold one is believed no longer. It goes on by itself when all "
		   "zhosts have followed; cluster ca\nsays for which it waits. Nothing "
		   "restarts. A "
		   "zhost that was away for all of it comes back by\nthe key that it has, "
		   "within 90 "
		   "days. Make a backup afterwards: an older one does not know\nthe new "
		   "authority.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run_rotate,
};

static const struct output_column columns[] = {
	{"AUTHORITY", 0, 0}, {"STATE", 0, 0}, {"SINCE", 0, 0},
	{"UNTIL", 0, 0},     {"KEY", 0, 0},   {0},
};

static const char *rotation_text(const Samoza__V1__AuthorityListView *v)
{
	if (str_equal(v->rotation, "adding"))
		return "A rotation is under way: the zhosts are told of the new authority.";
	if (str_equal(v->rotation, "reissuing"))
		return "A rotation is under way: certificates are issued again.";
	return NULL;
}

static void print_missing(const struct output *o, const Samoza__V1__AuthorityListView *v)
{
	bool waits = !str_equal(v->rotation, "none");
	if (v->n_missing == 0)
		return;
	output_text(o, 0, "%s",
		    !waits ? "These zhosts have not followed the last rotation yet:"
		    : str_equal(v->waits_for, "all")
			    ? "It waits for:"
			    : "It waits for those of these that are connected:");
	for (size_t i = 0; i < v->n_missing; i++)
		output_line(o, "  %s", v->missing[i]);
	if (waits)
		output_note(o, "cluster ca rotate --finish does not wait for those that are "
			       "away, --abort takes it back");
}

/* They read their authorities when they start, and no other way. */
static void print_store_missing(const struct output *o, const Samoza__V1__AuthorityListView *v)
{
	if (v->n_store_missing == 0 || str_equal(v->rotation, "none"))
		return;
	output_text(o, 0, "It waits for the servers of the store:");
	for (size_t i = 0; i < v->n_store_missing; i++)
		output_line(o, "  %s", v->store_missing[i]);
	output_note(o, "etcd reads whom it believes when it starts: restart its servers, one "
		       "after the other, each when the one before answers again");
}

static void print_view(const struct output *o, const Samoza__V1__AuthorityListView *v)
{
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &v->base);
		return;
	}
	if (v->n_authorities == 0) {
		output_line(o, "No certificate authority: only this machine reaches zrms (zrms "
			       "init makes one).");
		return;
	}
	struct output_table *table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < v->n_authorities; i++) {
		const Samoza__V1__AuthorityView *a = v->authorities[i];
		output_table_row(table, (const char *[]){a->name, a->state, a->since,
							 a->until != NULL ? a->until : "",
							 a->fingerprint});
	}
	output_table_print(table);
	if (rotation_text(v) != NULL)
		output_line(o, "%s", rotation_text(v));
	print_missing(o, v);
	print_store_missing(o, v);
}

static int run_show(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__AuthorityListView *view = NULL;
	(void)line;
	int r = api_get(shell->api, URL, &samoza__v1__authority_list_view__descriptor,
			(void **)&view, err);
	if (r < 0)
		return r;
	print_view(&shell->output, view);
	return CLI_DONE;
}

static int run_rotate(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(view_freep) Samoza__V1__AuthorityListView *view = NULL;
	if ((given->finish && given->abort) || (given->force && !given->finish))
		return error_set(err, ERR_INVALID,
				 given->force && !given->finish
					 ? "--force goes with --finish"
					 : "give --finish or --abort, not both");
	const char *path = !given->finish ? URL "/rotation"
			   : given->force ? URL "/rotation/finish?force=1"
					  : URL "/rotation/finish";
	int r = api_send(shell->api, given->abort ? "DELETE" : "POST", path, NULL,
			 &samoza__v1__authority_list_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	print_view(&shell->output, view);
	return CLI_DONE;
}
