/*
 * Parts that several commands share.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_COMMON_H
#define SAMOZA_ZSHELL_COMMAND_COMMON_H

#include "adapter/client/view.h"
#include "base/vector.h"
#include "proto/view.pb-c.h"
#include "zshell/shell/confirm.h"
#include "zshell/shell/history.h"
#include "zshell/shell/resolve.h"
#include "zshell/shell/shell.h"
#include "zshell/shell/wait.h"

/* Used as `.details` by every command that takes an ID. */
#define ID_DETAILS                                                                        \
	"ID is the topology's id, an unambiguous prefix of at least four characters of\n" \
	"it, or its name: the one that is not stopped, or else the newest."
#define SPACE_DETAILS                                                                    \
	"NAME is TOPOLOGY/PATH (my-app/api, my-app/api-2/cache), or the path alone if\n" \
	"only one topology has it."
#define WAIT_DETAILS \
	"With --wait: exits when it is done, or with status 4 after the timeout (60s)."

/* How many events a status shows, and among how many of the newest it looks for them. */
#define STATUS_EVENTS 5
#define STATUS_NEWEST 20000

extern const struct cli_argument topology_argument[]; /* ID */
extern const struct cli_argument space_argument[];    /* TOPOLOGY/PATH */

/* Options that several commands have, as entries of their tables; `settings` has wait_ms, no_wait, yes. */
#define OPTION_WAIT(settings)                                                                \
	{                                                                                    \
		.name = "wait", .type = CLI_DURATION, .offset = offsetof(settings, wait_ms), \
		.implied = WAIT_DEFAULT, .min = 1, .max = WAIT_MAX_MS,                       \
		.help = "wait until it is done, at most TIME"                                \
	}
/* Of commands that wait unless they are told not to. */
#define OPTION_WAIT_ALWAYS(settings, words)                                                  \
	{                                                                                    \
		.name = "wait", .type = CLI_DURATION, .offset = offsetof(settings, wait_ms), \
		.fallback = WAIT_DEFAULT, .implied = WAIT_DEFAULT, .min = 1,                 \
		.max = WAIT_MAX_MS, .help = words                                            \
	}
#define OPTION_NO_WAIT(settings, words)                                                 \
	{                                                                               \
		.name = "no-wait", .offset = offsetof(settings, no_wait), .help = words \
	}
/* Of commands that hand in a package; `settings` has a struct submit_wishes `wishes`. */
#define OPTIONS_SUBMIT(settings)                                                           \
	{.name = "name",                                                                   \
	 .type = CLI_STRING,                                                               \
	 .offset = offsetof(settings, wishes.name),                                        \
	 .value = "NAME",                                                                  \
	 .help = "of the topology; otherwise that of the package"},                        \
		{.name = "set",                                                            \
		 .type = CLI_LINES,                                                        \
		 .offset = offsetof(settings, wishes.sets),                                \
		 .value = "NAME=VALUE",                                                    \
		 .help = "a value for a parameter of the package; may be given again"},    \
		{.name = "values",                                                         \
		 .type = CLI_PATH,                                                         \
		 .offset = offsetof(settings, wishes.values),                              \
		 .help = "a YAML file with NAME: VALUE for parameters; --set counts "      \
			 "before it"},                                                     \
		{.name = "reset-values",                                                   \
		 .offset = offsetof(settings, wishes.reset_values),                        \
		 .help = "values and counts that were set before are those of the "        \
			 "package again"},                                                 \
		{.name = "allow-downgrade",                                                \
		 .offset = offsetof(settings, wishes.allow_downgrade),                     \
		 .help = "the version may be lower than that of what runs"},               \
	{                                                                                  \
		.name = "no-surge", .offset = offsetof(settings, wishes.no_surge),         \
		.help = "what finds no room for a second copy stops before its successor " \
			"starts"                                                           \
	}
#define OPTION_YES(settings)                                                              \
	{                                                                                 \
		.name = "yes", .letter = 'y', .offset = offsetof(settings, yes),          \
		.help = "do not ask for confirmation on a terminal when the topology is " \
			"given "                                                          \
			"by a prefix of its id, or when others depend on it"              \
	}

/* --wait[=TIME], for commands without other options. */
struct wait_options {
	int64_t wait_ms; /* 0: not given */
};
extern const struct cli_option wait_option[];

/*
 * What a command is about that ends something: found, and confirmed where only a prefix names it
 * [shell.zshell.confirm]. `doing`: "Stop". Freed by topology_ref_done(), space_ref_done().
 */
int topology_to_end(struct shell *shell, const char *text, const char *doing, bool yes,
		    struct topology_ref *ret_ref, struct error **err) must_check;
/* `topology_too`: also a topology alone; *ret_ref has no path then. */
int space_to_end(struct shell *shell, const char *text, bool topology_too, const char *doing,
		 bool yes, struct space_ref *ret_ref, struct error **err) must_check;

/* Paths of the instances that are to run, at `ref` and below, parents before their children. */
struct paths {
	VECTOR(char *) list;
};
void paths_done(struct paths *paths);
int paths_to_run(struct shell *shell, const struct space_ref *ref, struct paths *ret_paths,
		 struct error **err) must_check;

/* PUT of the goal of one instance. `word`: the command that was typed, or NULL; `ret_view` (view_free)
 * may be NULL. */
int put_goal(struct shell *shell, const struct topology_ref *topology, const char *path,
	     const char *goal, const char *word, Samoza__V1__SpaceView **ret_view,
	     struct error **err) must_check;

int get_topology(struct shell *shell, const char *id, Samoza__V1__TopologyView **ret_view,
		 struct error **err) must_check;

/* The table "Placements:", followed by the reasons of the instances that are not running. */
void print_placements(const struct output *o, const Samoza__V1__TopologyView *t);
/* `r`, with a hint where `err` says that there is no such zhost. */
int hint_zhosts(int r, struct error **err) must_check;
/* The notice of an answer, if any, on standard error. */
void print_notice(const struct shell *shell, const Samoza__V1__TopologyView *view);

/* "Rollout: rolling to 1.3.0, 2 of 5 (api-3 is starting on edge-node-2)", where one is under way. */
void print_rollout(const struct output *o, const Samoza__V1__TopologyView *view);
/* The caller frees; NULL: there is none. */
char *rollout_text(const Samoza__V1__RolloutView *rollout);
/* What a standby lacks of the records; the caller frees. */
char *zrms_lag_text(const Samoza__V1__ZrmsView *zrms);
/* What a submission, and a plan of one, may ask for. */
struct submit_wishes {
	char *name, *sets, *values;
	bool reset_values, allow_downgrade, no_surge;
};
/* "/v1/topologies?plan=1&no_surge=1" for "plan=1", with what stands in the file of values; the caller frees. */
int submit_path(const char *query, const struct submit_wishes *wishes, char **ret_path,
		struct error **err) must_check;
/* "api 5 (scaled; package: 3)"; the caller frees. NULL: none is. */
char *scaled_text(const Samoza__V1__TopologyView *t);

/*
 * What the commands have in common that ask something of the topology which is their argument: POST
 * /v1/topologies/ID/ACTION, then it waits for `what` if `wait`. Prints what begins, the notice of the answer, the
 * progress and how it ended. Returns an exit status or an error.
 */
struct topology_request {
	const char *action; /* "start" */
	const char *query;  /* "to=", and its value; NULL: none */
	const char *value;
	const char *ends; /* asks first: "Stop" [shell.zshell.confirm]; NULL: it ends nothing */
	bool yes;	  /* do not ask */
	const char *doing; /* "Starting"; NULL: not said */
	const char *done;  /* "is running", when it has waited */
	bool rollout;	   /* otherwise: say how far its rollout is */
	enum wait_for what;
	bool wait;
	bool progress;
	uint64_t timeout_ms;
};
int request_topology(struct shell *shell, const struct cli_run *line,
		     const struct topology_request *request, struct error **err) must_check;

#endif
