/*
 * Writes the blocks of a recording into files of a directory, in a thread of its own: who hands them over waits for nothing.
 *
 *   record_writer_put() ──► queue ──► thread ──► DIR/WALLCLOCK-NUMBER.recording, the oldest files go
 *                             │                        └─ cannot be written: said once, and again when it can
 *                             └─ full: the block is dropped. Its number is missing then, which a reader sees
 *
 *   record_writer_put_later(): a block that somebody else is still making. The thread waits for it, and blocks that come after it in the
 *   queue with it.
 *
 * Before a file is begun, the blocks of the one before it are merged (merge.h): they then take a third.
 *
 * A file begins with a block with which a reading may begin. Nothing depends on what is written here: what was not written when
 * the process dies is lost.
 */
#ifndef SAMOZA_ADAPTER_RECORDER_WRITER_H
#define SAMOZA_ADAPTER_RECORDER_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/recorder/block.h"

#define RECORDING_SUFFIX ".recording"

struct record_writer_options {
	const char *directory; /* made where there is none */
	const char *program;   /* version */
	const char *zrms;      /* name */
	uint64_t size_bytes;   /* of all files; the oldest go */
	int64_t keep_ms;       /* the same, of what is in them; wall clock */
};

struct record_writer;

/* Copies the options. */
struct record_writer *record_writer_new(const struct record_writer_options *options);
/* Writes what is in the queue, for two seconds at most. NULL is fine. */
void record_writer_free(struct record_writer *writer);

/* Takes the entries of the block, which is empty afterwards. False: the queue is full, or what it continues was lost; it is
 * dropped, and so is what follows until a block with which a reading may begin. */
bool record_writer_put(struct record_writer *writer, struct block *take);
/* A block with which a reading may begin, and that is not ready yet. `wait` is called once, in the thread: it appends the block as it
 * stands in a file, and frees `user`. The caller counts its number. */
typedef int record_wait_fn(void *user, struct buffer *to, struct error **err);
void record_writer_put_later(struct record_writer *writer, record_wait_fn *wait, void *user);
/* What would be the next block is none, and why: it is a gap. The caller counts its number. */
void record_writer_put_nothing(struct record_writer *writer, const char *why);
/* The file of now is large enough, or something is missing: it goes on in another one, as soon as there is a block with which a reading may
 * begin. False while one is in the queue. */
bool record_writer_wants_begin(const struct record_writer *writer);

struct record_writer_status {
	uint64_t bytes;	  /* in files that are there */
	uint64_t written; /* blocks, by this writer */
	uint64_t lost;	  /* blocks that were dropped or could not be written */
	uint64_t later;	  /* blocks of record_writer_put_later() that were written */
	bool is_failing;
	char why[256]; /* it fails */
};
void record_writer_status(struct record_writer *writer, struct record_writer_status *ret);

#endif
