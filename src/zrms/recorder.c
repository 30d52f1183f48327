#include "zrms/recorder.h"

#include <stdlib.h>
#include <unistd.h>

#include "adapter/cli/version.h"
#include "adapter/log/log.h"
#include "adapter/recorder/writer.h"
#include "adapter/snapshot/snapshot.h"
#include "base/str.h"
#include "core/record/recording.h"
#include "zrms/zrms.h"

/* So much of the newest may be lost with the process. */
#define HAND_OVER_MS 1000
/* So much waits for its commit at most. */
#define BLOCK_BYTES_WAIT ((size_t)16 * 1024 * 1024)
/* Between two checkpoints of a recorder that fails at most: each is a copy of the whole state. */
#define PAUSE_MS_MAX 64000
/* Of the child that writes a checkpoint: the loop goes first. */
#define CHILD_NICE 10

struct recorder {
	struct zrms *zrms; /* borrowed */
	struct recording *recording;
	struct record_writer *writer;
	struct loop_timer *timer;
	struct block block; /* that is being filled */
	/* Stands before that block, and waits for the commit with it; NULL: there is none. */
	struct checkpoint *checkpoint;
	int64_t next_checkpoint_ms; /* not before */
	int64_t pause_ms;	    /* doubled while it fails */
	bool has_begun;		    /* the timer runs */
	bool awaits_commit;	    /* of what is in the block */
	bool is_failing;	    /* as it was said last */
};

/* A block that a child of this process writes, from its copy of the core. */
struct checkpoint {
	struct recorder *recorder; /* of the child alone */
	struct instant now;
	uint64_t number;
	struct snapshot snapshot;
};

/* ---- checkpoints ---- */

/* In the child. */
static int write_checkpoint(void *user, struct buffer *to, struct error **err)
{
	struct checkpoint *c = user;
	CLEANUP(buffer_done) struct buffer entry = BUFFER_INIT(SIZE_MAX);
	struct block block;
	(void)!nice(CHILD_NICE);
	int r = recording_checkpoint_entry(c->recorder->recording, c->now, &entry, err);
	if (r < 0)
		return r;
	block_init(&block);
	block.head.number = c->number;
	if (!block_takes(&block, entry.size))
		return error_set(err, ERR_LIMIT, "a checkpoint is larger than any block");
	block_add(&block, c->now.wall_ms, true, entry.data, entry.size);
	return block_pack(&block, to, err);
}

/* In the thread of the writer. */
static int wait_for_checkpoint(void *user, struct buffer *to, struct error **err)
{
	struct checkpoint *c = user;
	int r = snapshot_read(&c->snapshot, to, err);
	free(c);
	return r;
}

static void hand_over_checkpoint(struct recorder *r)
{
	if (r->checkpoint != NULL)
		record_writer_put_later(r->writer, wait_for_checkpoint,
					steal_ptr(&r->checkpoint));
}

/* PRE: the block is empty. */
static void begin_checkpoint(struct recorder *r)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct checkpoint *c = mem_new(struct checkpoint);
	recording_checkpoint_begin(r->recording);
	if (!block_is_empty(&r->block)) /* what was held back */
		(void)record_writer_put(r->writer, &r->block);
	c->recorder = r;
	c->now = loop_now(&r->zrms->loop);
	c->number = r->block.head.number++;
	if (snapshot_fork(write_checkpoint, c, &c->snapshot, &err) == 0) {
		r->checkpoint = c;
		return;
	}
	record_writer_put_nothing(r->writer, err->message);
	free(c);
}

static bool wants_checkpoint(const struct recorder *r)
{
	return r->checkpoint == NULL && record_writer_wants_begin(r->writer) &&
	       recording_is_flushed(r->recording) &&
	       loop_now(&r->zrms->loop).mono_ms >= r->next_checkpoint_ms;
}

/* One that fails tries again later and later: a disk that is full does not need a copy of the state a second. */
static void look_for_checkpoint(struct recorder *r)
{
	if (!wants_checkpoint(r))
		return;
	int64_t twice = 2 * r->pause_ms < PAUSE_MS_MAX ? 2 * r->pause_ms : PAUSE_MS_MAX;
	r->pause_ms = r->is_failing && twice > 0 ? twice : HAND_OVER_MS;
	r->next_checkpoint_ms = loop_now(&r->zrms->loop).mono_ms + r->pause_ms;
	begin_checkpoint(r);
}

static bool has_any(const struct recorder *r)
{
	return r->checkpoint != NULL || !block_is_empty(&r->block);
}

static void hand_over_block(struct recorder *r)
{
	hand_over_checkpoint(r);
	if (!block_is_empty(&r->block))
		(void)record_writer_put(r->writer, &r->block);
}

/* ---- entries ---- */

/* What was held back, and is no decision, may stand before one with which a reading may begin. A store that does not answer
 * for long is no reason to fill the memory. */
static bool begins_block(void *user, bool begins)
{
	struct recorder *r = user;
	if (begins || r->block.entries.size >= BLOCK_BYTES_WAIT)
		hand_over_block(r);
	return block_is_empty(&r->block);
}

static void on_entry(void *user, struct instant at, bool begins, const void *data, size_t size)
{
	struct recorder *r = user;
	if (block_takes(&r->block, size)) {
		block_add(&r->block, at.wall_ms, begins, data, size);
	} else {
		record_writer_put_nothing(r->writer,
					  begins ? "the state is too large for a block"
						 : "a decision is too large for a block");
		r->block.head.number++;
	}
	if (!r->has_begun) {
		r->has_begun = true;
		loop_timer_at(r->timer, loop_now(&r->zrms->loop).mono_ms + HAND_OVER_MS);
	}
}

static const struct recording_sink sink = {.begins_block = begins_block, .entry = on_entry};

/* ---- to the writer ---- */

static void say(struct recorder *r)
{
	struct record_writer_status status;
	record_writer_status(r->writer, &status);
	if (status.is_failing && !r->is_failing)
		log_warn("recorder", "failing", LOG_S("why", status.why),
			 LOG_S("then", "zrms goes on without it; what is missing of the "
				       "recording is a gap"));
	if (!status.is_failing && r->is_failing)
		log_info("recorder", "writes.again", LOG_U("lost_blocks", status.lost));
	r->is_failing = status.is_failing;
}

static void hand_over(void *user)
{
	struct recorder *r = user;
	r->awaits_commit = false;
	if (!has_any(r))
		return;
	hand_over_block(r);
	look_for_checkpoint(r);
}

static void on_time(void *user)
{
	struct recorder *r = user;
	r->has_begun = false;
	say(r);
	if (r->awaits_commit || !has_any(r) || r->zrms->commits == NULL)
		return;
	r->awaits_commit = true;
	commit_driver_after(r->zrms->commits, hand_over, r);
	/* Until nothing comes any more, it is looked at whether that could be written. */
	r->has_begun = true;
	loop_timer_at(r->timer, loop_now(&r->zrms->loop).mono_ms + HAND_OVER_MS);
}

/* ---- what is said of it ---- */

char *recorder_failure(const struct recorder *r)
{
	struct record_writer_status status = {0};
	if (r != NULL)
		record_writer_status(r->writer, &status);
	return status.is_failing ? mem_strdup(status.why) : NULL;
}

enum { BYTES, WRITTEN, CHECKPOINTS, LOST, FAILING, INPUTS };
static const struct metric metrics[] = {
	[BYTES] = {"zrms_recorder_bytes", METRIC_GAUGE,
		   "Size of the recordings in the directory of zrms."},
	[WRITTEN] = {"zrms_recorder_blocks_total", METRIC_COUNTER,
		     "Blocks of the recording that were written."},
	[CHECKPOINTS] = {"zrms_recorder_checkpoints_total", METRIC_COUNTER,
			 "Checkpoints that a child of zrms has written into the recording."},
	[LOST] = {"zrms_recorder_lost_blocks_total", METRIC_COUNTER,
		  "Blocks that could not be written: gaps of the recording."},
	[FAILING] = {"zrms_recorder_failing", METRIC_GAUGE,
		     "1: the newest part of the recording could not be written."},
	[INPUTS] = {"zrms_recorder_inputs_total", METRIC_COUNTER,
		    "Inputs of the core that were recorded."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct recorder *r = part;
	struct record_writer_status status;
	record_writer_status(r->writer, &status);
	metric_set(to, BYTES, status.bytes);
	metric_set(to, WRITTEN, status.written);
	metric_set(to, CHECKPOINTS, status.later);
	metric_set(to, LOST, status.lost);
	metric_set(to, FAILING, status.is_failing);
	metric_set(to, INPUTS, recording_counts(r->recording).inputs);
}

const struct metric_source recorder_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life ---- */

struct recorder *recorder_new(struct zrms *zrms)
{
	const struct settings *s = &zrms->settings;
	if (s->recorder_bytes == 0)
		return NULL;
	CLEANUP(freep) char *directory = str_printf("%s/recorder", s->dir);
	const struct record_writer_options options = {
		.directory = directory,
		.program = SAMOZA_VERSION,
		.zrms = str_is_empty(s->name) ? "zrms" : s->name,
		.size_bytes = s->recorder_bytes,
		.keep_ms = s->recorder_keep_ms,
	};
	struct recorder *r = mem_new(struct recorder);
	r->zrms = zrms;
	r->writer = record_writer_new(&options);
	r->timer = loop_timer_new(&zrms->loop, on_time, r);
	block_init(&r->block);
	r->recording = recording_new(zrms->control, &sink, r, false);
	return r;
}

void recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	recording_free(r->recording);
	hand_over_block(r);
	record_writer_free(r->writer);
	loop_timer_free(r->timer);
	block_done(&r->block);
	free(r);
}
