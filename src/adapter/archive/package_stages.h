/*
 * The stages of opening a package (package.h), in their order. The findings of each are in
 * o->findings.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_STAGES_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_STAGES_H

#include "base/error.h"

struct opening;

/* package_stages.c */
must_check int stage_manifest(struct opening *o, struct error **err);
must_check int stage_integrity(struct opening *o, struct error **err);
must_check int stage_signature(struct opening *o, struct error **err);
/* package_model.c */
must_check int stage_schema(struct opening *o, struct error **err);
must_check int stage_model(struct opening *o, struct error **err);
must_check int stage_modules(struct opening *o, struct error **err);

/* After a stage_schema() that had findings: adds those about names and files, as far as the
 * messages could be read. */
void check_despite_schema_findings(struct opening *o);
/* The files that the type of a space requires or excludes. Only for spaces whose name and type
 * are known. */
void check_files(struct opening *o);

#endif
