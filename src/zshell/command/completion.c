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
	.summary = "print the completion script for a shell: bash, zsh or fish",
	.details =
		"To enable it, in bash and zsh: source <(zshell completion SHELL); in fish:\n"
		"zshell completion fish | source",
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

/* Each asks `zshell complete` for the candidates, one per line; ":files" stands for names of files. */
static const struct {
	const char *shell, *script;
} scripts[] = {
	{"bash", "# bash completion for zshell\n"
		 "COMP_WORDBREAKS=${COMP_WORDBREAKS//@/} # shop/agent@edge-node-1 is one word\n"
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
		 "complete -F _zshell zshell\n"},
	{"zsh", "#compdef zshell\n"
		"_zshell() {\n"
		"\tlocal -a candidates\n"
		"\tcandidates=(${(f)\"$(\"${words[1]}\" complete -- \"${(@)words[2,CURRENT]}\" "
		"2>/dev/null)\"})\n"
		"\tif (( ${candidates[(Ie):files]} )); then\n"
		"\t\tcandidates=(${candidates:#:files})\n"
		"\t\t_files\n"
		"\tfi\n"
		"\t(( ${#candidates} )) && compadd -a candidates\n"
		"}\n"
		"if [ \"${funcstack[1]}\" = _zshell ]; then\n"
		"\t_zshell \"$@\"\n"
		"else\n"
		"\tcompdef _zshell zshell\n"
		"fi\n"},
	{"fish", "# fish completion for zshell\n"
		 "function __zshell_complete\n"
		 "\tset -l words (commandline -opc) (commandline -ct)\n"
		 "\tfor candidate in ($words[1] complete -- $words[2..-1] 2>/dev/null)\n"
		 "\t\tif test \"$candidate\" = :files\n"
		 "\t\t\t__fish_complete_path (commandline -ct)\n"
		 "\t\telse\n"
		 "\t\t\techo $candidate\n"
		 "\t\tend\n"
		 "\tend\n"
		 "end\n"
		 "complete -c zshell -f -a '(__zshell_complete)'\n"},
};

static int run_completion(void *context, const struct cli_run *line, struct error **err)
{
	const struct shell *shell = context;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		if (str_equal(cli_argument(line, 0), scripts[i].shell)) {
			(void)fputs(scripts[i].script, shell->output.out);
			return CLI_DONE;
		}
	}
	(void)error_set(err, ERR_INVALID, "unsupported shell '%s': expected bash, zsh or fish",
			cli_argument(line, 0));
	return CLI_USAGE;
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
