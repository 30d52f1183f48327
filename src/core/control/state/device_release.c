#include "core/control/state/device_release.h"

#include "core/control/state/device_hold.h"
#include "core/control/state/dirty_set.h"
#include "core/control/state/zhost_registry.h"
#include "core/lifecycle/lifecycle.h"

void device_release_check(struct control_zhost *z)
{
	if (z->spec.device_count == 0)
		return; /* nothing there has any */
	for (const struct copy *copy = z->first_copy; copy != NULL;
	     copy = copy->next_on_zhost) {
		if (copy->of_slot.slot == NULL || copy->sc == NULL || copy->declared == NULL ||
		    !device_hold_concerns(copy))
			continue;
		slot_publish_facts(copy->sc);
		lifecycle_push(copy->sc->slot);
		mark_application(copy->unit->application, APPLICATION_HANDOVER);
	}
}
