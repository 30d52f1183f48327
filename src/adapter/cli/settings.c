#include <string.h>

#include "adapter/cli/private.h"
#include "base/check.h"
#include "base/str.h"

static void load_defaults(struct cli_loading *l)
{
	const struct cli_option *options = l->program->options;

	cli_values_default(options, l->settings);
	for (size_t i = 0; i < cli_option_count(options); i++)
		if (options[i].fallback != NULL)
			l->sources[i] = CLI_FROM_DEFAULT;
}

static int load_environment(struct cli_loading *l, struct error **err)
{
	const struct cli_option *options = l->program->options;

	for (size_t i = 0; i < cli_option_count(options); i++) {
		int r = cli_value_from_environment(&options[i], l->settings, err);

		if (r < 0)
			return r;
		if (r > 0)
			l->sources[i] = CLI_FROM_ENVIRONMENT;
	}
	return 0;
}

static int check_required(const struct cli_loading *l, struct error **err)
{
	for (size_t i = 0; i < cli_option_count(l->program->options); i++) {
		const struct cli_option *o = &l->program->options[i];

		if (!o->required || l->sources[i] != CLI_FROM_NOTHING)
			continue;
		if (o->name != NULL)
			return error_set(err, ERR_INVALID, "--%s %s is required: %s", o->name,
					 cli_value_name(o), o->help);
		return error_set(err, ERR_INVALID, "%s is required: %s",
				 o->key != NULL ? o->key : o->environment, o->help);
	}
	return 0;
}

const char *cli_file_path(int argc, char **argv)
{
	const char *path = NULL;

	for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++) {
		if (str_has_prefix(argv[i], "--config="))
			path = argv[i] + strlen("--config=");
		else if (str_equal(argv[i], "--config") && i + 1 < argc)
			path = argv[++i];
	}
	return path;
}

void cli_settings_done(const struct cli_program *program, void *settings)
{
	cli_values_done(program->options, settings);
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++)
		if (str_equal(argv[i], "--help") || str_equal(argv[i], "-h"))
			return true;
	return false;
}

/* Layers below the line, then the line. */
static int load(struct cli_loading *l, int argc, char **argv, struct cli_run *run,
		struct error **err)
{
	const char *file = l->program->has_file ? cli_file_path(argc, argv) : NULL;
	int r;

	load_defaults(l);
	r = file != NULL ? cli_read_file(l, file, err) : 0;
	if (r == 0)
		r = load_environment(l, err);
	if (r == 0)
		r = cli_parse_line(l->program, (const char *const *)argv + 1, (size_t)argc - 1,
				   l->settings, l->sources, run, err);
	return r;
}

/* Help wins over every mistake in the rest of the line, the file and the environment. */
static int help_only(const struct cli_program *program, int argc, char **argv)
{
	CLEANUP(cli_run_done) struct cli_run run = {0};

	if (cli_parse_line(program, (const char *const *)argv + 1, (size_t)argc - 1, NULL, NULL,
			   &run, NULL) < 0)
		run.command = NULL; /* not known: help for the words that are */
	run.help = true;
	return cli_answer(&run, (const char *const *)argv + 1, (size_t)argc - 1);
}

/* As cli_load(); the sources of the values are left in `l`. */
static int load_all(struct cli_loading *l, int argc, char **argv, struct cli_run *ret_run,
		    struct error **err)
{
	int r = load(l, argc, argv, ret_run, err);

	if (r < 0 || ret_run->help || ret_run->version || ret_run->manual ||
	    ret_run->print_config)
		return r;
	return check_required(l, err);
}

int cli_load(const struct cli_program *program, int argc, char **argv, void *settings,
	     struct cli_run *ret_run, struct error **err)
{
	size_t count = cli_option_count(program->options);
	CLEANUP(freep) enum cli_source *sources = mem_new_array(enum cli_source, count + 1);
	CLEANUP(freep) unsigned *lines = mem_new_array(unsigned, count + 1);
	struct cli_loading l = {program, settings, sources, lines};

	*ret_run = (struct cli_run){.program = program};
	return load_all(&l, argc, argv, ret_run, err);
}

int cli_start(const struct cli_program *program, int argc, char **argv, void *settings,
	      struct cli_run *ret_run)
{
	size_t count = cli_option_count(program->options);
	CLEANUP(freep) enum cli_source *sources = mem_new_array(enum cli_source, count + 1);
	CLEANUP(freep) unsigned *lines = mem_new_array(unsigned, count + 1);
	struct cli_loading l = {program, settings, sources, lines};
	struct error *err = NULL;
	int status;

	*ret_run = (struct cli_run){.program = program};
	if (asks_for_help(argc, argv))
		return help_only(program, argc, argv);
	if (load_all(&l, argc, argv, ret_run, &err) < 0)
		return cli_refuse(program, ret_run->command, err);
	status = cli_answer(ret_run, (const char *const *)argv + 1, (size_t)argc - 1);
	if (status >= 0)
		return status;
	if (ret_run->print_config) {
		cli_print_values(&l, cli_file_path(argc, argv), stdout);
		return CLI_DONE;
	}
	if (program->commands != NULL && ret_run->command == NULL && !program->is_optional) {
		cli_print_help(program, stderr);
		return CLI_USAGE;
	}
	return -1;
}
