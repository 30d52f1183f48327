#include <string.h>

#include "adapter/cli/private.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

/* A name further than this from every known one is not a typing mistake. */
#define DISTANCE_MAX 3

struct parsing {
	const struct cli_program *program;
	const char *const *words;
	size_t count;
	void *settings;		  /* of the program; NULL: its options are skipped */
	enum cli_source *sources; /* NULL: not asked for */
	struct cli_run *run;
	VECTOR(const char *) plain; /* words that are not options */
};

/* ---- what was meant ---- */

static void nearer(const char *name, const char *given, const char **nearest, unsigned *best)
{
	unsigned d = name != NULL ? str_distance(name, given) : *best;

	if (d < *best && d <= (strlen(given) + 1) / 2) {
		*best = d;
		*nearest = name;
	}
}

static int unknown_option(const struct parsing *p, const char *word, struct error **err)
{
	const struct cli_option *const tables[] = {
		p->run->command != NULL ? p->run->command->options : NULL,
		p->program->options,
		cli_common_options(p->program),
	};
	size_t dashes = strspn(word, "-");
	CLEANUP(freep) char *given = mem_strndup(word + dashes, strcspn(word + dashes, "="));
	const char *nearest = NULL;
	unsigned best = DISTANCE_MAX + 1;

	if (strlen(given) > 100)
		return error_set(err, ERR_INVALID, "unknown option");
	for (size_t t = 0; dashes == 2 && t < ARRAY_SIZE(tables); t++)
		for (size_t i = 0; i < cli_option_count(tables[t]); i++)
			nearer(tables[t][i].name, given, &nearest, &best);
	if (nearest != NULL)
		return error_set(err, ERR_INVALID, "unknown option --%s; did you mean --%s?",
				 given, nearest);
	return error_set(err, ERR_INVALID, "unknown option %.*s%s", (int)dashes, word, given);
}

/* "mesh" alone, where there is only "mesh spaces". */
static int incomplete_command(const struct parsing *p, struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(4096);

	for (const struct cli_command *const *c = p->program->commands; *c != NULL; c++) {
		size_t n = strlen(p->plain.items[0]);

		if (!(*c)->hidden && str_has_prefix((*c)->words, p->plain.items[0]) &&
		    (*c)->words[n] == ' ')
			(void)buffer_printf(&all, "%s'%s'", all.size > 0 ? ", " : "",
					    (*c)->words);
	}
	return error_set(err, ERR_INVALID, "incomplete command '%s'; did you mean %s?",
			 p->plain.items[0], all.data);
}

static int unknown_command(const struct parsing *p, struct error **err)
{
	const char *const *words = p->plain.items;
	CLEANUP(buffer_done) struct buffer given = BUFFER_INIT(200);
	const char *nearest = NULL;
	unsigned best = DISTANCE_MAX + 1;

	if (p->plain.count == 1 && cli_is_group(p->program, words, 1))
		return incomplete_command(p, err);
	for (size_t i = 0; i < p->plain.count && i < 2; i++)
		(void)buffer_printf(&given, "%s%s", i > 0 ? " " : "", words[i]);
	/* By both words; then by the first alone. */
	for (int whole = 1; whole >= 0 && nearest == NULL && given.data != NULL; whole--)
		for (const struct cli_command *const *c = p->program->commands; *c != NULL; c++)
			if (!(*c)->hidden)
				nearer((*c)->words, whole ? given.data : words[0], &nearest,
				       &best);
	if (nearest != NULL)
		return error_set(err, ERR_INVALID, "unknown command '%s'; did you mean '%s'?",
				 given.data, nearest);
	return error_set(err, ERR_INVALID, "unknown command '%s'",
			 given.data != NULL ? given.data : words[0]);
}

/* ---- options ---- */

/* An option on the line: its place in a table, and what follows its name. */
struct found {
	const struct cli_option *option; /* NULL: none of this table */
	size_t index;
	const char *value; /* after "=", or after the letter; NULL: none there */
};

static struct found find_in(const struct cli_option *options, const char *word)
{
	bool is_long = word[1] == '-';

	for (size_t i = 0; i < cli_option_count(options); i++) {
		const struct cli_option *o = &options[i];
		size_t n = o->name != NULL ? strlen(o->name) : 0;

		if (is_long && n > 0 && strncmp(word + 2, o->name, n) == 0 &&
		    (word[2 + n] == '\0' || word[2 + n] == '='))
			return (struct found){o, i, word[2 + n] == '=' ? word + 3 + n : NULL};
		if (!is_long && o->letter != '\0' && word[1] == o->letter &&
		    (word[2] == '\0' || o->type != CLI_FLAG))
			/* -ojson, and -o=json as other tools have it. */
			return (struct found){
				o, i, word[2] == '\0' ? NULL : word + 2 + (word[2] == '=')};
	}
	return (struct found){0};
}

/* Whether its value is the next word. */
static bool wants_next(const struct found *f)
{
	return f->value == NULL && f->option->type != CLI_FLAG && f->option->implied == NULL;
}

static int set_value(const struct found *f, const char *value, void *settings,
		     struct error **err)
{
	const struct cli_option *o = f->option;
	int r;

	if (o->type == CLI_FLAG && f->value != NULL && !str_equal(f->value, "true") &&
	    !str_equal(f->value, "false"))
		return error_set(err, ERR_INVALID, "--%s takes no value", o->name);
	if (value == NULL)
		value = o->type == CLI_FLAG ? "true" : o->implied;
	r = settings != NULL ? cli_value_set(o, settings, value, err) : 0;
	return r < 0 ? error_wrap(err, "--%s", o->name) : 0;
}

/* --help and the like. False: it is none of them. */
static bool take_common(struct cli_run *run, const struct cli_program *program,
			const char *word)
{
	if (str_equal(word, "--help") || str_equal(word, "-h"))
		run->help = true;
	else if (str_equal(word, "--version"))
		run->version = true;
	else if (str_equal(word, "--print-manual"))
		run->manual = true;
	else if (program->has_file && str_equal(word, "--print-config"))
		run->print_config = true;
	else
		return false;
	return true;
}

/* One word that begins with a dash. Returns how many words after it were used. */
static int take_option(struct parsing *p, size_t at, struct error **err)
{
	const char *word = p->words[at];
	const struct cli_command *command = p->run->command;
	struct found f = find_in(command != NULL ? command->options : NULL, word);
	void *settings = p->run->options;
	const char *value;
	int r;

	if (f.option == NULL) {
		settings = p->settings;
		f = find_in(p->program->options, word);
		if (f.option != NULL && p->sources != NULL)
			p->sources[f.index] = CLI_FROM_LINE;
	}
	if (f.option == NULL && take_common(p->run, p->program, word))
		return 0;
	if (f.option == NULL) {
		f = find_in(cli_common_options(p->program), word);
		if (f.option == NULL || f.option->type == CLI_FLAG)
			return unknown_option(p, word, err);
		settings = NULL; /* --config: cli_file_path() has it */
	}
	value = f.value;
	if (wants_next(&f)) {
		if (at + 1 == p->count)
			return error_set(err, ERR_INVALID, "--%s needs a value: %s",
					 f.option->name, cli_value_name(f.option));
		value = p->words[at + 1];
	}
	r = set_value(&f, value, settings, err);
	return r < 0 ? r : wants_next(&f) ? 1 : 0;
}

/* Options of the command that a variable sets. */
static int take_environment(const struct cli_run *run, bool *given, struct error **err)
{
	const struct cli_option *options = run->command->options;

	for (size_t i = 0; i < cli_option_count(options); i++) {
		int r = cli_value_from_environment(&options[i], run->options, err);

		if (r < 0)
			return r;
		given[i] = r > 0;
	}
	return 0;
}

/* ---- the line ---- */

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* Of the command that the words so far name; `topo --state failed` has no further ones. */
static const struct cli_option *options_so_far(const struct parsing *p)
{
	size_t used;
	const struct cli_command *c =
		cli_find(p->program, p->plain.items, p->plain.count, &used);

	return c != NULL ? c->options : NULL;
}

/* The words that are not options, as far as that can be known before the command is: an option
 * of a command that takes the next word must follow the command's own words. */
static void collect_plain(struct parsing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const char *word = p->words[i];
		struct found f;

		if (str_equal(word, "--")) {
			for (i++; i < p->count; i++)
				vector_push(&p->plain, p->words[i]);
			return;
		}
		if (!is_option(word)) {
			vector_push(&p->plain, word);
			continue;
		}
		f = find_in(p->program->options, word);
		if (f.option == NULL)
			f = find_in(cli_common_options(p->program), word);
		if (f.option == NULL)
			f = find_in(options_so_far(p), word);
		if (f.option != NULL && wants_next(&f))
			i++;
	}
}

static int choose_command(struct parsing *p, size_t *ret_used, struct error **err)
{
	const struct cli_command *c;

	*ret_used = 0;
	collect_plain(p);
	if (p->program->commands == NULL || p->plain.count == 0)
		return 0;
	c = cli_find(p->program, p->plain.items, p->plain.count, ret_used);
	if (c == NULL && p->run->help)
		return 0;
	/* `topo` is a command and a group: a further word belongs to the group. */
	if (c == NULL || (*ret_used < p->plain.count && c->arguments == NULL &&
			  cli_is_group(p->program, p->plain.items, *ret_used)))
		return unknown_command(p, err);
	p->run->command = c;
	cli_options_default(p->run);
	return 0;
}

static int check_arguments(const struct cli_run *run, struct error **err)
{
	const struct cli_argument *a = run->command != NULL ? run->command->arguments : NULL;
	size_t count = run->arguments.count, least = 0, most = 0;

	for (; a != NULL && a[most].name != NULL; most++) {
		if (!a[most].optional)
			least = most + 1;
		if (a[most].repeated || a[most].kind == CLI_ARGUMENT_COMMAND)
			count = count > most + 1 ? most + 1 : count;
	}
	if (count < least)
		return error_set(err, ERR_INVALID, "%s is missing", a[count].name);
	if (count > most)
		return error_set(err, ERR_INVALID, "unexpected argument '%s'",
				 run->arguments.items[most]);
	return 0;
}

static int check_required(const struct cli_command *c, const bool *given, struct error **err)
{
	for (size_t i = 0; i < cli_option_count(c->options); i++)
		if (c->options[i].required && !given[i])
			return error_set(err, ERR_INVALID, "--%s %s is required",
					 c->options[i].name, cli_value_name(&c->options[i]));
	return 0;
}

/* Options and arguments, now that the command is known. */
static int take_words(struct parsing *p, size_t own_words, bool *given, struct error **err)
{
	const struct cli_option *options =
		p->run->command != NULL ? p->run->command->options : NULL;
	bool only_arguments = false;
	size_t plain = 0;

	for (size_t i = 0; i < p->count; i++) {
		const char *word = p->words[i];
		int used;

		if (!only_arguments && str_equal(word, "--")) {
			only_arguments = true;
			continue;
		}
		if (only_arguments || !is_option(word)) {
			if (plain++ >= own_words)
				vector_push(&p->run->arguments, word);
			continue;
		}
		used = take_option(p, i, err);
		if (used < 0)
			return used;
		struct found f = find_in(options, word);
		if (f.option != NULL)
			given[f.index] = true;
		i += (size_t)used;
	}
	return 0;
}

int cli_parse_line(const struct cli_program *program, const char *const *words, size_t count,
		   void *settings, enum cli_source *sources, struct cli_run *ret_run,
		   struct error **err)
{
	struct parsing p = {.program = program,
			    .words = words,
			    .count = count,
			    .settings = settings,
			    .sources = sources,
			    .run = ret_run};
	CLEANUP(freep) bool *given = NULL;
	size_t own_words = 0;
	int r;

	*ret_run = (struct cli_run){.program = program};
	for (size_t i = 0; i < count && !str_equal(words[i], "--"); i++)
		if (str_equal(words[i], "--help") || str_equal(words[i], "-h"))
			ret_run->help = true;
	r = choose_command(&p, &own_words, err);
	given = mem_new_array(bool, 1 + cli_option_count(ret_run->command != NULL
								 ? ret_run->command->options
								 : NULL));
	if (r == 0 && !ret_run->help && ret_run->command != NULL)
		r = take_environment(ret_run, given, err);
	if (r == 0 && !ret_run->help)
		r = take_words(&p, own_words, given, err);
	vector_done(&p.plain);
	if (r < 0 || ret_run->help || ret_run->version || ret_run->manual)
		return r;
	r = check_arguments(ret_run, err);
	if (r == 0 && ret_run->command != NULL)
		r = check_required(ret_run->command, given, err);
	return r;
}

int cli_parse(const struct cli_program *program, const char *const *words, size_t count,
	      void *settings, struct cli_run *ret_run, struct error **err)
{
	return cli_parse_line(program, words, count, settings, NULL, ret_run, err);
}
