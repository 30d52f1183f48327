/*
 * startz: a whole cluster, or one node, on this machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/client/interrupt.h"
#include "adapter/config/version.h"
#include "adapter/output/output.h"
#include "base/str.h"
#include "base/text.h"
#include "startz/cluster.h"
#include "startz/process.h"

#define DIR_HELP      "Folder of the cluster"
#define READY_HELP    "How long it may take until all is ready"
#define PROGRAMS_HELP "Folder of the programs zrms and zhost; otherwise that of startz"

static const struct config_option up_options[] = {
	{NULL, "zhosts", NULL, CONFIG_U32, offsetof(struct up_settings, zhosts), .min = 1,
	 .max = 1000, .help = "How many zhosts; otherwise as before, 3 at first"},
	{NULL, "dir", "STARTZ_DIR", CONFIG_PATH, offsetof(struct up_settings, dir),
	 .value = "DIR", .help = DIR_HELP},
	{NULL, "api", NULL, CONFIG_LISTEN, offsetof(struct up_settings, api),
	 .help = "Where zrms listens; otherwise as before, 127.0.0.1:7331 at first"},
	{NULL, "heartbeat", NULL, CONFIG_DURATION, offsetof(struct up_settings, heartbeat_ms),
	 .min = 10, .max = 3600000,
	 .help = "Interval of the heartbeats; otherwise as before, 1s at first"},
	{NULL, "failure-timeout", NULL, CONFIG_DURATION,
	 offsetof(struct up_settings, timeout_ms), .min = 100, .max = 86400000,
	 .help = "Silence after which a zhost is lost; otherwise as before, 3s at first"},
	{NULL, "config", NULL, CONFIG_PATH, offsetof(struct up_settings, config),
	 .help = "The zhosts with capacity, labels and capabilities (a YAML list `zhosts`)"},
	{NULL, "detach", NULL, CONFIG_BOOL, offsetof(struct up_settings, detach),
	 .help = "Return when all is ready; the daemons run on"},
	{NULL, "ready-timeout", NULL, CONFIG_DURATION, offsetof(struct up_settings, ready_ms),
	 .fallback = "60s", .min = 100, .max = 86400000, .help = READY_HELP},
	{NULL, "programs", "STARTZ_PROGRAMS", CONFIG_PATH,
	 offsetof(struct up_settings, programs), .value = "DIR", .help = PROGRAMS_HELP},
	{0}};

static const struct config_option node_options[] = {
	{NULL, "name", NULL, CONFIG_STRING, offsetof(struct node_settings, name),
	 .value = "NAME", .required = true, .help = "Name of the zhost"},
	{NULL, "zrms", "ZRMS_URL", CONFIG_URL, offsetof(struct node_settings, zrms),
	 .required = true, .help = "Where zrms is"},
	{NULL, "dir", "STARTZ_DIR", CONFIG_PATH, offsetof(struct node_settings, dir),
	 .value = "DIR", .help = DIR_HELP},
	{NULL, "config", NULL, CONFIG_PATH, offsetof(struct node_settings, config),
	 .help = "Capacity, labels and capabilities (a YAML list `zhosts` with this name)"},
	{NULL, "detach", NULL, CONFIG_BOOL, offsetof(struct node_settings, detach),
	 .help = "Return when it is ready; the zhost runs on"},
	{NULL, "ready-timeout", NULL, CONFIG_DURATION, offsetof(struct node_settings, ready_ms),
	 .fallback = "60s", .min = 100, .max = 86400000, .help = READY_HELP},
	{NULL, "programs", "STARTZ_PROGRAMS", CONFIG_PATH,
	 offsetof(struct node_settings, programs), .value = "DIR", .help = PROGRAMS_HELP},
	{0}};

struct dir_settings {
	char *dir;
};

static const struct config_option dir_options[] = {{NULL, "dir", "STARTZ_DIR", CONFIG_PATH,
						    offsetof(struct dir_settings, dir),
						    .value = "DIR", .help = DIR_HELP},
						   {0}};

static const struct config_program up_program = {
	.name = "startz up",
	.summary = "start zrms and zhosts on this machine, what is missing of them",
	.options = up_options,
};
static const struct config_program node_program = {
	.name = "startz node", .summary = "start one zhost", .options = node_options};
static const struct config_program status_program = {
	.name = "startz status", .summary = "show what runs", .options = dir_options};
static const struct config_program down_program = {.name = "startz down",
						   .summary = "end everything of a cluster",
						   .options = dir_options};

/* ---------------------------------------------------------------- helpers */

/* Prints the error, line by line; frees it; returns 1. */
static int failed(struct error *error)
{
	char *text = error_text(error);

	(void)fputs("startz: ", stderr);
	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');
		CLEANUP(freep) char *safe = NULL;

		if (end != NULL)
			*end++ = '\0';
		safe = text_escaped(line);
		(void)fprintf(stderr, "%s\n", safe);
		line = end;
	}
	free(text);
	error_free(error);
	return 1;
}

/* $XDG_STATE_HOME/samoza/cluster when none is named. The caller frees. */
static char *folder_of(const char *dir)
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
			      "What was started runs on; to end it: startz down --dir %s\n",
			      s->dir);
}

/* In the foreground, a start that fails leaves nothing behind. */
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

/* The end of `up` and `node`: in the foreground everything ends with startz. */
static int stay_or_leave(struct state *s, int r, bool detach, struct error *err)
{
	if (r < 0)
		return not_ready(s, detach, err);
	if (detach)
		return 0;
	(void)printf("Ctrl-C ends everything.\n");
	(void)fflush(stdout);
	state_unlock(s);
	return cluster_watch(s);
}

/* ---------------------------------------------------------------- commands */

static int run_up(int argc, char **argv)
{
	struct up_settings settings = {0};
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = NULL;
	struct error *err = NULL;
	int status = 0;
	int r = config_load(&up_program, &settings, argc, argv, NULL, &err);

	if (r < 0) {
		status = config_refused(&up_program, err);
	} else if (r == 0) {
		dir = folder_of(settings.dir);
		if (!settings.detach)
			interrupt_catch();
		r = cluster_check(dir, &settings, &err);
		if (r == 0)
			r = state_open(dir, &s, &err);
		if (r == 0)
			r = cluster_up(&s, &settings, &err);
		status = stay_or_leave(&s, r, settings.detach, err);
	}
	config_done(&up_program, &settings);
	return status;
}

static int run_node(int argc, char **argv)
{
	struct node_settings settings = {0};
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = NULL;
	struct error *err = NULL;
	int status = 0;
	int r = config_load(&node_program, &settings, argc, argv, NULL, &err);

	if (r < 0) {
		status = config_refused(&node_program, err);
	} else if (r == 0) {
		dir = folder_of(settings.dir);
		if (!settings.detach)
			interrupt_catch();
		r = state_open(dir, &s, &err);
		if (r == 0)
			r = cluster_node(&s, &settings, &err);
		status = stay_or_leave(&s, r, settings.detach, err);
	}
	config_done(&node_program, &settings);
	return status;
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

static int run_status(int argc, char **argv)
{
	struct dir_settings settings = {0};
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = NULL;
	struct error *err = NULL;
	int status = 0;
	int r = config_load(&status_program, &settings, argc, argv, NULL, &err);

	if (r < 0) {
		status = config_refused(&status_program, err);
	} else if (r == 0) {
		dir = folder_of(settings.dir);
		r = state_peek(dir, &s, &err);
		if (r < 0)
			status = failed(err);
		else
			print_status(&s);
	}
	config_done(&status_program, &settings);
	return status;
}

static int run_down(int argc, char **argv)
{
	struct dir_settings settings = {0};
	CLEANUP(state_done) struct state s = {.lock_fd = -1};
	CLEANUP(freep) char *dir = NULL;
	struct error *err = NULL;
	int status = 0;
	int r = config_load(&down_program, &settings, argc, argv, NULL, &err);

	if (r < 0) {
		status = config_refused(&down_program, err);
	} else if (r == 0) {
		dir = folder_of(settings.dir);
		r = state_peek(dir, &s, &err);
		if (r == 0)
			r = state_lock(&s, &err);
		if (r == 0)
			r = cluster_down(&s, &err);
		status = r < 0 ? failed(err) : 0;
	}
	config_done(&down_program, &settings);
	return status;
}

/* ---------------------------------------------------------------- the whole */

static const struct command {
	const char *name;
	const struct config_program *program;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"up", &up_program, run_up},
	{"node", &node_program, run_node},
	{"status", &status_program, run_status},
	{"down", &down_program, run_down},
};

static void print_help(FILE *out)
{
	(void)fputs("usage: startz COMMAND [OPTIONS]\n\nCommands:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)fprintf(out, "  %-8s  %s\n", commands[i].name,
			      commands[i].program->summary);
	(void)fputs("\n`startz COMMAND --help` lists its options.\n"
		    "Without --dir: $STARTZ_DIR, otherwise $XDG_STATE_HOME/samoza/cluster.\n",
		    out);
}

static void print_manual(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		(void)printf(".Ss startz %s\n%c%s.\n", commands[i].name,
			     commands[i].program->summary[0] & ~0x20,
			     commands[i].program->summary + 1);
		config_print_manual(commands[i].program, stdout);
	}
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	for (size_t i = 0; word != NULL && i < ARRAY_SIZE(commands); i++) {
		if (str_equal(word, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	if (str_equal(word, "--help") || str_equal(word, "-h") || str_equal(word, "help")) {
		print_help(stdout);
		return 0;
	}
	if (str_equal(word, "--version")) {
		(void)printf("startz %s\n", SAMOZA_VERSION);
		return 0;
	}
	if (str_equal(word, "--print-manual")) {
		print_manual();
		return 0;
	}
	if (word != NULL)
		(void)fprintf(stderr, "startz: unknown command '%s'\n", word);
	print_help(stderr);
	return 2;
}
