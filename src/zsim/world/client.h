/*
 * A client of zrms.
 */
#ifndef SAMOZA_ZSIM_WORLD_CLIENT_H
#define SAMOZA_ZSIM_WORLD_CLIENT_H

#include "zsim/world/controller.h"

/* Asks and waits for the answer, at this instant. `request` is filled in. */
void client_ask(struct world *w, struct control_input *input, struct answer *ret_answer);

/* Asks, and looks at no answer: the client is gone, or others follow at once. */
void client_tell(struct world *w, struct control_input *input);

#endif
