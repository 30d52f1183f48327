/*
 * Which slots an application has, and in which order: the records tell what is, not how it came to be. Part of
 * loading a checkpoint (checkpoint.h).
 */
#ifndef SAMOZA_CORE_CONTROL_CHECKPOINT_ORDER_H
#define SAMOZA_CORE_CONTROL_CHECKPOINT_ORDER_H

#include "core/control/state/application.h"
#include "proto/checkpoint.pb-c.h"

/* Its slots follow the revisions that they followed there, and have that order. PRE: it is loaded and started.
 * ERR_INVALID: the checkpoint names others than its records. */
int checkpoint_arrange(struct control *c, struct control_application *a,
		       const Samoza__V1__VolatileApplication *v, struct error **err) must_check;
/* The time that runs for imports which have lost their providers. */
int checkpoint_restore_patience(struct control_application *a,
				const Samoza__V1__VolatileApplication *v,
				struct error **err) must_check;
/* The same for what applications import from each other. PRE: all of them are loaded. */
int checkpoint_restore_shared(struct control *c, const Samoza__V1__Checkpoint *from,
			      struct error **err) must_check;
/* The checkpoint names something that it does not hold. */
int checkpoint_broken(struct error **err, const char *what, const char *name);

#endif
