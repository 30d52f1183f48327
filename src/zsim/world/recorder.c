#include "zsim/world/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/recorder/segment.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/control/checkpoint/checkpoint.h"
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

/* A long life has hundreds of checkpoints, and each reading goes on to its end. */
#define READINGS_MAX 16u

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

/* ---- where two readings part ---- */

/* The state of a core between two batches; NULL: it is in the middle of one. */
static char *digest_after(struct replay *r, const struct replay_entry *entry)
{
	const Samoza__V1__RecordingEntry *m = entry->message;
	bool is_between = m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_FLUSH ||
			  m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_CALM ||
			  m->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_CHECKPOINT;
	return is_between && replay_control(r) != NULL
		       ? control_digest(replay_control(r), replay_now(r))
		       : NULL;
}

static char *next_digest(struct replay *r, const void *data, size_t size)
{
	struct replay_entry entry;
	char *digest = NULL;
	CLEANUP(freep) char *difference = NULL;
	if (replay_read(r, data, size, &entry, NULL) < 0)
		return NULL;
	if (replay_do(r, &entry, &difference, NULL) >= 0)
		digest = digest_after(r, &entry);
	replay_entry_done(&entry);
	return digest;
}

/* The first line in which they differ, and both of its forms; NULL: none. */
static char *parting_line(const char *a, const char *b)
{
	while (a != NULL && b != NULL) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
		if (n != m || memcmp(a, b, n) != 0)
			return str_printf("'%.*s' and '%.*s'", (int)n, a, (int)m, b);
		if (a[n] == '\0')
			break;
		a += n + 1;
		b += m + 1;
	}
	return NULL;
}

/* Both at once: the states part before anything else differs. */
static char *where_states_part(const struct sim_recording *s, size_t first)
{
	struct replay *whole = replay_new(), *later = replay_new();
	char *line = NULL;
	for (size_t k = 0; k < s->blocks.count && line == NULL; k++) {
		const void *data;
		size_t at = 0, size;
		replay_block(whole);
		replay_block(later);
		while (line == NULL && block_next(&s->blocks.items[k], &at, &data, &size)) {
			CLEANUP(freep) char *a = next_digest(whole, data, size);
			CLEANUP(freep)
			char *b = k >= first ? next_digest(later, data, size) : NULL;
			line = parting_line(a, b);
		}
	}
	replay_free(whole);
	replay_free(later);
	return line;
}

/* A reading that begins with that block. */
static char *difference_from(const struct sim_recording *s, size_t first)
{
	char *difference = NULL;
	struct replay *replay = replay_new();
	for (size_t k = first; k < s->blocks.count && difference == NULL; k++)
		difference = replay_differs(replay, &s->blocks.items[k]);
	replay_free(replay);
	if (difference == NULL || first == 0)
		return difference;
	CLEANUP(freep) char *line = where_states_part(s, first);
	char *text =
		str_printf("from checkpoint %zu on: %s\n    states of both differ first in %s",
			   first, difference, line != NULL ? line : "nothing");
	free(difference);
	return text;
}

char *sim_recording_difference(struct sim_recording *s, struct instant now)
{
	if (s == NULL || s->recorder->writer != NULL || s->blocks.count == 0)
		return NULL;
	char *difference = NULL;
	size_t checkpoints = 0, seen = 0;
	recording_digest(s->recording, now);
	vector_for_each (&s->blocks, block)
		checkpoints += block->head.begins;
	/* Of more than that, as many of the early ones as of the late ones. */
	const size_t each = 1 + checkpoints / READINGS_MAX;
	for (size_t k = 0; k < s->blocks.count && difference == NULL; k++)
		if (s->blocks.items[k].head.begins && seen++ % each == 0)
			difference = difference_from(s, k);
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
