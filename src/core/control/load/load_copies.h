/* Placements as they were last decided, and what is being handed over, from the records of a store. */
#ifndef SAMOZA_CORE_CONTROL_LOAD_COPIES_H
#define SAMOZA_CORE_CONTROL_LOAD_COPIES_H

#include "core/control/state/application.h"

/* Slots of the revisions that copies are of, also of those that are about to be removed, and that handovers lead to or
 * wait for. PRE: zhosts and
 * applications are loaded. */
int load_declare(struct control *c, struct error **err) must_check;
/* PRE: slots are loaded, too. */
int load_copies(struct control *c, struct error **err) must_check;
/* What has no copy gets its unit in the engine. PRE: all copies are loaded. */
void load_units(struct control *c, struct control_application *a);
/* Of the unit of that slot. PRE: all copies are loaded. */
void load_handover(struct control *c, const Samoza__V1__SlotRecord *r);

#endif
