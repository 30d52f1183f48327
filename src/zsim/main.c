/* zsim: the decision core in virtual time. */
#include "adapter/cli/version.h"
#include "zsim/command.h"

static const struct cli_command *const commands[] = {
	&run_command, &place_command, &fuzz_command, &replay_command, &cli_help_command, NULL,
};

static const struct cli_program zsim_program = {
	.name = "zsim",
	.summary = "run the decision core of zrms and zhost in virtual time, with simulated "
		   "zhosts, processes, network and disk",
	.version = SAMOZA_VERSION,
	.commands = commands,
};

int main(int argc, char **argv)
{
	return cli_main(&zsim_program, argc, argv, NULL, NULL);
}
