#include <stdio.h>
#include <unistd.h>

#include "adapter/client/api_upgrade.h"
#include "port/exec.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/shell/exec_stream.h"

#define REST_MAX ((size_t)1024 * 1024)

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "NAME", .kind = ARGUMENT_SPACE},
	{.name = "COMMAND", .kind = CLI_ARGUMENT_WORD},
	{.name = "ARGUMENT", .kind = CLI_ARGUMENT_WORD, .optional = true, .repeated = true},
	{0},
};

struct options {
	bool interactive, terminal;
};

static const struct cli_option options[] = {
	{.name = "interactive",
	 .letter = 'i',
	 .offset = offsetof(struct options, interactive),
	 .help = "pass standard input on; without it the command's input is empty"},
	{.name = "tty",
	 .letter = 't',
	 .offset = offsetof(struct options, terminal),
	 .help = "give the command a terminal; standard input must be one"},
	{0},
};

const struct cli_command command_spaces_exec = {
	.words = "spaces exec",
	.summary = "run a command in a running instance of a NATIVE space",
	.details = SPACE_DETAILS
	"\n\nThe command runs as the instance does: its user, directories, environment, "
	"sandbox "
	"and limits. Write -- before it, so that its options are its own: `zshell spaces exec "
	"my-app/db -- psql -c 'select 1'`, or `zshell spaces exec -i -t my-app/db -- sh`.\n\n"
	"The exit status is the command's; 128 and the number of the signal that ended it; 126 "
	"or 127 where it cannot be run. Ctrl-C interrupts the command; a second one leaves it, "
	"which ends it, too. Whatever the command leaves running ends with it.\n\n"
	"The zhost must have been started with --allow-exec.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int run_stream(struct shell *shell, const struct cli_run *line,
		      const struct space_ref *ref, struct error **err)
{
	const struct options *given = line->options;
	const struct exec_stream_options o = {.words = &line->arguments.items[1],
					      .word_count = line->arguments.count - 1,
					      .input = given->interactive,
					      .terminal = given->terminal,
					      .url = api_url(shell->api)};
	CLEANUP(buffer_done) struct buffer rest = BUFFER_INIT(REST_MAX);
	CLEANUP(freep) char *refusal = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/spaces/", ref->path,
			      "/exec", NULL);
	int fd;
	int r = api_upgrade(shell->api, path, EXEC_PROTOCOL, &fd, &rest, err);

	if (r < 0)
		return r;
	(void)fflush(shell->output.out);
	r = exec_stream_run(&o, fd, &rest, &refusal, err);
	if (r >= 0 && refusal != NULL)
		output_note(&shell->output, "zshell: %s", refusal);
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	int r;

	if (given->terminal && !isatty(STDIN_FILENO))
		return cli_usage_error(line, "-t needs a terminal, and standard input is none: "
					     "leave -t out");
	r = resolve_space(shell, cli_argument(line, 0), &ref, err);
	return r < 0 ? r : run_stream(shell, line, &ref, err);
}
