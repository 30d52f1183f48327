#include "core/control/state/state.h"

void control_enter(struct control *c, struct instant now, struct outbox *outbox)
{
	c->now = c->lifecycle.now = c->emitter.now = now;
	c->emitter.outbox = outbox;
	c->actor = "operator";
}
