#include "zsim/world/resume.h"

#include <stdlib.h>

#include "adapter/sim/sim_disk.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/slot/copies.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "proto/agent.pb-c.h"
#include "schema/message.h"
#include "zsim/world/controller.h"
#include "zsim/world/machine.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* Of zhosts without a link, so that a core says what they are to hold. */
#define FIRST_LINK (UINT64_MAX / 2)

/* ---- zrms ---- */

static void fill_store(struct world *w, struct control *c)
{
	struct outbox outbox;
	struct outbox *before = c->emitter.outbox;
	outbox_init(&outbox);
	c->emitter.outbox = &outbox;
	records_write_all(c);
	c->emitter.outbox = before;
	vector_for_each (&outbox.records, r)
		if (r->data != NULL)
			sim_disk_put(&w->disk, (int)r->kind, r->id, r->data, r->size);
	outbox_done(&outbox);
}

static void take_options(struct world *w, const struct control *c, struct instant now)
{
	w->options.heartbeat_ms = c->config.heartbeat_ms;
	w->options.timeout_ms = c->config.failure_timeout_ms;
	w->options.check_ms = c->config.check_ms;
	w->options.margin_ms = c->config.margin_ms;
	w->options.on_disconnect_ms = c->config.on_disconnect_ms;
	w->options.drain_units = c->config.drain_units;
	w->wall_step_ms = now.wall_ms - WORLD_WALL_MS;
	free(w->cluster);
	w->cluster = mem_strdup(c->cluster);
}

/* ---- what a zhost has ---- */

static const struct copy *find_copy(const struct control_zhost *z,
				    const Samoza__V1__InstanceKey *key)
{
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (copy->of_slot.epoch == key->epoch && str_equal(copy_path(copy), key->path))
			return copy;
	return NULL;
}

static Samoza__V1__Phase class_of(const struct copy *copy)
{
	Samoza__V1__Phase phase = copy != NULL && copy->heard ? (Samoza__V1__Phase)copy->phase
							      : SAMOZA__V1__PHASE__PHASE_ABSENT;
	return phase == SAMOZA__V1__PHASE__PHASE_STOPPING ? SAMOZA__V1__PHASE__PHASE_STARTED
							  : phase;
}

static void add_failures(const struct copy *copy, const struct world *w,
			 Samoza__V1__AgentRecord *r)
{
	const char *error = copy->sc != NULL ? copy->sc->last_error : NULL;
	if (copy->failures == 0)
		return;
	r->failure_mono_ms = mem_new_array(int64_t, copy->failures);
	r->n_failure_mono_ms = copy->failures;
	r->has_retry_mono_ms = r->has_clock_mono_ms = r->has_clock_wall_ms = true;
	r->clock_wall_ms = world_instant(w).wall_ms;
	r->error = (char *)(uintptr_t)error;
	r->has_failed_action = r->has_error_wall_ms = error != NULL;
	r->failed_action = SAMOZA__V1__FAILED_ACTION__FAILED_START;
	r->error_wall_ms = r->clock_wall_ms;
}

static void add_exports(const struct copy *copy, Samoza__V1__AgentRecord *r)
{
	r->exports = mem_new_array(Samoza__V1__Variable *, copy->export_count + 1);
	for (size_t k = 0; k < copy->export_count; k++) {
		Samoza__V1__Variable *v = (Samoza__V1__Variable *)schema_message_new(
			&samoza__v1__variable__descriptor);
		v->name = mem_strdup(copy->exports[k].name);
		v->value = mem_strdup(copy->exports[k].value);
		r->exports[r->n_exports++] = v;
	}
}

static void add_record(struct world *w, struct sim_machine *n, const struct copy *copy,
		       const Samoza__V1__DesiredInstance *desired, Samoza__V1__Phase phase)
{
	Samoza__V1__DesiredInstance asked = *desired;
	Samoza__V1__AgentRecord r = SAMOZA__V1__AGENT_RECORD__INIT;
	CLEANUP(freep) char *id = agent_copy_id(desired->key);
	char boot[] = "1";
	asked.n_imports = 0;
	r.desired = &asked;
	r.has_phase = true;
	r.phase = phase;
	r.boot = boot;
	r.has_imports_version = r.has_restarts = true;
	r.imports_version = copy->imports_version;
	r.restarts = copy->restarts;
	add_failures(copy, w, &r);
	add_exports(copy, &r);
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	(void)!schema_message_pack(&r.base, &bytes, NULL);
	char owner[] = AGENT_RECORDS;
	struct data_answer answer = {0};
	const struct kv_change change = {.operation = KV_PUT,
					 .owner = owner,
					 .key = id,
					 .key_size = strlen(id),
					 .value = bytes.data,
					 .value_size = bytes.size};
	sim_disk_apply(&n->disk, &change, &answer);
	data_answer_done(&answer);
	buffer_done(&bytes);
	for (size_t k = 0; k < r.n_exports; k++)
		schema_message_free(r.exports[k]);
	free(r.exports);
	free(r.failure_mono_ms);
}

static void add_process(struct world *w, struct sim_machine *n,
			const Samoza__V1__DesiredInstance *desired)
{
	struct sim_process *p = mem_new(struct sim_process);
	p->id = agent_copy_id(desired->key);
	p->slot = str_printf("%s/%s", desired->key->topology, desired->key->path);
	p->placement = desired->spec->placement;
	p->beside = desired->spec->beside;
	p->topology = mem_strdup(desired->key->topology);
	p->path = mem_strdup(desired->key->path);
	p->name = str_printf("%s/%s", desired->spec->topology_name, desired->key->path);
	p->version = mem_strdup(desired->spec->version);
	p->epoch = desired->key->epoch;
	p->exclusive = desired->spec->exclusive;
	p->started = true;
	p->deadline_ms = p->own_end_ms = p->orphan_ms = NEVER_MS;
	p->life = ++w->next_process;
	HASH_ADD_KEYPTR(hh, n->processes, p->id, strlen(p->id), p);
}

static void fill_machine(struct world *w, struct sim_machine *n, const struct control_zhost *z,
			 const Samoza__V1__Desired *desired, bool is_on)
{
	for (size_t k = 0; k < desired->n_instances; k++) {
		const Samoza__V1__DesiredInstance *d = desired->instances[k];
		const struct copy *copy = find_copy(z, d->key);
		Samoza__V1__Phase phase = class_of(copy);
		if (copy == NULL || d->spec == NULL || phase == SAMOZA__V1__PHASE__PHASE_ABSENT)
			continue;
		add_record(w, n, copy, d, phase);
		if (is_on && phase == SAMOZA__V1__PHASE__PHASE_STARTED)
			add_process(w, n, d);
	}
}

/* ---- machines ---- */

static const Samoza__V1__ZhostRecord *record_of(const struct world *w, const char *name,
						Samoza__V1__ZhostRecord **ret)
{
	const struct sim_record *r = sim_disk_get(&w->disk, RECORD_ZHOST, name);
	*ret = r != NULL ? samoza__v1__zhost_record__unpack(NULL, r->size, r->data) : NULL;
	return *ret;
}

static const Samoza__V1__Desired *desired_of(const struct outbox *outbox, uint64_t link)
{
	vector_for_each (&outbox->messages, m)
		if (m->link_id == link && m->type == SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED)
			return (const Samoza__V1__Desired *)m->message;
	return NULL;
}

static void add_machine(struct world *w, const struct outbox *outbox,
			const struct control_zhost *z)
{
	Samoza__V1__ZhostRecord *record = NULL;
	if (record_of(w, z->name, &record) == NULL || record->removed) {
		schema_message_free(record);
		return;
	}
	bool is_on = z->link_id < FIRST_LINK;
	struct sim_machine *n = machine_add_off(w, record->spec, record->identity,
						record->machine, record->incarnation);
	const Samoza__V1__Desired *desired = desired_of(outbox, z->link_id);
	if (desired != NULL)
		fill_machine(w, n, z, desired, is_on);
	if (is_on)
		machine_start(w, n);
	schema_message_free(record);
}

int world_resume(struct world *w, struct control *control, struct instant now,
		 struct error **err)
{
	struct control *copy = NULL;
	struct outbox outbox;
	CLEANUP(schema_message_freep)
	Samoza__V1__Checkpoint *from = checkpoint_new(control, now);
	for (size_t k = 0; k < from->n_zhosts; k++)
		if (from->zhosts[k]->link == 0)
			from->zhosts[k]->link = FIRST_LINK + k;
	int result = checkpoint_load(from, &copy, err);
	if (result < 0)
		return result;
	outbox_init(&outbox);
	control_flush(copy, now, &outbox);
	take_options(w, control, now);
	fill_store(w, control);
	controller_start(w);
	zhost_for_each (&copy->zhosts, z)
		add_machine(w, &outbox, z);
	outbox_done(&outbox);
	control_free(copy);
	return 0;
}
