/*
 * Completion for other shells, and `exit` of the interactive shell.
 */
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/shell/complete.h"

static int run_completion(void *context, const struct cli_run *line, struct error **err);
static int run_complete(void *context, const struct cli_run *line, struct error **err);
static int run_exit(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument words_arguments[] = {
	{.name = "WORD", .kind = CLI_ARGUMENT_COMMAND, .optional = true},
	{0},
};

static const struct cli_argument shell_arguments[] = {
	{.name = "SHELL", .kind = ARGUMENT_SHELL},
	{0},
};

const struct cli_command command_completion = {
	.words = "completion",
	.summary = "print the completion script for a shell: bash",
	.details = "To enable it: source <(zshell completion bash)",
	.arguments = shell_arguments,
	.run = run_completion,
};

/* Called by the completion script: the words so far follow `--`, the last one unfinished. */
const struct cli_command command_complete = {
	.words = "complete",
	.summary = "print the candidates for the last word",
	.arguments = words_arguments,
	.hidden = true,
	.run = run_complete,
};

const struct cli_command command_exit = {
	.words = "exit",
	.summary = "leave the interactive shell",
	.run = run_exit,
};

static int run_completion(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	if (!str_equal(cli_argument(line, 0), "bash")) {
		(void)error_set(err, ERR_INVALID, "unsupported shell '%s': expected bash",
				cli_argument(line, 0));
		return CLI_USAGE;
	}
	(void)fputs("# bash completion for zshell\n"
		    "_zshell() {\n"
		    "\tlocal IFS=$'\\n' words candidate\n"
		    "\twords=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
		    "\t[ \"${#words[@]}\" -gt 0 ] || words=('')\n"
		    "\tCOMPREPLY=()\n"
		    "\tfor candidate in $(\"${COMP_WORDS[0]}\" complete -- \"${words[@]}\" "
		    "2>/dev/null); do\n"
		    "\t\tif [ \"$candidate\" = ':files' ]; then\n"
		    "\t\t\tcompopt -o default\n"
		    "\t\telse\n"
		    "\t\t\tCOMPREPLY+=(\"$candidate\")\n"
		    "\t\tfi\n"
		    "\tdone\n"
		    "}\n"
		    "complete -F _zshell zshell\n",
		    shell->output.out);
	return CLI_DONE;
}

static int run_complete(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(cli_candidates_done) struct cli_candidates candidates = {0};
	size_t count = line->arguments.count;
	bool files = false;

	if (count == 0)
		return CLI_DONE;
	complete_words(shell, line->arguments.items, count - 1,
		       line->arguments.items[count - 1], &candidates, &files);
	vector_for_each (&candidates.list, c)
		output_line(&shell->output, "%s", *c);
	if (files)
		output_line(&shell->output, ":files");
	return CLI_DONE;
}

static int run_exit(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	shell->leave = true;
	return CLI_DONE;
}
