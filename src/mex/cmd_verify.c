#include <stdio.h>

#include "base/memory.h"
#include "mex/check.h"
#include "mex/command.h"

static int run(const struct arguments *arguments)
{
	const char *path = arguments->operands[0], *key = argument(arguments, "trust");
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	struct diagnostics findings = {0};
	struct mex_options options = check_options();
	struct trust *trust = trust_new();
	struct error *err = NULL;
	char signer[KEY_TEXT_BYTES];

	options.trust = trust;
	options.any_signer = key == NULL;
	int r = key != NULL ? trust_add_file(trust, key, &err) : 0;
	if (r == 0)
		r = mex_package_open(path, &options, &findings, &package, &err);
	trust_free(trust);
	if (r < 0)
		return fail_findings(path, &findings, err);
	diagnostics_done(&findings);
	key_text(package->signer, signer);
	printf("%s: %s %s, signed by %s%s\n", path, package->manifest.name,
	       package->manifest.version_text, signer,
	       key != NULL ? " (trusted)" : "; give --trust KEY.pub to say who that must be");
	return EXIT_DONE;
}

static const struct option options[] = {
	{0, "trust", "KEY.pub", "the key that must have signed it", false},
};

const struct command command_verify = {
	.name = "verify",
	.operands = "FILE",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "check a package and its signature",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
