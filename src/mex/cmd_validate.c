#include <stdio.h>

#include "base/memory.h"
#include "base/str.h"
#include "mex/check.h"
#include "mex/command.h"
#include "mex/findings.h"

static bool has_uncompiled(const struct mex_package *p)
{
	for (unsigned i = 0; i < p->topology->space_count; i++) {
		if (space_type_is_wasm(p->topology->spaces[i].type) &&
		    p->spaces[i].module == NULL)
			return true;
	}
	return false;
}

static int check_package_translation(struct mex_package *p, const char *path,
				     struct diagnostics *findings, struct error **err)
{
	CLEANUP(freep)
	char *prefix = p->packed_bytes > 0
			       ? mem_strdup("")
			       : str_printf("%s%s", path, str_has_suffix(path, "/") ? "" : "/");

	return check_translation(p, prefix, findings, err);
}

/* The command line. */
struct options {
	char *trust;
	bool no_translate;
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

	options.trust = trust;
	options.allows_unset = true;
	options.any_signer = key == NULL;
	options.allow_unsigned = key == NULL;
	int r = key != NULL ? trust_add_file(trust, key, &why) : 0;
	if (r == 0)
		r = check_open(path, &options, &findings, &package, &why);
	if (r == 0 && !given->no_translate)
		r = check_package_translation(package, path, &findings, &why);
	trust_free(trust);
	if (r < 0)
		return findings_fail(line->program, path, &findings, why);
	diagnostics_done(&findings);
	printf("%s: %s %s is valid: %u space%s, %u instance%s\n", path, package->manifest.name,
	       package->manifest.version_text, package->topology->space_count,
	       str_plural(package->topology->space_count), package->topology->instance_count,
	       str_plural(package->topology->instance_count));
	print_unset(package->parameters);
	if (package->packed_bytes > 0 && !package->is_signed)
		printf("note: not signed: zrms refuses it unless started with "
		       "--allow-unsigned\n");
	if (package->packed_bytes == 0 && has_uncompiled(package))
		printf("note: `mex build` checks modules after it has compiled them\n");
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "trust",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, trust),
	 .value = "KEY.pub",
	 .help = "require a signature by this key, as zrms does"},
	{.name = "no-translate",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, no_translate),
	 .help = "do not translate the modules"},
	{0},
};

static const struct cli_argument operands[] = {
	{.name = "DIR|FILE", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_validate = {
	.words = "validate",
	.arguments = operands,
	.summary = "make all checks that zrms makes, and list all findings",
	.details = "A source directory, or a package. Findings go to standard error, one per "
		   "line: "
		   "FILE:LINE:COLUMN: MESSAGE. The last check translates every module, as zrms "
		   "does, and "
		   "needs wabt and a C compiler.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
