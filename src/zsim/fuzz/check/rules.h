/*
 * What may run: the rules over what was committed.
 */
#ifndef SAMOZA_ZSIM_FUZZ_RULES_H
#define SAMOZA_ZSIM_FUZZ_RULES_H

#include "zsim/fuzz/life/fuzz.h"

struct family;

/* A mandatory import without a started provider other than the instance itself, or NULL. */
const char *family_missing_import(const struct family *y, unsigned instance);
/* Its ancestors are started, and neither they nor it lack a provider. */
bool rules_may_run(struct fuzz *f, const struct submitted *s, const char *path);
/* Each instance that depends on what changed in this commit has changed with it. */
void rules_check(struct fuzz *f, const struct submitted *s);
/* It begins to stop: all instances inside of it have stopped. */
void rules_check_stop(struct fuzz *f, const struct submitted *s, const char *path);
/* It is undeployed: all instances inside of it are undeployed. */
void rules_check_undeploy(struct fuzz *f, const struct submitted *s, const char *path);

#endif
