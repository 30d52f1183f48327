#include "zsim/world/recorder.h"

#include <stdlib.h>

#include "adapter/recorder/segment.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/record/recording.h"
#include "core/record/replay.h"

struct sim_recorder {
	struct segment_writer *writer; /* NULL: lives are replayed */
	struct error *err;	       /* the first one */
	uint64_t blocks;
	struct sim_recorder_counts counts;
};

struct sim_recording {
	struct sim_recorder *recorder;
	struct recording *recording;
	VECTOR(struct block) blocks;
	bool is_replayed; /* all of it */
};

/* ---- a life ---- */

static bool begins_block(void *user, bool begins)
{
	struct sim_recording *s = user;
	return begins || s->blocks.count == 0 ||
	       vector_last(&s->blocks)->entries.size >= BLOCK_BYTES;
}

static void on_entry(void *user, struct instant at, bool begins, const void *data, size_t size)
{
	struct sim_recording *s = user;
	if (begins_block(s, begins))
		block_init(vector_add(&s->blocks));
	block_add(vector_last(&s->blocks), at.wall_ms, begins, data, size);
}

static const struct recording_sink sink = {.begins_block = begins_block, .entry = on_entry};

struct sim_recording *sim_recording_begin(struct sim_recorder *recorder,
					  struct control *control)
{
	if (recorder == NULL)
		return NULL;
	struct sim_recording *s = mem_new(struct sim_recording);
	s->recorder = recorder;
	s->recording = recording_new(control, &sink, s, true);
	return s;
}

void sim_recording_checkpoint(struct sim_recording *s, struct instant now)
{
	if (recording_is_flushed(s->recording))
		recording_checkpoint(s->recording, now);
}

static void write_block(struct sim_recorder *r, struct block *block)
{
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	block->head.number = r->blocks++;
	if (r->err == NULL && block_pack(block, &packed, &r->err) == 0)
		(void)!segment_append(r->writer, packed.data, packed.size, &r->err);
	buffer_done(&packed);
}

/* NULL: the whole block is replayed, and nothing differs. */
static char *replay_differs(struct replay *r, const struct block *block)
{
	const void *data;
	size_t at = 0, size;
	replay_block(r);
	while (block_next(block, &at, &data, &size)) {
		struct replay_entry entry;
		char *difference = NULL;
		CLEANUP(error_freep) struct error *err = NULL;
		int result = replay_read(r, data, size, &entry, &err);
		if (result == 0) {
			result = replay_do(r, &entry, &difference, &err);
			replay_entry_done(&entry);
		}
		if (result < 0)
			return str_printf("it cannot be replayed: %s", err->message);
		if (result > 0)
			return difference;
	}
	return NULL;
}

char *sim_recording_difference(struct sim_recording *s, struct instant now)
{
	if (s == NULL || s->recorder->writer != NULL || s->blocks.count == 0)
		return NULL;
	char *difference = NULL;
	struct replay *replay = replay_new();
	recording_digest(s->recording, now);
	for (size_t k = 0; k < s->blocks.count && difference == NULL; k++)
		difference = replay_differs(replay, &s->blocks.items[k]);
	replay_free(replay);
	s->is_replayed = true;
	return difference;
}

char *sim_recording_end(struct sim_recording *s, struct instant now)
{
	if (s == NULL)
		return NULL;
	struct sim_recorder *r = s->recorder;
	char *difference = s->is_replayed ? NULL : sim_recording_difference(s, now);
	if (r->writer != NULL && s->blocks.count > 0)
		recording_digest(s->recording, now);
	struct recording_counts counts = recording_counts(s->recording);
	r->counts.lives += s->blocks.count > 0;
	r->counts.inputs += counts.inputs;
	r->counts.counted += counts.counted;
	recording_free(s->recording);
	vector_for_each (&s->blocks, block) {
		if (r->writer != NULL)
			write_block(r, block);
		block_done(block);
	}
	vector_done(&s->blocks);
	free(s);
	return difference;
}

/* ---- the file ---- */

struct sim_recorder *sim_recorder_new_replaying(void)
{
	return mem_new(struct sim_recorder);
}

int sim_recorder_new(const char *path, const char *version, struct sim_recorder **ret,
		     struct error **err)
{
	Samoza__V1__RecordingHeader header = SAMOZA__V1__RECORDING_HEADER__INIT;
	CLEANUP(freep) char *program = mem_strdup(version);
	char name[] = "zsim";
	header.program = program;
	header.zrms = name;
	struct segment_writer *writer;
	int r = segment_create(path, &header, &writer, err);
	if (r < 0)
		return r;
	*ret = mem_new(struct sim_recorder);
	(*ret)->writer = writer;
	return 0;
}

int sim_recorder_finish(struct sim_recorder *r, struct error **err)
{
	return r->err != NULL ? error_move(err, steal_ptr(&r->err)) : 0;
}

void sim_recorder_free(struct sim_recorder *r)
{
	if (r == NULL)
		return;
	segment_writer_free(r->writer);
	error_free(r->err);
	free(r);
}

struct sim_recorder_counts sim_recorder_counts(const struct sim_recorder *r)
{
	struct sim_recorder_counts counts = r->counts;
	counts.bytes = r->writer != NULL ? segment_size(r->writer) : 0;
	return counts;
}
