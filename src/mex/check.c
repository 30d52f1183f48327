#include "mex/check.h"

#include <string.h>
#include <sys/stat.h>

#include "adapter/wasm2c/module.h"
#include "base/str.h"

/* The end of module_check()'s message about a module without an entry point. */
#define NO_ENTRY "exports neither 'on_process' nor '_start'"

static int check_module(void *context, const uint8_t *data, size_t size, uint64_t memory_bytes,
			struct error **err)
{
	struct module_info info;
	struct error *fault = NULL;

	if (module_check(data, size, memory_bytes, &info, &fault) == 0)
		return 0;
	/* The most frequent mistake. */
	if (str_has_suffix(fault->message, NO_ENTRY)) {
		CLEANUP(error_freep) struct error *plain = fault;

		return error_set(err, plain->code,
				 "%s; in C that is SAMOZA_ON_PROCESS(void) of <samoza.h>, or, "
				 "for a program with main(), the line -mexec-model=command in "
				 "src/flags",
				 plain->message);
	}
	return error_move(err, fault);
}

struct mex_options check_options(void)
{
	return (struct mex_options){.check_module = check_module, .all_findings = true};
}

int check_open(const char *path, struct mex_options *options, struct diagnostics *findings,
	       struct mex_package **ret_package, struct error **err)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return error_errno(err, "cannot read %s", path);
	if (!S_ISDIR(status.st_mode))
		return mex_package_open(path, options, findings, ret_package, err);
	CLEANUP(freep)
	char *prefix = str_printf("%s%s", path, str_has_suffix(path, "/") ? "" : "/");
	options->shown_prefix = prefix;
	int r = mex_package_open_directory(path, options, findings, ret_package, err);
	options->shown_prefix = NULL;
	return r;
}
