/*
 * What is kept of a package: the record that the core completes and the store holds.
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_REVISION_RECORD_H
#define SAMOZA_ZRMS_SUBMISSION_REVISION_RECORD_H

#include "adapter/archive/package.h"
#include "proto/record.pb-c.h"

/* Borrows the package's topology message and strings: use it while the package lives.
 * `native_of` gives the digest of a module's native code, or NULL; `platform` is what that is
 * for. */
Samoza__V1__RevisionRecord *
revision_record_new(const struct mex_package *package,
		    const char *(*native_of)(void *user, const char *module_digest), void *user,
		    const char *platform);
/* Frees the record, not what it borrows. NULL is fine. */
void revision_record_free(Samoza__V1__RevisionRecord *record);

#endif
