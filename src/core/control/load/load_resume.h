/* What was under way when zrms ended. */
#ifndef SAMOZA_CORE_CONTROL_LOAD_RESUME_H
#define SAMOZA_CORE_CONTROL_LOAD_RESUME_H

#include "core/control/state/application.h"

/* Stops continue in their order; the rest is evaluated. PRE: all of it is loaded. */
void load_resume(struct control_application *a);

#endif
