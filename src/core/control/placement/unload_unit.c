#include "core/control/placement/unload_unit.h"

#include "core/control/handover/handovers.h"
#include "core/control/slot/copies.h"
#include "core/control/state/loss.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/rules.h"

void unit_unload(struct control *c, struct slot_control *root, const char *cause)
{
	handover_end(c, root);
	if (serving_copy(root) == NULL)
		return;
	root->slot->moving = false;
	unit_retire(c, root);
	loss_forget(c, root);
	/* Children first, as they would go. */
	VECTOR(struct slot *) slots = {0};
	slot_for_each_below (root->slot, s)
		vector_push(&slots, s);
	for (size_t k = slots.count; k-- > 0;) {
		struct slot *s = slots.items[k];
		struct slot_control *sc = control_of_slot(s);
		sc->placed_before = sc->no_place = sc->placed_again = sc->lost = false;
		slot_publish_facts(sc);
		if (s->state != STATE_NOT_DEPLOYED)
			slot_move(s, STATE_NOT_DEPLOYED, false, cause);
		mark_slot(sc);
		topology_state_count(sc);
	}
	vector_done(&slots);
}
