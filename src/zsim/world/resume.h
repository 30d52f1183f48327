/*
 * A world in which a cluster goes on as it was at one instant: the records of its zrms, and of each zhost the copies and processes
 * that it had reported.
 *
 *     control, as a replay has it ──► store of zrms │ machines: disk, processes ──► all of them start, and speak
 *
 * zrms and the zhosts start again in this moment, and what runs goes on. A zhost that was silent is off. An action that was under
 * way begins again. What failed in the recording succeeds here unless a step says otherwise.
 */
#ifndef SAMOZA_ZSIM_WORLD_RESUME_H
#define SAMOZA_ZSIM_WORLD_RESUME_H

#include "base/error.h"
#include "core/control/control.h"

struct world;

/* `w`: world_init() and its hooks, and nothing more. Times and limits of its options become those of the cluster. PRE: every
 * input of `control` is flushed. */
int world_resume(struct world *w, struct control *control, struct instant now,
		 struct error **err) must_check;

#endif
