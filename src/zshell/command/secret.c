/*
 * What spaces get and nobody reads: secret list, set, rm, rotate-key. A value is never an argument: those are in the history of the
 * shell and in the list of processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "adapter/token/token.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/scalar.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/shell/secret.h"

enum { VALUE_MAX = 32 * 1024 };

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_set(void *context, const struct cli_run *line, struct error **err);
static int run_rm(void *context, const struct cli_run *line, struct error **err);
static int run_rotate(void *context, const struct cli_run *line, struct error **err);

struct set_options {
	char *topology, *file;
	bool force;
};

static const struct cli_option set_options[] = {
	{.name = "topology",
	 .type = CLI_STRING,
	 .value = "PATTERN",
	 .required = true,
	 .offset = offsetof(struct set_options, topology),
	 .help = "which topologies may use it, by name, as 'shop-*'; '*' for all"},
	{.name = "from-file",
	 .type = CLI_PATH,
	 .offset = offsetof(struct set_options, file),
	 .help = "the value is what this file has; otherwise it is read from standard input, "
		 "or "
		 "asked for on a terminal"},
	{.name = "force",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct set_options, force),
	 .help = "also where another pattern takes it from topologies that use it"},
	{0},
};

struct rm_options {
	bool force;
};

static const struct cli_option rm_options[] = {
	{.name = "force",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct rm_options, force),
	 .help = "also one that is in use: what runs keeps it, and does not start again"},
	{0},
};

static const struct cli_argument new_argument[] = {{.name = "NAME"}, {0}};
static const struct cli_argument name_argument[] = {{.name = "NAME", .kind = ARGUMENT_SECRET},
						    {0}};

#define LIST_DETAILS                                                                      \
	"USERS are the spaces that name it and may have it. Values are shown to nobody: " \
	"zrms gives them to\nzhosts that run such a space, and to nobody else."

const struct cli_command command_secret = {
	.words = "secret",
	.summary = "list the secrets that spaces get",
	.details = LIST_DETAILS,
	.run = run_list,
};

const struct cli_command command_secret_list = {
	.words = "secret list",
	.summary = "list the secrets that spaces get",
	.details = LIST_DETAILS,
	.run = run_list,
};

const struct cli_command command_secret_set = {
	.words = "secret set",
	.summary = "set a secret, or give it another value",
	.details = "The value, of up to 32 KiB of any bytes, is read from standard input as it "
		   "is, with a newline\nthat may be at its end; on a terminal it is asked for "
		   "twice, and not shown. It is never an argument.\nWhat runs with the value "
		   "of before follows `reload` of its space. The two newest are kept.",
	.arguments = new_argument,
	.options = set_options,
	.options_size = sizeof(struct set_options),
	.run = run_set,
};

const struct cli_command command_secret_rm = {
	.words = "secret rm",
	.summary = "remove a secret",
	.details = "One that is in use is kept, unless --force is given: what runs keeps its "
		   "value, and does not\nstart again without it.",
	.arguments = name_argument,
	.options = rm_options,
	.options_size = sizeof(struct rm_options),
	.run = run_rm,
};

const struct cli_command command_secret_rotate_key = {
	.words = "secret rotate-key",
	.summary = "seal all secrets with another key",
	.details = "zrms makes a key, the others of the cluster get it, too, all values are "
		   "sealed with it, and the\none before is removed. Backups of before need "
		   "that one: make a backup with keys afterwards.",
	.run = run_rotate,
};

/* ---- list ---- */

static const struct output_column columns[] = {
	{"NAME", 0, 0},
	{"TOPOLOGIES", 0, 0},
	{"VERSION", OUTPUT_RIGHT, 0},
	{"SET", 0, 0},
	{"BY", 0, 0},
	{"USERS", OUTPUT_CUT, 0},
	{0},
};

static void add_row(struct output_table *table, const Samoza__V1__SecretView *v)
{
	struct buffer users = BUFFER_INIT(64 * 1024);
	CLEANUP(freep) char *version = str_printf("%" PRIu64, v->version);
	for (size_t i = 0; i < v->n_users; i++)
		(void)buffer_printf(&users, "%s%s", i > 0 ? ", " : "", v->users[i]);
	CLEANUP(freep) char *text = buffer_steal(&users);
	output_table_row(table, (const char *[]){v->name, v->topologies, version, v->set,
						 v->set_by, text});
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__SecretListView *list = NULL;
	struct output_table *table;
	int r = api_get(shell->api, "/v1/secrets", &samoza__v1__secret_list_view__descriptor,
			(void **)&list, err);

	(void)line;
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_secrets; i++)
		add_row(table, list->secrets[i]);
	output_table_print(table);
	for (size_t i = 0; i < list->n_secrets; i++)
		if (list->secrets[i]->key_missing)
			output_note(
				o,
				"The key of %s is not on the zrms that leads, so nobody gets "
				"its value: copy credentials/secrets.key from another zrms "
				"or a backup with keys, or set it again.",
				list->secrets[i]->name);
	return CLI_DONE;
}

/* ---- set ---- */

/* One byte more than may be: so that it is not cut without a word. */
struct value {
	size_t size;
	char bytes[VALUE_MAX + 1];
};

static void value_wipe(struct value *value)
{
	explicit_bzero(value, sizeof(*value));
}

static int read_all(int fd, const char *from, struct value *value, struct error **err)
{
	ssize_t n = 1;

	while (n != 0 && value->size < sizeof(value->bytes)) {
		n = read(fd, value->bytes + value->size, sizeof(value->bytes) - value->size);
		if (n < 0 && errno != EINTR)
			return error_errno(err, "cannot read %s", from);
		value->size += n > 0 ? (size_t)n : 0;
		n = n < 0 ? 1 : n;
	}
	if (value->size == 0)
		return error_set(err, ERR_INVALID, "%s is empty: expected a value", from);
	if (value->size > VALUE_MAX)
		return error_set(err, ERR_LIMIT,
				 "%s has more than %d KiB: give the rest to the space in "
				 "another way",
				 from, VALUE_MAX / 1024);
	return 0;
}

static int read_file(const char *path, struct value *value, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	return read_all(fd, path, value, err);
}

/* Twice, as nobody sees what was typed. */
static int ask_person(const struct shell *shell, const char *name, struct value *value,
		      struct error **err)
{
	CLEANUP(freep) char *prompt = str_printf("value of %s: ", name);
	CLEANUP(token_freep) char *first = NULL;
	CLEANUP(token_freep) char *second = NULL;
	int r = secret_read(shell, prompt, "value", &first, err);

	if (r == 0)
		r = secret_read(shell, "the same again: ", "value", &second, err);
	if (r < 0)
		return r;
	if (!str_equal(first, second))
		return error_set(err, ERR_INVALID,
				 "these are two different values; nothing was changed");
	value->size = strlen(first);
	if (value->size == 0 || value->size >= SECRET_LINE_MAX)
		return error_set(err, ERR_INVALID,
				 "%s; nothing was changed: give it with --from-file",
				 value->size == 0 ? "the value is empty"
						  : "it is too long to "
						    "be typed");
	memcpy(value->bytes, first, value->size);
	return 0;
}

static int read_value(const struct shell *shell, const char *name, const char *file,
		      struct value *value, struct error **err)
{
	int r;

	if (file != NULL)
		r = read_file(file, value, err);
	else if (secret_is_typed(shell))
		return ask_person(shell, name, value, err);
	else if (shell->interactive) /* the next commands come from there */
		return error_set(err, ERR_INVALID,
				 "commands are read from standard input: give the value with "
				 "--from-file FILE");
	else
		r = read_all(STDIN_FILENO, "standard input", value, err);
	if (r == 0 && value->bytes[value->size - 1] == '\n' &&
	    memchr(value->bytes, '\n', value->size - 1) == NULL)
		output_note(
			&shell->output,
			"The newline at the end is a part of the value (printf writes none).");
	return r;
}

static int ask_to_set(struct shell *shell, char *name, const struct set_options *given,
		      const struct value *value, Samoza__V1__SecretView **ret,
		      struct error **err)
{
	Samoza__V1__SecretRequest asked = SAMOZA__V1__SECRET_REQUEST__INIT;
	struct buffer base64 = BUFFER_INIT(2 * sizeof(*value));
	CLEANUP(token_freep) char *text = NULL;
	CLEANUP(token_freep) char *body = NULL;

	asked.name = name;
	asked.topologies = given->topology;
	asked.has_force = asked.force = given->force;
	(void)buffer_reserve(&base64, base64.max); /* in one place, which is wiped */
	(void)base64_add(&base64, (const uint8_t *)value->bytes, value->size);
	asked.value = text = buffer_steal(&base64);
	body = view_write(&asked.base);
	return api_send(shell->api, "POST", "/v1/secrets", body,
			&samoza__v1__secret_view__descriptor, (void **)ret, err);
}

static int run_set(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct set_options *given = line->options;
	char *name = (char *)(uintptr_t)cli_argument(line, 0);
	CLEANUP(view_freep) Samoza__V1__SecretView *view = NULL;
	CLEANUP(value_wipe) struct value value = {0};
	int r;

	r = read_value(shell, name, given->file, &value, err);
	if (r == 0)
		r = ask_to_set(shell, name, given, &value, &view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output,
		    "Secret %s is set for topologies named %s: version %" PRIu64 ".",
		    view->name, view->topologies, view->version);
	return CLI_DONE;
}

/* ---- rm, rotate-key ---- */

static int run_rm(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct rm_options *given = line->options;
	const char *name = cli_argument(line, 0);
	CLEANUP(freep)
	char *path = api_path("/v1/secrets/", name, given->force ? "?force=1" : "", NULL);
	int r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);

	if (r < 0)
		return r;
	if (shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Secret %s is removed.", name);
	return CLI_DONE;
}

static int run_rotate(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__SecretKeyView *view = NULL;
	int r = api_send(shell->api, "POST", "/v1/secrets/rotate-key", NULL,
			 &samoza__v1__secret_key_view__descriptor, (void **)&view, err);

	(void)line;
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output,
		    "All secrets are sealed with key %s (%" PRIu64 " version%s sealed again).",
		    view->key, view->sealed, str_plural(view->sealed));
	return CLI_DONE;
}
