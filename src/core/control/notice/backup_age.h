/*
 * The event "backup": the newest backup has become old, or there is a newer one. The program says how old
 * the newest is whenever that changes (CONTROL_BACKUP_AGE); what was said last is durable, and is not said again.
 *
 * Source: [observe.logs.notices].
 */
#ifndef SAMOZA_CORE_CONTROL_BACKUP_AGE_H
#define SAMOZA_CORE_CONTROL_BACKUP_AGE_H

#include "core/control/control.h"
#include "core/control/state/state.h"

/* Takes the record over. */
void backup_age_load(struct control *c, Samoza__V1__BackupAgeRecord *take);
void backup_age_seen(struct control *c, const struct control_input *input);

#endif
