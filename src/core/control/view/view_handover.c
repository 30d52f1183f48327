#include "base/memory.h"
#include "core/application/handover.h"
#include "core/control/handover/handover_reports.h"
#include "core/control/placement/placement.h"
#include "core/control/view/view_parts.h"
#include "schema/message.h"

/* NULL: there is none. */
static Samoza__V1__NextView *view_copy(const struct slot_copy *beside)
{
	if (beside == NULL)
		return NULL;
	const struct copy *copy = container_of(beside, struct copy, of_slot);
	Samoza__V1__NextView *v =
		(Samoza__V1__NextView *)schema_message_new(&samoza__v1__next_view__descriptor);
	v->version = mem_strdup(copy->revision->record->version);
	v->zhost = mem_strdup(copy_zhost(copy)->name);
	v->state = mem_strdup(copy_phase_name(copy));
	return v;
}

Samoza__V1__NextView *view_kept(const struct slot_control *sc)
{
	return view_copy(sc->of_path->kept);
}

Samoza__V1__HandoverView *view_handover(const struct slot_control *sc, bool judged)
{
	const struct unit_handover *h = control_of_slot(sc->slot->root)->handover;
	if (h == NULL)
		return NULL;
	Samoza__V1__HandoverView *v = (Samoza__V1__HandoverView *)schema_message_new(
		&samoza__v1__handover_view__descriptor);
	v->kind = mem_strdup(handover_kind_name(h->handover.kind));
	v->state = mem_strdup(handover_state_name(h->handover.state));
	v->cause = mem_strdup(h->cause);
	bool waits = h->handover.state == HANDOVER_PLACING && h->waits != NULL;
	if (waits && !judged) {
		v->waits = mem_strdup(h->waits);
		v->room_on = mem_strdup(h->room_on);
	} else if (waits) {
		v->waits = placement_reason_of_successor(control_of_slot(sc->slot->root),
							 &v->room_on);
	}
	v->next = view_copy(sc->of_path->next);
	return v;
}
