/*
 * The order in which retired copies are told to go: importers before providers, children before their
 * parents, as in an ordered stop. Until its turn has come a retired copy is asked for what it was
 * asked for before.
 *
 *     retired ──► some active retired copy needs it ──► waits ──► that one has ended ──► told to go
 *        └──────► nothing needs it ──────────────────────────────────────────────────►─┘
 *
 * Where all that is left waits, some of it is in a circle of imports that nothing outside of it needs: inside of such
 * a circle optional imports count no longer; where it still is one, no import does. What a circle needs beside goes
 * after it. Children always go before their parents.
 *
 * Source: [topology.stop.unload].
 */
#ifndef SAMOZA_CORE_CONTROL_UNLOAD_ORDER_H
#define SAMOZA_CORE_CONTROL_UNLOAD_ORDER_H

#include "core/control/state/application.h"

struct control;

/* In a flush, before orders are sent: for what is marked APPLICATION_UNLOAD. */
void unload_order_run(struct control *c);
/* It is told to go, whatever needs it. PRE: retired. */
void unload_order_release(struct copy *copy);

#endif
