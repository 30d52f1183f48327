#include "core/record/recording.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/fingerprint.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/input_code.h"
#include "core/control/state/state.h"
#include "core/control/state/tap.h"
#include "core/record/outputs.h"
#include "schema/message.h"

/* Memory for inputs and outputs of a batch that is kept for the next one. */
#define INPUTS_KEPT ((size_t)1024 * 1024)

/* An input of the batch that is being filled. */
struct waiting_input {
	struct instant at;
	size_t begin, size; /* of its RecordedInput, in `inputs` */
	int64_t promise_ms;
	uint64_t link; /* of a heartbeat */
	bool is_quiet; /* heartbeat or tick */
	bool is_void; /* a tick, or a heartbeat that the core does not take: nothing is kept of it */
};

/* The last heartbeat of a link. */
struct held_beat {
	struct waiting_input input;
	ProtobufCBinaryData bytes;
	struct instant flushed;
	UT_hash_handle hh; /* by input.link */
};

struct recording {
	struct control *control;
	const struct recording_sink *sink;
	void *user;
	bool with_texts;
	Samoza__V1__RecordedBirth *birth; /* until it is written */
	VECTOR(struct waiting_input) waiting;
	struct buffer inputs;	/* of them, one after the other */
	struct held_beat *held; /* the one that came first is the first */
	uint64_t held_heartbeats, held_ticks;
	int64_t held_awake_ms,
		held_next_check_ms;  /* as the core has them after the last of these */
	struct instant held_flushed; /* the end of its batch */
	struct instant last;	     /* of the last entry of this block */
	int64_t promise_ms;	     /* as written last */
	struct recording_counts counts;
	struct buffer scratch;
	struct buffer outputs; /* of a batch, packed */
	struct outputs_memory memory;
};

enum { TAG_FLUSH = 7 << 3 | 2 /* RecordingEntry.flush */, VARINT_MAX = 10 };

#define NEW(Type, name) \
	((Samoza__V1__##Type *)schema_message_new(&samoza__v1__##name##__descriptor))

/* ---- entries ---- */

/* Its times, and `last` of the block. */
static void begin_entry(struct recording *r, struct instant at, bool begins,
			Samoza__V1__RecordingEntry *entry)
{
	if (r->sink->begins_block(r->user, begins))
		r->last = (struct instant){0};
	int64_t mono_step = at.mono_ms - r->last.mono_ms;
	int64_t drift = (at.wall_ms - r->last.wall_ms) - mono_step;
	entry->has_mono_step = mono_step != 0;
	entry->mono_step = mono_step;
	entry->has_drift = drift != 0;
	entry->drift = drift;
	r->last = at;
	buffer_clear(&r->scratch);
}

static void pack_entry(struct recording *r, const Samoza__V1__RecordingEntry *entry)
{
	if (schema_message_pack(&entry->base, &r->scratch, NULL) < 0)
		IMPOSSIBLE("an entry of a recording lacks something");
}

static void end_entry(struct recording *r, struct instant at, bool begins)
{
	r->counts.entries++;
	r->sink->entry(r->user, at, begins, r->scratch.data, r->scratch.size);
}

static void write_entry(struct recording *r, struct instant at, bool begins,
			Samoza__V1__RecordingEntry *entry)
{
	begin_entry(r, at, begins, entry);
	pack_entry(r, entry);
	end_entry(r, at, begins);
}

static void write_flush_with_texts(struct recording *r, struct instant now,
				   const struct outbox *outbox)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_FLUSH;
	entry.flush = outputs_of(outbox, true);
	write_entry(r, now, false, &entry);
	schema_message_free(entry.flush);
}

/* Appends the field `flush` to the entry: the bytes that protobuf would make of it, without a message for each output. */
static void append_flush(struct recording *r)
{
	uint8_t head[1 + VARINT_MAX] = {TAG_FLUSH};
	size_t size = 1;
	for (uint64_t left = r->outputs.size; size == 1 || left > 0; left >>= 7)
		head[size++] = (uint8_t)((left & 0x7f) | (left >= 0x80 ? 0x80 : 0));
	int result = buffer_add(&r->scratch, head, size);
	if (result == 0 && r->outputs.size > 0)
		result = buffer_add(&r->scratch, r->outputs.data, r->outputs.size);
	INVARIANT(result == 0); /* it has no limit */
}

static void write_flush(struct recording *r, struct instant now, const struct outbox *outbox)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	if (r->with_texts) {
		write_flush_with_texts(r, now, outbox);
		return;
	}
	buffer_clear(&r->outputs);
	outputs_pack(outbox, &r->memory, &r->outputs);
	begin_entry(r, now, false, &entry);
	pack_entry(r, &entry);
	append_flush(r);
	end_entry(r, now, false);
	if (r->outputs.capacity > INPUTS_KEPT) {
		buffer_done(&r->outputs);
		r->outputs = BUFFER_INIT(SIZE_MAX);
	}
}

/* That what follows was done with. */
static void note_promise(struct recording *r, Samoza__V1__RecordingEntry *entry,
			 int64_t promise_ms)
{
	entry->has_promise_ms = promise_ms != r->promise_ms;
	entry->promise_ms = r->promise_ms = promise_ms;
}

static ProtobufCBinaryData bytes_of(const struct recording *r,
				    const struct waiting_input *input)
{
	return (ProtobufCBinaryData){input->size, (uint8_t *)r->inputs.data + input->begin};
}

static void write_input(struct recording *r, const struct waiting_input *input)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_INPUT;
	entry.input = bytes_of(r, input);
	note_promise(r, &entry, input->promise_ms);
	write_entry(r, input->at, false, &entry);
}

/* ---- what changed nothing ---- */

static void put_beat(struct recording *r, const struct held_beat *held,
		     Samoza__V1__RecordedBeat *beat)
{
	*beat = (Samoza__V1__RecordedBeat)SAMOZA__V1__RECORDED_BEAT__INIT;
	beat->input = held->bytes;
	beat->mono_ms = held->input.at.mono_ms;
	beat->wall_ms = held->input.at.wall_ms;
	beat->flush_mono_ms = held->flushed.mono_ms;
	beat->flush_wall_ms = held->flushed.wall_ms;
	beat->has_promise_ms = held->input.promise_ms != r->promise_ms;
	beat->promise_ms = r->promise_ms = held->input.promise_ms;
}

static void forget_held(struct recording *r)
{
	struct held_beat *held, *next;
	HASH_ITER (hh, r->held, held, next) {
		HASH_DELETE(hh, r->held, held);
		free(held->bytes.data);
		free(held);
	}
	r->held_heartbeats = r->held_ticks = 0;
}

static void write_held(struct recording *r)
{
	size_t count = HASH_COUNT(r->held);
	if (r->held_heartbeats + r->held_ticks == 0)
		return;
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	Samoza__V1__RecordedQuiet quiet = SAMOZA__V1__RECORDED_QUIET__INIT;
	CLEANUP(freep) void *memory = mem_new_array(Samoza__V1__RecordedBeat, count + 1);
	CLEANUP(freep) void *pointers = mem_new_array(Samoza__V1__RecordedBeat *, count + 1);
	Samoza__V1__RecordedBeat *beats = memory;
	quiet.beats = pointers;
	for (struct held_beat *held = r->held; held != NULL; held = held->hh.next) {
		put_beat(r, held, &beats[quiet.n_beats]);
		quiet.beats[quiet.n_beats] = &beats[quiet.n_beats];
		quiet.n_beats++;
	}
	quiet.heartbeats = r->held_heartbeats;
	quiet.ticks = r->held_ticks;
	quiet.awake_ms = r->held_awake_ms;
	quiet.next_check_ms = r->held_next_check_ms;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_QUIET;
	entry.quiet = &quiet;
	write_entry(r, r->held_flushed, false, &entry);
	forget_held(r);
}

/* Of thousands of links: looked for by number. */
static void hold_beat(struct recording *r, const struct waiting_input *input,
		      struct instant flushed)
{
	struct held_beat *held = NULL;
	HASH_FIND(hh, r->held, &input->link, sizeof(input->link), held);
	if (held != NULL)
		HASH_DELETE(hh, r->held, held);
	else
		held = mem_new(struct held_beat);
	free(held->bytes.data);
	held->bytes.len = input->size;
	held->bytes.data = mem_memdup(bytes_of(r, input).data, input->size);
	held->input = *input;
	held->flushed = flushed;
	HASH_ADD_KEYPTR(hh, r->held, &held->input.link, sizeof(held->input.link), held);
}

static void hold(struct recording *r, const struct waiting_input *input, struct instant flushed)
{
	bool is_tick = input->link == 0;
	*(is_tick ? &r->held_ticks : &r->held_heartbeats) += 1;
	r->counts.counted++;
	r->held_flushed = flushed;
	r->held_awake_ms = input->at.mono_ms;
	r->held_next_check_ms = r->control->next_check_ms;
	if (!input->is_void)
		hold_beat(r, input, flushed);
}

/* Whether the batch can be held back. */
static bool is_quiet(const struct recording *r, const struct outbox *o)
{
	if (r->birth != NULL || o->records.count + o->events.count + o->audit.count +
						o->data.count + o->data_forget.count +
						o->replies.count + o->calls.count >
					0)
		return false;
	vector_for_each (&o->messages, m)
		if (m->type != SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK || m->close)
			return false;
	vector_for_each (&r->waiting, input)
		if (!input->is_quiet)
			return false;
	return r->waiting.count > 0;
}

/* ---- birth ---- */

static Samoza__V1__RecordedBirth *birth_new(const struct control *c)
{
	Samoza__V1__RecordedBirth *birth = NEW(RecordedBirth, recorded_birth);
	const struct control_config *config = &c->config;
	Samoza__V1__CheckpointConfig *to = NEW(CheckpointConfig, checkpoint_config);
	to->heartbeat_ms = config->heartbeat_ms;
	to->failure_timeout_ms = config->failure_timeout_ms;
	to->check_ms = config->check_ms;
	to->on_disconnect_ms = config->on_disconnect_ms;
	to->margin_ms = config->margin_ms;
	to->drain_units = config->drain_units;
	birth->config = to;
	birth->cluster = mem_strdup(c->cluster);
	size_t count = 0;
	while (config->drivers != NULL && config->drivers[count] != NULL)
		count++;
	birth->drivers = mem_new_array(char *, count + 1);
	for (size_t k = 0; k < count; k++)
		birth->drivers[birth->n_drivers++] = mem_strdup(config->drivers[k]);
	return birth;
}

static void on_load(void *user, enum record_kind kind, const void *data, size_t size)
{
	struct recording *r = user;
	Samoza__V1__RecordedBirth *birth = r->birth;
	Samoza__V1__CheckpointRecord *record = NEW(CheckpointRecord, checkpoint_record);
	void *masked;
	record->kind = kind;
	record_without_lines(kind, data, size, &masked, &record->data.len);
	if (masked == NULL)
		record->data.len = size;
	record->data.data = masked != NULL ? masked : mem_memdup(data, size);
	if ((birth->n_records & (birth->n_records - 1)) == 0)
		birth->records = mem_resize(birth->records, 2 * birth->n_records + 1,
					    sizeof(*birth->records));
	birth->records[birth->n_records++] = record;
}

static void on_load_without(void *user, enum record_kind kind, const char *id)
{
	Samoza__V1__RecordedBirth *birth = ((struct recording *)user)->birth;
	Samoza__V1__RecordedLoss *loss = NEW(RecordedLoss, recorded_loss);
	loss->kind = kind;
	loss->id = mem_strdup(id);
	birth->losses = mem_resize(birth->losses, birth->n_losses + 1, sizeof(*birth->losses));
	birth->losses[birth->n_losses++] = loss;
}

static void on_load_gap(void *user)
{
	((struct recording *)user)->birth->gap = true;
}

static void on_load_restored(void *user, int64_t after_ms, int64_t until_ms)
{
	Samoza__V1__RecordedRestore *restore = NEW(RecordedRestore, recorded_restore);
	restore->after_ms = after_ms;
	restore->until_ms = until_ms;
	((struct recording *)user)->birth->restored = restore;
}

static void on_start(void *user, struct instant now)
{
	struct recording *r = user;
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	r->birth->elected = r->control->elected;
	r->birth->promise_ms = r->promise_ms = r->control->promise_ms;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_BIRTH;
	entry.birth = r->birth;
	write_entry(r, now, true, &entry);
	schema_message_free(steal_ptr(&r->birth));
	buffer_done(&r->scratch); /* it is as large as the whole store */
	r->scratch = BUFFER_INIT(SIZE_MAX);
}

/* ---- life ---- */

/* The core takes it for an old, repeated or foreign one. */
static bool is_void_heartbeat(const struct control *c, const struct control_input *input)
{
	const Samoza__V1__Heartbeat *heartbeat = input->heartbeat.message;
	const struct control_zhost *z = zhost_by_link(&c->zhosts, input->heartbeat.link_id);
	return z == NULL || !str_equal(z->identity, heartbeat->identity) ||
	       z->incarnation != heartbeat->incarnation || heartbeat->counter <= z->counter;
}

static void on_input(void *user, struct instant now, const struct control_input *input)
{
	struct recording *r = user;
	const struct control *c = r->control;
	r->counts.inputs++;
	struct waiting_input *waiting = vector_add(&r->waiting);
	waiting->at = now;
	waiting->begin = r->inputs.size;
	if (input_encode(input, &r->inputs) < 0)
		IMPOSSIBLE("an input is larger than any");
	waiting->size = r->inputs.size - waiting->begin;
	waiting->promise_ms = c->promise_ms;
	/* After a sleep a further time begins for every zhost. */
	bool has_slept = now.mono_ms - c->awake_ms > c->config.check_ms;
	bool is_calm = !has_slept && !control_is_due(c, now.mono_ms);
	if (input->type == CONTROL_HEARTBEAT && input->heartbeat.link_id != 0) {
		waiting->link = input->heartbeat.link_id;
		waiting->is_quiet = is_calm;
		waiting->is_void = is_void_heartbeat(c, input);
	}
	if (input->type == CONTROL_TICK)
		waiting->is_quiet = waiting->is_void = is_calm;
}

/* The memory is for the next batch, unless this one was a large one. */
static void forget_waiting(struct recording *r)
{
	vector_clear(&r->waiting);
	buffer_clear(&r->inputs);
	if (r->inputs.capacity > INPUTS_KEPT) {
		buffer_done(&r->inputs);
		r->inputs = BUFFER_INIT(SIZE_MAX);
	}
}

static void on_flushed(void *user, struct instant now, const struct outbox *outbox)
{
	struct recording *r = user;
	if (is_quiet(r, outbox)) {
		vector_for_each (&r->waiting, input)
			hold(r, input, now);
		forget_waiting(r);
		return;
	}
	write_held(r);
	vector_for_each (&r->waiting, input)
		write_input(r, input);
	forget_waiting(r);
	write_flush(r, now, outbox);
}

static const struct control_tap tap = {
	.load = on_load,
	.load_without = on_load_without,
	.load_gap = on_load_gap,
	.load_restored = on_load_restored,
	.start = on_start,
	.input = on_input,
	.flushed = on_flushed,
};

/* ---- use ---- */

bool recording_is_flushed(const struct recording *r)
{
	return r->waiting.count == 0 && r->birth == NULL;
}

void recording_checkpoint_begin(struct recording *r)
{
	PRE(recording_is_flushed(r));
	write_held(r);
	r->promise_ms = r->control->promise_ms;
}

/* It is large. What the recording writes next is not. */
static void forget_scratch(struct recording *r)
{
	buffer_done(&r->scratch);
	r->scratch = BUFFER_INIT(SIZE_MAX);
}

int recording_checkpoint_entry(const struct recording *r, struct instant now, struct buffer *to,
			       struct error **err)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_CHECKPOINT;
	entry.checkpoint = checkpoint_new(r->control, now);
	entry.has_mono_step = entry.has_drift = entry.has_promise_ms = true;
	entry.mono_step = now.mono_ms;
	entry.drift = now.wall_ms - now.mono_ms;
	entry.promise_ms = r->control->promise_ms;
	int result = schema_message_pack(&entry.base, to, err);
	schema_message_free(entry.checkpoint);
	return result;
}

void recording_checkpoint(struct recording *r, struct instant now)
{
	recording_checkpoint_begin(r);
	(void)r->sink->begins_block(r->user, true);
	r->last = now;
	buffer_clear(&r->scratch);
	if (recording_checkpoint_entry(r, now, &r->scratch, NULL) < 0)
		IMPOSSIBLE("a checkpoint of a recording lacks something");
	r->counts.entries++;
	r->sink->entry(r->user, now, true, r->scratch.data, r->scratch.size);
	forget_scratch(r);
}

void recording_digest(struct recording *r, struct instant now)
{
	if (!recording_is_flushed(r))
		return;
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	Samoza__V1__RecordedDigest digest = SAMOZA__V1__RECORDED_DIGEST__INIT;
	CLEANUP(freep) char *text = control_digest(r->control, now);
	write_held(r);
	digest.digest = fingerprint_text(FINGERPRINT_NONE, text);
	digest.text = r->with_texts ? text : NULL;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_DIGEST;
	entry.digest = &digest;
	note_promise(r, &entry, r->control->promise_ms);
	write_entry(r, now, false, &entry);
}

struct recording_counts recording_counts(const struct recording *r)
{
	return r->counts;
}

struct recording *recording_new(struct control *control, const struct recording_sink *sink,
				void *user, bool with_texts)
{
	struct recording *r = mem_new(struct recording);
	r->control = control;
	r->sink = sink;
	r->user = user;
	r->with_texts = with_texts;
	r->scratch = r->inputs = r->outputs = BUFFER_INIT(SIZE_MAX);
	r->memory = OUTPUTS_MEMORY_INIT;
	r->birth = birth_new(control);
	control_set_tap(control, &tap, r);
	return r;
}

void recording_free(struct recording *r)
{
	if (r == NULL)
		return;
	control_set_tap(r->control, NULL, NULL);
	if (r->birth == NULL)
		write_held(r);
	forget_held(r);
	vector_done(&r->waiting);
	buffer_done(&r->inputs);
	schema_message_free(r->birth);
	buffer_done(&r->scratch);
	buffer_done(&r->outputs);
	outputs_memory_done(&r->memory);
	free(r);
}
