#include "core/agent/agent_loop.h"

#include "base/check.h"
#include "base/memory.h"
#include "core/agent/import_set.h"
#include "core/agent/message.h"

struct answer_wait {
	agent_answer_fn *done; /* NULL: a record, which must not be refused */
	void *user;
};

struct link_message {
	uint64_t link; /* the one that it was made for */
	struct agent_message message;
};

struct agent_batch {
	struct commit_batch base; /* first */
	VECTOR(struct kv_change) changes;
	VECTOR(struct answer_wait) waits; /* one for each change */
	VECTOR(struct agent_order) orders;
	VECTOR(struct link_message) messages;
	struct data_answer *answers; /* of the kv; borrowed while it is delivered */
};

struct agent_loop {
	struct commit_loop commit;
	struct agent *agent;
	struct kv *kv;
	const struct agent_loop_listener *listener;
	void *user;
	struct agent_outbox outbox; /* of one call of the core */
	uint64_t
		link; /* counts links that came and went: what was made for another one is dropped */
	uint64_t heartbeat_link; /* the last one on which a heartbeat was sent */
	int64_t answered_ms; /* monotonic: the disk owed nothing then, or had just answered */
	bool has_answered;   /* since the last input */
	VECTOR(struct link_message) urgent; /* go out when the input was handled */
};

static struct agent_batch *batch_of(struct commit_batch *base)
{
	return (struct agent_batch *)base;
}

static const struct agent_batch *const_batch_of(const struct commit_batch *base)
{
	return (const struct agent_batch *)base;
}

/* ---- orders ---- */

/* With copies of what it borrows from the core, and the reference to the providers. */
static struct agent_order order_take(struct agent_order *from)
{
	struct agent_order order = *from;
	order.key = message_copy(from->key);
	order.spec = from->type != ORDER_RENEW ? message_copy(from->spec) : NULL;
	order.parent = order.spec != NULL ? order.spec->parent : NULL;
	order.text = mem_strdup(from->text);
	from->import_set = NULL;
	return order;
}

static void order_done(struct agent_order *order)
{
	samoza__v1__instance_key__free_unpacked((Samoza__V1__InstanceKey *)order->key, NULL);
	samoza__v1__instance_spec__free_unpacked((Samoza__V1__InstanceSpec *)order->spec, NULL);
	import_set_unref(order->import_set);
	free((char *)order->text);
}

/* ---- batches ---- */

static struct commit_batch *batch_new(void *user)
{
	return &mem_new(struct agent_batch)->base;
}

static void change_done(struct kv_change *change)
{
	free(change->owner);
	free(change->key);
	free(change->value);
	free(change->cursor);
}

static void batch_clear(struct commit_batch *base)
{
	struct agent_batch *batch = batch_of(base);
	vector_for_each (&batch->changes, change)
		change_done(change);
	vector_for_each (&batch->orders, order)
		order_done(order);
	vector_for_each (&batch->messages, m)
		protobuf_c_message_free_unpacked(m->message.message, NULL);
	vector_clear(&batch->changes);
	vector_clear(&batch->waits);
	vector_clear(&batch->orders);
	vector_clear(&batch->messages);
	batch->answers = NULL;
}

static void batch_free(struct commit_batch *base)
{
	struct agent_batch *batch = batch_of(base);
	batch_clear(base);
	vector_done(&batch->changes);
	vector_done(&batch->waits);
	vector_done(&batch->orders);
	vector_done(&batch->messages);
	free(batch);
}

static bool batch_is_durable(const struct commit_batch *base)
{
	return const_batch_of(base)->changes.count > 0;
}

static bool batch_is_empty(const struct commit_batch *base)
{
	const struct agent_batch *batch = const_batch_of(base);
	return batch->changes.count == 0 && batch->orders.count == 0 &&
	       batch->messages.count == 0;
}

static struct batch_size batch_size(const struct commit_batch *base)
{
	const struct agent_batch *batch = const_batch_of(base);
	struct batch_size size = {.operations = batch->changes.count};
	vector_for_each (&batch->changes, change)
		size.bytes += kv_change_bytes(change);
	return size;
}

/* ---- steps ---- */

/* The core has decided when it has handled its input. */
static void flush(void *user, struct commit_batch *base)
{
	(void)user;
	(void)base;
}

/* Data of a space may be refused; a record of this zhost may not. */
static int check_records(const struct agent_batch *batch, struct error **err)
{
	for (size_t i = 0; i < batch->waits.count; i++) {
		const struct kv_change *change = &batch->changes.items[i];
		if (batch->waits.items[i].done == NULL && batch->answers[i].status != 0)
			return error_set(err, ERR_LIMIT, "record %.*s of %s: refused with %d",
					 (int)change->key_size, (const char *)change->key,
					 change->owner, batch->answers[i].status);
	}
	return 0;
}

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct agent_batch *batch = user;
	CLEANUP(error_freep) struct error *refused = NULL;
	container_of(batch->base.loop, struct agent_loop, commit)->has_answered = true;
	batch->answers = answers;
	if (outcome == COMMIT_DURABLE && check_records(batch, &refused) < 0)
		commit_answered(&batch->base, COMMIT_FAILED, refused);
	else
		commit_answered(&batch->base, outcome, error);
}

static void commit(void *user, struct commit_batch *base)
{
	struct agent_loop *loop = user;
	const struct agent_batch *batch = batch_of(base);
	loop->kv->ops->commit(loop->kv, batch->changes.items, batch->changes.count,
			      on_committed, base);
}

/* The link may have changed while the batch was committed: HELLO says it all. */
static void send(struct agent_loop *loop, const struct link_message *m)
{
	if (m->link != loop->link)
		return;
	if (m->message.type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT)
		loop->heartbeat_link = loop->link;
	loop->listener->on_message(loop->user, m->message.type, m->message.message);
}

static bool deliver(void *user, struct commit_batch *base, size_t n)
{
	struct agent_loop *loop = user;
	const struct agent_batch *batch = batch_of(base);
	if (n < batch->waits.count) {
		const struct answer_wait *wait = &batch->waits.items[n];
		if (wait->done != NULL)
			wait->done(wait->user, &batch->answers[n]);
		return true;
	}
	n -= batch->waits.count;
	if (n < batch->orders.count) {
		loop->listener->on_order(loop->user, &batch->orders.items[n]);
		return true;
	}
	n -= batch->orders.count;
	if (n < batch->messages.count) {
		send(loop, &batch->messages.items[n]);
		return true;
	}
	return false;
}

static void stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct agent_loop *loop = user;
	loop->listener->on_stopped(loop->user, outcome, why);
}

static void step(void *user, enum commit_step what)
{
	struct agent_loop *loop = user;
	if (loop->listener->on_step != NULL)
		loop->listener->on_step(loop->user, what);
}

static const struct commit_ops ops = {
	.batch_new = batch_new,
	.batch_clear = batch_clear,
	.batch_free = batch_free,
	.is_empty = batch_is_empty,
	.is_durable = batch_is_durable,
	.size = batch_size,
	.flush = flush,
	.commit = commit,
	.deliver = deliver,
	.stopped = stopped,
	.step = step,
};

/* ---- use ---- */

static void add_change(struct agent_batch *batch, const struct kv_change *take_change,
		       agent_answer_fn *done, void *user)
{
	vector_push(&batch->changes, *take_change);
	vector_push(&batch->waits, ((struct answer_wait){.done = done, .user = user}));
}

static bool is_urgent(const struct agent_loop *loop, int64_t mono_ms,
		      const struct agent_message *m)
{
	return m->type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT &&
	       loop->heartbeat_link == loop->link &&
	       mono_ms - loop->answered_ms < agent_failure_timeout_ms(loop->agent);
}

static void note_disk(struct agent_loop *loop, int64_t mono_ms)
{
	if (loop->has_answered || commit_in_flight(&loop->commit) == 0)
		loop->answered_ms = mono_ms;
	loop->has_answered = false;
}

/* Takes over what one call of the core left. */
static void gather(struct agent_loop *loop, int64_t mono_ms, struct agent_batch *batch)
{
	struct agent_outbox *from = &loop->outbox;
	vector_for_each (&from->records, r) {
		const struct kv_change change = {
			.operation = r->data != NULL ? KV_PUT : KV_DELETE,
			.owner = mem_strdup(r->owner),
			.key = r->id,
			.key_size = strlen(r->id),
			.value = r->data,
			.value_size = r->size,
		};
		add_change(batch, &change, NULL, NULL);
	}
	vector_for_each (&from->orders, order)
		vector_push(&batch->orders, order_take(order));
	vector_for_each (&from->messages, m) {
		const struct link_message message = {loop->link, *m};
		if (is_urgent(loop, mono_ms, m))
			vector_push(&loop->urgent, message);
		else
			vector_push(&batch->messages, message);
	}
	vector_clear(&from->records);
	vector_clear(&from->orders);
	vector_clear(&from->messages);
}

/* What is sent may lead back here. */
static void send_urgent(struct agent_loop *loop)
{
	while (loop->urgent.count > 0) {
		struct link_message m = loop->urgent.items[0];
		vector_remove_at(&loop->urgent, 0);
		if (commit_filling(&loop->commit) != NULL)
			send(loop, &m);
		protobuf_c_message_free_unpacked(m.message.message, NULL);
	}
}

void agent_loop_input(struct agent_loop *loop, struct instant now,
		      const struct agent_input *input)
{
	struct commit_batch *batch = commit_filling(&loop->commit);
	if (batch == NULL)
		return;
	if (input->type == AGENT_LINK_UP || input->type == AGENT_LINK_DOWN)
		loop->link++;
	agent_handle(loop->agent, now, input, &loop->outbox);
	note_disk(loop, now.mono_ms);
	gather(loop, now.mono_ms, batch_of(batch));
	commit_handled(&loop->commit);
	send_urgent(loop);
}

void agent_loop_change(struct agent_loop *loop, struct kv_change *change, agent_answer_fn *done,
		       void *user)
{
	struct commit_batch *batch = commit_filling(&loop->commit);
	if (batch != NULL)
		add_change(batch_of(batch), change, done, user);
	else
		change_done(change);
	*change = (struct kv_change){0};
}

void agent_loop_put(struct agent_loop *loop, const char *owner, const char *key, void *value,
		    size_t size)
{
	struct kv_change change = {
		.operation = value != NULL ? KV_PUT : KV_DELETE,
		.owner = mem_strdup(owner),
		.key = mem_strdup(key),
		.key_size = strlen(key),
		.value = value,
		.value_size = size,
	};
	agent_loop_change(loop, &change, NULL, NULL);
}

void agent_loop_message(struct agent_loop *loop, Samoza__V1__FrameType type,
			ProtobufCMessage *message)
{
	struct commit_batch *batch = commit_filling(&loop->commit);
	if (batch != NULL)
		vector_push(&batch_of(batch)->messages,
			    ((struct link_message){loop->link, {type, message}}));
	else
		protobuf_c_message_free_unpacked(message, NULL);
}

bool agent_loop_turn(struct agent_loop *loop)
{
	return commit_turn(&loop->commit);
}

bool agent_loop_is_due(const struct agent_loop *loop)
{
	return commit_is_due(&loop->commit);
}

bool agent_loop_is_idle(const struct agent_loop *loop)
{
	return commit_is_idle(&loop->commit);
}

size_t agent_loop_in_flight(const struct agent_loop *loop)
{
	return commit_in_flight(&loop->commit);
}

void agent_loop_stop(struct agent_loop *loop)
{
	commit_loop_stop(&loop->commit);
}

const struct commit_counters *agent_loop_counters(const struct agent_loop *loop)
{
	return &loop->commit.counters;
}

/* ---- life ---- */

struct agent_loop *agent_loop_new(struct agent *agent, struct kv *kv,
				  const struct agent_loop_listener *listener, void *user)
{
	struct agent_loop *loop = mem_new(struct agent_loop);
	loop->agent = agent;
	loop->kv = kv;
	loop->listener = listener;
	loop->user = user;
	agent_outbox_init(&loop->outbox);
	commit_loop_init(&loop->commit, &ops, &kv->limits, loop);
	return loop;
}

void agent_loop_free(struct agent_loop *loop)
{
	if (loop == NULL)
		return;
	commit_loop_done(&loop->commit);
	agent_outbox_done(&loop->outbox);
	vector_done(&loop->urgent);
	free(loop);
}
