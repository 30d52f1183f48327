#include "mex/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/wasm2c/module.h"
#include "adapter/wasm2c/translate.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "mex/scratch.h"

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

		return error_set(
			err, plain->code,
			"%s; in C that is SAMOZA_ON_PROCESS(void) from <samoza.h>, or, "
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

/* Several spaces may run one module: it is translated for the first of them. */
static bool is_first(const struct mex_package *p, unsigned space)
{
	for (unsigned i = 0; i < space; i++)
		if (p->spaces[i].module != NULL &&
		    str_equal(p->spaces[i].module->hash, p->spaces[space].module->hash))
			return false;
	return true;
}

static int translate(struct translator *t, struct mex_package *p, unsigned space,
		     const char *prefix, struct diagnostics *findings, struct error **err)
{
	const struct mex_file *file = p->spaces[space].module;
	CLEANUP(freep) char *shown = str_printf("%s%s", prefix, file->path);
	CLEANUP(error_freep) struct error *fault = NULL;
	CLEANUP(freep) uint8_t *data = NULL;
	CLEANUP(freep) char *native = NULL;
	size_t size = 0;

	int r = mex_package_load(p, file, &data, &size, err);
	if (r < 0)
		return r;
	r = translate_now(t, data, size, p->topology->spaces[space].memory_bytes, &native,
			  &fault);
	if (r == 0)
		return 0;
	/* About the module; or else about this machine. */
	if (r == (int)ERR_INVALID || r == (int)ERR_LIMIT || r == (int)ERR_UNSUPPORTED) {
		diagnostics_add(findings, shown, 0, 0, "%s", fault->message);
		return 0;
	}
	(void)error_move(err, steal_ptr(&fault));
	return error_wrap(err, "%s", shown);
}

static int translate_all(struct translator *t, struct mex_package *p, const char *prefix,
			 struct diagnostics *findings, struct error **err)
{
	int r = 0;

	for (unsigned i = 0; i < p->topology->space_count && r == 0; i++)
		if (p->spaces[i].module != NULL && is_first(p, i))
			r = translate(t, p, i, prefix, findings, err);
	if (r == 0 && diagnostics_any(findings))
		r = diagnostics_error(findings, err);
	return r;
}

static bool has_modules(const struct mex_package *p)
{
	for (unsigned i = 0; i < p->topology->space_count; i++)
		if (p->spaces[i].module != NULL)
			return true;
	return false;
}

int check_translation(struct mex_package *p, const char *prefix, struct diagnostics *findings,
		      struct error **err)
{
	CLEANUP(scratch_freep) char *directory = NULL;
	struct translator *t = NULL;

	if (!has_modules(p))
		return 0;
	int r = scratch_new(&directory, err);
	if (r < 0)
		return r;
	r = translator_new(&(struct translator_options){.cache_directory = directory}, &t, err);
	if (r < 0)
		return error_wrap(err, "cannot translate modules here as zrms does; use "
				       "--no-translate to skip this check");
	r = translate_all(t, p, prefix, findings, err);
	translator_free(t);
	return r;
}

void print_unset(const struct parameters *p)
{
	CLEANUP(buffer_done) struct buffer names = BUFFER_INIT(64 * 1024);
	for (size_t i = 0; i < parameters_count(p); i++) {
		const struct parameter *one = parameters_at(p, i);
		CLEANUP(freep) char *expects = parameter_expects(one->declared);

		if (one->value == NULL)
			(void)buffer_printf(&names, "%s%s (%s)", names.size > 0 ? ", " : "",
					    one->declared->name, expects);
	}
	if (names.size > 0)
		printf("note: to be set when it is submitted: %s; what depends on it was not "
		       "checked\n",
		       names.data);
}
