/*
 * mex: the developer's tool [formats.tool].
 */
#include <stdio.h>

#include "adapter/cli/version.h"
#include "base/memory.h"
#include "base/text.h"
#include "mex/command.h"

static const struct cli_command *const commands[] = {
	&command_new,	 &command_keygen,  &command_validate, &command_build,	 &command_sign,
	&command_verify, &command_inspect, &command_schema,   &cli_help_command, NULL,
};

static const struct cli_program program = {
	.name = "mex",
	.summary = "make, check and sign MEX packages",
	.version = SAMOZA_VERSION,
	.commands = commands,
};

int fail_findings(const char *file, struct diagnostics *findings, struct error *err)
{
	if (!diagnostics_any(findings)) {
		(void)error_wrap(&err, "%s", file);
		diagnostics_done(findings);
		cli_print_error(&program, err);
		error_free(err);
		return CLI_FAILED;
	}
	vector_for_each (&findings->list, d) {
		CLEANUP(freep) char *text = diagnostic_text(d);
		CLEANUP(freep) char *shown = text_escaped(text);

		if (d->file == NULL)
			fprintf(stderr, "%s: %s\n", file, shown);
		else
			fprintf(stderr, "%s\n", shown);
	}
	size_t count = findings->list.count;
	fprintf(stderr, "mex: %s: %zu finding%s\n", file, count, count == 1 ? "" : "s");
	error_free(err);
	diagnostics_done(findings);
	return CLI_FAILED;
}

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv, NULL, NULL);
}
