#include <stdio.h>

#include "adapter/archive/trust.h"
#include "mex/command.h"

/* The command line. */
struct options {
	char *output;
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const char *path = given->output;
	struct error *why = NULL;

	if (secret_key_create(path, &why) < 0)
		return error_move(err, why);
	printf("secret key  %s\npublic key  %s.pub\n", path, path);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, output),
	 .value = "KEY",
	 .required = true,
	 .help = "file for the secret key; the public one goes to KEY.pub"},
	{0},
};

const struct cli_command command_keygen = {
	.words = "keygen",
	.summary = "make a pair of signing keys",
	.details = "KEY is readable by you alone: keep it secret. Give KEY.pub to those who "
		   "should "
		   "trust you: zrms reads it from its trust directory. Nothing is overwritten.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
