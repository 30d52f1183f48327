/*
 * A line as it was parsed.
 */
#include "adapter/cli/private.h"
#include "base/check.h"

void cli_run_done(struct cli_run *run)
{
	if (run->command != NULL && run->options != NULL)
		cli_values_done(run->command->options, run->options);
	free(run->options);
	run->options = NULL;
	vector_done(&run->arguments);
}

void cli_options_default(struct cli_run *run)
{
	PRE(run->options == NULL);
	if (run->command->options_size == 0)
		return;
	run->options = mem_calloc(1, run->command->options_size);
	cli_values_default(run->command->options, run->options);
}

const char *cli_argument(const struct cli_run *run, size_t index)
{
	return index < run->arguments.count ? run->arguments.items[index] : NULL;
}
