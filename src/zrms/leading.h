/*
 * zrms among others on one store:
 *
 *     leading_wait() ─► stands by (standby.h) ─► it has won ─► store, with the fence of that win ─► …
 *                                                              the end ─► lead_resign(): the next one leads at once
 *
 * A leader that may be none any more begins again (again.h): what is in memory may be ahead of what is durable.
 */
#ifndef SAMOZA_ZRMS_LEADING_H
#define SAMOZA_ZRMS_LEADING_H

#include "zrms/zrms.h"

/* Where the store is shared with others: runs the loop until this zrms leads; zrms->lead and zrms->standby are there then.
 * Otherwise nothing. */
int leading_wait(struct zrms *zrms, struct error **err) must_check;

#endif
