/*
 * Stores of format 1, carried over. There, each submission was a topology of its own, with one record
 * for each instance; several topologies could have one name.
 *
 *     topologies of one name            ──►  one application; each of them a revision, in their order
 *     the one that is not stopped,      ──►  the revision that is served; its id is the application's,
 *       else the newest                      the other ids are aliases of it
 *     instances of that one             ──►  slots, and a copy that serves where it was placed
 *     instances of the others, placed   ──►  retired copies, known to their zhost by the older id
 *     a copy that was held (exclusive,  ──►  a retired copy with epoch 0 on the zhost that it was lost
 *       its former copy may still run)       with
 */
#ifndef SAMOZA_CORE_CONTROL_FORMAT1_H
#define SAMOZA_CORE_CONTROL_FORMAT1_H

#include "core/control/state/loaded_records.h"

/* Adds to the records of the present format what those of format 1 say, unless an application of that
 * id is there already (a conversion that a crash cut short). The old ones stay: they are to be
 * deleted. */
void format1_convert(struct loaded_records *loaded);

#endif
