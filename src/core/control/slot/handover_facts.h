/*
 * What is the case for a unit that is handed over.
 */
#ifndef SAMOZA_CORE_CONTROL_HANDOVER_FACTS_H
#define SAMOZA_CORE_CONTROL_HANDOVER_FACTS_H

#include "core/control/state/application.h"
#include "core/lifecycle/lifecycle.h"

struct handover_facts handover_facts_of(const struct slot_control *root);
/* What a copy beside the one that serves is to be asked for. */
enum instance_target handover_target_of(const struct copy *copy);
/* Its zhost says that there is, or may be, a process. */
bool phase_is_active(Samoza__V1__Phase phase);

#endif
