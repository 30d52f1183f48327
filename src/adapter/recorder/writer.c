#include "adapter/recorder/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "adapter/recorder/directory.h"
#include "adapter/recorder/merge.h"
#include "adapter/recorder/segment.h"
#include "base/str.h"
#include "base/vector.h"

/* What waits for a disk that is slow: about a minute of a large cluster. */
#define QUEUE_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* So many files share the budget: what goes at once is small. */
#define FILES 16
/* A file is at least so many times as large as what it begins with. */
#define BEGINNINGS	4
#define FILE_BYTES_MAX	((uint64_t)64 * 1024 * 1024)
#define FILE_BYTES_MIN	((uint64_t)64 * 1024)
#define SPARE_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define END_SECONDS	2
#define DIRECTORY_MODE	0700

struct queued {
	struct block block;
	record_wait_fn *wait; /* NULL: it is there */
	void *user;
};

struct record_writer {
	char *directory, *program, *zrms;
	uint64_t size_bytes, file_bytes;
	int64_t keep_ms;
	pthread_t thread;
	pthread_mutex_t lock; /* for everything down to `status` */
	pthread_cond_t changed;
	VECTOR(struct queued) queue;
	size_t queue_bytes;
	unsigned later;	     /* blocks of the queue that are still being made */
	struct buffer spare; /* memory of a block that was written, for the next one */
	bool is_ending, has_ended;
	bool waits_for_begin; /* what a further block continues was lost */
	bool wants_begin;
	struct record_writer_status status;
	/* Of the thread alone: */
	struct segment_writer *file;
	uint64_t files;
	uint64_t begun_bytes; /* of what the file begins with */
	bool has_gap;	      /* the next block must be one with which a reading may begin */
};

static int64_t wall_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- in the thread ---- */

static uint64_t trim(const struct record_writer *w, uint64_t coming)
{
	struct recording_files files;
	uint64_t bytes = 0;
	uint64_t most = w->size_bytes > coming ? w->size_bytes - coming : 0;
	if (recording_files_list(w->directory, &files, NULL) == 0)
		bytes = recording_files_trim(&files, most, wall_ms() - w->keep_ms);
	recording_files_done(&files);
	return bytes;
}

/* Of the last file before this one, also of an earlier process: it is complete. One that cannot be merged stays as it is. */
static void merge_last(const struct record_writer *w)
{
	struct recording_files files;
	CLEANUP(error_freep) struct error *why = NULL;
	if (recording_files_list(w->directory, &files, NULL) == 0 && files.all.count > 0)
		(void)!recording_file_merge(files.all.items[files.all.count - 1].path, &why);
	recording_files_done(&files);
}

static int open_file(struct record_writer *w, struct error **err)
{
	Samoza__V1__RecordingHeader header = SAMOZA__V1__RECORDING_HEADER__INIT;
	header.program = w->program;
	header.zrms = w->zrms;
	header.created_ms = wall_ms();
	segment_writer_free(steal_ptr(&w->file));
	if (mkdir(w->directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make %s", w->directory);
	merge_last(w);
	CLEANUP(freep)
	char *path = str_printf("%s/%015" PRId64 "-%06" PRIu64 RECORDING_SUFFIX, w->directory,
				header.created_ms, w->files++);
	return segment_create(path, &header, &w->file, err);
}

/* A file that has not much more than what it begins with is of no use: in a large cluster that is more than a share. */
static uint64_t file_limit(const struct record_writer *w)
{
	uint64_t third = w->size_bytes / 3, least = w->begun_bytes + w->file_bytes;
	uint64_t most = third > least ? third : least;
	uint64_t wanted =
		w->begun_bytes * BEGINNINGS < most ? w->begun_bytes * BEGINNINGS : most;
	return wanted > w->file_bytes ? wanted : w->file_bytes;
}

static bool is_full(const struct record_writer *w)
{
	return w->file != NULL && segment_size(w->file) >= file_limit(w);
}

static int write_packed(struct record_writer *w, const struct buffer *packed, bool begins,
			struct error **err)
{
	int r = 0;
	bool is_new = w->file == NULL || (begins && is_full(w));
	if (is_new)
		r = open_file(w, err);
	if (r == 0)
		r = segment_append(w->file, packed->data, packed->size, err);
	if (r == 0 && is_new)
		w->begun_bytes = packed->size;
	return r;
}

/* What is said of it; the caller logs it. */
static void note(struct record_writer *w, bool is_written, bool was_later, uint64_t bytes,
		 const struct error *err)
{
	struct record_writer_status *s = &w->status;
	(void)pthread_mutex_lock(&w->lock);
	s->bytes = bytes;
	*(is_written ? &s->written : &s->lost) += 1;
	s->later += is_written && was_later;
	w->later -= was_later;
	if (err != NULL)
		(void)snprintf(s->why, sizeof(s->why), "%s", err->message);
	s->is_failing = !is_written;
	w->waits_for_begin |= !is_written;
	w->wants_begin = w->waits_for_begin || w->has_gap || is_full(w);
	(void)pthread_mutex_unlock(&w->lock);
}

static int make_packed(struct queued *q, struct buffer *packed, struct error **err)
{
	return q->wait != NULL ? q->wait(q->user, packed, err)
			       : block_pack(&q->block, packed, err);
}

/* A block that grows again from nothing copies itself, and touches pages that were never there, in the thread of who records. */
static void keep_memory(struct record_writer *w, struct block *block)
{
	if (block->entries.capacity > SPARE_BYTES_MAX)
		return;
	buffer_clear(&block->entries);
	(void)pthread_mutex_lock(&w->lock);
	if (w->spare.capacity < block->entries.capacity) {
		struct buffer smaller = w->spare;
		w->spare = block->entries;
		block->entries = smaller;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static void take_block(struct record_writer *w, struct queued *q)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	bool begins = q->wait != NULL || q->block.head.begins;
	bool is_written = (!w->has_gap || begins) && make_packed(q, &packed, &err) == 0 &&
			  write_packed(w, &packed, begins, &err) == 0;
	buffer_done(&packed);
	w->has_gap = !is_written;
	note(w, is_written, q->wait != NULL, trim(w, BLOCK_BYTES), err);
	keep_memory(w, &q->block);
	block_done(&q->block);
}

static void *run(void *user)
{
	struct record_writer *w = user;
	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->queue.count == 0 && !w->is_ending)
			(void)pthread_cond_wait(&w->changed, &w->lock);
		if (w->queue.count == 0)
			break;
		struct queued next = w->queue.items[0];
		vector_remove_at(&w->queue, 0);
		w->queue_bytes -= next.block.entries.size;
		(void)pthread_mutex_unlock(&w->lock);
		take_block(w, &next);
		(void)pthread_mutex_lock(&w->lock);
	}
	w->has_ended = true;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- in the thread of who records ---- */

bool record_writer_put(struct record_writer *w, struct block *take)
{
	uint64_t number = take->head.number;
	(void)pthread_mutex_lock(&w->lock);
	bool is_taken =
		w->queue_bytes < QUEUE_BYTES_MAX && (!w->waits_for_begin || take->head.begins);
	if (is_taken) {
		w->queue_bytes += take->entries.size;
		*vector_add(&w->queue) = (struct queued){.block = *take};
		(void)pthread_cond_broadcast(&w->changed);
	} else {
		w->status.lost++;
		block_done(take);
	}
	w->waits_for_begin = !is_taken;
	w->wants_begin |= !is_taken;
	block_init(take);
	take->entries.data = w->spare.data;
	take->entries.capacity = w->spare.capacity;
	w->spare = (struct buffer){0};
	(void)pthread_mutex_unlock(&w->lock);
	take->head.number = number + 1;
	return is_taken;
}

void record_writer_put_later(struct record_writer *w, record_wait_fn *wait, void *user)
{
	(void)pthread_mutex_lock(&w->lock);
	*vector_add(&w->queue) = (struct queued){.wait = wait, .user = user};
	w->later++;
	w->waits_for_begin = false;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
}

void record_writer_put_nothing(struct record_writer *w, const char *why)
{
	(void)pthread_mutex_lock(&w->lock);
	w->status.lost++;
	w->status.is_failing = true;
	(void)snprintf(w->status.why, sizeof(w->status.why), "%s", why);
	w->waits_for_begin = w->wants_begin = true;
	(void)pthread_mutex_unlock(&w->lock);
}

bool record_writer_wants_begin(const struct record_writer *writer)
{
	struct record_writer *w = (struct record_writer *)(uintptr_t)writer;
	(void)pthread_mutex_lock(&w->lock);
	bool wants = w->wants_begin && w->later == 0;
	(void)pthread_mutex_unlock(&w->lock);
	return wants;
}

void record_writer_status(struct record_writer *w, struct record_writer_status *ret)
{
	(void)pthread_mutex_lock(&w->lock);
	*ret = w->status;
	(void)pthread_mutex_unlock(&w->lock);
}

struct record_writer *record_writer_new(const struct record_writer_options *options)
{
	struct record_writer *w = mem_new(struct record_writer);
	w->directory = mem_strdup(options->directory);
	w->program = mem_strdup(options->program);
	w->zrms = mem_strdup(options->zrms);
	w->size_bytes = options->size_bytes;
	w->file_bytes = options->size_bytes / FILES;
	if (w->file_bytes > FILE_BYTES_MAX)
		w->file_bytes = FILE_BYTES_MAX;
	if (w->file_bytes < FILE_BYTES_MIN)
		w->file_bytes = FILE_BYTES_MIN;
	w->keep_ms = options->keep_ms;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		out_of_memory(1, sizeof(*w));
	return w;
}

void record_writer_free(struct record_writer *w)
{
	if (w == NULL)
		return;
	struct timespec until;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_SECONDS;
	(void)pthread_mutex_lock(&w->lock);
	w->is_ending = true;
	(void)pthread_cond_broadcast(&w->changed);
	while (!w->has_ended && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0)
		;
	bool has_ended = w->has_ended;
	(void)pthread_mutex_unlock(&w->lock);
	if (!has_ended)
		return; /* a disk that does not answer: the process ends without it */
	(void)pthread_join(w->thread, NULL);
	vector_done(&w->queue);
	buffer_done(&w->spare);
	segment_writer_free(w->file);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->directory);
	free(w->program);
	free(w->zrms);
	free(w);
}
