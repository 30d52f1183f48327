#include "zsim/fuzz/check/check_machines.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/event.h"
#include "zsim/world/simulation.h"

const char *const machine_names[MACHINE_NAMES] = {"made-1", "made-2", "made-3"};

struct machines_seen *check_machines_of(struct fuzz *f)
{
	if (f->machines == NULL && draws_have(f, DRAW_MACHINES))
		f->machines = mem_new(struct machines_seen);
	return f->machines;
}

void check_machines_done(struct fuzz *f)
{
	if (f->machines == NULL)
		return;
	vector_for_each (&f->machines->made, m) {
		free(m->name);
		free(m->key);
	}
	vector_done(&f->machines->made);
	free(steal_ptr(&f->machines));
}

static struct made_seen *seen_key(const struct fuzz *f, const char *key)
{
	vector_for_each (&f->machines->made, m)
		if (str_equal(m->key, key))
			return m;
	return NULL;
}

static struct made_seen *seen_name(const struct fuzz *f, const char *name)
{
	vector_for_each (&f->machines->made, m)
		if (str_equal(m->name, name) && !m->is_gone)
			return m;
	return NULL;
}

void check_machines_may_be_left(struct fuzz *f, const char *name)
{
	struct made_seen *m = f->machines != NULL ? seen_name(f, name) : NULL;
	if (m != NULL)
		m->may_be_left = true;
}

/* [machines.drivers.create] A failure can be removed, whatever its driver keeps. */
void check_machines_asked(struct fuzz *f, const struct control_input *input)
{
	if (input->type == CONTROL_ZHOST && input->zhost.action == ZHOST_REMOVE)
		check_machines_may_be_left(f, input->zhost.name);
}

/* ---- records ---- */

static Samoza__V1__MachineRecord *unpack(const void *data, size_t size)
{
	return samoza__v1__machine_record__unpack(NULL, size, data);
}

static void take_deleted(struct fuzz *f, const char *name)
{
	struct made_seen *m = seen_name(f, name);
	if (m == NULL) {
		world_violate(&f->world, "the machine of %s is deleted, and was not there",
			      name);
		return;
	}
	m->is_gone = true;
	if (driver_machine(&f->world, m->key) != NULL && !m->may_be_left)
		world_violate(&f->world,
			      "the machine %s of %s is forgotten, and its driver keeps it",
			      m->key, name);
}

static void take_record(struct fuzz *f, const struct record_change *change)
{
	if (change->data == NULL) {
		take_deleted(f, change->id);
		return;
	}
	Samoza__V1__MachineRecord *r = unpack(change->data, change->size);
	const struct made_seen *m = seen_name(f, change->id);
	if (r == NULL) {
		world_violate(&f->world, "the record of the machine of %s is broken",
			      change->id);
		return;
	}
	if (m == NULL && seen_key(f, r->key) != NULL)
		world_violate(&f->world, "the key %s of a machine comes back", r->key);
	else if (m != NULL && !str_equal(m->key, r->key))
		world_violate(&f->world, "the machine of %s was %s, and is %s", m->name, m->key,
			      r->key);
	else if (m == NULL)
		vector_push(&f->machines->made,
			    ((struct made_seen){.name = mem_strdup(r->name),
						.key = mem_strdup(r->key)}));
	if (r->state == SAMOZA__V1__MADE_STATE__MADE_STANDING)
		draws_happened(f, DRAW_MACHINES);
	samoza__v1__machine_record__free_unpacked(r, NULL);
}

void check_machines_committed(struct fuzz *f, const struct outbox *o)
{
	if (check_machines_of(f) == NULL)
		return;
	vector_for_each (&o->records, change)
		if (change->kind == RECORD_MACHINE)
			take_record(f, change);
}

/* ---- calls ---- */

static bool is_called(const struct world *w, const char *key)
{
	for (size_t k = 0; k < w->queue.count; k++) {
		const struct sim_event *h =
			container_of(w->queue.nodes[k], struct sim_event, node);
		if (h->type != SIM_EVENT_DRIVER || h->life != w->zrms_life || h->data == NULL)
			continue;
		Samoza__V1__MachineRecord *r = unpack(h->data, h->size);
		bool is_same = r != NULL && str_equal(r->key, key);
		samoza__v1__machine_record__free_unpacked(r, NULL);
		if (is_same)
			return true;
	}
	return false;
}

/* It is on disk, for that name alone, and nobody has joined with it. */
static bool has_token(const struct fuzz *f, const struct driver_call *call)
{
	const struct sim_record *on_disk =
		call->token != NULL
			? sim_disk_get(&f->world.disk, RECORD_JOIN_TOKEN, call->token)
			: NULL;
	if (on_disk == NULL)
		return false;
	Samoza__V1__JoinTokenRecord *r =
		samoza__v1__join_token_record__unpack(NULL, on_disk->size, on_disk->data);
	bool fits = r != NULL && r->uses == 1 && r->used == 0 &&
		    str_equal(r->pattern, call->machine->name);
	samoza__v1__join_token_record__free_unpacked(r, NULL);
	return fits;
}

static bool is_on_disk(const struct fuzz *f, const struct driver_call *call)
{
	const struct sim_record *on_disk =
		sim_disk_get(&f->world.disk, RECORD_MACHINE, call->machine->name);
	Samoza__V1__MachineRecord *r =
		on_disk != NULL ? unpack(on_disk->data, on_disk->size) : NULL;
	bool fits = r != NULL && str_equal(r->key, call->machine->key);
	samoza__v1__machine_record__free_unpacked(r, NULL);
	return fits;
}

/* Of that name, with another key, and not left by the driver's fault. */
static bool has_another(const struct fuzz *f, const Samoza__V1__MachineRecord *machine)
{
	vector_for_each (&f->world.driven, d) {
		const struct made_seen *m = seen_key(f, d->key);
		if (str_equal(d->name, machine->name) && !str_equal(d->key, machine->key) &&
		    (m == NULL || !m->may_be_left))
			return true;
	}
	return false;
}

void check_machines_called(void *user, const struct driver_call *call)
{
	struct fuzz *f = user;
	const Samoza__V1__MachineRecord *m = call->machine;
	if (m == NULL || check_machines_of(f) == NULL)
		return;
	if (!is_on_disk(f, call))
		world_violate(
			&f->world,
			"a driver is asked about the machine %s of %s, which is not on disk",
			m->key, m->name);
	else if (call->operation == DRIVER_CREATE && !has_token(f, call))
		world_violate(&f->world, "the machine %s is to be made without a token for %s",
			      m->key, m->name);
	else if (call->operation == DRIVER_CREATE && has_another(f, m))
		world_violate(&f->world, "a second machine is made for %s", m->name);
	else if (is_called(&f->world, m->key))
		world_violate(&f->world, "a driver is asked twice at a time about %s", m->key);
}

/* ---- the end ---- */

static bool was_said(const struct fuzz *f, const char *key)
{
	CLEANUP(freep) char *text = str_printf("machine %s of this cluster", key);
	vector_for_each (&f->world.driver_said, said)
		if (strstr(*said, text) != NULL)
			return true;
	return false;
}

/* Of that name, one before was left: without a network its zhost can come in the place of a later one. */
static bool was_left(const struct fuzz *f, const char *name)
{
	vector_for_each (&f->machines->made, m)
		if (str_equal(m->name, name) && m->may_be_left)
			return true;
	return false;
}

static void check_ended(struct fuzz *f, const struct made_seen *m)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostView *v = NULL;
	if (m->is_gone)
		return;
	if (control_view_zhost(f->world.control, m->name, &v, &err) < 0) {
		world_violate(&f->world, "the zhost %s has a machine, and is not shown",
			      m->name);
		return;
	}
	const char *step = v->made != NULL ? v->made->step : "nothing";
	if (!str_equal(step, "standing") && !str_equal(step, "failed") &&
	    !str_equal(step, "draining") && !str_equal(step, "stuck"))
		world_violate(&f->world, "the machine of %s is %s for ever", m->name, step);
	else if (str_equal(step, "standing") && driver_machine(&f->world, m->key) == NULL &&
		 !was_left(f, m->name))
		world_violate(&f->world, "the machine of %s stands, and there is none",
			      m->name);
	schema_message_free(v);
}

/* So long that all deadlines are over, and drivers were asked what they keep. */
#define END_MS INT64_C(3700000)

void check_machines_end(struct fuzz *f)
{
	if (f->machines == NULL || f->world.control == NULL)
		return;
	world_advance(&f->world, END_MS);
	if (f->world.violation != NULL)
		return;
	vector_for_each (&f->machines->made, m)
		check_ended(f, m);
	vector_for_each (&f->world.driven, d) {
		const struct made_seen *m = seen_key(f, d->key);
		if ((m == NULL || m->is_gone) && !was_said(f, d->key))
			world_violate(&f->world,
				      "the driver keeps %s, which nobody knows, and it is not "
				      "said",
				      d->key);
	}
}
