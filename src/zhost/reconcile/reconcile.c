#include "zhost/reconcile/reconcile.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "core/agent/agent_loop.h"
#include "proto/agent.pb-c.h"
#include "schema/message.h"
#include "zhost/reconcile/trials.h"
#include "zhost/space/task.h"

/* Owners of our own records; those of spaces are "TOPOLOGY/INSTANCE". */
#define OWNER_PORTS "@ports" /* ports_record() by instance id */

/* A process that ended while no zhost watched. */
struct missed_end {
	Samoza__V1__InstanceKey *key;
	char *error;
	bool is_finished, is_ended;
};

struct reconcile {
	struct reconcile_parts parts;
	const struct reconcile_listener *listener;
	void *user;
	struct agent *agent;
	struct agent_loop *commits; /* NULL before reconcile_begin() */
	struct residents *residents;
	struct trials *trials;
	bool is_closing;
	uint64_t durable;
	struct loop_timer *timer;
	VECTOR(Samoza__V1__AgentRecord *) loaded;
	VECTOR(struct missed_end) missed;
};

/* ---- inputs ---- */

static void take(struct reconcile *rec, const struct agent_input *input)
{
	if (!rec->is_closing)
		agent_loop_input(rec->commits, loop_now(rec->parts.loop), input);
}

void reconcile_link_up(struct reconcile *rec, const uint64_t *mesh_sums)
{
	take(rec, &(struct agent_input){.type = AGENT_LINK_UP, .mesh_sums = mesh_sums});
}

void reconcile_link_down(struct reconcile *rec)
{
	take(rec, &(struct agent_input){.type = AGENT_LINK_DOWN});
}

void reconcile_usage(struct reconcile *rec, const Samoza__V1__Usage *usage)
{
	take(rec, &(struct agent_input){.type = AGENT_USAGE, .usage = usage});
}

int reconcile_frame(struct reconcile *rec, const struct agent_input *input, struct error **err)
{
	take(rec, input);
	/* The core passes a changed spec on with the next action only; budgets of logs hold at once. */
	for (size_t i = 0; input->type == AGENT_DESIRED && i < input->desired->n_instances; i++)
		residents_adjust_log(rec->residents, input->desired->instances[i]);
	const char *fault = agent_link_fault(rec->agent);
	return fault != NULL ? error_set(err, ERR_INVALID, "%s", fault) : 0;
}

bool reconcile_is_removed(const struct reconcile *rec)
{
	return agent_is_removed(rec->agent);
}

static void on_action_done(void *user, uint64_t action, const struct action_end *end,
			   Samoza__V1__Variable *const *exports, size_t n_exports)
{
	const struct agent_input input = {
		.type = AGENT_ACTION_DONE,
		.done = {.action = action,
			 .error = end->error,
			 .finished = end->is_finished,
			 .is_ended = end->is_ended,
			 .is_unreached = end->is_unreached,
			 .settings_failed = end->settings_failed,
			 .n_exports = n_exports,
			 .exports = (const Samoza__V1__Variable *const *)exports}};

	take(user, &input);
}

static void on_ended(void *user, const Samoza__V1__InstanceKey *key, bool finished,
		     bool is_ended, bool not_renewed, const char *error)
{
	const struct agent_input input = {.type = AGENT_PROCESS_ENDED,
					  .ended = {.topology = key->topology,
						    .path = key->path,
						    .epoch = key->epoch,
						    .finished = finished,
						    .is_ended = is_ended,
						    .not_renewed = not_renewed,
						    .error = error}};

	take(user, &input);
}

static void on_health(void *user, const Samoza__V1__InstanceKey *key, bool is_healthy)
{
	take(user, &(struct agent_input){.type = AGENT_HEALTH,
					 .health = {.key = key, .is_healthy = is_healthy}});
}

static void on_tried(void *user, const char *address, bool answers)
{
	take(user, &(struct agent_input){.type = AGENT_TRIED,
					 .tried = {.address = address, .answers = answers}});
}

static void on_ports_changed(void *user, const char *id)
{
	struct reconcile *rec = user;
	char *record = ports_record(rec->parts.ports, id);

	agent_loop_put(rec->commits, OWNER_PORTS, id, record,
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
	.health = on_health,
	.ports_changed = on_ports_changed,
	.removed = on_removed,
};

/* ---- local data ---- */

static void apply_local(void *user, struct kv_change *change, local_data_fn *done, void *data)
{
	struct reconcile *rec = user;

	agent_loop_change(rec->commits, change, done, data);
}

/* The data, the record of its deletion and the answer to zrms: in one batch, in this order. What instances have kept counts
 * no longer; by the record the next zhost deletes it where this one does not come to that. */
static void forget_local(void *user, const char *name, uint64_t epoch)
{
	struct reconcile *rec = user;
	Samoza__V1__DataForgotten *answer;

	if (name != NULL) {
		residents_forget_data(rec->residents, name, epoch);
		struct kv_change forget = {.operation = KV_FORGET, .owner = mem_strdup(name)};
		char *value = str_printf("%" PRIu64, epoch);

		agent_loop_change(rec->commits, &forget, NULL, NULL);
		agent_loop_put(rec->commits, DATA_FORGOTTEN, name, value, strlen(value));
		return;
	}
	answer = mem_new(Samoza__V1__DataForgotten);
	samoza__v1__data_forgotten__init(answer);
	answer->epoch = epoch;
	agent_loop_message(rec->commits, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN,
			   &answer->base);
}

static bool forgets_local(void *user, const char *name)
{
	const struct reconcile *rec = user;

	return residents_forgets_data(rec->residents, name);
}

static void drop_forgotten(void *user, const char *name)
{
	struct reconcile *rec = user;

	agent_loop_put(rec->commits, DATA_FORGOTTEN, name, NULL, 0);
	residents_data_settled(rec->residents, name);
}

static bool disk_is_full(void *user)
{
	const struct reconcile *rec = user;
	return kv_is_tight(rec->parts.kv);
}

const struct local_data reconcile_local_data = {.apply = apply_local,
						.forget = forget_local,
						.forgets = forgets_local,
						.drop_record = drop_forgotten,
						.disk_is_full = disk_is_full};

/* ---- what is durable goes out ---- */

static void on_order(void *user, const struct agent_order *order)
{
	struct reconcile *rec = user;
	struct task task;

	if (rec->is_closing)
		return;
	if (order->type == ORDER_TRY) {
		trials_begin(rec->trials, order->text);
		return;
	}
	if (order->type == ORDER_WAITS) {
		log_warn("spaces", "waits", LOG_S("topology", order->spec->topology_name),
			 LOG_S("path", order->key->path), LOG_S("why", order->text),
			 LOG_S("until", "zrms is reached, or what is missing is there"));
		return;
	}
	task_init(&task, order);
	residents_carry_out(rec->residents, &task);
	task_done(&task);
}

static void on_message(void *user, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	struct reconcile *rec = user;

	if (rec->is_closing)
		return;
	/* Not of the core, which knows the link: without one zrms asks again. */
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN)
		(void)upstream_try_send(rec->parts.upstream, type, message, SIZE_MAX);
	else
		upstream_send(rec->parts.upstream, type, message);
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct reconcile *rec = user;

	(void)outcome;
	log_error(
		"zhost", "store.failed", LOG_S("error", why->message),
		LOG_S("then", "exiting: zhost cannot store its records; its spaces continue"));
	rec->listener->failed(rec->user);
}

static void on_step(void *user, enum commit_step step)
{
	struct reconcile *rec = user;

	rec->durable += step == COMMIT_STEP_DURABLE;
}

static const struct agent_loop_listener commit_listener = {
	.on_order = on_order,
	.on_message = on_message,
	.on_stopped = on_stopped,
	.on_step = on_step,
};

static void on_timer(void *user)
{
	take(user, &(struct agent_input){.type = AGENT_TICK});
}

static bool turn(void *user)
{
	struct reconcile *rec = user;
	bool any;

	if (rec->is_closing || !agent_loop_is_due(rec->commits))
		return false;
	any = agent_loop_turn(rec->commits);
	loop_timer_at(rec->timer, agent_next_ms(rec->agent));
	return any;
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

static int load_link(void *user, const void *key, size_t key_size, const void *value,
		     size_t value_size, struct error **err)
{
	const struct reconcile *rec = user;

	(void)key;
	(void)key_size;
	return agent_load_link(rec->agent, value, value_size, err);
}

static int load_agent(void *user, const void *key, size_t key_size, const void *value,
		      size_t value_size, struct error **err)
{
	struct reconcile *rec = user;
	Samoza__V1__AgentRecord *record =
		samoza__v1__agent_record__unpack(NULL, value_size, value);

	if (record == NULL || record->desired->spec == NULL ||
	    !(record->has_phase || record->has_phase_of_format_1)) {
		samoza__v1__agent_record__free_unpacked(record, NULL);
		return error_set(err, ERR_INVALID, "the record of instance %.*s cannot be read",
				 (int)key_size, (const char *)key);
	}
	vector_push(&rec->loaded, record);
	return 0;
}

static Samoza__V1__Phase phase_of(const Samoza__V1__AgentRecord *record)
{
	return record->has_phase ? record->phase : record->phase_of_format_1;
}

static bool was_deployed(const Samoza__V1__AgentRecord *record)
{
	Samoza__V1__Phase phase = phase_of(record);
	return phase != SAMOZA__V1__PHASE__PHASE_ABSENT &&
	       phase != SAMOZA__V1__PHASE__PHASE_DEPLOYING;
}

static bool was_started(const Samoza__V1__AgentRecord *record)
{
	Samoza__V1__Phase phase = phase_of(record);
	return phase == SAMOZA__V1__PHASE__PHASE_STARTED ||
	       phase == SAMOZA__V1__PHASE__PHASE_STOPPING;
}

/* In format 1 the ports of an instance, like its record, had no epoch in their id. */
static void convert_ports(struct reconcile *rec, const Samoza__V1__InstanceKey *key)
{
	CLEANUP(freep) char *slot_id = str_printf("%s/%s", key->topology, key->path);
	CLEANUP(freep) char *id = agent_copy_id(key);
	if (!ports_rename(rec->parts.ports, slot_id, id))
		return;
	on_ports_changed(rec, slot_id);
	on_ports_changed(rec, id);
}

static int agent_take(struct reconcile *rec, const Samoza__V1__AgentRecord *record,
		      enum agent_found found, struct error **err)
{
	size_t size = samoza__v1__agent_record__get_packed_size(record);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);

	samoza__v1__agent_record__pack(record, data);
	return agent_load(rec->agent, data, size, found, err);
}

/* One instance of an earlier zhost. A process that ended while no zhost watched is reported to
 * the core as having ended now, with its exit report; without one, the core reports that it ended. A
 * process that was asked to stop (--end-spaces) has not failed: it was about to be started. */
static int take_up(struct reconcile *rec, Samoza__V1__AgentRecord *record, unsigned *found,
		   struct error **err)
{
	const Samoza__V1__InstanceKey *key = record->desired->key;
	struct exit_report report = {0};
	bool is_alive = residents_take_up(rec->residents, key, &report);
	bool is_reported = false, has_stopped = report.is_asked || report.not_renewed;

	if (was_started(record)) {
		if (is_alive) {
			(*found)++;
		} else if (has_stopped) {
			; /* it did not fail */
		} else if (report.is_known) {
			const char *error =
				report.error[0] != '\0' ? report.error : "ended by itself";

			is_reported = true;
			vector_push(
				&rec->missed,
				((struct missed_end){.key = (Samoza__V1__InstanceKey *)
							     schema_message_copy(&key->base),
						     .error = mem_strdup(error),
						     .is_finished = report.is_finished,
						     .is_ended = report.is_ended}));
			if (!report.is_finished) {
				CLEANUP(freep)
				char *text = str_printf("process: %s", report.error);
				residents_log(rec->residents, key, "error", text);
			}
		}
	}
	free(report.error);
	return agent_take(rec, record,
			  is_alive || is_reported ? FOUND_ALIVE
			  : has_stopped		  ? FOUND_STOPPED
						  : FOUND_NOTHING,
			  err);
}

static int take_up_all(struct reconcile *rec, struct error **err)
{
	size_t n = rec->loaded.count;
	unsigned found = 0;
	int r = 0;

	vector_for_each (&rec->loaded, record)
		if (!(*record)->has_phase)
			convert_ports(rec, (*record)->desired->key);
	vector_for_each (&rec->loaded, record)
		if (was_deployed(*record))
			residents_load(rec->residents, (*record)->desired, phase_of(*record));
	r = residents_await_hello(rec->residents, err);
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

static void missed_done(struct reconcile *rec)
{
	vector_for_each (&rec->missed, m) {
		samoza__v1__instance_key__free_unpacked(m->key, NULL);
		free(m->error);
	}
	vector_done(&rec->missed);
}

/* After all records are loaded. */
static void report_missed(struct reconcile *rec)
{
	vector_for_each (&rec->missed, m)
		on_ended(rec, m->key, m->is_finished, m->is_ended, false, m->error);
	missed_done(rec);
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
	rec->timer = loop_timer_new(parts->loop, on_timer, rec);
	rec->trials = trials_new(parts->transport, on_tried, rec);
	return rec;
}

void reconcile_set_spec(struct reconcile *rec, const Samoza__V1__ZhostSpec *spec)
{
	agent_set_spec(rec->agent, spec);
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
	rec->commits = agent_loop_new(rec->agent, rec->parts.kv, &commit_listener, rec);
	r = rec->parts.kv->ops->load(rec->parts.kv, OWNER_PORTS, load_ports, rec, err);
	if (r == 0)
		r = rec->parts.kv->ops->load(rec->parts.kv, AGENT_LINK, load_link, rec, err);
	if (r == 0)
		r = rec->parts.kv->ops->load(rec->parts.kv, AGENT_RECORDS, load_agent, rec,
					     err);
	if (r == 0)
		r = take_up_all(rec, err);
	if (r < 0)
		return r;
	report_missed(rec);
	take(rec, &(struct agent_input){.type = AGENT_TICK});
	loop_before_poll(rec->parts.loop, turn, rec);
	return 0;
}

int64_t reconcile_heartbeat_ms(const struct reconcile *rec)
{
	return agent_heartbeat_ms(rec->agent);
}

void reconcile_close(struct reconcile *rec)
{
	rec->is_closing = true;
}

uint64_t reconcile_commits(const struct reconcile *rec)
{
	return rec->durable;
}

void reconcile_free(struct reconcile *rec)
{
	if (rec == NULL)
		return;
	loop_before_poll_remove(rec->parts.loop, turn, rec);
	loop_timer_free(rec->timer);
	trials_free(rec->trials);
	vector_for_each (&rec->loaded, record)
		samoza__v1__agent_record__free_unpacked(*record, NULL);
	vector_done(&rec->loaded);
	missed_done(rec);
	if (rec->commits != NULL)
		agent_loop_stop(rec->commits);
	agent_loop_free(rec->commits);
	agent_free(rec->agent);
	free(rec);
}
