/*
 * A package that is being opened: what its files keep beside the public part, and the state that
 * the stages share.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_OPENING_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_OPENING_H

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

#endif
