#include "core/control/application/applications.h"
#include "core/control/control.h"
#include "core/control/slot/copies.h"
#include "core/control/state/state.h"

bool control_log_places(const struct control *c, const char *id, control_log_place_fn *each,
			void *user)
{
	const struct control_application *a = application_by_id(&c->applications, id);

	if (a == NULL)
		return false;
	vector_for_each (&a->slot_controls, at) {
		const struct slot_control *sc = *at;
		bool any = false;

		slot_copy_for_each (sc->of_path, of_slot) {
			const struct copy *copy = container_of(of_slot, struct copy, of_slot);
			const struct control_zhost *z = copy_zhost(copy);
			const struct control_log_place place = {
				.path = copy->path != NULL ? copy->path : sc->slot->path,
				.zhost = z->name,
				.link_id = z->link_id,
				.epoch = of_slot->epoch};

			any = true;
			each(user, &place);
		}
		if (!any && sc->last_zhost != NULL) {
			const struct control_log_place place = {
				.path = sc->slot->path,
				.zhost = sc->last_zhost->name,
				.link_id = sc->last_zhost->link_id};

			each(user, &place);
		}
	}
	return true;
}
