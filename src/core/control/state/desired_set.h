/*
 * What a zhost is asked for in a flush, put together piece by piece: one DESIRED for each zhost.
 */
#ifndef SAMOZA_CORE_CONTROL_DESIRED_SET_H
#define SAMOZA_CORE_CONTROL_DESIRED_SET_H

#include "core/control/state/zhost_registry.h"

/* Each begins the zhost's message where there is none, and takes what it is given. */
void desired_set_add(struct control_zhost *z, Samoza__V1__DesiredInstance *take_instance);
void desired_set_add_list(struct control_zhost *z, Samoza__V1__ProviderList *take_list);
void desired_set_drop_list(struct control_zhost *z, uint64_t id);

/* The message, with the next version, for the caller to send; an empty one where none was begun. */
Samoza__V1__Desired *desired_set_take(struct control_zhost *z, bool full);

#endif
