#include "adapter/archive/package.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/package_config.h"
#include "adapter/archive/package_files.h"
#include "adapter/archive/package_opening.h"
#include "adapter/archive/package_stages.h"
#include "base/check.h"
#include "model/compile.h"
#include "schema/message.h"

static void copy_findings(const struct diagnostics *from, struct diagnostics *to)
{
	vector_for_each (&from->list, d)
		diagnostics_add(to, d->file, d->line, d->column, "%s", d->message);
}

/* Authors want all findings: also those of the topology when the manifest has some. */
static void check_despite_manifest_findings(struct opening *o)
{
	struct mex_package *p = o->package;
	CLEANUP(diagnostics_done) struct diagnostics more = {0};
	struct opening further = {.options = o->options, .findings = &more, .package = p};
	struct topology_source source = {0};

	if (p->manifest.topology_path == NULL)
		p->manifest.topology_path = mem_strdup("topology.yaml");
	if (mex_package_find(p, p->manifest.topology_path) == NULL)
		return;
	if (hash_files(p, NULL) < 0)
		return;
	if (stage_schema(&further, NULL) < 0) {
		check_despite_schema_findings(&further);
	} else {
		source.positions = p->private->topology_positions;
		source.defaults = p->private->space_positions;
		(void)!topology_compile(p->topology_message, &source, NULL, &more, &p->topology,
					NULL);
		check_files(&further);
	}
	copy_findings(&more, o->findings);
}

static int run_stages(struct opening *o, struct error **err)
{
	bool further = o->options->all_findings || source_is_directory(o->package->source);
	static int (*const stages[])(struct opening *, struct error **) = {
		stage_manifest, stage_integrity, stage_signature,
		stage_schema,	stage_model,	 stage_modules,
	};

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		int r = stages[i](o, err);
		if (r < 0 && i == 0 && source_is_directory(o->package->source))
			check_despite_manifest_findings(o);
		if (r < 0 && stages[i] == stage_schema && further) {
			check_despite_schema_findings(o);
			diagnostics_sort(o->findings);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes `source`. */
static int open_source(struct mex_source *source, const struct mex_options *options,
		       struct diagnostics *findings, struct mex_package **ret_package,
		       struct error **err)
{
	struct diagnostics own = {0};
	struct opening o = {.options = options, .findings = &own};

	INVARIANT(sodium_init() >= 0);
	o.package = mem_new(struct mex_package);
	o.package->source = source;
	o.package->private = mem_new(struct mex_private);
	o.package->private->shown_prefix =
		mem_strdup(options->shown_prefix != NULL ? options->shown_prefix : "");
	o.package->parameters = parameters_new(options->values, options->allows_unset, "");
	o.package->packed_bytes = source_packed_bytes(source);
	list_files(o.package);
	int r = run_stages(&o, err);
	if (findings != NULL)
		copy_findings(&own, findings);
	diagnostics_done(&own);
	if (r < 0) {
		mex_package_free(o.package);
		return r;
	}
	*ret_package = o.package;
	return 0;
}

int mex_package_open_fd(int fd, const struct mex_options *options, struct diagnostics *findings,
			struct mex_package **ret_package, struct error **err)
{
	struct mex_source *source;
	int r = source_open_archive(fd, &source, err);

	if (r < 0)
		return r;
	return open_source(source, options, findings, ret_package, err);
}

int mex_package_open(const char *path, const struct mex_options *options,
		     struct diagnostics *findings, struct mex_package **ret_package,
		     struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return mex_package_open_fd(fd, options, findings, ret_package, err);
}

int mex_package_open_directory(const char *directory, const struct mex_options *options,
			       struct diagnostics *findings, struct mex_package **ret_package,
			       struct error **err)
{
	struct mex_source *source;
	int r = source_open_directory(directory, &source, err);

	if (r < 0)
		return r;
	return open_source(source, options, findings, ret_package, err);
}

void mex_package_free(struct mex_package *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; p->spaces != NULL && i < p->private->space_count; i++) {
		free(p->spaces[i].recipes);
		free(p->spaces[i].assets);
		templates_free(&p->spaces[i]);
	}
	free(p->spaces);
	for (unsigned i = 0; p->private->space_positions != NULL && i < p->private->space_count;
	     i++)
		schema_positions_free(p->private->space_positions[i]);
	free(p->private->space_positions);
	schema_positions_free(p->private->manifest_positions);
	schema_positions_free(p->private->topology_positions);
	free(p->private->source_index);
	free(p->private->shown_prefix);
	error_free(p->private->signature_fault);
	free(p->private);
	topology_unref(p->topology);
	parameters_free(p->parameters);
	schema_message_free(p->topology_message);
	schema_message_free(p->manifest_message);
	manifest_done(&p->manifest);
	free(p->files);
	source_close(p->source);
	free(p);
}

void mex_package_freep(struct mex_package **p)
{
	mex_package_free(*p);
}
