/*
 * A zrms that led and leads no more begins again, as a standby: what it has in memory may be ahead of what is durable, so
 * nothing of it may stay. It runs its own program again in the same process, so that it comes back also where nobody
 * starts it again, and who watches the process (systemd, startz) sees none end:
 *
 *     … ─► leads ─► gives its place away, or has lost it ─► again() ─► stands by ─► …
 */
#ifndef SAMOZA_ZRMS_AGAIN_H
#define SAMOZA_ZRMS_AGAIN_H

#include "zrms/zrms.h"

/* Its children end, its files and connections are closed. Where it cannot run its program again, or was told to end, it ends
 * with status 1. */
__attribute__((noreturn)) void again(const struct zrms *zrms);

#endif
