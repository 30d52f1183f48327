#include <stdio.h>

#include "adapter/archive/pack.h"
#include "base/memory.h"
#include "mex/check.h"
#include "mex/command.h"

static int run(const struct arguments *arguments)
{
	const char *path = arguments->operands[0];
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	struct diagnostics findings = {0};
	struct mex_options options = check_options();
	struct secret_key key;
	struct error *err = NULL;
	char signer[KEY_TEXT_BYTES];

	options.allow_unsigned = true;
	options.any_signer = true;
	options.no_integrity = true;
	if (secret_key_load(argument(arguments, "key"), &key, &err) < 0)
		return fail(err);
	int r = mex_package_open(path, &options, &findings, &package, &err);
	if (r < 0) {
		secret_key_done(&key);
		return fail_findings(path, &findings, err);
	}
	diagnostics_done(&findings);
	r = mex_pack(package, &(struct pack_options){.key = &key}, path, &err);
	key_text(key.public_key, signer);
	secret_key_done(&key);
	if (r < 0)
		return fail(err);
	printf("%s signed by %s\n", path, signer);
	return EXIT_DONE;
}

static const struct option options[] = {
	{0, "key", "KEY", "the secret key (mex keygen)", true},
};

const struct command command_sign = {
	.name = "sign",
	.operands = "FILE",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "sign a package, in place of the signature that it has",
	.details = "An archive that another ZIP tool made may lack the list of hashes: it is "
		   "added.\n"
		   "A list that is there must be right. The archive is written anew.\n",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
