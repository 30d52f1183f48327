/*
 * The files of `config` in the directory of a NATIVE instance: spaces/NAME/package/.samoza/config/, which its programs see read only
 * under the name in SAMOZA_CONFIG. A file is replaced as a whole; only the instance's own user reads it.
 */
#ifndef SAMOZA_ZHOST_NATIVE_NATIVE_CONFIG_H
#define SAMOZA_ZHOST_NATIVE_NATIVE_CONFIG_H

#include <stddef.h>

#include "base/error.h"

struct native_runtime;

struct native_config_file {
	const char *name, *content;
};

/* These files, and no others, are there from now on. PRE: it is deployed. */
int native_config_write(const struct native_runtime *n, const char *file_name,
			const struct native_config_file *files, size_t count,
			struct error **err) must_check;

#endif
