/*
 * Keys that packages are signed with: trust list, add, rm.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_add(void *context, const struct cli_run *line, struct error **err);
static int run_rm(void *context, const struct cli_run *line, struct error **err);

struct list_options {
	bool all;
};

static const struct cli_option list_options[] = {
	{.name = "all",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct list_options, all),
	 .help = "also those that were removed and have signed nothing that runs"},
	{0},
};

struct add_options {
	char *name, *topologies;
};

static const struct cli_option add_options[] = {
	{.name = "name",
	 .type = CLI_STRING,
	 .value = "NAME",
	 .offset = offsetof(struct add_options, name),
	 .help = "what it is called; otherwise as its file, without .pub"},
	{.name = "topologies",
	 .type = CLI_STRING,
	 .value = "PATTERN[,PATTERN]",
	 .offset = offsetof(struct add_options, topologies),
	 .help = "it signs only topologies with such names, as 'shop-*'"},
	{0},
};

static const struct cli_argument file_argument[] = {{.name = "FILE", .kind = CLI_ARGUMENT_FILE},
						    {0}};
static const struct cli_argument key_argument[] = {{.name = "NAME", .kind = ARGUMENT_KEY}, {0}};

#define LIST_DETAILS                                                                         \
	"RUNS are the topologies of which something runs that the key has signed. A key of " \
	"a file in zrms'\ndirectory trust/ has no time and nobody who added it."

const struct cli_command command_trust = {
	.words = "trust",
	.summary = "list the keys that packages may be signed with",
	.details = LIST_DETAILS,
	.options = list_options,
	.options_size = sizeof(struct list_options),
	.run = run_list,
};

const struct cli_command command_trust_list = {
	.words = "trust list",
	.summary = "list the keys that packages may be signed with",
	.details = LIST_DETAILS,
	.options = list_options,
	.options_size = sizeof(struct list_options),
	.run = run_list,
};

const struct cli_command command_trust_add = {
	.words = "trust add",
	.summary = "accept packages that are signed with a key",
	.details = "FILE is the public one, as mex keygen writes it: a line 'ed25519 BASE64', "
		   "which may end with\n'topologies=NAME,NAME' instead of --topologies.",
	.arguments = file_argument,
	.options = add_options,
	.options_size = sizeof(struct add_options),
	.run = run_add,
};

const struct cli_command command_trust_rm = {
	.words = "trust rm",
	.summary = "accept nothing more that is signed with a key",
	.details = "What it has signed and runs goes on, and is named; `topo rollback` does "
		   "not go "
		   "back to it. This\nholds also where a file in zrms' directory trust/ has "
		   "the key, "
		   "until it is added again.",
	.arguments = key_argument,
	.run = run_rm,
};

static const struct output_column columns[] = {
	{"NAME", 0, 0}, {"STATE", 0, 0},	 {"TOPOLOGIES", 0, 0},	 {"ADDED", 0, 0},
	{"BY", 0, 0},	{"RUNS", OUTPUT_CUT, 0}, {"KEY", OUTPUT_CUT, 0}, {0},
};

/* "shop-*, blog"; `none` where there are none. The caller frees. */
static char *words_text(char *const *words, size_t count, const char *none)
{
	struct buffer out = BUFFER_INIT(64 * 1024);
	if (count == 0)
		return mem_strdup(none);
	for (size_t i = 0; i < count; i++)
		(void)buffer_printf(&out, "%s%s", i > 0 ? ", " : "", words[i]);
	return buffer_steal(&out);
}

static void add_row(struct output_table *table, const Samoza__V1__SigningKeyView *v)
{
	CLEANUP(freep)
	char *names = words_text(v->topologies, v->n_topologies, v->limited ? "none" : "all");
	CLEANUP(freep) char *runs = words_text(v->runs, v->n_runs, "");
	output_table_row(table, (const char *[]){v->name, v->state, names,
						 v->file ? "(file)" : v->added, v->added_by,
						 runs, v->key});
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct list_options *given = line->options;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__SigningKeyListView *list = NULL;
	struct output_table *table;
	int r = api_get(shell->api, "/v1/trust", &samoza__v1__signing_key_list_view__descriptor,
			(void **)&list, err);

	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_keys; i++)
		if (given->all || list->keys[i]->n_runs > 0 ||
		    str_equal(list->keys[i]->state, "trusted"))
			add_row(table, list->keys[i]);
	output_table_print(table);
	return CLI_DONE;
}

#define KEY_FILE_MAX 4096

/* The first line, without its end. The caller frees. */
static int read_key(const char *path, char **ret_line, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[KEY_FILE_MAX + 1];
	ssize_t n = fd >= 0 ? read(fd, text, KEY_FILE_MAX) : -1;
	if (n < 0)
		return error_errno(err, "cannot read the key %s", path);
	text[n] = '\0';
	if (str_has_prefix(text, "ed25519-secret "))
		return error_set(err, ERR_INVALID,
				 "%s is the secret key, which nobody else is to have: expected "
				 "the public one, %s.pub",
				 path, path);
	*ret_line = mem_strdup(text);
	return 0;
}

/* "team" of "keys/team.pub"; the caller frees. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t size = strlen(base);
	return mem_strndup(base, str_has_suffix(base, ".pub") ? size - 4 : size);
}

static int ask_to_add(struct shell *shell, const struct add_options *given, char *name,
		      char *key, Samoza__V1__SigningKeyView **ret, struct error **err)
{
	Samoza__V1__SigningKeyRequest asked = SAMOZA__V1__SIGNING_KEY_REQUEST__INIT;
	CLEANUP(freep) char *names = mem_strdup(given->topologies);
	CLEANUP(freep) char **words = NULL;
	char *rest = NULL;

	asked.name = name;
	asked.key = key;
	if (names != NULL)
		words = mem_new_array(char *, strlen(names) + 1);
	for (char *word = names != NULL ? strtok_r(names, ",", &rest) : NULL; word != NULL;
	     word = strtok_r(NULL, ",", &rest))
		words[asked.n_topologies++] = word;
	if (names != NULL && asked.n_topologies == 0)
		return error_set(err, ERR_INVALID,
				 "--topologies is empty: expected names, as 'shop-*,blog'");
	asked.topologies = words;
	CLEANUP(freep) char *body = view_write(&asked.base);
	return api_send(shell->api, "POST", "/v1/trust", body,
			&samoza__v1__signing_key_view__descriptor, (void **)ret, err);
}

static int run_add(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct add_options *given = line->options;
	const char *path = cli_argument(line, 0);
	CLEANUP(view_freep) Samoza__V1__SigningKeyView *view = NULL;
	CLEANUP(freep)
	char *name = given->name != NULL ? mem_strdup(given->name) : name_of(path);
	CLEANUP(freep) char *key = NULL;
	int r = read_key(path, &key, err);

	if (r == 0)
		r = ask_to_add(shell, given, name, key, &view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	CLEANUP(freep) char *names = words_text(view->topologies, view->n_topologies, NULL);
	output_line(&shell->output, "Key %s is trusted%s%s.", view->name,
		    names != NULL ? " for topologies named " : "", names != NULL ? names : "");
	return CLI_DONE;
}

static int run_rm(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *name = cli_argument(line, 0);
	CLEANUP(view_freep) Samoza__V1__SigningKeyView *view = NULL;
	CLEANUP(freep) char *path = api_path("/v1/trust/", name, NULL);
	int r = api_send(shell->api, "DELETE", path, NULL,
			 &samoza__v1__signing_key_view__descriptor, (void **)&view, err);

	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output, "Key %s is no longer trusted.", view->name);
	if (view->n_runs > 0) {
		CLEANUP(freep) char *runs = words_text(view->runs, view->n_runs, "");
		output_line(&shell->output, "It has signed what goes on: %s.", runs);
	}
	return CLI_DONE;
}
