#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/archive/pack.h"
#include "adapter/wasm2c/module.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "mex/check.h"
#include "mex/command.h"
#include "mex/findings.h"
#include "mex/guest.h"
#include "mex/scratch.h"

/* Holds the compiled modules until they are packed. */
struct workshop {
	char *directory; /* private, temporary */
	VECTOR(struct pack_file) files;
};

static void workshop_done(struct workshop *w)
{
	vector_for_each (&w->files, file) {
		free((char *)file->path);
		free((char *)file->disk_path);
	}
	vector_done(&w->files);
	scratch_free(w->directory);
}

/* Compiles one space and checks the module at once, with the space's limit of memory. */
static int compile_space(struct workshop *w, const struct guest *guest, const char *directory,
			 const struct space *s, struct error **err)
{
	CLEANUP(freep) char *space_directory = str_printf("%s/spaces/%s", directory, s->name);
	struct pack_file *file = vector_add(&w->files);

	file->path = str_printf("spaces/%s/core.wasm", s->name);
	file->disk_path = str_printf("%s/%s.wasm", w->directory, s->name);
	int r = guest_compile(guest, space_directory, file->disk_path, err);
	return r < 0 ? error_wrap(err, "%s", space_directory) : 0;
}

static bool has_sources(const char *directory, const char *space)
{
	CLEANUP(freep) char *path = str_printf("%s/spaces/%s/src", directory, space);
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int compile_spaces(struct workshop *w, const char *directory,
			  const struct mex_package *p, struct error **err)
{
	struct guest *guest = NULL;
	unsigned total = 0, done = 0;
	int r = 0;

	for (unsigned i = 0; i < p->topology->space_count; i++) {
		const struct space *s = &p->topology->spaces[i];
		total += space_type_is_wasm(s->type) && has_sources(directory, s->name);
	}
	if (total > 0)
		r = guest_find(&guest, err);
	for (unsigned i = 0; i < p->topology->space_count && r == 0; i++) {
		const struct space *s = &p->topology->spaces[i];

		if (!space_type_is_wasm(s->type) || !has_sources(directory, s->name))
			continue;
		fprintf(stderr, "[%u/%u] compiling %s\n", ++done, total, s->name);
		r = compile_space(w, guest, directory, s, err);
	}
	guest_free(guest);
	return r;
}

/* SOURCE_DATE_EPOCH in the format of a manifest; NULL if it is not set. The caller frees. */
static int created_text(char **ret_text, struct error **err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char text[32];
	struct tm tm;
	int64_t seconds;
	time_t when;

	*ret_text = NULL;
	if (str_is_empty(epoch))
		return 0;
	if (str_to_i64(epoch, &seconds) < 0 || seconds < 0 || seconds > INT64_C(253402300799))
		return error_set(
			err, ERR_INVALID,
			"invalid value '%s' of SOURCE_DATE_EPOCH: expected seconds since 1970",
			epoch);
	when = (time_t)seconds;
	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return error_set(err, ERR_INVALID, "SOURCE_DATE_EPOCH is out of range");
	*ret_text = mem_strdup(text);
	return 0;
}

/* Packs into a file beside the output, checks it, and only then renames it to the output. So
 * the output is never a package that zrms would refuse. */
static int pack_checked(struct mex_package *p, const struct pack_options *pack,
			const char *output, bool no_translate, struct diagnostics *findings,
			struct error **err)
{
	CLEANUP(mex_package_freep) struct mex_package *result = NULL;
	CLEANUP(freep) char *partial = str_printf("%s.partial-%d", output, (int)getpid());
	struct mex_options options = check_options();

	options.allow_unsigned = true;
	options.any_signer = true;
	options.allows_unset = true;
	int r = mex_pack(p, pack, partial, err);
	if (r == 0)
		r = mex_package_open(partial, &options, findings, &result, err);
	if (r == 0 && !no_translate)
		r = check_translation(result, "", findings, err);
	if (r == 0)
		print_unset(result->parameters);
	if (r == 0 && rename(partial, output) < 0)
		r = error_errno(err, "cannot write %s", output);
	if (r < 0)
		(void)unlink(partial);
	return r;
}

static int build(const char *directory, const char *output, const char *key_path,
		 bool no_translate, struct diagnostics *findings, struct error **err)
{
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	CLEANUP(workshop_done) struct workshop workshop = {0};
	CLEANUP(secret_key_done) struct secret_key key = {0};
	CLEANUP(freep) char *created = NULL;
	/* Modules are checked later, in the finished archive. */
	struct mex_options options = {.allows_unset = true};
	int r = key_path != NULL ? secret_key_load(key_path, &key, err) : 0;

	if (r == 0)
		r = created_text(&created, err);
	if (r == 0)
		r = check_open(directory, &options, findings, &package, err);
	if (r == 0 && package->packed_bytes > 0)
		r = error_set(err, ERR_INVALID,
			      "it is already a package: mex build takes a source directory");
	if (r == 0)
		r = scratch_new(&workshop.directory, err);
	if (r == 0)
		r = compile_spaces(&workshop, directory, package, err);
	if (r < 0)
		return r;
	return pack_checked(package,
			    &(struct pack_options){.files = workshop.files.items,
						   .file_count = (unsigned)workshop.files.count,
						   .key = key_path != NULL ? &key : NULL,
						   .created = created},
			    output, no_translate, findings, err);
}

/* The command line. */
struct options {
	char *output, *key;
	bool no_translate;
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const char *directory = cli_argument(line, 0);
	const char *output = given->output, *key = given->key;
	struct diagnostics findings = {0};
	struct error *why = NULL;
	struct stat status;

	if (build(directory, output, key, given->no_translate, &findings, &why) < 0)
		return findings_fail(line->program, directory, &findings, why);
	diagnostics_done(&findings);
	if (stat(output, &status) == 0)
		printf("%s: %lld bytes, %s\n", output, (long long)status.st_size,
		       key != NULL ? "signed" : "not signed");
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, output),
	 .value = "FILE",
	 .required = true,
	 .help = "the package to write (.mex)"},
	{.name = "key",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, key),
	 .value = "KEY",
	 .help = "sign it with this secret key (mex keygen)"},
	{.name = "no-translate",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, no_translate),
	 .help = "do not check that the modules can be translated"},
	{0},
};

static const struct cli_argument operands[] = {
	{.name = "DIR", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_build = {
	.words = "build",
	.arguments = operands,
	.summary = "compile every space that has a src/ directory, then pack and sign",
	.details =
		"The source directory is not changed. The same source, compiler and mex give "
		"the same bytes in any directory, at any time. `created` comes from "
		"manifest.yaml or else from SOURCE_DATE_EPOCH, never from the clock. FILE is "
		"replaced only if every check of zrms passes, the translation of the modules "
		"included. SAMOZA_GUEST_DIR names another guest "
		"SDK.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
