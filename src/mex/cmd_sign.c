#include <stdio.h>

#include "adapter/archive/pack.h"
#include "base/memory.h"
#include "mex/check.h"
#include "mex/command.h"
#include "mex/findings.h"

/* The command line. */
struct options {
	char *key;
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const char *path = cli_argument(line, 0);
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	struct diagnostics findings = {0};
	struct mex_options options = check_options();
	struct secret_key key;
	struct error *why = NULL;
	char signer[KEY_TEXT_BYTES];

	options.allow_unsigned = true;
	options.any_signer = true;
	options.no_integrity = true;
	options.allows_unset = true;
	if (secret_key_load(given->key, &key, &why) < 0)
		return error_move(err, why);
	int r = mex_package_open(path, &options, &findings, &package, &why);
	if (r < 0) {
		secret_key_done(&key);
		return findings_fail(line->program, path, &findings, why);
	}
	diagnostics_done(&findings);
	r = mex_pack(package, &(struct pack_options){.key = &key}, path, &why);
	key_text(key.public_key, signer);
	secret_key_done(&key);
	if (r < 0)
		return error_move(err, why);
	printf("%s signed by %s\n", path, signer);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "key",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, key),
	 .value = "KEY",
	 .required = true,
	 .help = "the secret key (mex keygen)"},
	{0},
};

static const struct cli_argument operands[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_sign = {
	.words = "sign",
	.arguments = operands,
	.summary = "sign a package, replacing an existing signature",
	.details =
		"An archive of another ZIP tool may lack the list of hashes; then it is added. "
		"An existing list must be correct. The archive is rewritten.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
