#include <stdio.h>

#include "adapter/archive/trust.h"
#include "mex/command.h"

static int run(const struct arguments *arguments)
{
	const char *path = argument(arguments, "output");
	struct error *err = NULL;

	if (secret_key_create(path, &err) < 0)
		return fail(err);
	printf("secret key  %s\npublic key  %s.pub\n", path, path);
	return EXIT_DONE;
}

static const struct option options[] = {
	{'o', "output", "KEY", "file for the secret key; the public one goes to KEY.pub", true},
};

const struct command command_keygen = {
	.name = "keygen",
	.operands = "",
	.summary = "make a pair of keys to sign with",
	.details =
		"KEY is readable by you alone: keep it. KEY.pub is for those who are to trust\n"
		"you: zrms takes it from its trust folder. Nothing is overwritten.\n",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
