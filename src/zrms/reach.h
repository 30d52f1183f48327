/*
 * Where zrms is reached: its HTTP server, and what it listens on for other machines. A zrms that stands by is reached from
 * its start on (standby.h); when it leads, it is as one that has just opened it, but for connections that are there already.
 */
#ifndef SAMOZA_ZRMS_REACH_H
#define SAMOZA_ZRMS_REACH_H

#include "base/error.h"

struct zrms;

/* As a standby. */
int reach_stand_by(struct zrms *zrms, struct error **err) must_check;
/* With records: nobody can connect before, and wait for the records to be taken up, but at a standby. */
int reach_open(struct zrms *zrms, struct error **err) must_check;

#endif
