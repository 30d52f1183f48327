#include "core/control/state/orders.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/control/state/desired_set.h"
#include "core/control/state/instance_spec.h"
#include "core/control/state/state.h"
#include "core/lifecycle/patience.h"
#include "schema/message.h"

#define NEW(type, descriptor) ((type *)schema_message_new(&descriptor))

/* ---- one copy ---- */

/* What its process knows is to stay: it runs on only until the zhosts of its providers are back, or patience
 * lasts for providers that nobody else knows. */
static bool keeps_imports(const struct copy *copy)
{
	return copy_serves(copy) && copy->sc->slot->state == STATE_DEPLOYED_STARTED &&
	       (!import_lists_are_known(copy) || slot_awaits_return(copy->sc->slot));
}

/* A set of providers that differs from the one sent before gets a new version. While its process is to keep what it
 * knows, it is sent without any: which version the process has is not known, and no number stands for two sets. */
static void add_imports(struct copy *copy, Samoza__V1__DesiredInstance *to)
{
	uint64_t hash = import_lists_name(copy, to);
	bool is_first = copy->imports_version == 0;
	if (!is_first && hash != copy->imports_hash && keeps_imports(copy))
		return;
	if (is_first || hash != copy->imports_hash) {
		copy->imports_hash = hash;
		copy->imports_version++;
		mark_copy(copy, COPY_RECORD);
	}
	to->has_imports_version = true;
	to->imports_version = copy->imports_version;
}

static Samoza__V1__DesiredInstance *desired_new(struct copy *copy)
{
	const struct control_zhost *z = copy_zhost(copy);
	Samoza__V1__DesiredInstance *m =
		NEW(Samoza__V1__DesiredInstance, samoza__v1__desired_instance__descriptor);
	m->key = NEW(Samoza__V1__InstanceKey, samoza__v1__instance_key__descriptor);
	m->key->topology = mem_strdup(copy_key_topology(copy));
	m->key->path = mem_strdup(copy_path(copy));
	m->key->epoch = copy->of_slot.epoch;
	m->generation = copy->generation;
	m->target = (Samoza__V1__Target)copy->target;
	m->has_retry_generation = true;
	m->retry_generation = copy->retry_generation;
	m->has_writes = !copy_serves(copy);
	m->writes = slot_copy_writes(&copy->of_slot);
	m->has_serves = !copy_serves(copy);
	m->serves = copy_serves(copy);
	if (copy->target == TARGET_STARTED && !copy_is_retired(copy))
		add_imports(copy, m);
	else
		import_lists_release(copy);
	if (copy->target != TARGET_NONE && !copy_is_retired(copy) &&
	    (copy->sent_epoch != copy->of_slot.epoch || copy->sent_link != z->link_id)) {
		m->spec = instance_spec_new(copy);
		copy->sent_epoch = copy->of_slot.epoch;
		copy->sent_link = z->link_id;
	}
	if (copy->target != TARGET_NONE)
		copy->absent = false;
	if (copy->target == TARGET_NONE)
		copy->sent_epoch = 0; /* the zhost forgets it with the instance */
	return m;
}

/* The zhost has something to do, or may still do, by its own back-off, what it was asked for before:
 * until it answers that nothing is left, it is told that nothing is asked. */
static bool is_asked(const struct copy *copy)
{
	if (copy->forsaken)
		return false;
	if (copy_is_retired(copy))
		return true;
	return !copy->unit->lost && (copy->target != TARGET_NONE || !copy->absent);
}

/* ---- sets ---- */

static void send_set(struct control *c, struct control_zhost *z, bool full)
{
	emit_message(&c->emitter, z->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED,
		     desired_set_take(z, full), false);
}

/* Copies whose providers changed get a new set, if it really differs. */
static void mark_importers(struct control_application *a)
{
	for (uint32_t space = 0; space < a->slots.spaces.count; space++) {
		if (!a->importers_changed.items[space])
			continue;
		a->importers_changed.items[space] = false;
		import_lists_refresh(a, space);
		/* In whatever state: its zhost starts it (again) by itself. */
		vector_for_each (&a->slots.spaces.items[space]->slots, s) {
			slot_copy_for_each (control_of_slot(*s)->of_path, item) {
				struct copy *copy = container_of(item, struct copy, of_slot);
				if (!copy_is_retired(copy) && copy->target == TARGET_STARTED)
					mark_copy(copy, COPY_ORDER);
			}
		}
	}
	a->marks &= ~(unsigned)APPLICATION_IMPORTERS;
}

static void send_all(struct control *c, struct control_zhost *z)
{
	z->order_all = false;
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost) {
		if (!is_asked(copy)) {
			import_lists_release(copy); /* the zhost forgets it */
			continue;
		}
		desired_set_add(z, desired_new(copy));
		copy->marks &= ~(unsigned)COPY_ORDER;
	}
	send_set(c, z, true);
}

static void add_orders(struct dirty_set *dirty)
{
	/* add_imports() marks records of copies that are in the list already */
	for (size_t k = 0; k < dirty->copies.count; k++) {
		struct copy *copy = dirty->copies.items[k];
		struct control_zhost *z = copy_zhost(copy);
		if ((copy->marks & COPY_ORDER) == 0 || z->link_id == 0 || !is_asked(copy))
			continue;
		desired_set_add(z, desired_new(copy));
	}
}

void orders_send(struct control *c)
{
	vector_for_each (&c->dirty.applications, a)
		if (((*a)->marks & APPLICATION_IMPORTERS) != 0)
			mark_importers(*a);
	vector_for_each (&c->dirty.zhosts, z)
		if ((*z)->order_all && (*z)->link_id != 0)
			send_all(c, *z);
	add_orders(&c->dirty);
	provider_lists_trim(&c->provider_lists);
	vector_for_each (&c->dirty.ordered, z)
		if ((*z)->desired != NULL)
			send_set(c, *z, false);
	vector_clear(&c->dirty.ordered);
}
