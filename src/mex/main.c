/*
 * mex: the developer's tool [formats.tool].
 */
#include "adapter/cli/version.h"
#include "mex/command.h"

static const struct cli_command *const commands[] = {
	&command_new,
	&command_keygen,
	&command_validate,
	&command_build,
	&command_sign,
	&command_verify,
	&command_inspect,
	&command_schema,
	&command_explain,
	&cli_help_command,
	NULL,
};

static const struct cli_program program = {
	.name = "mex",
	.summary = "make, check and sign MEX packages",
	.version = SAMOZA_VERSION,
	.commands = commands,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv, NULL, NULL);
}
