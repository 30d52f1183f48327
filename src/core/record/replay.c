#include "core/record/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/input_code.h"
#include "core/control/state/state.h"
#include "core/control/zhost/beats.h"
#include "core/record/outputs.h"
#include "schema/message.h"

struct replay {
	struct control *control; /* NULL: waits for a birth or a checkpoint */
	struct outbox outbox;
	struct instant now;   /* of the last entry that was done */
	struct instant read;  /* of the last entry of the block that was read */
	char **drivers;	      /* that the core borrows; ends with NULL */
	bool from_checkpoint; /* it began with one, and may hold the same in other places */
	bool is_withheld;     /* when zhosts were heard last is said later: nobody is silent */
	struct replay_counts counts;
	struct outputs_memory memory;
	struct output_checks played;
	/* The last input, where it says that a zhost goes by a mesh table; NULL */
	char *applied;
	uint64_t applied_version, applied_link;
};

/* ---- a core begins ---- */

static void forget(struct replay *r)
{
	r->from_checkpoint = r->is_withheld = false;
	free(steal_ptr(&r->applied));
	control_free(r->control);
	r->control = NULL;
	outbox_clear(&r->outbox);
	for (size_t k = 0; r->drivers != NULL && r->drivers[k] != NULL; k++)
		free(r->drivers[k]);
	free(r->drivers);
	r->drivers = NULL;
}

void replay_skip(struct replay *r)
{
	forget(r);
}

static int load_birth(struct replay *r, const Samoza__V1__RecordedBirth *birth,
		      struct error **err)
{
	for (size_t k = 0; k < birth->n_records; k++) {
		const Samoza__V1__CheckpointRecord *record = birth->records[k];
		int result = control_load(r->control, (enum record_kind)record->kind,
					  record->data.data, record->data.len, err);
		if (result < 0)
			return result;
	}
	for (size_t k = 0; k < birth->n_losses; k++) {
		int result = control_load_without(r->control,
						  (enum record_kind)birth->losses[k]->kind,
						  birth->losses[k]->id, err);
		if (result < 0)
			return result;
	}
	if (birth->gap)
		control_load_gap(r->control);
	if (birth->restored != NULL)
		control_load_restored(r->control, birth->restored->after_ms,
				      birth->restored->until_ms);
	control_set_term(r->control, birth->elected);
	control_set_promise(r->control, birth->promise_ms);
	return control_start(r->control, r->now, &r->outbox, err);
}

static void keep_drivers(struct replay *r, char *const *names, size_t count)
{
	r->drivers = mem_new_array(char *, count + 1);
	for (size_t k = 0; k < count; k++)
		r->drivers[k] = mem_strdup(names[k]);
}

static int begin_birth(struct replay *r, const Samoza__V1__RecordedBirth *birth,
		       struct error **err)
{
	const Samoza__V1__CheckpointConfig *from = birth->config;
	forget(r);
	keep_drivers(r, birth->drivers, birth->n_drivers);
	const struct control_config config = {
		.heartbeat_ms = from->heartbeat_ms,
		.failure_timeout_ms = from->failure_timeout_ms,
		.check_ms = from->check_ms,
		.on_disconnect_ms = from->on_disconnect_ms,
		.margin_ms = from->margin_ms,
		.drain_units = from->drain_units,
		.says_answered = from->says_answered,
		.drivers = birth->n_drivers > 0 ? (const char *const *)r->drivers : NULL,
	};
	r->control = control_new(&config, birth->cluster);
	int result = load_birth(r, birth, err);
	if (result < 0) {
		forget(r);
		return error_wrap(err, "a life of the recording cannot begin");
	}
	r->counts.lives++;
	return 0;
}

static int begin_checkpoint(struct replay *r, const Samoza__V1__Checkpoint *checkpoint,
			    struct error **err)
{
	forget(r);
	keep_drivers(r, checkpoint->drivers, checkpoint->n_drivers);
	int result = checkpoint_load_whole(checkpoint, (const char *const *)r->drivers,
					   &r->control, err);
	if (result < 0)
		return result;
	r->from_checkpoint = true;
	r->counts.lives++;
	return 0;
}

/* ---- comparing ---- */

static int differs(char **ret_difference, char *take_text)
{
	*ret_difference = take_text;
	return 1;
}

static const Samoza__V1__RecordedOutput *next_output(const Samoza__V1__RecordedFlush *flush,
						     size_t *at)
{
	return *at < flush->n_outputs ? flush->outputs[(*at)++] : NULL;
}

static char *side_text(const Samoza__V1__RecordedOutput *o)
{
	if (o == NULL)
		return mem_strdup("nothing more");
	return str_printf("%s, digest %016" PRIx64 "%s%s", o->name, o->digest,
			  o->text != NULL ? "\n      " : "", o->text != NULL ? o->text : "");
}

static char *difference_text(const struct replay *r, size_t item,
			     const Samoza__V1__RecordedOutput *recorded,
			     const Samoza__V1__RecordedOutput *played)
{
	CLEANUP(freep) char *before = side_text(recorded);
	CLEANUP(freep) char *now = side_text(played);
	return str_printf("output %zu of the batch at %" PRId64 ".%03d s (input %" PRIu64
			  ") differs\n    recorded: %s\n    replayed: %s",
			  item, r->now.mono_ms / 1000, (int)(r->now.mono_ms % 1000),
			  r->counts.inputs, before, now);
}

static int compare_each(struct replay *r, const Samoza__V1__RecordedFlush *recorded,
			char **ret_difference)
{
	CLEANUP(schema_message_freep)
	Samoza__V1__RecordedFlush *played = outputs_of(&r->outbox, false);
	size_t a = 0, b = 0;
	for (size_t item = 1;; item++) {
		const Samoza__V1__RecordedOutput *x = next_output(recorded, &a);
		const Samoza__V1__RecordedOutput *y = next_output(played, &b);
		if (x == NULL && y == NULL)
			return 0;
		if (x != NULL && y != NULL && x->digest == y->digest &&
		    str_equal(x->name, y->name)) {
			r->counts.outputs++;
			continue;
		}
		CLEANUP(schema_message_freep)
		Samoza__V1__RecordedFlush *texts = outputs_of(&r->outbox, true);
		return differs(
			ret_difference,
			difference_text(r, item, x, y != NULL ? texts->outputs[b - 1] : NULL));
	}
}

static char *checks_text(const struct buffer *checks, size_t item)
{
	if (2 * item >= checks->size)
		return mem_strdup("nothing more");
	const uint8_t *at = (const uint8_t *)checks->data + 2 * item;
	return str_printf("checks %02x of its name, %02x of all of it", at[0], at[1]);
}

/* The first item that differs; the number of them: all are the same, as far as their checks say. */
static size_t first_that_differs(const struct buffer *a, const struct buffer *b)
{
	size_t items = (a->size < b->size ? a->size : b->size) / 2, item = 0;
	while (item < items && memcmp((const char *)a->data + 2 * item,
				      (const char *)b->data + 2 * item, 2) == 0)
		item++;
	return item;
}

/* What was recorded has no names: of its side is said what it has. */
static int compare_checks(struct replay *r, const Samoza__V1__RecordedFlush *recorded,
			  char **ret_difference)
{
	struct output_checks *played = &r->played;
	const struct buffer before = {.data = (char *)recorded->checks.data,
				      .size = recorded->checks.len};
	outputs_check(&r->outbox, &r->memory, played);
	size_t item = first_that_differs(&before, &played->checks);
	bool is_same = before.size == played->checks.size && 2 * item == before.size;
	if (recorded->sum == played->sum && is_same) {
		r->counts.outputs += before.size / 2;
		return 0;
	}
	CLEANUP(freep) char *name = outputs_item_text(&r->outbox, item);
	CLEANUP(freep) char *was = checks_text(&before, item);
	CLEANUP(freep) char *is = checks_text(&played->checks, item);
	if (is_same)
		return differs(ret_difference,
			       str_printf("the batch at %" PRId64 ".%03d s (input %" PRIu64
					  ") differs, in the links of its messages or where "
					  "checks of one byte are the same\n    recorded: sum "
					  "%08x\n    replayed: sum %08x",
					  r->now.mono_ms / 1000, (int)(r->now.mono_ms % 1000),
					  r->counts.inputs, recorded->sum, played->sum));
	return differs(ret_difference,
		       str_printf("output %zu of the batch at %" PRId64
				  ".%03d s (input %" PRIu64
				  ") differs\n    recorded: %s\n    replayed: %s%s%s",
				  item + 1, r->now.mono_ms / 1000, (int)(r->now.mono_ms % 1000),
				  r->counts.inputs, was, is, name != NULL ? "\n      " : "",
				  name != NULL ? name : ""));
}

static int compare_outputs(struct replay *r, const Samoza__V1__RecordedFlush *recorded,
			   char **ret_difference)
{
	return recorded->n_outputs > 0 ? compare_each(r, recorded, ret_difference)
				       : compare_checks(r, recorded, ret_difference);
}

/* ---- entries ---- */

/* The core is told. */
static void handle(struct replay *r, struct instant at, const struct control_input *input)
{
	if (r->is_withheld)
		zhosts_spare(r->control, at.mono_ms);
	control_handle(r->control, at, input, &r->outbox);
	r->counts.inputs++;
}

static void keep_applied(struct replay *r, const struct control_input *input)
{
	free(steal_ptr(&r->applied));
	if (input->type != CONTROL_MESH_APPLIED)
		return;
	r->applied = mem_strdup(input->applied.message->topology);
	r->applied_version = input->applied.message->version;
	r->applied_link = input->applied.link_id;
}

static int do_again(struct replay *r, const Samoza__V1__RecordedAgain *again,
		    struct error **err)
{
	Samoza__V1__MeshApplied message = SAMOZA__V1__MESH_APPLIED__INIT;
	struct control_input input = {.type = CONTROL_MESH_APPLIED,
				      .applied = {.message = &message}};
	if (r->applied == NULL)
		return error_set(err, ERR_INVALID, "an input is to be repeated that cannot be");
	message.topology = r->applied;
	message.version = r->applied_version;
	for (size_t k = 0; k < again->n_links; k++) {
		r->applied_link += (uint64_t)again->links[k];
		input.applied.link_id = r->applied_link;
		handle(r, r->now, &input);
	}
	return 0;
}

static int hand_over(struct replay *r, struct instant at, const ProtobufCBinaryData *bytes,
		     struct error **err)
{
	ProtobufCMessage *message = NULL;
	struct decoded_input decoded;
	int result = schema_message_unpack(&samoza__v1__recorded_input__descriptor, bytes->data,
					   bytes->len, &message, err);
	if (result < 0)
		return result;
	result = input_decode((Samoza__V1__RecordedInput *)message, &decoded, err);
	if (result == 0) {
		handle(r, at, &decoded.input);
		keep_applied(r, &decoded.input);
	}
	decoded_input_done(&decoded);
	return result;
}

static int do_flush(struct replay *r, const Samoza__V1__RecordedFlush *flush,
		    char **ret_difference)
{
	control_flush(r->control, r->now, &r->outbox);
	int result = compare_outputs(r, flush, ret_difference);
	outbox_clear(&r->outbox);
	return result;
}

/* Nothing but acknowledgements came of it then. */
static int check_quiet(struct replay *r, char **ret_difference)
{
	CLEANUP(schema_message_freep)
	Samoza__V1__RecordedFlush *played = outputs_of(&r->outbox, true);
	for (size_t k = 0; k < played->n_outputs; k++) {
		const Samoza__V1__RecordedOutput *o = played->outputs[k];
		if (!str_has_prefix(o->name, "message heartbeat-ack ") &&
		    !str_has_prefix(o->name, "message heartbeat_ack "))
			return differs(ret_difference, difference_text(r, 1, NULL, o));
	}
	return 0;
}

static int do_beat(struct replay *r, const Samoza__V1__RecordedBeat *beat,
		   char **ret_difference, struct error **err)
{
	const struct instant at = {beat->mono_ms, beat->wall_ms};
	const struct instant flushed = {beat->flush_mono_ms, beat->flush_wall_ms};
	if (beat->has_promise_ms)
		control_set_promise(r->control, beat->promise_ms);
	r->control->awake_ms = at.mono_ms; /* others came before it, which are only counted */
	int result = hand_over(r, at, &beat->input, err);
	if (result < 0)
		return result;
	r->now = flushed;
	control_flush(r->control, flushed, &r->outbox);
	result = check_quiet(r, ret_difference);
	outbox_clear(&r->outbox);
	return result;
}

static int do_quiet(struct replay *r, const Samoza__V1__RecordedQuiet *quiet,
		    char **ret_difference, struct error **err)
{
	const struct instant at = r->now;
	uint64_t came = quiet->heartbeats + quiet->ticks;
	for (size_t k = 0; k < quiet->n_beats; k++) {
		int result = do_beat(r, quiet->beats[k], ret_difference, err);
		if (result != 0)
			return result;
	}
	r->counts.counted += came > quiet->n_beats ? came - quiet->n_beats : 0;
	r->now = at;
	control_flush(r->control, at, &r->outbox); /* that of the last one, whatever it was */
	int result = check_quiet(r, ret_difference);
	outbox_clear(&r->outbox);
	r->control->awake_ms = quiet->awake_ms;
	r->control->next_check_ms = quiet->next_check_ms;
	return result;
}

static void do_heard(struct replay *r, const Samoza__V1__RecordedHeard *heard)
{
	const struct zhost_beat beat = {
		.link_id = heard->link,
		.counter = heard->counter,
		.at = {r->now.mono_ms - heard->before_ms,
		       r->now.wall_ms - heard->before_ms - heard->drift_ms},
		.has_usage = heard->has_cpu_millicores,
		.cpu_millicores = heard->cpu_millicores,
		.memory_bytes = heard->memory_bytes,
		.disk_bytes = heard->disk_bytes,
	};
	zhost_beat_late(r->control, &beat);
}

static int do_calm(struct replay *r, const Samoza__V1__RecordedCalm *calm,
		   char **ret_difference)
{
	for (size_t k = 0; k < calm->n_heard; k++)
		do_heard(r, calm->heard[k]);
	r->is_withheld = calm->withheld;
	r->counts.counted += calm->heartbeats + calm->ticks;
	int result = 0;
	if (calm->heartbeats + calm->ticks > 0) { /* else it says only who was heard */
		control_flush(r->control, r->now,
			      &r->outbox); /* that of the last one, whatever it was */
		result = check_quiet(r, ret_difference);
		outbox_clear(&r->outbox);
	}
	r->control->awake_ms = r->now.mono_ms - calm->awake_ms;
	r->control->next_check_ms = r->now.mono_ms + calm->next_check_ms;
	return result;
}

static int do_checkpoint(struct replay *r, const Samoza__V1__Checkpoint *checkpoint,
			 char **ret_difference, struct error **err)
{
	if (r->control == NULL)
		return begin_checkpoint(r, checkpoint, err);
	if (r->from_checkpoint)
		return 0;
	CLEANUP(schema_message_freep)
	Samoza__V1__Checkpoint *own = checkpoint_new(r->control, r->now);
	r->counts.checkpoints++;
	if (schema_message_equal(&own->base, &checkpoint->base))
		return 0;
	return differs(ret_difference,
		       str_printf("the checkpoint at %" PRId64 ".%03d s differs from the state "
				  "of the replay",
				  r->now.mono_ms / 1000, (int)(r->now.mono_ms % 1000)));
}

static char *first_line_that_differs(const char *recorded, const char *played)
{
	if (recorded == NULL)
		return mem_strdup("");
	for (;;) {
		size_t n = strcspn(recorded, "\n"), m = strcspn(played, "\n");
		if (n != m || memcmp(recorded, played, n) != 0 || recorded[n] == '\0')
			return str_printf("\n    recorded: %.*s\n    replayed: %.*s", (int)n,
					  recorded, (int)m, played);
		recorded += n + 1;
		played += m + (played[m] != '\0');
	}
}

static int do_digest(struct replay *r, const Samoza__V1__RecordedDigest *recorded,
		     char **ret_difference)
{
	CLEANUP(freep) char *text = control_digest(r->control, r->now);
	r->counts.digests++;
	if (fingerprint_text(FINGERPRINT_NONE, text) == recorded->digest)
		return 0;
	CLEANUP(freep) char *lines = first_line_that_differs(recorded->text, text);
	return differs(ret_difference,
		       str_printf("the state after input %" PRIu64
				  " differs, although nothing that came out did%s",
				  r->counts.inputs, lines));
}

int replay_do(struct replay *r, const struct replay_entry *entry, char **ret_difference,
	      struct error **err)
{
	const Samoza__V1__RecordingEntry *m = entry->message;
	bool begins = m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_BIRTH ||
		      m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_CHECKPOINT;
	if (r->control == NULL && !begins)
		return 0;
	r->now = entry->at;
	if (m->has_promise_ms && r->control != NULL)
		control_set_promise(r->control, m->promise_ms);
	switch (m->what_case) {
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_BIRTH:
		return begin_birth(r, m->birth, err);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_CHECKPOINT:
		return do_checkpoint(r, m->checkpoint, ret_difference, err);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_INPUT:
		return hand_over(r, r->now, &m->input, err);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_AGAIN:
		return do_again(r, m->again, err);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_FLUSH:
		return do_flush(r, m->flush, ret_difference);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_QUIET:
		return do_quiet(r, m->quiet, ret_difference, err);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_CALM:
		return do_calm(r, m->calm, ret_difference);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_DIGEST:
		return do_digest(r, m->digest, ret_difference);
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_PART:
		forget(r); /* another zrms goes on */
		return 0;
	case SAMOZA__V1__RECORDING_ENTRY__WHAT_ABOUT:
		return 0;
	case SAMOZA__V1__RECORDING_ENTRY__WHAT__NOT_SET:
	case _SAMOZA__V1__RECORDING_ENTRY__WHAT__CASE_IS_INT_SIZE:
		break;
	}
	return error_set(err, ERR_INVALID,
			 "an entry of a kind that this version does not know");
}

void replay_block(struct replay *r)
{
	r->read = (struct instant){0};
}

int replay_read(struct replay *r, const void *data, size_t size, struct replay_entry *ret_entry,
		struct error **err)
{
	ProtobufCMessage *message = NULL;
	int result = schema_message_unpack(&samoza__v1__recording_entry__descriptor, data, size,
					   &message, err);
	if (result < 0)
		return error_wrap(err, "an entry of the recording");
	Samoza__V1__RecordingEntry *m = (Samoza__V1__RecordingEntry *)message;
	ret_entry->message = m;
	ret_entry->at = (struct instant){
		.mono_ms = (int64_t)((uint64_t)r->read.mono_ms + (uint64_t)m->mono_step),
		.wall_ms = (int64_t)((uint64_t)r->read.wall_ms + (uint64_t)m->mono_step +
				     (uint64_t)m->drift),
	};
	r->read = ret_entry->at;
	return 0;
}

void replay_entry_done(struct replay_entry *entry)
{
	schema_message_free(steal_ptr(&entry->message));
}

/* ---- use ---- */

void replay_end_batch(struct replay *r)
{
	if (r->control == NULL)
		return;
	control_flush(r->control, r->now, &r->outbox);
	outbox_clear(&r->outbox);
}

struct control *replay_control(struct replay *r)
{
	return r->control;
}

struct instant replay_now(const struct replay *r)
{
	return r->now;
}

struct replay_counts replay_counts(const struct replay *r)
{
	return r->counts;
}

struct replay *replay_new(void)
{
	struct replay *r = mem_new(struct replay);
	outbox_init(&r->outbox);
	r->memory = OUTPUTS_MEMORY_INIT;
	r->played = OUTPUT_CHECKS_INIT;
	return r;
}

void replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	forget(r);
	outbox_done(&r->outbox);
	outputs_memory_done(&r->memory);
	buffer_done(&r->played.checks);
	free(r);
}
