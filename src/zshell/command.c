#include "zshell/command.h"

#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "model/quantity.h"

extern const struct command command_status, command_topo, command_topo_list,
	command_topo_submit, command_topo_status, command_topo_explain, command_topo_stop,
	command_topo_start, command_topo_recover, command_topo_rm, command_topo_events,
	command_spaces, command_spaces_list, command_spaces_status, command_spaces_deploy,
	command_spaces_start, command_spaces_stop, command_spaces_undeploy, command_spaces_logs,
	command_mesh_spaces, command_cluster, command_cluster_zhosts, command_cluster_cordon,
	command_cluster_uncordon, command_cluster_rm, command_help, command_completion,
	command_complete, command_manual, command_exit;

const struct command *const command_all[] = {
	&command_status,
	&command_topo,
	&command_topo_list,
	&command_topo_submit,
	&command_topo_status,
	&command_topo_explain,
	&command_topo_stop,
	&command_topo_start,
	&command_topo_recover,
	&command_topo_rm,
	&command_topo_events,
	&command_spaces,
	&command_spaces_list,
	&command_spaces_status,
	&command_spaces_deploy,
	&command_spaces_start,
	&command_spaces_stop,
	&command_spaces_undeploy,
	&command_spaces_logs,
	&command_mesh_spaces,
	&command_cluster,
	&command_cluster_zhosts,
	&command_cluster_cordon,
	&command_cluster_uncordon,
	&command_cluster_rm,
	&command_help,
	&command_completion,
	&command_complete,
	&command_manual,
	&command_exit,
	NULL,
};

static void tell_slow(void *data, const char *url)
{
	output_note(data, "still waiting for zrms at %s ...", url);
}

int shell_api_new(const char *url, const struct output *o, struct api **ret_api,
		  struct error **err)
{
	int r = api_new(url, ret_api, err);

	if (r == 0)
		api_on_slow(*ret_api, tell_slow, (void *)o);
	return r;
}

void invocation_done(struct invocation *in)
{
	vector_done(&in->arguments);
}

const char *invocation_argument(const struct invocation *in, size_t index)
{
	return index < in->arguments.count ? in->arguments.items[index] : NULL;
}

static size_t option_index(const struct invocation *in, const char *option)
{
	const struct command_option *o = in->command->options;

	for (size_t i = 0; o != NULL && o[i].name != NULL; i++) {
		if (str_equal(o[i].name, option))
			return i;
	}
	IMPOSSIBLE("an option that the command does not have");
}

bool invocation_has(const struct invocation *in, const char *option)
{
	return in->options[option_index(in, option)].given;
}

uint64_t invocation_number(const struct invocation *in, const char *option, uint64_t otherwise)
{
	size_t i = option_index(in, option);

	return in->options[i].text != NULL ? in->options[i].number : otherwise;
}

/* How many of `words` the command's own words match; 0 unless all of its words do. */
static size_t match(const struct command *c, const char *const *words, size_t count)
{
	const char *at = c->words;
	size_t used = 0;

	while (*at != '\0') {
		size_t n = strcspn(at, " ");

		if (used == count || strlen(words[used]) != n ||
		    strncmp(words[used], at, n) != 0)
			return 0;
		used++;
		at += n + (at[n] == ' ');
	}
	return used;
}

const struct command *command_find(const char *const *words, size_t count, size_t *ret_used)
{
	const struct command *best = NULL;

	*ret_used = 0;
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		size_t used = match(*c, words, count);

		if (used > *ret_used) {
			best = *c;
			*ret_used = used;
		}
	}
	return best;
}

bool command_has_group(const char *const *words, size_t count)
{
	CLEANUP(buffer_done) struct buffer joined = BUFFER_INIT(4096);

	for (size_t i = 0; i < count; i++)
		(void)buffer_printf(&joined, "%s ", words[i]);
	for (const struct command *const *c = command_all; *c != NULL && joined.size > 0; c++) {
		if (!(*c)->hidden && str_has_prefix((*c)->words, joined.data))
			return true;
	}
	return false;
}

char *command_usage(const struct command *c)
{
	struct buffer out = BUFFER_INIT(4096);

	(void)buffer_add_string(&out, c->words);
	for (const struct command_argument *a = c->arguments; a != NULL && a->name != NULL; a++)
		(void)buffer_printf(&out, a->optional ? " [%s]" : " %s", a->name);
	for (const struct command_option *o = c->options; o != NULL && o->name != NULL; o++) {
		if (o->letter != '\0')
			(void)buffer_printf(&out, " [-%c]", o->letter);
		else
			(void)buffer_printf(&out, " [--%s%s]", o->name,
					    o->value == OPTION_TIME	? "[=TIME]"
					    : o->value == OPTION_NUMBER ? "=N"
									: "");
	}
	return buffer_steal(&out);
}

/* ---------------------------------------------------------------- parsing */

struct parsing {
	struct invocation *in;
	const char *const *words;
	size_t count;
	size_t next;		      /* the word to read */
	VECTOR(const char *) plain;   /* words that are no options */
	VECTOR(const char *) options; /* options of commands, with their dashes */
};

static int take_value(struct parsing *p, const char *option, const char *inline_value,
		      const char **ret_value, struct error **err)
{
	if (inline_value == NULL && p->next == p->count)
		return error_set(err, ERR_INVALID, "%s needs a value", option);
	*ret_value = inline_value != NULL ? inline_value : p->words[p->next++];
	return 0;
}

/* The value of `word` when it is the long option `name`: *ret_value is what stands behind "=".
 */
static bool is_long(const char *word, const char *name, const char **ret_value)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0 || (word[n] != '\0' && word[n] != '='))
		return false;
	*ret_value = word[n] == '=' ? word + n + 1 : NULL;
	return true;
}

/* Options that every command takes. 1: it was one; 0: it was none. */
static int take_global(struct parsing *p, const char *word, struct error **err)
{
	const char *value = NULL;
	int r = 0;

	if (str_has_prefix(word, "-o")) {
		r = take_value(p, "-o", word[2] != '\0' ? word + 2 : NULL, &p->in->format, err);
	} else if (is_long(word, "--output", &value)) {
		r = take_value(p, "--output", value, &p->in->format, err);
	} else if (is_long(word, "--api", &value)) {
		r = take_value(p, "--api", value, &p->in->api, err);
	} else if (str_equal(word, "--help") || str_equal(word, "-h")) {
		p->in->help = true;
	} else if (str_equal(word, "--version")) {
		p->in->version = true;
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

static int split_words(struct parsing *p, struct error **err)
{
	bool only_plain = false;

	while (p->next < p->count) {
		const char *word = p->words[p->next++];
		int r;

		if (only_plain || word[0] != '-' || word[1] == '\0') {
			vector_push(&p->plain, word);
			continue;
		}
		if (str_equal(word, "--")) {
			only_plain = true;
			continue;
		}
		r = take_global(p, word, err);
		if (r < 0)
			return r;
		if (r == 0)
			vector_push(&p->options, word);
	}
	return 0;
}

static int parse_value(const struct command_option *o, const char *text, uint64_t *ret_number,
		       struct error **err)
{
	if (o->value == OPTION_TIME) {
		int r = duration_parse(text, ret_number, err);

		return r < 0 ? error_wrap(err, "--%s", o->name) : 0;
	}
	if (str_to_u64(text, ret_number) < 0)
		return error_set(err, ERR_INVALID, "--%s: '%s' is not a number", o->name, text);
	return 0;
}

static int take_option(struct invocation *in, const char *word, struct error **err)
{
	const struct command_option *o = in->command->options;
	CLEANUP(freep) char *usage = NULL;

	for (size_t i = 0; o != NULL && o[i].name != NULL; i++) {
		const char *value = NULL;
		bool shorter = word[1] == o[i].letter && word[1] != '\0' && word[2] == '\0';

		INVARIANT(i < OPTIONS_MAX);
		if (!shorter && (word[1] != '-' || !is_long(word + 2, o[i].name, &value)))
			continue;
		if (o[i].value == OPTION_FLAG && value != NULL)
			return error_set(err, ERR_INVALID, "--%s takes no value", o[i].name);
		if (o[i].value == OPTION_NUMBER && value == NULL)
			return error_set(err, ERR_INVALID, "--%s needs a value: --%s=N",
					 o[i].name, o[i].name);
		in->options[i].given = true;
		in->options[i].text = value;
		if (value == NULL)
			return 0;
		return parse_value(&o[i], value, &in->options[i].number, err);
	}
	usage = command_usage(in->command);
	return error_set(err, ERR_INVALID, "unknown option %s\nusage: zshell %s", word, usage);
}

/* "mesh" alone, where there is only "mesh spaces". */
static int unfinished_command(const struct parsing *p, struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(4096);

	for (const struct command *const *c = command_all; *c != NULL; c++) {
		if (!(*c)->hidden && str_has_prefix((*c)->words, p->plain.items[0]))
			(void)buffer_printf(&all, "%s%s", all.size > 0 ? ", " : "",
					    (*c)->words);
	}
	return error_set(err, ERR_INVALID, "'%s' is not a whole command; there is: %s",
			 p->plain.items[0], all.data);
}

/* The nearest command to words that are none. */
static int unknown_command(const struct parsing *p, struct error **err)
{
	const char *const *words = p->plain.items;
	CLEANUP(buffer_done) struct buffer given = BUFFER_INIT(200);
	const char *nearest = NULL;
	unsigned best = 4;

	if (p->plain.count == 1 && command_has_group(words, 1))
		return unfinished_command(p, err);
	for (size_t i = 0; i < p->plain.count && i < 2; i++)
		(void)buffer_printf(&given, "%s%s", i > 0 ? " " : "", words[i]);
	/* By both words; then by the first, for what stands alone. */
	for (int whole = 1; whole >= 0 && nearest == NULL && given.data != NULL; whole--) {
		for (const struct command *const *c = command_all; *c != NULL; c++) {
			unsigned d = str_distance((*c)->words, whole ? given.data : words[0]);

			if (!(*c)->hidden && d < best) {
				best = d;
				nearest = (*c)->words;
			}
		}
	}
	if (nearest != NULL)
		return error_set(err, ERR_INVALID,
				 "unknown command '%s'; did you mean '%s'?\n"
				 "`zshell help` lists all commands.",
				 given.data, nearest);
	return error_set(err, ERR_INVALID,
			 "unknown command '%s'\n`zshell help` lists all commands.",
			 given.data != NULL ? given.data : words[0]);
}

static int check_arguments(const struct invocation *in, struct error **err)
{
	const struct command_argument *a = in->command->arguments;
	CLEANUP(freep) char *usage = command_usage(in->command);
	size_t least = 0, most = 0;

	for (; a != NULL && a[most].name != NULL; most++) {
		if (!a[most].optional)
			least = most + 1;
		if (a[most].kind == ARGUMENT_COMMAND)
			return 0;
	}
	if (in->arguments.count < least)
		return error_set(err, ERR_INVALID, "%s is missing\nusage: zshell %s",
				 a[in->arguments.count].name, usage);
	if (in->arguments.count > most)
		return error_set(err, ERR_INVALID, "unexpected argument '%s'\nusage: zshell %s",
				 in->arguments.items[most], usage);
	return 0;
}

static int resolve_command(struct parsing *p, struct error **err)
{
	struct invocation *in = p->in;
	size_t used = 0;
	const char *wrong = NULL;

	if (p->plain.count == 0) {
		if (p->options.count > 0)
			return error_set(err, ERR_INVALID,
					 "unknown option %s\n`zshell help` lists all.",
					 p->options.items[0]);
		return 0;
	}
	in->command = command_find(p->plain.items, p->plain.count, &used);
	/* `topo` and `spaces` are commands and groups: a further word belongs to the group. */
	if (in->command != NULL && used < p->plain.count && in->command->arguments == NULL &&
	    command_has_group(p->plain.items, used))
		wrong = p->plain.items[used];
	if (in->command == NULL && in->help &&
	    command_has_group(p->plain.items, p->plain.count))
		return 0;
	if (in->command == NULL || wrong != NULL) {
		in->command = NULL;
		return unknown_command(p, err);
	}
	for (size_t i = used; i < p->plain.count; i++)
		vector_push(&in->arguments, p->plain.items[i]);
	if (in->help)
		return 0;
	vector_for_each (&p->options, option) {
		int r = take_option(in, *option, err);

		if (r < 0)
			return r;
	}
	return check_arguments(in, err);
}

int command_parse(const char *const *words, size_t count, struct invocation *ret_in,
		  struct error **err)
{
	struct parsing p = {.in = ret_in, .words = words, .count = count};
	int r;

	*ret_in = (struct invocation){0};
	r = split_words(&p, err);
	if (r == 0)
		r = resolve_command(&p, err);
	vector_done(&p.plain);
	vector_done(&p.options);
	return r;
}

/* ---------------------------------------------------------------- running */

/* Each line of the message on its own, fit for a terminal. */
static void print_error(const struct output *o, const struct error *error)
{
	CLEANUP(freep) char *text = error_text(error);
	bool first = true;

	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		output_note(o, "%s%s", first ? "zshell: " : "", line);
		first = false;
		line = end;
	}
}

static int status_of(const struct shell *shell, const struct error *error)
{
	if (error->code != ERR_UNAVAILABLE)
		return EXIT_REFUSED;
	output_note(&shell->output, "Start a cluster with `startz up --detach`, or name "
				    "another zrms with --api URL "
				    "or ZRMS_URL.");
	return EXIT_UNREACHABLE;
}

/* Runs with the options of this line in the place of the shell's own. */
static int run_with(struct shell *shell, const struct invocation *in, struct error **err)
{
	struct shell line = *shell;
	struct api *api = NULL;
	int r = 0;

	if (in->format != NULL)
		r = output_format_parse(in->format, &line.output.format, err);
	if (r == 0 && in->api != NULL)
		r = shell_api_new(in->api, &shell->output, &api, err);
	if (r < 0)
		return EXIT_USAGE;
	if (api != NULL)
		line.api = api;
	r = in->command->run(&line, in, err);
	shell->leave = line.leave;
	api_free(api);
	return r;
}

int command_run_line(struct shell *shell, const char *const *words, size_t count)
{
	CLEANUP(invocation_done) struct invocation in = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	int r = command_parse(words, count, &in, &err);

	if (r < 0) {
		print_error(&shell->output, err);
		return EXIT_USAGE;
	}
	if (in.help && in.command != NULL)
		help_print_command(&shell->output, in.command);
	else if (in.help)
		help_print_group(&shell->output, words, count);
	if (in.help || in.command == NULL)
		return EXIT_DONE;
	r = run_with(shell, &in, &err);
	if (err != NULL)
		print_error(&shell->output, err);
	return r < 0 ? status_of(shell, err) : r;
}
