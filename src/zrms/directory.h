/* DIR of zrms: its lock, what is made in it, and where zrms says its address. */
#ifndef SAMOZA_ZRMS_DIRECTORY_H
#define SAMOZA_ZRMS_DIRECTORY_H

#include "zrms/zrms.h"

/* Makes it and locks it: `lock_fd` is held for the life of the process. */
int directory_open(struct zrms *zrms, struct error **err) must_check;
/* Holds `dir` alone; *ret_fd is the caller's, and closing it gives it up. ERR_CONFLICT: another zrms has
 * it. DIR/lock holds the pid, for people; what a killed zrms' children still hold is waited for. */
int directory_lock(const char *dir, int *ret_fd, struct error **err) must_check;
/* Mode 0700; nothing where it is there. */
int directory_make(const char *path, struct error **err) must_check;
/* DIR/address: where zrms listens for programs of this machine. */
int directory_write_address(struct zrms *zrms, struct error **err) must_check;

#endif
