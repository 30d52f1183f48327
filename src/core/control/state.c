#include "core/control/state.h"

void control_enter(struct control *c, struct instant now, struct outbox *outbox)
{
	c->now = c->lifecycle.now = c->emitter.now = now;
	c->emitter.outbox = outbox;
	c->actor = "operator";
}

void loaded_records_done(struct loaded_records *loaded)
{
	vector_for_each (&loaded->topologies, r)
		samoza__v1__topology_record__free_unpacked(*r, NULL);
	vector_for_each (&loaded->instances, r)
		samoza__v1__instance_record__free_unpacked(*r, NULL);
	vector_for_each (&loaded->zhosts, r)
		samoza__v1__zhost_record__free_unpacked(*r, NULL);
	vector_done(&loaded->topologies);
	vector_done(&loaded->instances);
	vector_done(&loaded->zhosts);
}
