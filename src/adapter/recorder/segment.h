/*
 * A file of a recording: what wrote it, then blocks (block.h), appended only.
 *
 *     "samoza-recording" format u32 │ size u32, RecordingHeader, checksum u64 │ block │ block │ …
 *
 * A file may end anywhere: the process or the machine died. A block that is torn or damaged is passed over, and what is missing is
 * said. Each block is found by itself, so what follows a damaged one is read.
 */
#ifndef SAMOZA_ADAPTER_RECORDER_SEGMENT_H
#define SAMOZA_ADAPTER_RECORDER_SEGMENT_H

#include <stdint.h>

#include "adapter/recorder/block.h"
#include "proto/recording.pb-c.h"

/* Of the files that this version writes, and the only one that it reads. */
#define SEGMENT_FORMAT 1

/* ---- writing; blocks its thread ---- */

struct segment_writer;

/* ERR_CONFLICT: there is such a file; ERR_IO: it cannot be made. */
int segment_create(const char *path, const Samoza__V1__RecordingHeader *header,
		   struct segment_writer **ret_writer, struct error **err) must_check;
/* All of the bytes, which are whole blocks. ERR_IO: nothing of them stays. */
int segment_append(struct segment_writer *writer, const void *data, size_t size,
		   struct error **err) must_check;
/* Bytes in the file. */
uint64_t segment_size(const struct segment_writer *writer);
/* NULL is fine. */
void segment_writer_free(struct segment_writer *writer);

/* ---- reading ---- */

struct segment_reader;

/* ERR_INVALID: it is no recording; ERR_UNSUPPORTED: of another format, with what to do. */
int segment_open(const char *path, struct segment_reader **ret_reader,
		 struct error **err) must_check;
const Samoza__V1__RecordingHeader *segment_header(const struct segment_reader *reader);
/* 1: the next block; *ret_lost: bytes before it that are no whole block. 0: the end; *ret_lost the same. ERR_IO. */
int segment_next(struct segment_reader *reader, struct block *ret_block, uint64_t *ret_lost,
		 struct error **err) must_check;
void segment_reader_free(struct segment_reader *reader);

#endif
