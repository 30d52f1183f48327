#include "zsim/world/recorder.h"

#include <stdlib.h>

#include "adapter/recorder/segment.h"
#include "base/vector.h"
#include "core/record/recording.h"

struct sim_recorder {
	struct segment_writer *writer;
	struct error *err; /* the first one */
	uint64_t blocks;
	struct sim_recorder_counts counts;
};

struct sim_recording {
	struct sim_recorder *recorder;
	struct recording *recording;
	VECTOR(struct block) blocks;
};

/* ---- a life ---- */

static bool begins_block(void *user)
{
	struct sim_recording *s = user;
	return s->blocks.count == 0 || vector_last(&s->blocks)->entries.size >= BLOCK_BYTES;
}

static void on_entry(void *user, struct instant at, bool begins, const void *data, size_t size)
{
	struct sim_recording *s = user;
	if (begins_block(s) || begins)
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

void sim_recording_end(struct sim_recording *s, struct instant now)
{
	if (s == NULL)
		return;
	struct sim_recorder *r = s->recorder;
	if (s->blocks.count > 0)
		recording_digest(s->recording, now);
	struct recording_counts counts = recording_counts(s->recording);
	r->counts.lives += s->blocks.count > 0;
	r->counts.inputs += counts.inputs;
	r->counts.counted += counts.counted;
	recording_free(s->recording);
	vector_for_each (&s->blocks, block) {
		write_block(r, block);
		block_done(block);
	}
	vector_done(&s->blocks);
	free(s);
}

/* ---- the file ---- */

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
	counts.bytes = segment_size(r->writer);
	return counts;
}
