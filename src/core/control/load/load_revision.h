/* A revision of the store, as far as something is of it. */
#ifndef SAMOZA_CORE_CONTROL_LOAD_REVISION_H
#define SAMOZA_CORE_CONTROL_LOAD_REVISION_H

#include "core/control/state/application.h"

/* Compiles it and tells the engine its needs, unless that was done. */
int load_revision(struct control *c, struct control_application *a, uint32_t number,
		  struct revision **ret_revision, struct error **err) must_check;

#endif
