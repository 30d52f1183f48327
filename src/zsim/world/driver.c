#include "zsim/world/driver.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/join_tokens.h"
#include "schema/message.h"
#include "zsim/world/event.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/world.h"

#define CALL_MS 500
#define HANG_MS 60000
#define WORK_MS 7000

const char *const sim_drivers[] = {"sim", NULL};

static const char *const operations[] = {
	[DRIVER_CREATE] = "create",
	[DRIVER_STATUS] = "status",
	[DRIVER_DESTROY] = "destroy",
	[DRIVER_LIST] = "list",
};

/* ---- what it keeps ---- */

struct driven_machine *driver_machine(const struct world *w, const char *key)
{
	vector_for_each (&w->driven, d)
		if (str_equal(d->key, key))
			return d;
	return NULL;
}

static Samoza__V1__ZhostSpec *spec_of(const struct world *w, const Samoza__V1__MachineRecord *r)
{
	Samoza__V1__ZhostSpec *spec =
		w->hooks.driver_spec != NULL ? w->hooks.driver_spec(w->hooks.user) : NULL;
	if (spec != NULL) {
		schema_set_string(&spec->name, NULL, r->name);
		return spec;
	}
	spec = (Samoza__V1__ZhostSpec *)schema_message_new(&samoza__v1__zhost_spec__descriptor);
	schema_set_string(&spec->name, NULL, r->name);
	schema_set_string(&spec->cpu, NULL, "4");
	schema_set_string(&spec->memory, NULL, "8GiB");
	return spec;
}

static void make(struct world *w, const char *key, const Samoza__V1__MachineRecord *r)
{
	if (driver_machine(w, key) != NULL)
		return;
	Samoza__V1__ZhostSpec *spec = spec_of(w, r);
	struct sim_machine *n = machine_add(w, spec);
	schema_message_free(spec);
	for (size_t k = 0; k < r->n_labels; k++)
		machine_label(n, r->labels[k]->name, r->labels[k]->value);
	n->is_made = true;
	machine_stop_agent(w, n); /* with its labels */
	machine_start(w, n);
	vector_push(&w->driven, ((struct driven_machine){.key = mem_strdup(key),
							 .name = mem_strdup(r->name),
							 .machine = n}));
}

static void forget(struct world *w, struct driven_machine *d)
{
	free(d->key);
	free(d->name);
	vector_remove_at(&w->driven, (size_t)(d - w->driven.items));
}

static void unmake(struct world *w, const char *key)
{
	struct driven_machine *d = driver_machine(w, key);
	if (d == NULL)
		return;
	if (d->machine != NULL) {
		d->machine->scrapped = true;
		if (d->machine->powered)
			machine_kill(w, d->machine);
		sim_disk_done(&d->machine->disk);
		d->machine->disk = (struct sim_disk){0};
	}
	forget(w, d);
}

void driver_keep_stranger(struct world *w, const char *key)
{
	vector_push(&w->driven, ((struct driven_machine){.key = mem_strdup(key),
							 .name = mem_strdup("stranger")}));
}

void drivers_done(struct world *w)
{
	while (w->driven.count > 0)
		forget(w, &w->driven.items[0]);
	vector_done(&w->driven);
	vector_done(&w->driver_faults);
	vector_for_each (&w->driver_said, said)
		free(*said);
	vector_done(&w->driver_said);
	free(w->token_id);
	free(w->driver_keys);
}

/* ---- what it does ---- */

void driver_plan_fault(struct world *w, enum driver_operation operation,
		       enum driver_fault fault, uint32_t times)
{
	vector_push(&w->driver_faults,
		    ((struct planned_driver_fault){operation, fault, times}));
}

static enum driver_fault next_fault(struct world *w, const struct driver_call *call)
{
	vector_for_each (&w->driver_faults, planned)
		if (planned->operation == call->operation && planned->times > 0) {
			planned->times--;
			return planned->fault;
		}
	return w->hooks.driver_fault != NULL ? w->hooks.driver_fault(w->hooks.user, call)
					     : DRIVER_OBEYS;
}

static int64_t call_time(struct world *w, enum driver_fault fault)
{
	if (fault == DRIVER_HANGS || fault == DRIVER_HANGS_AFTER)
		return HANG_MS;
	return w->hooks.driver_time != NULL ? w->hooks.driver_time(w->hooks.user) : CALL_MS;
}

/* ---- what is under way ---- */

static Samoza__V1__MachineRecord *record_of(const struct sim_event *h)
{
	return h->data != NULL ? samoza__v1__machine_record__unpack(NULL, h->size, h->data)
			       : NULL;
}

static struct sim_event *event_at(const struct world *w, size_t k)
{
	return container_of(w->queue.nodes[k], struct sim_event, node);
}

/* What it said that it would do with that machine; NULL: nothing. */
static struct sim_event *work_on(const struct world *w, const char *key)
{
	for (size_t k = 0; k < w->queue.count; k++) {
		struct sim_event *h = event_at(w, k);
		if (h->type != SIM_EVENT_DRIVER_WORKS || h->life == 0)
			continue;
		Samoza__V1__MachineRecord *r = record_of(h);
		bool is_same = str_equal(r->key, key);
		samoza__v1__machine_record__free_unpacked(r, NULL);
		if (is_same)
			return h;
	}
	return NULL;
}

/* Another operation takes the place of what it said. */
static void end_work(struct world *w, const char *key)
{
	struct sim_event *h = work_on(w, key);
	if (h != NULL)
		h->life = 0;
}

/* An event of this call: what it is about is packed into it. */
static void plan(struct world *w, const struct driver_call *call, enum sim_event_type type,
		 int64_t after_ms, enum driver_fault fault)
{
	struct sim_event *h = world_plan(w, w->now_ms + after_ms, type);
	h->machine = MACHINE_NONE;
	h->life = w->zrms_life;
	h->number = call->id;
	h->link_id = (uint64_t)call->operation * DRIVER_FAULTS + fault;
	if (call->machine == NULL)
		return;
	h->size = samoza__v1__machine_record__get_packed_size(call->machine);
	h->data = mem_calloc(1, h->size + 1);
	samoza__v1__machine_record__pack(call->machine, h->data);
}

static void act(struct world *w, enum driver_operation operation,
		const Samoza__V1__MachineRecord *r)
{
	if (operation == DRIVER_CREATE || operation == DRIVER_DESTROY)
		end_work(w, r->key);
	if (operation == DRIVER_CREATE)
		make(w, r->key, r);
	if (operation == DRIVER_DESTROY)
		unmake(w, r->key);
}

void driver_call_begins(struct world *w, const struct driver_call *call)
{
	enum driver_fault fault = next_fault(w, call);
	world_log(w, "    driver: %s %s", operations[call->operation],
		  call->machine != NULL ? call->machine->key : "");
	if (w->hooks.driver_called != NULL)
		w->hooks.driver_called(w->hooks.user, call);
	int64_t after_ms = call_time(w, fault);
	plan(w, call, SIM_EVENT_DRIVER, after_ms, fault);
	if (fault == DRIVER_IS_SLOW && call->machine != NULL &&
	    work_on(w, call->machine->key) == NULL)
		plan(w, call, SIM_EVENT_DRIVER_WORKS, after_ms + WORK_MS, DRIVER_OBEYS);
}

static enum driver_state state_now(const struct world *w, enum driver_operation operation,
				   const Samoza__V1__MachineRecord *r, enum driver_fault fault)
{
	bool is_there = r != NULL && driver_machine(w, r->key) != NULL;
	if (fault == DRIVER_LIES && operation == DRIVER_CREATE)
		return DRIVER_READY;
	if (fault == DRIVER_LIES && operation == DRIVER_DESTROY)
		return DRIVER_ABSENT;
	if (r != NULL && work_on(w, r->key) != NULL)
		return DRIVER_CHANGING;
	return is_there ? DRIVER_READY : DRIVER_ABSENT;
}

static enum driver_operation operation_of(const struct sim_event *h)
{
	return (enum driver_operation)(h->link_id / DRIVER_FAULTS);
}

static enum driver_fault fault_of(const struct sim_event *h)
{
	return (enum driver_fault)(h->link_id % DRIVER_FAULTS);
}

static bool acts(enum driver_fault fault)
{
	return fault == DRIVER_OBEYS || fault == DRIVER_DIES || fault == DRIVER_HANGS_AFTER;
}

static const char *error_of(enum driver_fault fault)
{
	if (fault == DRIVER_FAILS)
		return "no room";
	if (fault == DRIVER_DIES)
		return "killed by signal 9";
	return fault == DRIVER_HANGS || fault == DRIVER_HANGS_AFTER ? "no answer in 60 s"
								    : NULL;
}

bool driver_call_ends(struct world *w, const struct sim_event *h,
		      struct control_input *ret_input)
{
	if (w->control == NULL || w->zrms_life != h->life)
		return false;
	enum driver_operation operation = operation_of(h);
	enum driver_fault fault = fault_of(h);
	Samoza__V1__MachineRecord *r = record_of(h);
	const char **keys = mem_resize(w->driver_keys, w->driven.count + 2, sizeof(*keys));
	w->driver_keys = keys;
	if (acts(fault) && r != NULL)
		act(w, operation, r);
	*ret_input = (struct control_input){
		.type = CONTROL_DRIVER,
		.driver = {.call = h->number,
			   .state = error_of(fault) != NULL ? DRIVER_FAILED
							    : state_now(w, operation, r, fault),
			   .error = error_of(fault),
			   .token = driver_token(w),
			   .keys = keys}};
	for (; operation == DRIVER_LIST && ret_input->driver.key_count < w->driven.count;
	     ret_input->driver.key_count++)
		keys[ret_input->driver.key_count] =
			w->driven.items[ret_input->driver.key_count].key;
	samoza__v1__machine_record__free_unpacked(r, NULL);
	return true;
}

void drivers_end_with_zrms(struct world *w)
{
	VECTOR(struct sim_event *) under_way = {0};
	for (size_t k = 0; k < w->queue.count; k++)
		if (event_at(w, k)->type == SIM_EVENT_DRIVER &&
		    event_at(w, k)->life == w->zrms_life && event_at(w, k)->data != NULL &&
		    acts(fault_of(event_at(w, k))))
			vector_push(&under_way, event_at(w, k));
	vector_for_each (&under_way, h) {
		Samoza__V1__MachineRecord *r = record_of(*h);
		if (w->hooks.driver_acts == NULL || w->hooks.driver_acts(w->hooks.user))
			act(w, operation_of(*h), r);
		samoza__v1__machine_record__free_unpacked(r, NULL);
	}
	vector_done(&under_way);
}

void driver_works(struct world *w, const struct sim_event *h)
{
	Samoza__V1__MachineRecord *r = record_of(h);
	if (h->life != 0)
		act(w, operation_of(h), r);
	samoza__v1__machine_record__free_unpacked(r, NULL);
}

/* ---- tokens ---- */

const Samoza__V1__JoinTokenRecord *driver_token(struct world *w)
{
	static uint8_t hash[JOIN_TOKEN_HASH_SIZE];
	static Samoza__V1__JoinTokenRecord record;
	free(w->token_id);
	w->token_id = str_printf("made%" PRIu64, ++w->next_token);
	samoza__v1__join_token_record__init(&record);
	memset(hash, 0xd, sizeof(hash));
	memcpy(hash, &w->next_token, sizeof(w->next_token));
	record.id = w->token_id;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	return &record;
}
