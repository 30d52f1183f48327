#include "core/control/deployments.h"

#include "core/control/exclusions.h"
#include "core/control/residence.h"
#include "core/control/state.h"

struct deployment *deployment_add(struct control *c, Samoza__V1__TopologyRecord *take_record,
				  struct topology *topology)
{
	struct deployment *d =
		deployment_new(&c->deployments, &c->lifecycle, c->place, take_record, topology);
	d->control = c;
	d->dirty = &c->dirty;
	return d;
}

void deployment_dissolve(struct control *c, struct deployment *d)
{
	vector_for_each (&d->slots.slots, s) {
		struct copy *copy = copy_of(*s);
		exclusions_clear(c, copy);
		copy_hold(c, copy, 0);
		copy_unlink(copy);
	}
	dirty_set_forget(&c->dirty, d);
	deployment_free(&c->deployments, c->place, d);
}
