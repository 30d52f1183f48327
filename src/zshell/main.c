/*
 * zshell: the operator's shell. With a command it runs that one; without, it is interactive.
 */
#include <stdio.h>
#include <stdlib.h>

#include "adapter/config/version.h"
#include "base/str.h"
#include "zshell/command.h"

#define DEFAULT_URL "http://127.0.0.1:7331"

static int refuse(struct error *error)
{
	(void)fprintf(stderr, "zshell: %s\n", error->message);
	error_free(error);
	return EXIT_USAGE;
}

/* A line without a command: its global options hold for the interactive shell. */
static int run_interactive(struct shell *shell, const struct invocation *in)
{
	struct error *err = NULL;

	if (in->format != NULL &&
	    output_format_parse(in->format, &shell->output.format, &err) < 0)
		return refuse(err);
	if (in->api != NULL) {
		struct api *api = NULL;

		if (shell_api_new(in->api, &shell->output, &api, &err) < 0)
			return refuse(err);
		api_free(shell->api);
		shell->api = api;
	}
	return interactive_run(shell);
}

static int run(struct shell *shell, const char *const *words, size_t count)
{
	CLEANUP(invocation_done) struct invocation in = {0};

	/* Mistakes are told by command_run_line(). */
	if (command_parse(words, count, &in, NULL) == 0) {
		if (in.version) {
			(void)printf("zshell %s\n", SAMOZA_VERSION);
			return EXIT_DONE;
		}
		if (in.command == NULL && !in.help)
			return run_interactive(shell, &in);
	}
	return command_run_line(shell, words, count);
}

int main(int argc, char **argv)
{
	const char *url = getenv("ZRMS_URL");
	struct shell shell = {0};
	struct error *err = NULL;
	int status;

	output_init(&shell.output, stdout, stderr);
	if (shell_api_new(str_is_empty(url) ? DEFAULT_URL : url, &shell.output, &shell.api,
			  &err) < 0) {
		(void)error_wrap(&err, "environment variable ZRMS_URL");
		return refuse(err);
	}
	status = run(&shell, (const char *const *)argv + 1, (size_t)argc - 1);
	api_free(shell.api);
	/* A full disk or a closed pipe is no success. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "zshell: cannot write the result\n");
		return status == EXIT_DONE ? EXIT_REFUSED : status;
	}
	return status;
}
