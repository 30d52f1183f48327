#include "core/control/orders.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/instance_spec.h"
#include "core/control/state.h"
#include "schema/message.h"

#define NEW(type, descriptor) ((type *)schema_message_new(&descriptor))

/* ---- the providers of its imports ---- */

struct gathering {
	Samoza__V1__DesiredInstance *to;
	const struct import_decl *import;
	size_t capacity;
	uint64_t hash;
};

static void mix(uint64_t *hash, const char *text)
{
	*hash = (*hash ^ str_hash(text)) * 0x9e3779b97f4a7c15u;
	*hash ^= *hash >> 29;
}

static bool is_imported(const struct import_decl *import, const char *variable)
{
	if (import->variable_count == 0)
		return true;
	for (unsigned k = 0; k < import->variable_count; k++)
		if (str_equal(import->variables[k], variable))
			return true;
	return false;
}

static void add_variable(Samoza__V1__Provider *p, const struct instance_variable *from)
{
	Samoza__V1__Variable *v = NEW(Samoza__V1__Variable, samoza__v1__variable__descriptor);
	v->name = mem_strdup(from->name);
	v->value = mem_strdup(from->value);
	p->variables[p->n_variables++] = v;
}

static void gather(void *user, struct slot *provider)
{
	struct gathering *g = user;
	const struct copy *copy = serving_copy(control_of_slot(provider));
	Samoza__V1__Provider *p = NEW(Samoza__V1__Provider, samoza__v1__provider__descriptor);
	p->import = mem_strdup(g->import->from);
	p->path = mem_strdup(provider->path);
	mix(&g->hash, p->import);
	mix(&g->hash, p->path);
	p->variables = mem_new_array(Samoza__V1__Variable *, copy->export_count);
	for (size_t k = 0; k < copy->export_count; k++) {
		const struct instance_variable *v = &copy->exports[k];
		if (!is_imported(g->import, v->name))
			continue;
		add_variable(p, v);
		mix(&g->hash, v->name);
		mix(&g->hash, v->value);
	}
	if (g->to->n_imports == g->capacity) {
		g->capacity = g->capacity * 2 + 4;
		g->to->imports =
			mem_resize(g->to->imports, g->capacity, sizeof(*g->to->imports));
	}
	g->to->imports[g->to->n_imports++] = p;
}

/* Fills in the providers; a set that differs from the one sent before gets a new version. */
static void add_imports(struct copy *copy, Samoza__V1__DesiredInstance *to)
{
	const struct slot *slot = copy->serves->slot;
	const struct space *space = slot_declared_space(slot);
	struct gathering g = {.to = to, .hash = 1};
	for (unsigned k = 0; k < space->import_count; k++) {
		g.import = &space->imports[k];
		mix(&g.hash, g.import->from);
		slot_each_provider(slot, g.import, gather, &g);
	}
	if (g.hash != copy->imports_hash) {
		copy->imports_hash = g.hash;
		copy->imports_version++;
		mark_copy(copy, COPY_RECORD);
	}
	to->has_imports_version = true;
	to->imports_version = copy->imports_version;
}

/* ---- sets ---- */

static Samoza__V1__DesiredInstance *desired_new(struct copy *copy)
{
	const struct control_zhost *z = copy_zhost(copy);
	Samoza__V1__DesiredInstance *m =
		NEW(Samoza__V1__DesiredInstance, samoza__v1__desired_instance__descriptor);
	m->key = NEW(Samoza__V1__InstanceKey, samoza__v1__instance_key__descriptor);
	m->key->topology = mem_strdup(copy_key_topology(copy));
	m->key->path = mem_strdup(copy->of_slot.slot->path);
	m->key->epoch = copy->of_slot.epoch;
	m->generation = copy->generation;
	m->target = (Samoza__V1__Target)copy->target;
	m->has_retry_generation = true;
	m->retry_generation = copy->retry_generation;
	m->has_writes = copy_is_retired(copy);
	m->writes = slot_copy_writes(&copy->of_slot);
	if (copy->target == TARGET_STARTED && !copy_is_retired(copy))
		add_imports(copy, m);
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

static void add_order(struct copy *copy)
{
	struct control_zhost *z = copy_zhost(copy);
	if (z->desired == NULL) {
		z->desired = NEW(Samoza__V1__Desired, samoza__v1__desired__descriptor);
		z->desired_capacity = 0;
	}
	Samoza__V1__Desired *set = z->desired;
	if (set->n_instances == z->desired_capacity) {
		z->desired_capacity = z->desired_capacity * 2 + 8;
		set->instances = mem_resize(set->instances, z->desired_capacity,
					    sizeof(*set->instances));
	}
	set->instances[set->n_instances++] = desired_new(copy);
}

static void send_set(struct control *c, struct control_zhost *z, bool full)
{
	if (z->desired == NULL)
		z->desired = NEW(Samoza__V1__Desired, samoza__v1__desired__descriptor);
	z->desired->version = ++z->desired_version;
	z->desired->full = full;
	emit_message(&c->emitter, z->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED,
		     steal_ptr(&z->desired), false);
}

/* Copies whose providers changed get a new set, if it really differs. */
static void mark_importers(struct control_application *a)
{
	for (uint32_t space = 0; space < a->slots.spaces.count; space++) {
		if (!a->importers_changed[space])
			continue;
		a->importers_changed[space] = false;
		/* In whatever state: its zhost starts it (again) by itself. */
		vector_for_each (&a->slots.spaces.items[space]->slots, s) {
			struct copy *copy = serving_copy(control_of_slot(*s));
			if (copy != NULL && copy->target == TARGET_STARTED)
				mark_copy(copy, COPY_ORDER);
		}
	}
	a->marks &= ~(unsigned)APPLICATION_IMPORTERS;
}

static void send_all(struct control *c, struct control_zhost *z)
{
	z->order_all = false;
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost) {
		if (!is_asked(copy))
			continue;
		add_order(copy);
		copy->marks &= ~(unsigned)COPY_ORDER;
	}
	send_set(c, z, true);
}

void orders_send(struct control *c)
{
	VECTOR(struct control_zhost *) changed = {0};
	vector_for_each (&c->dirty.applications, a)
		if (((*a)->marks & APPLICATION_IMPORTERS) != 0)
			mark_importers(*a);
	vector_for_each (&c->dirty.zhosts, z)
		if ((*z)->order_all && (*z)->link_id != 0)
			send_all(c, *z);
	/* add_imports() marks records of copies that are in the list already */
	for (size_t k = 0; k < c->dirty.copies.count; k++) {
		struct copy *copy = c->dirty.copies.items[k];
		struct control_zhost *z = copy_zhost(copy);
		if ((copy->marks & COPY_ORDER) == 0 || z->link_id == 0 || !is_asked(copy))
			continue;
		if (z->desired == NULL)
			vector_push(&changed, z);
		add_order(copy);
	}
	vector_for_each (&changed, z)
		send_set(c, *z, false);
	vector_done(&changed);
}
