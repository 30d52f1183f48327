/*
 * The templates of `config`: files below spaces/NAME/, read, with the values of parameters in place of ${param.NAME}; what else
 * they refer to is checked as in `env` (model/setting.h).
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_CONFIG_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_CONFIG_H

#include <stdbool.h>

#include "base/error.h"
#include "proto/model.pb-c.h"

struct mex_space;
struct opening;

/* The file (below spaces/NAME/) is a template of the space, and no asset of it. */
bool is_template(const Samoza__V1__Space *space, const char *below);
/* Fills the `config` of all spaces. PRE: the topology is compiled. */
must_check int read_templates(struct opening *o, struct error **err);
void templates_free(struct mex_space *space);

#endif
