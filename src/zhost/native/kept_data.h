/*
 * Where NATIVE instances keep what is to outlive their undeploy, one directory for each:
 *
 *   DIR/data/TOPOLOGY/PATH@EPOCH    TOPOLOGY: its name; PATH: "api-2+cache"; EPOCH: of the copy that
 *                                   was the first to have it
 *   DIR/data/.gone-…                forgotten, being removed
 *
 * A later copy of the instance on this zhost finds it again, until zrms asks to forget the data of the
 * topology that copies before an epoch have left (`topo rm --data`).
 */
#ifndef SAMOZA_ZHOST_NATIVE_KEPT_DATA_H
#define SAMOZA_ZHOST_NATIVE_KEPT_DATA_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vector.h"

typedef VECTOR(char *) path_vector;

/* The path of the directory that there is, or NULL. Those that copies before `from_epoch` made are being forgotten, and do not
 * count. The caller frees. */
char *kept_data_find(const char *dir, const char *topology, const char *path,
		     uint64_t from_epoch);
/* Makes one, which belongs to `uid` where zhost is root. The caller frees *ret_path. */
int kept_data_make(const char *dir, const char *topology, const char *path, uint64_t epoch,
		   uid_t uid, char **ret_path, struct error **err) must_check;
/* Moves away, durably, the directories that copies before `epoch` made. Adds to `gone` what is to be
 * removed. In a thread: a disk may take seconds. */
int kept_data_forget(const char *dir, const char *topology, uint64_t epoch, path_vector *gone,
		     struct error **err) must_check;
/* Adds what an earlier zhost moved away and did not remove. */
void kept_data_gone(const char *dir, path_vector *gone);

#endif
