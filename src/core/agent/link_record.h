/*
 * The record of the link to zrms: when zrms was heard last, and the times that it gave. A zhost that
 * restarts while it is cut off knows by it how long its copies with `loss.stop_after` may still live.
 *
 * It is written when a heartbeat is acknowledged and the one on the disk is too old: by a sixteenth of the
 * shortest `stop_after` here, at most LINK_LAG_MS. So a restart lets nothing live longer; it may end it
 * earlier, by that much.
 *
 * It says that zrms has removed this zhost, too, before anything is stopped for that, and until all is: a zhost that dies meanwhile goes on
 * stopping in its next life, and says HELLO only in the one after that.
 *
 * It holds the highest term, too, and is written at once when that grows: before anything that the zrms of
 * that term asks for is done.
 */
#ifndef SAMOZA_CORE_AGENT_LINK_RECORD_H
#define SAMOZA_CORE_AGENT_LINK_RECORD_H

#include "core/agent/internal.h"

#define LINK_LAG_MS INT64_C(60000)

/* With the first input: what was loaded is of this clock from now on. After another boot the wall clock
 * tells how long ago it was; where that was set back, nothing does, and it is too long ago for anything. */
void link_record_begin(struct agent *agent);
/* zrms was heard, or there are other copies: writes the record if a copy needs it and it is due. */
void link_record_update(struct agent *agent);

#endif
