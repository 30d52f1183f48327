#include "core/control/state/device_hold.h"

#include "base/str.h"
#include "core/control/state/zhost_registry.h"

static bool is_exclusive_on(const struct control_zhost *z, const char *capability)
{
	for (unsigned k = 0; k < z->spec.device_count; k++)
		if (z->spec.devices[k].is_capability &&
		    str_equal(z->spec.devices[k].kind, capability))
			return true;
	return false;
}

bool device_hold_concerns(const struct copy *copy)
{
	const struct space *s = copy->declared->space;
	bool has = s->device_count > 0;
	for (unsigned k = 0; k < s->capability_count && !has; k++)
		has = is_exclusive_on(copy->unit->zhost, s->capabilities[k]);
	return has;
}

bool device_hold_waits(const struct copy *copy)
{
	const struct control_application *a = copy->unit->application;
	if (copy->declared == NULL || a->list->remains.count == 0 ||
	    !device_hold_concerns(copy))
		return false;
	vector_for_each (&a->list->remains, remain)
		if (!remain->is_dormant && remain->zhost == copy->unit->zhost)
			return true;
	return false;
}
