#include "zhost/reconcile/reconcile.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "schema/message.h"
#include "zhost/space/task.h"

/* Owners of our own records; those of spaces are "TOPOLOGY/INSTANCE". */
#define OWNER_AGENT "@agent" /* AgentRecord by instance id */
#define OWNER_PORTS "@ports" /* ports_record() by instance id */

/* An input with what it borrows. */
struct waiting {
	struct agent_input input;
	ProtobufCMessage *message;
	Samoza__V1__InstanceKey *key;
	char *error;
	Samoza__V1__Variable **exports;
	size_t n_exports;
};

struct data_wait {
	local_data_fn *done; /* NULL: a record of our own */
	void *data;
};

struct ready_message {
	Samoza__V1__FrameType type;
	ProtobufCMessage *message;
};

/* One commit and what follows it. */
struct batch {
	VECTOR(struct kv_change) changes;
	VECTOR(struct data_wait) waits; /* one for each change */
	VECTOR(struct task) tasks;
	VECTOR(struct ready_message) messages;
};

struct reconcile {
	struct reconcile_parts parts;
	const struct reconcile_listener *listener;
	void *user;
	struct agent *agent;
	struct residents *residents;
	bool is_closing;
	uint64_t commits;
	struct loop_timer *timer;
	bool tick_is_due;
	VECTOR(struct waiting) waiting;
	struct agent_outbox agent_outbox;
	struct batch batches[2];
	struct batch *gathered;	 /* becomes the next commit */
	struct batch *committed; /* under way, or NULL */
	VECTOR(Samoza__V1__AgentRecord *) loaded;
};

/* ---- inputs ---- */

static void waiting_done(struct waiting *w)
{
	if (w->message != NULL)
		protobuf_c_message_free_unpacked(w->message, NULL);
	samoza__v1__instance_key__free_unpacked(w->key, NULL);
	free(w->error);
	ports_exports_free(w->exports, w->n_exports);
}

static struct waiting *add(struct reconcile *rec, enum agent_input_type type)
{
	struct waiting *w = vector_add(&rec->waiting);

	w->input.type = type;
	return w;
}

void reconcile_link(struct reconcile *rec, bool up)
{
	(void)add(rec, up ? AGENT_LINK_UP : AGENT_LINK_DOWN);
}

void reconcile_message(struct reconcile *rec, enum agent_input_type type,
		       ProtobufCMessage *message)
{
	add(rec, type)->message = message;
}

static void on_action_done(void *user, uint64_t action, const char *error, bool finished,
			   Samoza__V1__Variable *const *exports, size_t n_exports)
{
	struct reconcile *rec = user;
	struct waiting *w = add(rec, AGENT_ACTION_DONE);

	w->input.done.action = action;
	w->input.done.finished = finished;
	w->error = mem_strdup(error);
	w->exports = mem_new_array(Samoza__V1__Variable *, n_exports + 1);
	w->n_exports = n_exports;
	for (size_t i = 0; i < n_exports; i++)
		w->exports[i] = (Samoza__V1__Variable *)schema_message_copy(&exports[i]->base);
}

static void on_ended(void *user, const Samoza__V1__InstanceKey *key, bool finished,
		     const char *error)
{
	struct reconcile *rec = user;
	struct waiting *w = add(rec, AGENT_PROCESS_ENDED);

	w->key = (Samoza__V1__InstanceKey *)schema_message_copy(&key->base);
	w->error = mem_strdup(error);
	w->input.ended.finished = finished;
}

static void add_change(struct batch *b, enum kv_operation operation, const char *owner,
		       const char *key, void *take_value, size_t size)
{
	vector_push(&b->changes, ((struct kv_change){
					 .operation = operation,
					 .owner = mem_strdup(owner),
					 .key = mem_strdup(key),
					 .key_size = key != NULL ? strlen(key) : 0,
					 .value = take_value,
					 .value_size = size,
				 }));
	(void)vector_add(&b->waits);
}

/* Takes `data` over; NULL: the record is deleted. */
static void change_record(struct batch *b, const char *owner, const char *id, void *data,
			  size_t size)
{
	add_change(b, data != NULL ? KV_PUT : KV_DELETE, owner, id, data, size);
}

static void on_ports_changed(void *user, const char *id)
{
	struct reconcile *rec = user;
	char *record = ports_record(rec->parts.ports, id);

	change_record(rec->gathered, OWNER_PORTS, id, record,
		      record != NULL ? strlen(record) : 0);
}

static void on_removed(void *user)
{
	struct reconcile *rec = user;

	rec->listener->removed(rec->user);
}

const struct residents_listener reconcile_residents = {
	.action_done = on_action_done,
	.ended = on_ended,
	.ports_changed = on_ports_changed,
	.removed = on_removed,
};

static void apply_local(void *user, struct kv_change *change, local_data_fn *done, void *data)
{
	struct reconcile *rec = user;

	vector_push(&rec->gathered->changes, *change);
	*change = (struct kv_change){0};
	vector_push(&rec->gathered->waits, ((struct data_wait){done, data}));
}

static void forget_local(void *user, const char *name, uint64_t epoch)
{
	struct reconcile *rec = user;
	struct batch *b = rec->gathered;
	Samoza__V1__DataForgotten *answer;

	if (name != NULL) {
		char *value = str_printf("%" PRIu64, epoch);

		add_change(b, KV_FORGET, name, NULL, NULL, 0);
		change_record(b, DATA_FORGOTTEN, name, value, strlen(value));
		return;
	}
	answer = mem_new(Samoza__V1__DataForgotten);
	samoza__v1__data_forgotten__init(answer);
	answer->epoch = epoch;
	vector_push(&b->messages,
		    ((struct ready_message){SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN,
					    &answer->base}));
}

static void drop_forgotten(void *user, const char *name)
{
	struct reconcile *rec = user;

	change_record(rec->gathered, DATA_FORGOTTEN, name, NULL, 0);
}

const struct local_data reconcile_local_data = {
	.apply = apply_local, .forget = forget_local, .drop_record = drop_forgotten};

/* Points the borrowed parts of the input at what it owns: the list may have moved. */
static const struct agent_input *waiting_input(struct waiting *w)
{
	switch (w->input.type) {
	case AGENT_HELLO_ACK:
		w->input.hello_ack = (const Samoza__V1__HelloAck *)w->message;
		break;
	case AGENT_DESIRED:
		w->input.desired = (const Samoza__V1__Desired *)w->message;
		break;
	case AGENT_HEARTBEAT_ACK:
		w->input.heartbeat_ack = (const Samoza__V1__HeartbeatAck *)w->message;
		break;
	case AGENT_USAGE:
		w->input.usage = (const Samoza__V1__Usage *)w->message;
		break;
	case AGENT_ACTION_DONE:
		w->input.done.error = w->error;
		w->input.done.n_exports = w->n_exports;
		w->input.done.exports = (const Samoza__V1__Variable *const *)w->exports;
		break;
	case AGENT_PROCESS_ENDED:
		w->input.ended.topology = w->key->topology;
		w->input.ended.path = w->key->path;
		w->input.ended.epoch = w->key->epoch;
		w->input.ended.error = w->error;
		break;
	case AGENT_LINK_UP:
	case AGENT_LINK_DOWN:
	case AGENT_TICK:
		break;
	}
	return &w->input;
}

/* ---- one batch ---- */

static void batch_clear(struct batch *b)
{
	vector_for_each (&b->changes, c) {
		free(c->owner);
		free(c->key);
		free(c->value);
		free(c->cursor);
	}
	vector_for_each (&b->tasks, t) {
		task_done(t);
	}
	vector_for_each (&b->messages, m)
		protobuf_c_message_free_unpacked(m->message, NULL);
	vector_clear(&b->changes);
	vector_clear(&b->waits);
	vector_clear(&b->tasks);
	vector_clear(&b->messages);
}

static void batch_done(struct batch *b)
{
	batch_clear(b);
	vector_done(&b->changes);
	vector_done(&b->waits);
	vector_done(&b->tasks);
	vector_done(&b->messages);
}

/* Takes over what one call of the core left; orders are copied, since they borrow from it. */
static void gather(struct reconcile *rec)
{
	struct agent_outbox *from = &rec->agent_outbox;
	struct batch *to = rec->gathered;

	vector_for_each (&from->records, r) {
		change_record(to, OWNER_AGENT, r->id, steal_ptr(&r->data), r->size);
		free(steal_ptr(&r->id));
	}
	vector_for_each (&from->orders, o)
		task_init(vector_add(&to->tasks), o);
	vector_for_each (&from->messages, m) {
		vector_push(&to->messages,
			    ((struct ready_message){m->type, steal_ptr(&m->message)}));
	}
	vector_clear(&from->records);
	vector_clear(&from->orders);
	vector_clear(&from->messages);
}

static void tell(struct upstream *u, const struct ready_message *m)
{
	/* Not of the core, which knows the link: without one zrms asks again. */
	if (m->type == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN)
		(void)upstream_try_send(u, m->type, m->message, SIZE_MAX);
	else
		upstream_send(u, m->type, m->message);
}

/* What the batch promised is on disk: do it, say it. */
static void batch_act(struct reconcile *rec, struct batch *b, struct data_answer *answers)
{
	for (size_t i = 0; i < b->waits.count; i++)
		if (b->waits.items[i].done != NULL)
			b->waits.items[i].done(b->waits.items[i].data, &answers[i]);
	if (!rec->is_closing) {
		vector_for_each (&b->tasks, t)
			residents_carry_out(rec->residents, t);
		vector_for_each (&b->messages, m)
			tell(rec->parts.upstream, m);
	}
	batch_clear(b);
}

/* Data of a space may be refused; a record of our own may not. */
static int records_are_kept(const struct batch *b, const struct data_answer *answers,
			    struct error **err)
{
	for (size_t i = 0; i < b->waits.count; i++)
		if (b->waits.items[i].done == NULL && answers[i].status != 0)
			return error_set(err, ERR_LIMIT, "record of %s: refused with %d",
					 (const char *)b->changes.items[i].key,
					 answers[i].status);
	return 0;
}

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct reconcile *rec = user;
	struct batch *b = rec->committed;
	CLEANUP(error_freep) struct error *err = NULL;

	rec->committed = NULL;
	if (outcome != COMMIT_DURABLE || records_are_kept(b, answers, &err) < 0) {
		log_error("zhost", "store.failed",
			  LOG_S("error", error != NULL ? error->message : err->message),
			  LOG_S("why", "records cannot be kept: zhost ends, the spaces go on"));
		batch_clear(b);
		rec->listener->failed(rec->user);
		return;
	}
	rec->commits++;
	batch_act(rec, b, answers);
}

static void handle(struct reconcile *rec, const struct agent_input *input)
{
	agent_handle(rec->agent, loop_now(rec->parts.loop), input, &rec->agent_outbox);
	gather(rec);
}

static void on_timer(void *user)
{
	struct reconcile *rec = user;

	rec->tick_is_due = true;
}

static bool turn(void *user)
{
	struct reconcile *rec = user;
	struct batch *b = rec->gathered;

	if (rec->committed != NULL || rec->is_closing)
		return false;
	if (rec->waiting.count == 0 && !rec->tick_is_due && b->changes.count == 0 &&
	    b->messages.count == 0)
		return false;
	for (size_t i = 0; i < rec->waiting.count; i++) {
		handle(rec, waiting_input(&rec->waiting.items[i]));
		waiting_done(&rec->waiting.items[i]);
	}
	vector_clear(&rec->waiting);
	if (rec->tick_is_due) {
		rec->tick_is_due = false;
		handle(rec, &(struct agent_input){.type = AGENT_TICK});
	}
	loop_timer_at(rec->timer, agent_next_ms(rec->agent));
	rec->gathered = b == &rec->batches[0] ? &rec->batches[1] : &rec->batches[0];
	if (b->changes.count == 0) {
		batch_act(rec, b, NULL);
		return true;
	}
	rec->committed = b;
	rec->parts.kv->ops->commit(rec->parts.kv, b->changes.items, b->changes.count,
				   on_committed, rec);
	return true;
}

/* ---- the beginning ---- */

static int load_ports(void *user, const void *key, size_t key_size, const void *value,
		      size_t value_size, struct error **err)
{
	struct reconcile *rec = user;
	CLEANUP(freep) char *id = mem_strndup(key, key_size);
	CLEANUP(freep) char *text = mem_strndup(value, value_size);

	return ports_load(rec->parts.ports, id, text, err);
}

static int load_agent(void *user, const void *key, size_t key_size, const void *value,
		      size_t value_size, struct error **err)
{
	struct reconcile *rec = user;
	Samoza__V1__AgentRecord *record =
		samoza__v1__agent_record__unpack(NULL, value_size, value);

	if (record == NULL || record->desired->spec == NULL) {
		samoza__v1__agent_record__free_unpacked(record, NULL);
		return error_set(err, ERR_INVALID, "the record of instance %.*s cannot be read",
				 (int)key_size, (const char *)key);
	}
	vector_push(&rec->loaded, record);
	return 0;
}

static bool was_deployed(const Samoza__V1__AgentRecord *record)
{
	return record->phase != SAMOZA__V1__PHASE__PHASE_ABSENT &&
	       record->phase != SAMOZA__V1__PHASE__PHASE_DEPLOYING;
}

static bool was_started(const Samoza__V1__AgentRecord *record)
{
	return record->phase == SAMOZA__V1__PHASE__PHASE_STARTED ||
	       record->phase == SAMOZA__V1__PHASE__PHASE_STOPPING;
}

static int agent_take(struct reconcile *rec, const Samoza__V1__AgentRecord *record,
		      bool is_alive, struct error **err)
{
	size_t size = samoza__v1__agent_record__get_packed_size(record);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);

	samoza__v1__agent_record__pack(record, data);
	return agent_load(rec->agent, data, size, is_alive, err);
}

/* One instance of an earlier zhost. A process that ended while no zhost watched is reported to
 * the core as having ended now, with its exit report; without one, the core has its own words. A
 * process that was asked to stop (--end-spaces) has not failed: it was about to be started. */
static int take_up(struct reconcile *rec, Samoza__V1__AgentRecord *record, unsigned *found,
		   struct error **err)
{
	const Samoza__V1__InstanceKey *key = record->desired->key;
	struct exit_report report = {0};
	bool is_alive = residents_take_up(rec->residents, key, &report);
	bool is_reported = false;

	if (was_started(record)) {
		if (is_alive) {
			(*found)++;
		} else if (report.is_asked) {
			record->phase = SAMOZA__V1__PHASE__PHASE_STARTING;
		} else if (report.is_known) {
			is_reported = true;
			on_ended(rec, key, report.is_finished,
				 report.error[0] != '\0' ? report.error : "ended by itself");
			if (!report.is_finished) {
				CLEANUP(freep)
				char *text = str_printf("process: %s", report.error);
				residents_log(rec->residents, key, "error", text);
			}
		}
	}
	free(report.error);
	return agent_take(rec, record, is_alive || is_reported, err);
}

static int take_up_all(struct reconcile *rec, struct error **err)
{
	size_t n = rec->loaded.count;
	unsigned found = 0;
	int r = 0;

	vector_for_each (&rec->loaded, record)
		if (was_deployed(*record))
			residents_load(rec->residents, (*record)->desired, (*record)->phase);
	residents_await_hello(rec->residents);
	vector_for_each (&rec->loaded, record) {
		if (r == 0)
			r = take_up(rec, *record, &found, err);
		samoza__v1__agent_record__free_unpacked(*record, NULL);
	}
	vector_done(&rec->loaded);
	if (n > 0)
		log_info("zhost", "found", LOG_U("instances", n), LOG_U("running", found));
	return r;
}

/* Another text for each boot of this machine; the caller frees. NULL: it does not say. */
static char *read_boot(void)
{
	CLEANUP(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char id[64];
	ssize_t n = fd >= 0 ? read(fd, id, sizeof(id) - 1) : -1;

	if (n <= 0)
		return NULL;
	id[n] = '\0';
	id[strcspn(id, "\n")] = '\0';
	return mem_strdup(id);
}

struct reconcile *reconcile_new(const struct reconcile_parts *parts,
				const struct reconcile_listener *listener, void *user)
{
	struct reconcile *rec = mem_new(struct reconcile);

	rec->parts = *parts;
	rec->listener = listener;
	rec->user = user;
	agent_outbox_init(&rec->agent_outbox);
	rec->gathered = &rec->batches[0];
	rec->timer = loop_timer_new(parts->loop, on_timer, rec);
	return rec;
}

int reconcile_begin(struct reconcile *rec, struct residents *residents,
		    const struct agent_config *config, struct error **err)
{
	CLEANUP(freep) char *boot = read_boot();
	struct agent_config complete = *config;
	int r;

	complete.boot = boot;
	rec->residents = residents;
	rec->agent = agent_new(&complete);
	r = rec->parts.kv->ops->load(rec->parts.kv, OWNER_PORTS, load_ports, rec, err);
	if (r == 0)
		r = rec->parts.kv->ops->load(rec->parts.kv, OWNER_AGENT, load_agent, rec, err);
	if (r == 0)
		r = take_up_all(rec, err);
	if (r < 0)
		return r;
	loop_before_poll(rec->parts.loop, turn, rec);
	rec->tick_is_due = true;
	return 0;
}

void reconcile_close(struct reconcile *rec)
{
	rec->is_closing = true;
}

uint64_t reconcile_commits(const struct reconcile *rec)
{
	return rec->commits;
}

void reconcile_free(struct reconcile *rec)
{
	if (rec == NULL)
		return;
	loop_before_poll_remove(rec->parts.loop, turn, rec);
	loop_timer_free(rec->timer);
	vector_for_each (&rec->waiting, w) {
		waiting_done(w);
	}
	vector_done(&rec->waiting);
	vector_for_each (&rec->loaded, record)
		samoza__v1__agent_record__free_unpacked(*record, NULL);
	vector_done(&rec->loaded);
	agent_outbox_done(&rec->agent_outbox);
	batch_done(&rec->batches[0]);
	batch_done(&rec->batches[1]);
	agent_free(rec->agent);
	free(rec);
}
