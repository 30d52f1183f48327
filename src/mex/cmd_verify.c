#include <stdio.h>

#include "base/memory.h"
#include "mex/check.h"
#include "mex/command.h"
#include "mex/findings.h"

/* The command line. */
struct options {
	char *trust;
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const char *path = cli_argument(line, 0), *key = given->trust;
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	struct diagnostics findings = {0};
	struct mex_options options = check_options();
	struct trust *trust = trust_new();
	struct error *why = NULL;
	char signer[KEY_TEXT_BYTES];

	options.trust = trust;
	options.allows_unset = true;
	options.any_signer = key == NULL;
	int r = key != NULL ? trust_add_file(trust, key, &why) : 0;
	if (r == 0)
		r = mex_package_open(path, &options, &findings, &package, &why);
	trust_free(trust);
	if (r < 0)
		return findings_fail(line->program, path, &findings, why);
	diagnostics_done(&findings);
	key_text(package->signer, signer);
	printf("%s: %s %s, signed by %s%s\n", path, package->manifest.name,
	       package->manifest.version_text, signer,
	       key != NULL ? " (trusted)" : "; to require a signer, give --trust KEY.pub");
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "trust",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, trust),
	 .value = "KEY.pub",
	 .help = "the key that must have signed it"},
	{0},
};

static const struct cli_argument operands[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_verify = {
	.words = "verify",
	.arguments = operands,
	.summary = "check a package and its signature",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
