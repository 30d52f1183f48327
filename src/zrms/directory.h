/* DIR of zrms: its lock, what is made in it, and where zrms says its address. */
#ifndef SAMOZA_ZRMS_DIRECTORY_H
#define SAMOZA_ZRMS_DIRECTORY_H

#include "zrms/zrms.h"

/* Makes it and locks it: `lock_fd` is held for the life of the process. */
int directory_open(struct zrms *zrms, struct error **err) must_check;
/* DIR/address: where zrms listens, for programs that gave it port 0. */
int directory_write_address(struct zrms *zrms, struct error **err) must_check;

#endif
