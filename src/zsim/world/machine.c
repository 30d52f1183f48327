#include "zsim/world/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/message.h"
#include "zsim/world/action.h"
#include "zsim/world/event.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/messages.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* Owner of the epochs up to which local data was deleted, by topology name. */
#define FORGOTTEN "@forgotten"
/* What a zhost goes by until zrms tells it otherwise. */
#define HEARTBEAT_MS	   10000
#define FAILURE_TIMEOUT_MS 30000

/* ---- life ---- */

struct sim_machine *machine_find(struct world *w, const char *name)
{
	struct sim_machine *found = NULL;
	vector_for_each (&w->machines, n)
		if (strcmp((*n)->name, name) == 0 && (found == NULL || !found->powered))
			found = *n;
	return found;
}

static enum agent_found found_process(const struct sim_machine *n, const char *id,
				      bool is_alive)
{
	if (is_alive)
		return FOUND_ALIVE;
	vector_for_each (&n->exit_reports, report)
		if (strcmp(*report, id) == 0)
			return FOUND_STOPPED;
	return FOUND_NOTHING;
}

static void drop_exit_reports(struct sim_machine *n)
{
	vector_for_each (&n->exit_reports, report)
		free(*report);
	vector_done(&n->exit_reports);
}

static void adopt(struct sim_machine *n, struct sim_process *p,
		  const Samoza__V1__DesiredInstance *desired)
{
	messages_join(n, p, desired->key, desired->spec);
	messages_serve(p, desired->serves);
	messages_started(p);
}

static int load_record(void *user, const void *key, size_t key_size, const void *value,
		       size_t size, struct error **err)
{
	struct sim_machine *n = user;
	Samoza__V1__DesiredInstance *desired = NULL;
	CLEANUP(freep) char *id = mem_strndup(key, key_size);
	int r = agent_record_read(value, size, &desired, err);
	if (r < 0)
		return r;
	struct sim_process *p = process_find(n, id);
	bool is_alive = p != NULL && p->epoch == desired->key->epoch;
	if (is_alive && p->started)
		adopt(n, p, desired);
	samoza__v1__desired_instance__free_unpacked(desired, NULL);
	return agent_load(n->agent, value, size, found_process(n, id, is_alive), err);
}

static int load_link(void *user, const void *key, size_t key_size, const void *value,
		     size_t size, struct error **err)
{
	const struct sim_machine *n = user;
	(void)key;
	(void)key_size;
	return agent_load_link(n->agent, value, size, err);
}

static int load_forgotten(void *user, const void *key, size_t key_size, const void *value,
			  size_t size, struct error **err)
{
	struct sim_machine *n = user;
	uint64_t epoch = 0;
	CLEANUP(freep) char *text = mem_strndup(value, size);
	if (str_to_u64(text, &epoch) < 0)
		return error_set(err, ERR_INVALID, "the epoch of forgotten data");
	if (epoch > n->forgotten_epoch)
		n->forgotten_epoch = epoch;
	return 0;
}

static int load_disk(struct world *w, struct sim_machine *n)
{
	CLEANUP(error_freep) struct error *err = NULL;
	n->forgotten_epoch = 0;
	int r = n->kv->ops->load(n->kv, FORGOTTEN, load_forgotten, n, &err);
	if (r == 0)
		r = n->kv->ops->load(n->kv, AGENT_LINK, load_link, n, &err);
	if (r == 0)
		r = n->kv->ops->load(n->kv, AGENT_RECORDS, load_record, n, &err);
	if (r < 0 && !w->load_fails)
		world_violate(w, "%s cannot read its own records: %s", n->name, err->message);
	return r;
}

/* ---- health ---- */

static bool is_ill(const struct world *w, const struct sim_process *p)
{
	vector_for_each (&w->illnesses, i)
		if (i->until_ms > w->now_ms && strcmp(i->name, p->name) == 0 &&
		    (i->version == NULL || str_equal(i->version, p->version)))
			return true;
	return false;
}

static void probe(struct world *w, struct sim_machine *n)
{
	if (w->illnesses.count == 0 || !machine_executes(n))
		return;
	struct sim_process *next = NULL;
	for (struct sim_process *p = n->processes; p != NULL; p = next) {
		next = p->hh.next;
		Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
		key.topology = p->topology;
		key.path = p->path;
		key.epoch = p->epoch;
		if (p->started)
			machine_take(
				w, n,
				&(struct agent_input){
					.type = AGENT_HEALTH,
					.health = {.key = &key, .is_healthy = !is_ill(w, p)}});
	}
}

void machine_probe_all(struct world *w)
{
	vector_for_each (&w->machines, n)
		probe(w, *n);
}

void machine_add_illness(struct world *w, const char *name, const char *version,
			 int64_t until_ms)
{
	*vector_add(&w->illnesses) = (struct planned_illness){
		.name = mem_strdup(name), .version = mem_strdup(version), .until_ms = until_ms};
	if (until_ms != NEVER_MS)
		world_plan(w, until_ms, SIM_EVENT_HEALTH)->machine = MACHINE_NONE;
	machine_probe_all(w);
}

/* ---- life ---- */

/* By what it limits: another start finds other control groups, or is of a version that does not say. */
static const Samoza__V1__Limits *limits_of(const struct sim_machine *n)
{
	static const Samoza__V1__Limits all = {
		.base = PROTOBUF_C_MESSAGE_INIT(&samoza__v1__limits__descriptor),
		.memory = (char *)"cgroup2",
		.cpu = (char *)"cgroup2",
		.processes = (char *)"cgroup2"};
	static const Samoza__V1__Limits some = {
		.base = PROTOBUF_C_MESSAGE_INIT(&samoza__v1__limits__descriptor),
		.memory = (char *)"cgroup1",
		.why = (char *)"no control group for cpu"};
	return n->incarnation % 3 == 0 ? NULL : n->incarnation % 3 == 1 ? &all : &some;
}

void machine_start(struct world *w, struct sim_machine *n)
{
	PRE(n->agent == NULL);
	if (!n->powered)
		n->boots++;
	n->powered = true;
	n->life++;
	n->incarnation++;
	CLEANUP(freep) char *boot = str_printf("%" PRIu64, n->boots);
	n->agent = agent_new(&(struct agent_config){
		.identity = n->identity,
		.incarnation = n->incarnation,
		.boot = boot,
		.machine = n->machine,
		.spec = n->spec,
		.address = n->address,
		.limits = limits_of(n),
		.gives_secrets = true,
		.heartbeat_ms = HEARTBEAT_MS,
		.failure_timeout_ms = FAILURE_TIMEOUT_MS,
	});
	messages_begin(n);
	struct sim_kv_hooks hooks = machine_kv_hooks;
	hooks.user = n;
	n->kv = sim_kv_new(&n->disk, &hooks);
	n->kv->limits = w->options.limits;
	n->commit_ms = w->now_ms;
	n->commits = agent_loop_new(n->agent, n->kv, &machine_agent_listener, n);
	world_log(w, "%s starts, incarnation %" PRIu64, n->name, n->incarnation);
	if (load_disk(w, n) < 0) {
		machine_stop_agent(w, n);
		return;
	}
	drop_exit_reports(n);
	for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		p->orphan_ms = NEVER_MS;
	machine_take(w, n, &(struct agent_input){.type = AGENT_TICK});
	sim_link_connect_later(w, n, 0);
	probe(w, n);
}

static struct sim_machine *machine_new(struct world *w, const Samoza__V1__ZhostSpec *spec)
{
	struct sim_machine *n = mem_new(struct sim_machine);
	n->world = w;
	n->index = (unsigned)w->machines.count;
	n->name = mem_strdup(spec->name);
	size_t size = samoza__v1__zhost_spec__get_packed_size(spec);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);
	samoza__v1__zhost_spec__pack(spec, data);
	n->spec = samoza__v1__zhost_spec__unpack(NULL, size, data);
	n->machine = world_uuid(w, n->name);
	n->address = str_printf("10.0.%u.%u", (n->index + 1) / 256, (n->index + 1) % 256);
	n->next_port = 30000;
	n->protocol = PROTOCOL_NEWEST;
	vector_push(&w->machines, n);
	return n;
}

static Samoza__V1__ZhostSpec__LabelsEntry *find_label(const struct sim_machine *n,
						      const char *name, size_t *ret_at)
{
	for (*ret_at = 0; *ret_at < n->spec->n_labels; ++*ret_at)
		if (str_equal(n->spec->labels[*ret_at]->key, name))
			return n->spec->labels[*ret_at];
	return NULL;
}

void machine_label(struct sim_machine *n, const char *name, const char *value)
{
	Samoza__V1__ZhostSpec *spec = n->spec;
	size_t at = 0;
	Samoza__V1__ZhostSpec__LabelsEntry *entry = find_label(n, name, &at);
	if (entry == NULL && value != NULL) {
		entry = (Samoza__V1__ZhostSpec__LabelsEntry *)schema_message_new(
			&samoza__v1__zhost_spec__labels_entry__descriptor);
		schema_set_string(&entry->key, NULL, name);
		spec->labels =
			mem_resize(spec->labels, spec->n_labels + 1, sizeof(*spec->labels));
		spec->labels[spec->n_labels++] = entry;
	}
	if (value != NULL) {
		schema_set_string(&entry->value, NULL, value);
	} else if (entry != NULL) {
		schema_message_free(&entry->base);
		spec->labels[at] = spec->labels[--spec->n_labels];
	}
}

void machine_offer(struct sim_machine *n, Samoza__V1__DeviceOffer *const *devices, size_t count)
{
	Samoza__V1__ZhostSpec *spec = n->spec;
	for (size_t k = 0; k < spec->n_devices; k++)
		schema_message_free(&spec->devices[k]->base);
	spec->devices = mem_resize(spec->devices, count, sizeof(*spec->devices));
	spec->n_devices = count;
	for (size_t k = 0; k < count; k++)
		spec->devices[k] =
			(Samoza__V1__DeviceOffer *)schema_message_copy(&devices[k]->base);
}

void machine_offer_capabilities(struct sim_machine *n,
				Samoza__V1__CapabilityOffer *const *offers, size_t count)
{
	Samoza__V1__ZhostSpec *spec = n->spec;
	for (size_t k = 0; k < spec->n_offers; k++)
		schema_message_free(&spec->offers[k]->base);
	spec->offers = mem_resize(spec->offers, count, sizeof(*spec->offers));
	spec->n_offers = count;
	for (size_t k = 0; k < count; k++)
		spec->offers[k] =
			(Samoza__V1__CapabilityOffer *)schema_message_copy(&offers[k]->base);
}

struct sim_machine *machine_add(struct world *w, const Samoza__V1__ZhostSpec *spec)
{
	struct sim_machine *n = machine_new(w, spec);
	n->identity = world_uuid(w, n->name);
	machine_start(w, n);
	return n;
}

struct sim_machine *machine_add_off(struct world *w, const Samoza__V1__ZhostSpec *spec,
				    const char *identity, const char *machine,
				    uint64_t incarnation)
{
	struct sim_machine *n = machine_new(w, spec);
	n->identity = mem_strdup(identity);
	n->incarnation = incarnation;
	if (machine != NULL) {
		free(n->machine);
		n->machine = mem_strdup(machine);
	}
	return n;
}

struct sim_machine *machine_add_copy(struct world *w, const struct sim_machine *of)
{
	struct sim_machine *n = machine_new(w, of->spec);
	world_log(w, "another machine begins with a copy of the disk of %s", n->name);
	n->identity = mem_strdup(of->identity);
	n->incarnation = of->incarnation;
	sim_disk_copy(&of->disk, &n->disk);
	machine_start(w, n);
	return n;
}

void machine_free(struct sim_machine *n)
{
	if (n->agent != NULL) {
		agent_loop_stop(n->commits);
		sim_kv_crash(n->kv, 0);
		agent_loop_free(n->commits);
		agent_free(n->agent);
		messages_end(n);
	}
	actions_drop(n);
	processes_drop(n);
	drop_exit_reports(n);
	vector_for_each (&n->delayed, h)
		sim_event_free(*h);
	vector_done(&n->delayed);
	sim_disk_done(&n->disk);
	samoza__v1__zhost_spec__free_unpacked(n->spec, NULL);
	free(n->name);
	free(n->identity);
	free(n->machine);
	free(n->refusal);
	free(n->address);
	free(n);
}

/* ---- what reaches its zhost ---- */

void machine_process_dies(struct world *w, struct sim_machine *n, struct sim_process *p,
			  enum process_end end, const char *error)
{
	struct sim_process gone = *p;
	gone.topology = mem_strdup(p->topology);
	gone.path = mem_strdup(p->path);
	struct action *a = NULL;
	for (a = n->actions; a != NULL; a = a->hh.next)
		if (strcmp(a->id, p->id) != 0) {
			continue;
		} else if (a->kind == ACTION_START) {
			a->fails = end != PROCESS_FINISHED;
			a->finished = end == PROCESS_FINISHED;
			a->exited = end == PROCESS_EXITED;
		} else if (a->kind == ACTION_STOP) {
			action_end_now(w, n, a, end == PROCESS_FAILED);
		}
	world_log(w, "%s on %s: its process ends (%s)", p->name, n->name,
		  end != PROCESS_FINISHED ? error : "well");
	if (n->agent == NULL && end == PROCESS_NOT_RENEWED)
		vector_push(&n->exit_reports, mem_strdup(p->id));
	process_free(n, p);
	if (n->agent != NULL)
		machine_take(w, n,
			     &(struct agent_input){
				     .type = AGENT_PROCESS_ENDED,
				     .ended = {.topology = gone.topology,
					       .path = gone.path,
					       .epoch = gone.epoch,
					       .finished = end == PROCESS_FINISHED,
					       .is_ended = end == PROCESS_EXITED,
					       .not_renewed = end == PROCESS_NOT_RENEWED,
					       .error = error}});
	free(gone.topology);
	free(gone.path);
}

static const char *export_of(const struct action *a, const char *name)
{
	for (size_t i = 0; i < a->export_count; i++)
		if (str_equal(a->export_names[i], name))
			return a->export_values[i];
	return NULL;
}

static char *address_of(const struct action *a)
{
	const char *ip = export_of(a, "ip"), *port = export_of(a, "port");
	return ip != NULL && port != NULL ? str_printf("%s:%s", ip, port) : NULL;
}

static bool listens(const struct sim_machine *n, const char *address)
{
	for (const struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		if (str_equal(p->listens, address))
			return true;
	return false;
}

void machine_tried(struct world *w, struct sim_machine *n, const char *address)
{
	bool answers = false;
	vector_for_each (&w->machines, other)
		answers |= (*other == n || !(n->partitioned || (*other)->partitioned)) &&
			   !(*other)->suspended && listens(*other, address);
	world_log(w, "%s tries %s: %s", n->name, address, answers ? "it answers" : "no answer");
	machine_take(w, n,
		     &(struct agent_input){.type = AGENT_TRIED,
					   .tried = {.address = address, .answers = answers}});
}

void machine_action_ends(struct world *w, struct sim_machine *n, uint64_t number)
{
	struct action *a = action_find(n, number);
	if (a == NULL)
		return;
	struct sim_process *p = process_find(n, a->id);
	if (a->kind == ACTION_START && p == NULL && !a->finished)
		a->fails = true;
	if (p != NULL && a->kind == ACTION_START && !a->fails) {
		p->started = true;
		api_token_started(n, p);
		messages_started(p);
		p->listens = address_of(a);
	}
	if (p != NULL && ((a->kind == ACTION_START && a->fails) || a->kind == ACTION_STOP))
		process_free(n, p);
	Samoza__V1__Variable *variables =
		mem_new_array(Samoza__V1__Variable, a->export_count + 1);
	const Samoza__V1__Variable **exports =
		mem_new_array(const Samoza__V1__Variable *, a->export_count + 1);
	for (size_t i = 0; i < a->export_count; i++) {
		samoza__v1__variable__init(&variables[i]);
		variables[i].name = a->export_names[i];
		variables[i].value = a->export_values[i];
		exports[i] = &variables[i];
	}
	world_log(w, "%s on %s: %s %s", a->id, n->name, agent_action_name(a->kind),
		  a->fails ? "fails" : "done");
	struct agent_input input = {.type = AGENT_ACTION_DONE,
				    .done = {.action = number,
					     .error = !a->fails	  ? NULL
						      : a->exited ? PROCESS_EXITED_ERROR
								  : "exit status 1",
					     .is_unreached = a->unreached,
					     .settings_failed = a->settings_failed,
					     .is_ended = a->fails && a->exited,
					     .finished = a->finished && !a->fails,
					     .n_exports = a->export_count,
					     .exports = exports}};
	/* The answer may lead to the next action of the same instance. */
	HASH_DELETE(hh, n->actions, a);
	machine_take(w, n, &input);
	HASH_ADD(hh, n->actions, number, sizeof(a->number), a);
	action_free(n, a);
	free(variables);
	free(exports);
	probe(w, n);
}

/* Data is not simulated; what must hold is the order: each one once, and never one that would
 * take the data of a placement that came after it. */
void machine_forget(struct world *w, struct sim_machine *n,
		    const Samoza__V1__DataForget *forget)
{
	for (size_t i = 0; i < forget->n_topologies; i++) {
		const Samoza__V1__ForgottenData *f = forget->topologies[i];
		if (f->epoch <= n->forgotten_epoch)
			continue;
		n->forgotten_epoch = f->epoch;
		world_log(w, "%s deletes the local data of %s", n->name, f->topology_name);
		char *epoch = str_printf("%" PRIu64, f->epoch);
		agent_loop_put(n->commits, FORGOTTEN, f->topology_name, epoch, strlen(epoch));
		size_t length = strlen(f->topology_name);
		for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
			if (p->epoch > f->epoch &&
			    strncmp(p->name, f->topology_name, length) == 0 &&
			    p->name[length] == '/')
				world_violate(w,
					      "%s on %s was placed after the data that it "
					      "uses was to be deleted",
					      p->name, n->name);
	}
	Samoza__V1__DataForgotten *answer = mem_new(Samoza__V1__DataForgotten);
	samoza__v1__data_forgotten__init(answer);
	answer->epoch = n->forgotten_epoch;
	agent_loop_message(n->commits, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN,
			   &answer->base);
	if (w->hooks.batch_more == NULL)
		machine_turn(w, n);
}

/* ---- sleep ---- */

void machine_suspend(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s is suspended", n->name);
	n->suspended = true;
}

void machine_resume(struct world *w, struct sim_machine *n)
{
	PRE(n->suspended);
	world_log(w, "%s is resumed", n->name);
	machine_wake(w, n);
}

/* ---- faults of the network ---- */

void machine_partition(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s is cut off", n->name);
	n->partitioned = true;
	if (n->link_id != 0)
		sim_link_break(w, n->link_id, true, true);
}

void machine_partition_silently(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s is cut off, and nobody notices", n->name);
	n->partitioned = true;
	if (n->link_id != 0)
		sim_link_break(w, n->link_id, false, false);
}

void machine_heal(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s can be reached again", n->name);
	n->partitioned = false;
	if (n->link_id != 0 && !w->links.items[n->link_id - 1].open)
		sim_link_break(w, n->link_id, true, true);
	else if (n->agent != NULL && n->link_id == 0)
		sim_link_connect_later(w, n, 0);
}

void machine_link_closed(struct world *w, struct sim_machine *n, uint64_t link_id)
{
	if (n->agent == NULL || n->link_id != link_id)
		return;
	n->link_id = 0;
	machine_take(w, n, &(struct agent_input){.type = AGENT_LINK_DOWN});
	sim_link_connect_later(w, n, w->options.heartbeat_ms);
}
