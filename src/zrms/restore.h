/*
 * `zrms restore FILE --dir DIR`: the control plane as a backup holds it (backup.h).
 *
 *   FILE ─► DIR.restoring-XXXXXX, every byte checked ─► the store and the artifacts checked ─► renamed to DIR
 *
 * Until the rename nothing that was there is touched; what was there is kept beside it.
 */
#ifndef SAMOZA_ZRMS_RESTORE_H
#define SAMOZA_ZRMS_RESTORE_H

#include "adapter/cli/cli.h"

extern const struct cli_command restore_command;

/* Whether DIR was restored, and nothing that zrms decided on it since is durable: the cluster may have gone on
 * after the backup. */
bool restore_is_fresh(const char *dir);
/* Of what time the backup is, and when it was restored; wall clock. False: it does not say. PRE: it is fresh. */
bool restore_times(const char *dir, int64_t *ret_after_ms, int64_t *ret_until_ms);
/* It is from now on: what it holds is as of `after_ms`. */
int restore_begin(const char *dir, int64_t after_ms, struct error **err) must_check;
/* Something is. */
void restore_done(const char *dir);

#endif
