#include "zshell/command/status_view.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "zshell/shell/places.h"

void *status_view_new(const ProtobufCMessage *view, const ProtobufCMessageDescriptor *type)
{
	size_t size = protobuf_c_message_get_packed_size(view);
	CLEANUP(freep) uint8_t *packed = mem_new_array(uint8_t, size + 1);
	ProtobufCMessage *status;

	(void)protobuf_c_message_pack(view, packed);
	status = protobuf_c_message_unpack(type, NULL, size, packed);
	INVARIANT(status != NULL); /* it has every field of the view */
	return status;
}

/* The events belong to the history; the message only shows them. */
#define SHOW(o, status, history)                              \
	do {                                                  \
		history_keep_newest(history, STATUS_EVENTS);  \
		(status)->events = (history)->events.items;   \
		(status)->n_events = (history)->events.count; \
		output_message(o, &(status)->base);           \
		(status)->events = NULL;                      \
		(status)->n_events = 0;                       \
	} while (0)

void status_print_topology(const struct output *o, const Samoza__V1__TopologyView *view,
			   struct history *history)
{
	CLEANUP(view_freep)
	Samoza__V1__TopologyStatusView *s =
		status_view_new(&view->base, &samoza__v1__topology_status_view__descriptor);
	const Samoza__V1__EventView *arrival =
		history_arrival(history, "topology", view->state);

	s->since = arrival != NULL ? mem_strdup(arrival->time) : NULL;
	s->reason = view->failure_reason != NULL ? mem_strdup(view->failure_reason)
		    : arrival != NULL		 ? mem_strdup(arrival->cause)
						 : NULL;
	SHOW(o, s, history);
}

static void add_places(Samoza__V1__SpaceStatusView *s, const struct history *history)
{
	stay_vector stays = {0};

	places_find(history, s->name, &stays);
	s->places = mem_new_array(Samoza__V1__StayView *, stays.count);
	vector_for_each (&stays, from) {
		Samoza__V1__StayView *to = mem_new(Samoza__V1__StayView);

		samoza__v1__stay_view__init(to);
		to->zhost = mem_strdup(from->zhost);
		to->since = mem_strdup(from->since);
		to->until = mem_strdup(from->until);
		to->cause = mem_strdup(from->cause);
		s->places[s->n_places++] = to;
	}
	vector_done(&stays);
}

void status_print_space(const struct output *o, const Samoza__V1__SpaceView *view,
			struct history *history)
{
	CLEANUP(view_freep)
	Samoza__V1__SpaceStatusView *s =
		status_view_new(&view->base, &samoza__v1__space_status_view__descriptor);
	const Samoza__V1__EventView *arrival;

	add_places(s, history);
	history_keep_only(history, view->name);
	arrival = history_arrival(history, "space", view->state);
	s->reason = view->why != NULL ? mem_strdup(view->why)
		    : arrival != NULL ? mem_strdup(arrival->cause)
				      : NULL;
	SHOW(o, s, history);
}

void status_print_zhost(const struct output *o, const Samoza__V1__ZhostView *view,
			struct history *history)
{
	CLEANUP(view_freep)
	Samoza__V1__ZhostStatusView *s =
		status_view_new(&view->base, &samoza__v1__zhost_status_view__descriptor);
	const Samoza__V1__EventView *arrival = history_arrival(history, "zhost", view->state);

	s->reason = arrival != NULL ? mem_strdup(arrival->cause) : NULL;
	SHOW(o, s, history);
}
