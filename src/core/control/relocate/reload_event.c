#include "core/control/relocate/reload_event.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"

void reload_report(struct control *c, const struct copy *copy,
		   const Samoza__V1__InstanceReport *r)
{
	enum space_reload reload = copy->declared->space->reload;
	bool runs_on = copy->phase == SAMOZA__V1__PHASE__PHASE_STARTED &&
		       r->phase == SAMOZA__V1__PHASE__PHASE_STARTED &&
		       r->restarts == copy->restarts && !copy_is_beside(copy);
	if (!runs_on || reload == RELOAD_BY_RESTART || copy->settings.sum == 0 ||
	    r->settings == 0 || r->settings == copy->settings.sum)
		return;
	const struct control_application *a = copy->unit->application;
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, copy->of_slot.slot->path);
	emit_event(&c->emitter, "reload", subject, NULL, NULL, a->id,
		   reload == RELOAD_BY_SIGNAL
			   ? "signal: its process took the new values of env and config"
			   : "update: its process took the new values of env and config");
}
