#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/unit_devices.h"
#include "core/control/view/view_parts.h"
#include "schema/message.h"

void view_space_devices(const struct slot_control *sc, Samoza__V1__SpaceView *v)
{
	size_t count = 0;
	Samoza__V1__DeviceChoice **list =
		slot_is_placed(sc) ? unit_devices_of(serving_copy(sc), &count) : NULL;
	v->devices = mem_new_array(Samoza__V1__DeviceChoiceView *, count);
	for (size_t k = 0; k < count; k++) {
		Samoza__V1__DeviceChoiceView *to =
			(Samoza__V1__DeviceChoiceView *)schema_message_new(
				&samoza__v1__device_choice_view__descriptor);
		to->kind = mem_strdup(list[k]->kind);
		to->model = mem_strdup(list[k]->model);
		to->index = list[k]->index;
		v->devices[v->n_devices++] = to;
		schema_message_free(&list[k]->base);
	}
	free(list);
}

void view_zhost_withdrawn(const struct control_zhost *z, Samoza__V1__ZhostView *v)
{
	v->withdrawn = mem_new_array(Samoza__V1__WithdrawnView *, z->message->n_offers);
	for (size_t k = 0; k < z->message->n_offers; k++) {
		const Samoza__V1__CapabilityOffer *offer = z->message->offers[k];
		if (offer->missing == NULL)
			continue;
		Samoza__V1__WithdrawnView *to = (Samoza__V1__WithdrawnView *)schema_message_new(
			&samoza__v1__withdrawn_view__descriptor);
		to->capability = mem_strdup(offer->name);
		to->missing = mem_strdup(offer->missing);
		v->withdrawn[v->n_withdrawn++] = to;
	}
}
