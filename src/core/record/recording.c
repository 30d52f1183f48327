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
#include "core/control/zhost/beats.h"
#include "core/control/zhost/silence.h"
#include "core/record/outputs.h"
#include "schema/message.h"

/* Memory for inputs and outputs of a batch that is kept for the next one. */
#define INPUTS_KEPT ((size_t)1024 * 1024)
/* What zhosts used is known of every moment, no older than this. */
#define HELD_MAX_MS INT64_C(600000)

/* An input of the batch that is being filled. */
struct waiting_input {
	struct instant at;
	size_t begin, size; /* of its RecordedInput, in `inputs` */
	int64_t promise_ms;
	uint64_t link; /* whose mesh table it is about; 0: it is another input */
	bool is_heartbeat;
	bool is_quiet;	/* a heartbeat or a tick that may lead to nothing */
	bool needs_all; /* what it leads to may depend on when zhosts were heard */
	uint32_t again; /* so many of `again` follow */
	bool has_beat;	/* a heartbeat of which `beat` is all that the core keeps */
	struct zhost_beat beat;
};

/* The last heartbeat of a link. */
struct held_beat {
	struct zhost_beat beat;
	UT_hash_handle hh; /* by beat.link_id */
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
	int64_t held_since_ms;	/* since then one waits at least */
	bool is_withheld;	/* as the last entry of them says */
	uint64_t held_heartbeats, held_ticks;
	struct instant settled; /* the end of the last batch, and what the core has since: */
	int64_t awake_ms, next_check_ms;
	struct instant last; /* of the last entry of this block */
	int64_t promise_ms;  /* as written last */
	struct recording_counts counts;
	struct buffer scratch;
	struct output_checks outputs; /* of a batch */
	struct outputs_memory memory;
	char *applied; /* topology of the mesh table that the last input is about; NULL: it is another one */
	uint64_t applied_version;
	VECTOR(uint64_t) again; /* links of inputs that are that one, but for the link */
};

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

static void write_flush(struct recording *r, struct instant now, const struct outbox *outbox)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	Samoza__V1__RecordedFlush flush = SAMOZA__V1__RECORDED_FLUSH__INIT;
	struct output_checks *outputs = &r->outputs;
	if (r->with_texts) {
		write_flush_with_texts(r, now, outbox);
		return;
	}
	outputs_check(outbox, &r->memory, outputs);
	flush.has_sum = flush.has_checks = outputs->checks.size > 0;
	flush.sum = outputs->sum;
	flush.checks =
		(ProtobufCBinaryData){outputs->checks.size, (uint8_t *)outputs->checks.data};
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_FLUSH;
	entry.flush = &flush;
	write_entry(r, now, false, &entry);
	if (outputs->checks.capacity > INPUTS_KEPT) {
		buffer_done(&outputs->checks);
		*outputs = OUTPUT_CHECKS_INIT;
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

static void write_again(struct recording *r, const struct waiting_input *input, size_t *at)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	Samoza__V1__RecordedAgain again = SAMOZA__V1__RECORDED_AGAIN__INIT;
	uint64_t before = input->link;
	CLEANUP(freep) void *memory = mem_new_array(int64_t, input->again);
	again.links = memory;
	for (; again.n_links < input->again; (*at)++) {
		uint64_t link = r->again.items[*at];
		again.links[again.n_links++] = (int64_t)(link - before);
		before = link;
	}
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_AGAIN;
	entry.again = &again;
	write_entry(r, input->at, false, &entry);
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

static void forget_beat(struct recording *r, struct held_beat *held)
{
	HASH_DELETE(hh, r->held, held);
	free(held);
}

static void forget_held(struct recording *r)
{
	struct held_beat *held, *next;
	HASH_ITER (hh, r->held, held, next)
		forget_beat(r, held);
}

static void put_heard(const struct recording *r, const struct zhost_beat *beat,
		      Samoza__V1__RecordedHeard *heard)
{
	*heard = (Samoza__V1__RecordedHeard)SAMOZA__V1__RECORDED_HEARD__INIT;
	heard->link = beat->link_id;
	heard->counter = beat->counter;
	heard->before_ms = r->settled.mono_ms - beat->at.mono_ms;
	heard->drift_ms = r->settled.wall_ms - beat->at.wall_ms - heard->before_ms;
	heard->has_drift_ms = heard->drift_ms != 0;
	heard->has_cpu_millicores = heard->has_memory_bytes = heard->has_disk_bytes =
		beat->has_usage;
	heard->cpu_millicores = beat->cpu_millicores;
	heard->memory_bytes = beat->memory_bytes;
	heard->disk_bytes = beat->disk_bytes;
}

/* The first one that came at that time or later; those after it did, too. */
static struct held_beat *held_from(const struct recording *r, int64_t mono_ms)
{
	struct held_beat *first = NULL;
	if (r->held == NULL)
		return NULL;
	for (struct held_beat *held = ELMT_FROM_HH(r->held->hh.tbl, r->held->hh.tbl->tail);
	     held != NULL && held->beat.at.mono_ms >= mono_ms; held = held->hh.prev)
		first = held;
	return first;
}

/* What was counted, and those that are held back and came at that time or later. */
static void write_calm(struct recording *r, int64_t from_ms)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	Samoza__V1__RecordedCalm calm = SAMOZA__V1__RECORDED_CALM__INIT;
	struct held_beat *held = held_from(r, from_ms), *next;
	size_t count = held != NULL ? HASH_COUNT(r->held) : 0;
	bool is_told = r->is_withheld == (r->held != NULL);
	if (r->held_heartbeats + r->held_ticks == 0 && held == NULL && is_told)
		return;
	CLEANUP(freep) void *memory = mem_new_array(Samoza__V1__RecordedHeard, count + 1);
	CLEANUP(freep) void *pointers = mem_new_array(Samoza__V1__RecordedHeard *, count + 1);
	Samoza__V1__RecordedHeard *heard = memory;
	calm.heard = pointers;
	for (; held != NULL; held = next) {
		next = held->hh.next;
		put_heard(r, &held->beat, &heard[calm.n_heard]);
		calm.heard[calm.n_heard] = &heard[calm.n_heard];
		calm.n_heard++;
		forget_beat(r, held);
	}
	r->is_withheld = r->held != NULL;
	calm.has_withheld = calm.withheld = r->is_withheld;
	calm.heartbeats = r->held_heartbeats;
	calm.ticks = r->held_ticks;
	calm.awake_ms = r->settled.mono_ms - r->awake_ms;
	calm.next_check_ms = r->next_check_ms - r->settled.mono_ms;
	r->held_heartbeats = r->held_ticks = 0;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_CALM;
	entry.calm = &calm;
	write_entry(r, r->settled, false, &entry);
}

static void write_held(struct recording *r)
{
	write_calm(r, INT64_MIN);
}

static struct held_beat *held_of(const struct recording *r, uint64_t link)
{
	struct held_beat *held = NULL;
	HASH_FIND(hh, r->held, &link, sizeof(link), held);
	return held;
}

static void hold_beat(struct recording *r, const struct zhost_beat *beat)
{
	struct held_beat *held = held_of(r, beat->link_id);
	if (r->held == NULL)
		r->held_since_ms = beat->at.mono_ms;
	if (held != NULL)
		HASH_DELETE(hh, r->held, held); /* it becomes the last one */
	else
		held = mem_new(struct held_beat);
	struct zhost_beat before = held->beat;
	held->beat = *beat;
	if (!beat->has_usage && before.has_usage) {
		held->beat.has_usage = true;
		held->beat.cpu_millicores = before.cpu_millicores;
		held->beat.memory_bytes = before.memory_bytes;
		held->beat.disk_bytes = before.disk_bytes;
	}
	HASH_ADD_KEYPTR(hh, r->held, &held->beat.link_id, sizeof(held->beat.link_id), held);
}

static void hold(struct recording *r, const struct waiting_input *input)
{
	*(input->is_heartbeat ? &r->held_heartbeats : &r->held_ticks) += 1;
	r->counts.counted++;
	if (input->has_beat)
		hold_beat(r, &input->beat);
}

/* An input of a zhost takes the place of what is held back of it. */
static bool replaces_held(const struct recording *r, const struct waiting_input *input)
{
	const struct held_beat *held = held_of(r, input->beat.link_id);
	return held == NULL || input->beat.has_usage || !held->beat.has_usage;
}

/* The machine of a zhost is gone when that has been silent for long enough. */
static bool is_one_ending(const struct control *c)
{
	made_zhost_for_each(&c->made, made) if (made->state == MADE_ENDING) return true;
	return false;
}

static bool is_held_for_long(const struct recording *r)
{
	return r->held != NULL && r->settled.mono_ms - r->held_since_ms >= HELD_MAX_MS;
}

/* Before inputs are written: of what is held back all that they may depend on. Heartbeats of the same millisecond keep their order, by
 * which zhosts are lost. */
static void write_what_is_needed(struct recording *r)
{
	bool needs_all = is_one_ending(r->control) || is_held_for_long(r);
	int64_t from_ms = INT64_MAX;
	vector_for_each (&r->waiting, input) {
		needs_all = needs_all || input->needs_all ||
			    (input->has_beat && !replaces_held(r, input));
		if (input->is_heartbeat && input->at.mono_ms < from_ms)
			from_ms = input->at.mono_ms;
	}
	write_calm(r, needs_all ? INT64_MIN : from_ms);
	vector_for_each (&r->waiting, input) {
		struct held_beat *held =
			input->has_beat ? held_of(r, input->beat.link_id) : NULL;
		if (held != NULL)
			forget_beat(r, held);
	}
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
	to->has_says_answered = to->says_answered = config->says_answered;
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

/* A zhost comes, goes, or is looked at: how long ago it was heard counts. */
static bool is_about_zhosts(enum control_input_type type)
{
	return type == CONTROL_HELLO || type == CONTROL_HELLO_ANSWERED ||
	       type == CONTROL_CLOSED || type == CONTROL_JOIN || type == CONTROL_ZHOST ||
	       type == CONTROL_MACHINE || type == CONTROL_DRIVER;
}

static void look_at_heartbeat(const struct recording *r, const struct control_input *input,
			      bool is_calm, struct waiting_input *waiting)
{
	const Samoza__V1__Heartbeat *heartbeat = input->heartbeat.message;
	uint64_t link = input->heartbeat.link_id;
	bool is_void = beat_is_void(zhost_by_link(&r->control->zhosts, link), heartbeat);
	waiting->is_heartbeat = true;
	waiting->has_beat =
		beat_is_all(r->control, waiting->at, link, heartbeat, &waiting->beat);
	waiting->is_quiet = is_calm && (is_void || waiting->has_beat);
	/* One that is void by what was held back may not be without that. */
	waiting->needs_all = waiting->needs_all || !waiting->has_beat;
}

/* Every zhost says that it goes by a table: what they say differs in the link alone. Else it is remembered for the next one. */
static bool is_again(struct recording *r, struct instant now, const struct control_input *input)
{
	bool is_applied = input->type == CONTROL_MESH_APPLIED && input->applied.link_id != 0;
	struct waiting_input *last =
		r->waiting.count > 0 ? &r->waiting.items[r->waiting.count - 1] : NULL;
	if (is_applied && last != NULL && last->link != 0 && last->at.mono_ms == now.mono_ms &&
	    last->at.wall_ms == now.wall_ms && last->promise_ms == r->control->promise_ms &&
	    input->applied.message->version == r->applied_version &&
	    str_equal(input->applied.message->topology, r->applied)) {
		vector_push(&r->again, input->applied.link_id);
		last->again++;
		return true;
	}
	free(steal_ptr(&r->applied));
	if (is_applied) {
		r->applied = mem_strdup(input->applied.message->topology);
		r->applied_version = input->applied.message->version;
	}
	return false;
}

static void on_input(void *user, struct instant now, const struct control_input *input)
{
	struct recording *r = user;
	const struct control *c = r->control;
	const struct heap_node *silent = heap_first(&c->deadlines);
	r->counts.inputs++;
	if (is_again(r, now, input))
		return;
	struct waiting_input *waiting = vector_add(&r->waiting);
	waiting->at = now;
	waiting->begin = r->inputs.size;
	if (input_encode(input, &r->inputs) < 0)
		IMPOSSIBLE("an input is larger than any");
	waiting->size = r->inputs.size - waiting->begin;
	waiting->promise_ms = c->promise_ms;
	if (input->type == CONTROL_MESH_APPLIED)
		waiting->link = input->applied.link_id;
	bool was_held = silence_was_held(c, now.mono_ms);
	bool is_calm = !was_held && !control_is_due(c, now.mono_ms);
	waiting->needs_all = was_held || (silent != NULL && silent->key <= now.mono_ms) ||
			     is_about_zhosts(input->type);
	if (input->type == CONTROL_HEARTBEAT)
		look_at_heartbeat(r, input, is_calm, waiting);
	if (input->type == CONTROL_TICK)
		waiting->is_quiet = is_calm;
}

/* The memory is for the next batch, unless this one was a large one. */
static void forget_waiting(struct recording *r)
{
	vector_clear(&r->waiting);
	vector_clear(&r->again);
	free(steal_ptr(&r->applied));
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
			hold(r, input);
	} else {
		size_t again = 0;
		write_what_is_needed(r);
		vector_for_each (&r->waiting, input) {
			write_input(r, input);
			if (input->again > 0)
				write_again(r, input, &again);
		}
		write_flush(r, now, outbox);
	}
	forget_waiting(r);
	r->settled = now;
	r->awake_ms = r->control->awake_ms;
	r->next_check_ms = r->control->next_check_ms;
	if (is_held_for_long(r)) /* also where nothing else happens */
		write_held(r);
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

static void mask_secrets(Samoza__V1__Checkpoint *checkpoint)
{
	for (size_t k = 0; k < checkpoint->n_records; k++) {
		Samoza__V1__CheckpointRecord *r = checkpoint->records[k];
		void *masked = NULL;
		size_t size = 0;
		if (r->kind == RECORD_SECRET)
			record_without_lines(RECORD_SECRET, r->data.data, r->data.len, &masked,
					     &size);
		if (masked == NULL)
			continue;
		free(r->data.data);
		r->data = (ProtobufCBinaryData){size, masked};
	}
}

int recording_checkpoint_entry(const struct recording *r, struct instant now, struct buffer *to,
			       struct error **err)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_CHECKPOINT;
	entry.checkpoint = checkpoint_new(r->control, now);
	mask_secrets(entry.checkpoint);
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
	r->scratch = r->inputs = BUFFER_INIT(SIZE_MAX);
	r->outputs = OUTPUT_CHECKS_INIT;
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
	buffer_done(&r->outputs.checks);
	vector_done(&r->again);
	free(r->applied);
	outputs_memory_done(&r->memory);
	free(r);
}
