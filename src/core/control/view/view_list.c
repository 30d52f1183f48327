/*
 * Lists for REST, a slice at a time: what zrms holds may be more than it should write down at once.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/state/iso8601.h"
#include "core/control/view/list_filter.h"
#include "core/control/view/view_parts.h"
#include "core/lifecycle/slot_set.h"
#include "model/space_kind.h"
#include "schema/message.h"

#define NEW(Type, type) \
	((Samoza__V1__##Type *)schema_message_new(&samoza__v1__##type##__descriptor))

/* Where views go, and which. */
struct slice {
	const struct list_filter *filter;
	ProtobufCMessage **views;
	size_t count, max;
};

static void slice_add(struct slice *s, void *view)
{
	s->views[s->count++] = view;
}

/* ---- topologies and their instances: by age, then as declared ---- */

/* The application at the position, or the next one where that is gone. */
static const struct control_application *application_at(const struct control *c,
							const struct list_position *at)
{
	const struct control_application *a = NULL;
	if (at->sequence == 0)
		return c->applications.first;
	if (at->name != NULL)
		a = application_by_id(&c->applications, at->name);
	if (a != NULL && a->sequence == at->sequence)
		return a;
	application_for_each (&c->applications, next)
		if (next->sequence >= at->sequence)
			return next;
	return NULL;
}

static void set_position(struct list_position *at, const struct control_application *a,
			 uint32_t instance)
{
	at->sequence = a->sequence;
	at->instance = instance;
	if (!str_equal(at->name, a->id)) {
		free(at->name);
		at->name = mem_strdup(a->id);
	}
}

static Samoza__V1__MeshSpaceView *mesh_view(const struct slot_control *sc)
{
	const struct slot *s = sc->slot;
	const struct control_zhost *z = slot_zhost(sc);
	if (s->state != STATE_DEPLOYED_STARTED || z == NULL)
		return NULL;
	Samoza__V1__MeshSpaceView *v = NEW(MeshSpaceView, mesh_space_view);
	v->topology = mem_strdup(application_of(s)->name);
	v->space = mem_strdup(s->path);
	v->type = mem_strdup(space_type_name(slot_declared_space(s)->type));
	v->zhost = mem_strdup(z->name);
	v->since = iso8601_text(s->since_ms);
	return v;
}

/* Where to look on from `serial`: a path has one instance at most. */
static size_t first_to_view(const struct list_filter *filter,
			    const struct control_application *a, uint32_t serial)
{
	if (filter->path == NULL)
		return slot_set_from_serial(&a->slots, serial);
	const struct slot *s = application_served_slot(a, filter->path, NULL);
	return s != NULL && s->serial >= serial ? s->id : a->slots.slots.count;
}

/* Views of one application's instances from that serial number on; the first that is not in the slice. */
static uint32_t add_instances(struct slice *slice, const struct control_application *a,
			      enum control_list list, uint32_t serial)
{
	size_t count = a->slots.slots.count;
	if (!list_filter_takes_instances_of(slice->filter, a))
		return a->slots.next_serial;
	size_t k = first_to_view(slice->filter, a, serial);
	for (; k < count && slice->count < slice->max; k++) {
		const struct slot_control *sc = a->slot_controls.items[k];
		if (!list_filter_takes_instance(slice->filter, sc))
			continue;
		void *view = list == CONTROL_LIST_MESH ? (void *)mesh_view(sc)
						       : (void *)view_space(sc, false);
		if (view != NULL)
			slice_add(slice, view);
	}
	return k < count ? a->slots.slots.items[k]->serial : a->slots.next_serial;
}

static void next_instances(const struct control *c, enum control_list list, const char *id,
			   struct list_position *at, struct slice *slice)
{
	const struct control_application *a =
		id != NULL ? application_by_id(&c->applications, id) : application_at(c, at);
	uint32_t serial = a != NULL && a->sequence == at->sequence ? at->instance : 0;
	for (; a != NULL && slice->count < slice->max; a = a->next) {
		serial = add_instances(slice, a, list, serial);
		set_position(at, a, serial);
		if (id != NULL)
			return;
		if (serial < a->slots.next_serial)
			return;
		serial = 0;
	}
}

static void next_topologies(const struct control *c, enum control_list list,
			    struct list_position *at, struct slice *slice)
{
	const struct control_application *a = application_at(c, at);
	const struct control_application *only =
		list_filter_named(slice->filter, &c->applications);
	if (a != NULL && a->sequence == at->sequence && at->instance > 0)
		a = a->next; /* it is in the list already */
	if (a != NULL && only != NULL)
		a = only->sequence >= a->sequence ? only : NULL;
	for (; a != NULL && slice->count < slice->max; a = only == NULL ? a->next : NULL) {
		if (!list_filter_takes_topology(slice->filter, a))
			continue;
		slice_add(slice, list == CONTROL_LIST_COUNTS ? (void *)view_counts(a)
							     : (void *)view_summary(a));
		set_position(at, a, 1);
	}
}

/* ---- zhosts: by name ---- */

static void next_zhosts(const struct control *c, struct list_position *at, struct slice *slice)
{
	named_zhost_list left;
	view_zhosts_after(c, slice->filter, at->name, slice->max - slice->count, &left);
	for (size_t k = 0; k < left.count; k++) {
		const struct named_zhost *one = &left.items[k];
		slice_add(slice, one->zhost != NULL ? view_zhost(c, one->zhost)
						    : view_made_zhost(one->made));
		free(at->name);
		at->name = mem_strdup(one->name);
	}
	vector_done(&left);
}

/* ---- all ---- */

size_t control_list_next(const struct control *control, enum control_list list, const char *id,
			 const struct list_filter *filter, struct list_position *position,
			 ProtobufCMessage **views, size_t max)
{
	static const struct list_filter all;
	struct slice slice = {
		.filter = filter != NULL ? filter : &all, .views = views, .max = max};
	switch (list) {
	case CONTROL_LIST_TOPOLOGIES:
	case CONTROL_LIST_COUNTS:
		next_topologies(control, list, position, &slice);
		break;
	case CONTROL_LIST_SPACES:
	case CONTROL_LIST_MESH:
		next_instances(control, list, id, position, &slice);
		break;
	case CONTROL_LIST_ZHOSTS:
		next_zhosts(control, position, &slice);
		break;
	}
	return slice.count;
}

/* All of a list. The caller frees the array with the message that gets it. */
static ProtobufCMessage **whole(const struct control *c, enum control_list list, const char *id,
				size_t *ret_count)
{
	enum { EACH = 256 };
	ProtobufCMessage **views = NULL;
	struct list_position at = {0};
	size_t count = 0, more;
	do {
		views = mem_resize(views, count + EACH, sizeof(*views));
		more = control_list_next(c, list, id, NULL, &at, views + count, EACH);
		count += more;
	} while (more == EACH);
	list_position_done(&at);
	*ret_count = count;
	return views;
}

Samoza__V1__TopologyListView *control_view_topologies(const struct control *c)
{
	Samoza__V1__TopologyListView *v = NEW(TopologyListView, topology_list_view);
	v->topologies = (Samoza__V1__TopologySummaryView **)whole(c, CONTROL_LIST_TOPOLOGIES,
								  NULL, &v->n_topologies);
	return v;
}

Samoza__V1__SpaceListView *control_view_spaces(const struct control *c, const char *id)
{
	Samoza__V1__SpaceListView *v = NEW(SpaceListView, space_list_view);
	v->spaces = (Samoza__V1__SpaceView **)whole(c, CONTROL_LIST_SPACES, id, &v->n_spaces);
	return v;
}

Samoza__V1__ZhostListView *control_view_zhosts(const struct control *c)
{
	Samoza__V1__ZhostListView *v = NEW(ZhostListView, zhost_list_view);
	v->zhosts = (Samoza__V1__ZhostView **)whole(c, CONTROL_LIST_ZHOSTS, NULL, &v->n_zhosts);
	return v;
}

void list_position_done(struct list_position *position)
{
	free(position->name);
	*position = (struct list_position){0};
}

char *list_position_text(const struct list_position *position)
{
	if (position->sequence == 0)
		return mem_strdup(position->name);
	return str_printf("%llu.%u", (unsigned long long)position->sequence,
			  position->instance);
}

int list_position_parse(enum control_list list, const char *text, struct list_position *ret)
{
	*ret = (struct list_position){0};
	if (list == CONTROL_LIST_ZHOSTS) {
		ret->name = mem_strdup(text);
		return 0;
	}
	CLEANUP(freep) char *copy = mem_strdup(text);
	char *dot = strchr(copy, '.');
	uint64_t instance = 0;
	if (dot == NULL)
		return -1;
	*dot = '\0';
	if (str_to_u64(copy, &ret->sequence) < 0 || str_to_u64(dot + 1, &instance) < 0 ||
	    instance > UINT32_MAX || ret->sequence == 0)
		return -1;
	ret->instance = (uint32_t)instance;
	return 0;
}
