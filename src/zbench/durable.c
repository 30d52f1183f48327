#include "zbench/durable.h"

#include <unistd.h>

#include "adapter/sqlite/store.h"
#include "base/check.h"
#include "base/str.h"

#define TOPOLOGY_ID "6d3f6c52-6c0e-4d0b-9a53-0f5b8c1d2e7a"

struct durable {
	struct loop loop;
	struct store *store;
	struct shape_run run;
	uint32_t batch, in_flight;
	uint64_t next_epoch, next_event, begin_ns, end_ns;
	uint64_t record_bytes;
	bool closing;
	struct error *err; /* the first failure */
};

struct commit {
	struct durable *durable;
	struct outbox outbox;
};

/* ---- what zrms writes ---- */

/* Takes the id. Returns the size. */
static size_t put(struct outbox *o, enum record_kind kind, char *take_id,
		  const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *data = mem_calloc(size + 1, 1);
	size_t packed = protobuf_c_message_pack(message, data);
	INVARIANT(packed == size);
	*vector_add(&o->records) =
		(struct record_change){.kind = kind, .id = take_id, .data = data, .size = size};
	return size;
}

static void write_instance(struct durable *d, struct outbox *o, const char *path,
			   const char *zhost, int64_t now_ms)
{
	uint64_t epoch = d->next_epoch++;
	Samoza__V1__SlotRecord slot = SAMOZA__V1__SLOT_RECORD__INIT;
	slot.application = (char *)TOPOLOGY_ID;
	slot.path = (char *)path;
	slot.goal = SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED;
	slot.state = SAMOZA__V1__STATE__STATE_NOT_DEPLOYED;
	slot.has_serving = slot.has_writer = slot.has_since_ms = slot.has_goal_ms = true;
	slot.serving = slot.writer = epoch;
	slot.has_placed_before = slot.placed_before = true;
	slot.since_ms = slot.goal_ms = now_ms;
	slot.goal_cause = (char *)"started by ops at 2026-01-01T10:31:00Z";
	d->record_bytes +=
		put(o, RECORD_SLOT, str_printf("%s/%s", TOPOLOGY_ID, path), &slot.base);
	Samoza__V1__CopyRecord copy = SAMOZA__V1__COPY_RECORD__INIT;
	copy.application = (char *)TOPOLOGY_ID;
	copy.path = (char *)path;
	copy.epoch = copy.placement = epoch;
	copy.zhost = (char *)zhost;
	copy.revision = 1;
	copy.role = SAMOZA__V1__ROLE__ROLE_SERVING;
	copy.target = SAMOZA__V1__TARGET__TARGET_DEPLOYED;
	copy.generation = 1;
	d->record_bytes +=
		put(o, RECORD_COPY,
		    str_printf("%s/%s#%llu", TOPOLOGY_ID, path, (unsigned long long)epoch),
		    &copy.base);
}

static void write_event(struct durable *d, struct outbox *o, const char *path,
			const char *zhost, int64_t now_ms)
{
	Samoza__V1__EventRecord *e = mem_new(Samoza__V1__EventRecord);
	samoza__v1__event_record__init(e);
	e->seq = d->next_event++;
	e->time_ms = now_ms;
	e->kind = mem_strdup("placement");
	e->subject = str_printf("measured/%s", path);
	e->to = mem_strdup(zhost);
	e->topology = mem_strdup(TOPOLOGY_ID);
	e->cause = mem_strdup("placed");
	vector_push(&o->events, e);
}

static void write_meta(struct durable *d, struct outbox *o)
{
	Samoza__V1__MetaRecord r = SAMOZA__V1__META_RECORD__INIT;
	r.next_epoch = d->next_epoch;
	r.next_sequence = 2;
	r.cluster = (char *)TOPOLOGY_ID;
	r.has_next_event = true;
	r.next_event = d->next_event;
	(void)put(o, RECORD_META, mem_strdup(""), &r.base);
}

/* ---- the pipeline ---- */

static void closed(void *user)
{
	struct durable *d = user;
	loop_stop(&d->loop);
}

/* Ends when no commit is in flight and none will follow. */
static void end_when_done(struct durable *d)
{
	bool all = d->run.decided == d->run.shape->measured_count;
	if (d->closing || d->in_flight > 0 || (!all && d->err == NULL))
		return;
	d->closing = true;
	d->end_ns = uv_hrtime();
	d->store->ops->close(d->store, closed, d);
}

static void committed(void *user, enum commit_outcome outcome, const struct error *error,
		      struct data_answer *answers)
{
	struct commit *commit = user;
	struct durable *d = commit->durable;
	(void)answers;
	if (outcome != COMMIT_DURABLE && d->err == NULL)
		(void)error_set(&d->err, error->code, "%s", error->message);
	d->in_flight--;
	outbox_done(&commit->outbox);
	free(commit);
	end_when_done(d);
}

static int decide(struct durable *d, struct outbox *o, struct error **err)
{
	const struct shape_run *run = &d->run;
	const struct topology *t = run->engine.topologies.items[run->topology].model;
	int64_t now_ms = clock_now().wall_ms;
	int r = 0;
	for (uint32_t n = 0; n < d->batch && r == 0; n++) {
		uint32_t instance = run->decided, zhost;
		if (instance == run->shape->measured_count)
			break;
		r = shape_decide(&d->run, &zhost, err);
		if (r < 0)
			break;
		const char *path = t->instances[instance].path;
		const char *name = place_zhost_name(run->engine.place, zhost);
		write_event(d, o, path, name, now_ms);
		write_instance(d, o, path, name, now_ms);
	}
	return r;
}

static bool turn(void *user)
{
	struct durable *d = user;
	if (d->err != NULL || d->in_flight == DURABLE_IN_FLIGHT ||
	    d->run.decided == d->run.shape->measured_count) {
		end_when_done(d);
		return false;
	}
	struct commit *commit = mem_new(struct commit);
	commit->durable = d;
	outbox_init(&commit->outbox);
	if (decide(d, &commit->outbox, &d->err) < 0) {
		outbox_done(&commit->outbox);
		free(commit);
		return true; /* the next turn ends it */
	}
	write_meta(d, &commit->outbox);
	d->in_flight++;
	d->store->ops->commit(d->store, &commit->outbox, committed, commit);
	return true;
}

static int no_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	(void)user, (void)kind, (void)data, (void)size;
	return error_set(err, ERR_CONFLICT, "a new store holds '%s'", id);
}

/* The cluster of the shape has been made. */
static int run_store(struct durable *d, const char *path, struct error **err)
{
	int r = loop_init(&d->loop, err);
	if (r < 0)
		return r;
	r = sqlite_store_open(&d->loop, path, &d->store, err);
	if (r < 0) {
		loop_done(&d->loop);
		return r;
	}
	if (d->store->ops->load(d->store, no_record, NULL, &d->err) == 0)
		d->begin_ns = uv_hrtime();
	loop_before_poll(&d->loop, turn, d);
	loop_run(&d->loop);
	loop_before_poll_remove(&d->loop, turn, d);
	loop_done(&d->loop);
	if (d->err == NULL)
		return 0;
	r = error_set(err, d->err->code, "%s", d->err->message);
	error_free(d->err);
	return r;
}

int durable_measure(const struct shape *s, const char *directory, uint32_t batch,
		    struct durable_outcome *ret, struct error **err)
{
	struct durable d = {.batch = batch, .next_epoch = 1, .next_event = 1};
	CLEANUP(freep) char *path = str_printf("%s/%s.db", directory, s->name);
	PRE(batch > 0);
	int r = shape_begin(&d.run, s, err);
	if (r == 0) {
		r = run_store(&d, path, err);
		(void)unlink(path);
	}
	if (r == 0)
		*ret = (struct durable_outcome){
			.rate = s->measured_count / ((double)(d.end_ns - d.begin_ns) / 1e9),
			.record_bytes = (double)d.record_bytes / s->measured_count,
		};
	shape_end(&d.run);
	return r;
}
