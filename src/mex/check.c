#include "mex/check.h"

#include <string.h>
#include <sys/stat.h>

#include "adapter/wasm2c/module.h"
#include "base/str.h"

static int check_module(void *context, const uint8_t *data, size_t size, uint64_t memory_bytes,
			struct error **err)
{
	struct module_info info;

	return module_check(data, size, memory_bytes, &info, err);
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
	int r = mex_package_open_folder(path, options, findings, ret_package, err);
	options->shown_prefix = NULL;
	return r;
}
