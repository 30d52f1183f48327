/* Placements as they were last decided, and what is being handed over, from the records of a store. */
#ifndef SAMOZA_CORE_CONTROL_LOAD_COPIES_H
#define SAMOZA_CORE_CONTROL_LOAD_COPIES_H

#include "core/control/application.h"

/* PRE: zhosts, applications and slots are loaded. */
int load_copies(struct control *c, struct error **err) must_check;
/* Of the unit of that slot. PRE: all copies are loaded. */
int load_handover(struct control *c, const Samoza__V1__SlotRecord *r,
		  struct error **err) must_check;

#endif
