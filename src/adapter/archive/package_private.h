/* What the files that open a package share. */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_PRIVATE_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_PRIVATE_H

#include "adapter/archive/package.h"
#include "adapter/archive/source.h"
#include "schema/yaml.h"

struct mex_private {
	unsigned *source_index; /* of files[i] */
	struct schema_positions *manifest_positions;
	struct schema_positions *topology_positions;
	struct schema_positions *
		*space_positions; /* by space; of space.yaml, NULL without one */
	unsigned space_count;	  /* of space_positions and of spaces */
	bool defaults_missing;	  /* a space.yaml could not be read */
	char *shown_prefix;
	struct error *signature_fault; /* what is wrong with the signature, or NULL */
};

struct opening {
	const struct mex_options *options;
	struct diagnostics *findings; /* of the stage */
	struct mex_package *package;
};

/* The file's name as findings show it; the caller frees. */
char *shown_file(const struct mex_package *p, const char *path);

/* A finding about a file as a whole, or about a place in the manifest. */
void finding_in_file(struct opening *o, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_in_manifest(struct opening *o, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* 0, or the first finding as an error. */
must_check int stage_result(struct opening *o, struct error **err);

/* The stages (package.h); the findings of each are in o->findings. */
must_check int stage_manifest(struct opening *o, struct error **err);
must_check int stage_integrity(struct opening *o, struct error **err);
must_check int stage_signature(struct opening *o, struct error **err);
must_check int stage_schema(struct opening *o, struct error **err);
must_check int stage_model(struct opening *o, struct error **err);
must_check int stage_modules(struct opening *o, struct error **err);

/* Behind a stage_schema() that had findings: those of names and files, over what could be read.
 */
void look_past_schema(struct opening *o);
/* What types of spaces need of files. Only for spaces whose name and type are known. */
void check_files(struct opening *o);

/* Fills files[].hash. */
must_check int hash_files(struct mex_package *p, struct error **err);
/* Hash of a file's content, 64 hexadecimal digits. */
must_check int source_hash(struct mex_source *s, unsigned index, char ret_hash[65],
			   struct error **err);

#endif
