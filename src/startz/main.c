/*
 * startz: a whole cluster, or one zhost, on this machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/cli/version.h"
#include "adapter/client/interrupt.h"
#include "adapter/output/output.h"
#include "base/buffer.h"
#include "base/str.h"
#include "startz/cluster.h"
#include "startz/process.h"

#define DIR_HELP      "directory of the cluster"
#define READY_HELP    "time limit until everything is ready"
#define PROGRAMS_HELP "directory of the programs zrms and zhost, by default that of startz"

#define UP(field)     offsetof(struct up_settings, field)
#define NODE(field)   offsetof(struct node_settings, field)

static const char *const stores[] = {"sqlite", "etcd", NULL};

static const struct cli_option up_options[] = {
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = UP(zhosts),
	 .min = 1,
	 .max = 1000,
	 .help = "number of zhosts; by default as in the previous run, initially 3"},
	{.name = "machines",
	 .type = CLI_U32,
	 .offset = UP(machines),
	 .min = 1,
	 .max = 200,
	 .help = "so many zhosts, each on a machine of its own: a network namespace that "
		 "reaches "
		 "zrms over TLS, having joined with a token; needs root"},
	{.name = "zrms",
	 .type = CLI_U32,
	 .offset = UP(zrms),
	 .min = 1,
	 .max = 9,
	 .help = "number of zrms, of which one leads; more than one need --store etcd; by "
		 "default as in the previous run, initially 1"},
	{.name = "store",
	 .type = CLI_CHOICE,
	 .choices = stores,
	 .offset = UP(store),
	 .value = "STORE",
	 .help = "where zrms keeps its state: sqlite, or etcd, of which three are started here "
		 "(Debian's etcd-server); by default as in the previous run, initially sqlite"},
	{.name = "dir",
	 .environment = "STARTZ_DIR",
	 .type = CLI_PATH,
	 .offset = UP(dir),
	 .value = "DIR",
	 .help = DIR_HELP},
	{.name = "api",
	 .type = CLI_LISTEN,
	 .offset = UP(api),
	 .help = "address of zrms; by default as in the previous run, initially "
		 "127.0.0.1:7331"},
	{.name = "heartbeat",
	 .type = CLI_DURATION,
	 .offset = UP(heartbeat_ms),
	 .min = 10,
	 .max = 3600000,
	 .help = "interval of the heartbeats; by default as in the previous run, initially 1s"},
	{.name = "failure-timeout",
	 .type = CLI_DURATION,
	 .offset = UP(timeout_ms),
	 .min = 100,
	 .max = 86400000,
	 .help = "time without a heartbeat after which a zhost is lost; by default as in the "
		 "previous run, initially 3s"},
	{.name = "config",
	 .type = CLI_PATH,
	 .offset = UP(config),
	 .help = "the zhosts with capacity, labels and capabilities (a YAML list `zhosts`); it "
		 "is copied"},
	{.name = "allow-exec",
	 .environment = "ZHOST_ALLOW_EXEC",
	 .type = CLI_FLAG,
	 .offset = UP(allow_exec),
	 .help = "let people run commands in NATIVE spaces (`zshell spaces exec`) on the "
		 "zhosts "
		 "that are started now"},
	{.name = "detach",
	 .type = CLI_FLAG,
	 .offset = UP(detach),
	 .help = "return when everything is ready; the daemons keep running"},
	{.name = "ready-timeout",
	 .type = CLI_DURATION,
	 .offset = UP(ready_ms),
	 .fallback = "60s",
	 .min = 100,
	 .max = 86400000,
	 .help = READY_HELP},
	{.name = "programs",
	 .environment = "STARTZ_PROGRAMS",
	 .type = CLI_PATH,
	 .offset = UP(programs),
	 .value = "DIR",
	 .help = PROGRAMS_HELP},
	{0}};

static const struct cli_option node_options[] = {
	{.name = "name",
	 .type = CLI_STRING,
	 .offset = NODE(name),
	 .value = "NAME",
	 .required = true,
	 .help = "name of the zhost"},
	{.name = "zrms",
	 .environment = "ZRMS_URL",
	 .type = CLI_URL,
	 .offset = NODE(zrms),
	 .help = "URL of zrms; not looked at with --join, whose token says where it is"},
	{.name = "join",
	 .environment = "ZHOST_JOIN",
	 .type = CLI_STRING,
	 .offset = NODE(join),
	 .value = "TOKEN",
	 .help = "join the cluster of this token (`zshell cluster token create`); given again, "
		 "it "
		 "does nothing"},
	{.name = "token-file",
	 .environment = "SAMOZA_TOKEN_FILE",
	 .type = CLI_PATH,
	 .offset = NODE(token_file),
	 .help = "file with the token of an administrator, who lets the zhost join; otherwise "
		 "$SAMOZA_TOKEN, or that of a cluster of this user on this machine"},
	{.name = "dir",
	 .environment = "STARTZ_DIR",
	 .type = CLI_PATH,
	 .offset = NODE(dir),
	 .value = "DIR",
	 .help = DIR_HELP},
	{.name = "config",
	 .type = CLI_PATH,
	 .offset = NODE(config),
	 .help = "capacity, labels and capabilities (a YAML list `zhosts` with this name)"},
	{.name = "allow-exec",
	 .environment = "ZHOST_ALLOW_EXEC",
	 .type = CLI_FLAG,
	 .offset = NODE(allow_exec),
	 .help = "let people run commands in NATIVE spaces on it (`zshell spaces exec`)"},
	{.name = "detach",
	 .type = CLI_FLAG,
	 .offset = NODE(detach),
	 .help = "return when it is ready; the zhost keeps running"},
	{.name = "ready-timeout",
	 .type = CLI_DURATION,
	 .offset = NODE(ready_ms),
	 .fallback = "60s",
	 .min = 100,
	 .max = 86400000,
	 .help = READY_HELP},
	{.name = "programs",
	 .environment = "STARTZ_PROGRAMS",
	 .type = CLI_PATH,
	 .offset = NODE(programs),
	 .value = "DIR",
	 .help = PROGRAMS_HELP},
	{0}};

struct dir_settings {
	char *dir;
};

static const struct cli_option dir_options[] = {{.name = "dir",
						 .environment = "STARTZ_DIR",
						 .type = CLI_PATH,
						 .offset = offsetof(struct dir_settings, dir),
						 .value = "DIR",
						 .help = DIR_HELP},
						{0}};

static const struct cli_program startz_program;

/* ---------------------------------------------------------------- helpers */

/* Prints the error, frees it, returns CLI_FAILED. */
static int failed(struct error *error)
{
	cli_print_error(&startz_program, error);
	error_free(error);
	return CLI_FAILED;
}

/* $XDG_STATE_HOME/samoza/cluster if no directory is given. The caller frees. */
static char *directory_of(const char *dir)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (dir != NULL)
		return mem_strdup(dir);
	if (!str_is_empty(state) && state[0] == '/')
		return str_printf("%s/samoza/cluster", state);
	return str_printf("%s/.local/state/samoza/cluster",
			  str_is_empty(home) ? "/var/lib" : home);
}

static void note_running(struct state *s)
{
	bool any = false;

	vector_for_each (&s->members, m)
		any = any || m->started;
	if (any)
		(void)fprintf(stderr,
			      "The started daemons keep running; to stop them: startz down "
			      "--dir %s\n",
			      s->dir);
}

/* In the foreground, a failed start leaves nothing running. */
static int not_ready(struct state *s, bool detach, struct error *err)
{
	struct error *more = NULL;

	(void)failed(err);
	if (s->dir == NULL)
		return 1;
	if (!detach && cluster_undo(s, &more) < 0)
		return failed(more);
	if (detach)
		note_running(s);
	return 1;
}

/* The last step of `up` and `node`: in the foreground, what it started stops with startz
 * [shell.startz.foreground]. */
static int stay_or_leave(struct state *s, int r, bool detach, struct error *err)
{
	CLEANUP(buffer_done) struct buffer started = BUFFER_INIT(1 << 20);

	if (r < 0)
		return not_ready(s, detach, err);
	if (detach)
		return 0;
	vector_for_each (&s->members, m) {
		if (m->started)
			(void)buffer_printf(&started, "%s%s", started.size > 0 ? ", " : "",
					    m->name);
	}
	if (started.size == 0) {
		(void)printf("Nothing was started: everything was running already.\n");
		return 0;
	}
	if (cluster_is_whole(s))
		(void)printf("Ctrl-C stops everything.\n");
	else
		(void)printf("Ctrl-C stops what was started now: %s.\n", started.data);
	(void)fflush(stdout);
	state_unlock(s);
	return cluster_watch(s);
}

/* ---------------------------------------------------------------- commands */

static int run_up(void *context, const struct cli_run *run, struct error **err)
{
	const struct up_settings *settings = run->options;
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = directory_of(settings->dir);
	struct error *why = NULL;
	int r;

	if (!settings->detach)
		interrupt_catch();
	r = cluster_check(dir, settings, &why);
	if (r == 0)
		r = state_open(dir, &s, &why);
	if (r == 0)
		r = cluster_up(&s, settings, &why);
	return stay_or_leave(&s, r, settings->detach, why);
}

static int run_node(void *context, const struct cli_run *run, struct error **err)
{
	const struct node_settings *settings = run->options;
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = directory_of(settings->dir);
	struct error *why = NULL;
	int r;

	if (!settings->detach)
		interrupt_catch();
	r = state_open(dir, &s, &why);
	if (r == 0)
		r = cluster_node(&s, settings, &why);
	return stay_or_leave(&s, r, settings->detach, why);
}

static void print_status(struct state *s)
{
	static const struct output_column columns[] = {
		{"NAME", 0, 0},		  {"PROGRAM", 0, 0},
		{"PID", OUTPUT_RIGHT, 0}, {"STATE", OUTPUT_STATE, 0},
		{"ADDRESS", 0, 0},	  {0},
	};
	struct output o;
	struct output_table *table;

	output_init(&o, stdout, stderr);
	table = output_table_new(&o, columns, 0);
	vector_for_each (&s->members, m) {
		bool runs = process_runs(&m->process);
		CLEANUP(freep) char *pid = runs ? str_printf("%d", (int)m->process.pid) : NULL;

		output_table_row(table,
				 (const char *[]){m->name, m->program, pid,
						  runs ? "running" : "stopped", m->address});
	}
	output_table_print(table);
}

static int run_status(void *context, const struct cli_run *run, struct error **err)
{
	const struct dir_settings *settings = run->options;
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = directory_of(settings->dir);
	int r = state_peek(dir, &s, err);

	if (r < 0)
		return r;
	print_status(&s);
	return CLI_DONE;
}

static int run_down(void *context, const struct cli_run *run, struct error **err)
{
	const struct dir_settings *settings = run->options;
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = directory_of(settings->dir);
	int r = state_peek(dir, &s, err);

	if (r == 0)
		r = state_lock(&s, err);
	if (r == 0)
		r = cluster_down(&s, err);
	return r;
}

/* ---------------------------------------------------------------- the table */

static const struct cli_command up_command = {
	.words = "up",
	.summary = "start zrms and zhosts on this machine, if they are not running",
	.options = up_options,
	.options_size = sizeof(struct up_settings),
	.run = run_up,
};
static const struct cli_command node_command = {
	.words = "node",
	.summary = "start one zhost",
	.options = node_options,
	.options_size = sizeof(struct node_settings),
	.run = run_node,
};
static const struct cli_command status_command = {
	.words = "status",
	.summary = "show the processes of a cluster",
	.options = dir_options,
	.options_size = sizeof(struct dir_settings),
	.run = run_status,
};
static const struct cli_command down_command = {
	.words = "down",
	.summary = "stop a cluster and everything that runs on it",
	.options = dir_options,
	.options_size = sizeof(struct dir_settings),
	.run = run_down,
};

static const struct cli_command *const commands[] = {
	&up_command, &node_command, &status_command, &down_command, &cli_help_command, NULL,
};

static const struct cli_program startz_program = {
	.name = "startz",
	.summary = "start a whole cluster, or one zhost, on this machine",
	.version = SAMOZA_VERSION,
	.commands = commands,
	.notes = "Without --dir: $STARTZ_DIR, otherwise $XDG_STATE_HOME/samoza/cluster.\n"
		 "STATE in the output of `status` is that of the process: running or stopped.",
};

int main(int argc, char **argv)
{
	return cli_main(&startz_program, argc, argv, NULL, NULL);
}
