/*
 * Help, and what a shell needs to complete our commands.
 */
#include "base/str.h"
#include "zshell/command/common.h"

static int run_help(struct shell *shell, const struct invocation *in, struct error **err);
static int run_completion(struct shell *shell, const struct invocation *in, struct error **err);
static int run_complete(struct shell *shell, const struct invocation *in, struct error **err);
static int run_manual(struct shell *shell, const struct invocation *in, struct error **err);
static int run_exit(struct shell *shell, const struct invocation *in, struct error **err);

static const struct command_argument help_arguments[] = {
	{"COMMAND", ARGUMENT_COMMAND, true},
	{0},
};

static const struct command_argument shell_arguments[] = {
	{"SHELL", ARGUMENT_SHELL, false},
	{0},
};

const struct command command_help = {
	.words = "help",
	.summary = "list the commands, or explain one",
	.arguments = help_arguments,
	.offline = true,
	.run = run_help,
};

const struct command command_completion = {
	.words = "completion",
	.summary = "print the completion script for a shell: bash",
	.details = "Put it to use with:  source <(zshell completion bash)",
	.arguments = shell_arguments,
	.offline = true,
	.run = run_completion,
};

/* What the completion script calls: the words so far behind `--`, the last one unfinished. */
const struct command command_complete = {
	.words = "complete",
	.summary = "print what could stand for the last word",
	.arguments = help_arguments,
	.hidden = true,
	.run = run_complete,
};

const struct command command_manual = {
	.words = "manual",
	.summary = "print the commands for the manual page",
	.hidden = true,
	.offline = true,
	.run = run_manual,
};

const struct command command_exit = {
	.words = "exit",
	.summary = "leave the interactive shell",
	.offline = true,
	.run = run_exit,
};

static int run_help(struct shell *shell, const struct invocation *in, struct error **err)
{
	size_t used = 0;
	const char *const *words = in->arguments.items;
	const struct command *c;

	if (in->arguments.count == 0) {
		help_print_all(&shell->output);
		return EXIT_DONE;
	}
	c = command_find(words, in->arguments.count, &used);
	if (c != NULL && used == in->arguments.count) {
		help_print_command(&shell->output, c);
	} else if (command_has_group(words, in->arguments.count)) {
		help_print_group(&shell->output, words, in->arguments.count);
	} else {
		(void)error_set(err, ERR_INVALID,
				"no command '%s'\n`zshell help` lists all commands.",
				words[in->arguments.count - 1]);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int run_completion(struct shell *shell, const struct invocation *in, struct error **err)
{
	if (!str_equal(invocation_argument(in, 0), "bash")) {
		(void)error_set(err, ERR_INVALID, "no completion for '%s': there is bash",
				invocation_argument(in, 0));
		return EXIT_USAGE;
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
	return EXIT_DONE;
}

static int run_complete(struct shell *shell, const struct invocation *in, struct error **err)
{
	CLEANUP(candidates_done) struct candidates candidates = {0};
	size_t count = in->arguments.count;
	bool files = false;

	if (count == 0)
		return EXIT_DONE;
	complete_words(shell, in->arguments.items, count - 1, in->arguments.items[count - 1],
		       &candidates, &files);
	vector_for_each (&candidates.list, c)
		output_line(&shell->output, "%s", *c);
	if (files)
		output_line(&shell->output, ":files");
	return EXIT_DONE;
}

static int run_manual(struct shell *shell, const struct invocation *in, struct error **err)
{
	help_print_manual(shell->output.out);
	return EXIT_DONE;
}

static int run_exit(struct shell *shell, const struct invocation *in, struct error **err)
{
	shell->leave = true;
	return EXIT_DONE;
}
