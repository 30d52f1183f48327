#include "adapter/recorder/piece.h"

#include <stdlib.h>
#include <unistd.h>

#include "adapter/recorder/directory.h"
#include "adapter/recorder/segment.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "schema/message.h"

#define NEW(type, name) \
	((Samoza__V1__##type *)schema_message_new(&samoza__v1__##name##__descriptor))

/* ---- about ---- */

static void *grow(void *items, size_t count, size_t size)
{
	return mem_resize(items, count + 1, size);
}

static void add_gap(Samoza__V1__RecordedAbout *about, int64_t from_ms, int64_t to_ms,
		    const char *zrms, const char *why)
{
	Samoza__V1__RecordedGap *gap = NEW(RecordedGap, recorded_gap);
	gap->from_ms = from_ms;
	gap->to_ms = to_ms;
	gap->zrms = mem_strdup(zrms);
	gap->why = mem_strdup(why);
	about->gaps = grow(about->gaps, about->n_gaps, sizeof(gap));
	about->gaps[about->n_gaps++] = gap;
}

static void add_span(Samoza__V1__RecordedPart *part, int64_t from_ms)
{
	Samoza__V1__RecordedSpan *span = NEW(RecordedSpan, recorded_span);
	span->from_ms = span->to_ms = from_ms;
	part->spans = grow(part->spans, part->n_spans, sizeof(span));
	part->spans[part->n_spans++] = span;
}

static void extend_span(const Samoza__V1__RecordedPart *part, int64_t to_ms)
{
	Samoza__V1__RecordedSpan *span = part->spans[part->n_spans - 1];
	if (span->to_ms < to_ms)
		span->to_ms = to_ms;
}

static int compare_spans(const void *pa, const void *pb)
{
	const Samoza__V1__RecordedSpan *a = *(Samoza__V1__RecordedSpan *const *)pa;
	const Samoza__V1__RecordedSpan *b = *(Samoza__V1__RecordedSpan *const *)pb;
	return (a->from_ms > b->from_ms) - (a->from_ms < b->from_ms);
}

static int compare_gaps(const void *pa, const void *pb)
{
	const Samoza__V1__RecordedGap *a = *(Samoza__V1__RecordedGap *const *)pa;
	const Samoza__V1__RecordedGap *b = *(Samoza__V1__RecordedGap *const *)pb;
	return (a->from_ms > b->from_ms) - (a->from_ms < b->from_ms);
}

/* Of what was asked for, what no part has. */
static void name_gaps(Samoza__V1__RecordedAbout *about)
{
	VECTOR(const Samoza__V1__RecordedSpan *) spans = {0};
	int64_t covered = about->from_ms;
	for (size_t k = 0; k < about->n_parts; k++)
		for (size_t n = 0; n < about->parts[k]->n_spans; n++)
			vector_push(&spans, about->parts[k]->spans[n]);
	if (spans.count > 1)
		qsort(spans.items, spans.count, sizeof(*spans.items), compare_spans);
	vector_for_each (&spans, span) {
		int64_t begin =
			(*span)->from_ms < about->to_ms ? (*span)->from_ms : about->to_ms;
		if (begin > covered)
			add_gap(about, covered, begin, NULL,
				covered == about->from_ms
					? "nothing is recorded of it, or no longer"
					: "no zrms recorded: none led, or what it had not yet "
					  "written is lost");
		if ((*span)->to_ms > covered)
			covered = (*span)->to_ms;
	}
	if (covered < about->to_ms)
		add_gap(about, covered, about->to_ms, NULL, "nothing is recorded of it");
	vector_done(&spans);
	if (about->n_gaps > 1)
		qsort(about->gaps, about->n_gaps, sizeof(*about->gaps), compare_gaps);
}

static Samoza__V1__RecordedAbout *about_new(const struct piece *piece)
{
	Samoza__V1__RecordedAbout *about = NEW(RecordedAbout, recorded_about);
	about->from_ms = piece->from_ms;
	about->to_ms = piece->to_ms;
	return about;
}

static void take_part(Samoza__V1__RecordedAbout *about, Samoza__V1__RecordedPart *take)
{
	about->parts = grow(about->parts, about->n_parts, sizeof(take));
	about->parts[about->n_parts++] = take;
}

/* ---- writing ---- */

struct target {
	struct segment_writer *file;
	const char *path;
	uint64_t next; /* number of a block */
};

static int target_open(struct target *t, const struct piece *piece, const char *path,
		       struct error **err)
{
	Samoza__V1__RecordingHeader header = SAMOZA__V1__RECORDING_HEADER__INIT;
	header.program = (char *)(uintptr_t)piece->program;
	header.zrms = (char *)(uintptr_t)piece->zrms;
	header.created_ms = piece->to_ms;
	t->path = path;
	return segment_create(path, &header, &t->file, err);
}

static int target_close(struct target *t, int result)
{
	if (t->file != NULL && result < 0)
		(void)unlink(t->path);
	segment_writer_free(steal_ptr(&t->file));
	return result;
}

static int write_block(struct target *t, struct block *block, struct error **err)
{
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	block->head.number = t->next++;
	block->head.covers = 1;
	int result = block_pack(block, &packed, err);
	if (result == 0)
		result = segment_append(t->file, packed.data, packed.size, err);
	buffer_done(&packed);
	return result;
}

static int write_entry(struct target *t, int64_t wall_ms, Samoza__V1__RecordingEntry *entry,
		       struct error **err)
{
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	struct block block;
	entry->has_drift = true; /* of its time: the wall clock alone */
	entry->drift = wall_ms;
	block_init(&block);
	int result = schema_message_pack(&entry->base, &bytes, err);
	if (result == 0) {
		block_add(&block, wall_ms, false, bytes.data, bytes.size);
		result = write_block(t, &block, err);
	}
	block_done(&block);
	buffer_done(&bytes);
	return result;
}

static int write_about(struct target *t, Samoza__V1__RecordedAbout *about, struct error **err)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_ABOUT;
	entry.about = about;
	return write_entry(t, about->from_ms, &entry, err);
}

static int write_part(struct target *t, Samoza__V1__RecordedPart *part, struct error **err)
{
	Samoza__V1__RecordingEntry entry = SAMOZA__V1__RECORDING_ENTRY__INIT;
	entry.what_case = SAMOZA__V1__RECORDING_ENTRY__WHAT_PART;
	entry.part = part;
	return write_entry(t, part->spans[0]->from_ms, &entry, err);
}

/* ---- what is in a directory ---- */

struct cut {
	const struct piece *piece;
	Samoza__V1__RecordedAbout *about;
	Samoza__V1__RecordedPart *part;
	/* The block with which it begins. Files may be merged between both times, or be gone. */
	struct block_head first;
	bool has_first;	 /* it is before `from_ms`, or there is none before it */
	bool has_begun;	 /* the second time: it was there */
	bool is_writing; /* the second time */
	bool is_open;	 /* blocks continue what is before them */
	uint64_t next;	 /* number that continues it */
	int64_t last_ms;
	struct target target;
};

static bool continues(const struct cut *c, const struct block_head *head)
{
	return c->is_open && head->number == c->next && !(head->begins && head->number == 0);
}

/* The first time: what there is, and where it begins. */
static void look(struct cut *c, const struct block_head *head)
{
	bool is_next = continues(c, head);
	if (head->begins && (!c->has_first || head->first_wall_ms <= c->piece->from_ms)) {
		c->first = *head;
		c->has_first = true;
		for (size_t k = 0; k < c->part->n_spans; k++)
			schema_message_free(c->part->spans[k]);
		c->part->n_spans = 0;
		is_next = false;
	}
	c->is_open = is_next || head->begins;
	c->next = block_next_number(head);
	if (!c->is_open || !c->has_first)
		return;
	if (!is_next)
		add_span(c->part, head->first_wall_ms);
	extend_span(c->part, head->last_wall_ms);
}

static int copy(struct cut *c, struct block *block, struct error **err)
{
	bool is_first = !c->has_begun && block->head.begins &&
			block->head.number == c->first.number &&
			block->head.first_wall_ms == c->first.first_wall_ms;
	if (!c->has_begun && !is_first)
		return 0;
	c->has_begun = true;
	bool is_birth = block->head.begins && block->head.number == 0;
	if (!is_first && !is_birth && !continues(c, &block->head))
		c->target.next++; /* what is missing is seen */
	c->is_open = true;
	c->next = block_next_number(&block->head);
	return write_block(&c->target, block, err);
}

/* 1: what comes later is not asked for. */
static int take_block(struct cut *c, struct block *block, struct error **err)
{
	if (block->head.first_wall_ms > c->piece->to_ms && c->has_first)
		return 1;
	int result = 0;
	if (c->is_writing)
		result = copy(c, block, err);
	else
		look(c, &block->head);
	return result;
}

static int take_file(struct cut *c, const char *path, struct error **err)
{
	struct segment_reader *reader = NULL;
	struct block block;
	CLEANUP(error_freep) struct error *why = NULL;
	int result = segment_open(path, &reader, &why);
	if (result < 0) { /* of an earlier format, damaged, or gone meanwhile */
		if (!c->is_writing && why->code != ERR_NOT_FOUND)
			add_gap(c->about, c->piece->from_ms, c->piece->from_ms, c->piece->zrms,
				why->message);
		return 0;
	}
	if (c->part->program == NULL)
		c->part->program = mem_strdup(segment_header(reader)->program);
	block_init(&block);
	for (uint64_t lost = 0; result == 0;) {
		int next = segment_next(reader, &block, &lost, err);
		if (next <= 0) {
			result = next;
			break;
		}
		result = take_block(c, &block, err);
	}
	block_done(&block);
	segment_reader_free(reader);
	return result;
}

/* When the first block of it begins; INT64_MAX: it has none. */
static int64_t begins_ms(const char *path)
{
	struct segment_reader *reader = NULL;
	struct block block;
	uint64_t lost = 0;
	int64_t ms = INT64_MAX;
	if (segment_open(path, &reader, NULL) < 0)
		return ms;
	block_init(&block);
	if (segment_next(reader, &block, &lost, NULL) > 0)
		ms = block.head.first_wall_ms;
	block_done(&block);
	segment_reader_free(reader);
	return ms;
}

/* Every file begins with a block with which a reading may begin. */
static size_t first_file(const struct recording_files *files, int64_t from_ms)
{
	for (size_t k = files->all.count; k-- > 1;)
		if (begins_ms(files->all.items[k].path) <= from_ms)
			return k;
	return 0;
}

static int take_files(struct cut *c, const struct recording_files *files, size_t first,
		      struct error **err)
{
	int result = 0;
	c->is_open = false;
	for (size_t k = first; k < files->all.count && result == 0; k++)
		result = take_file(c, files->all.items[k].path, err);
	return result > 0 ? 0 : result;
}

static int cut(struct cut *c, const struct recording_files *files, const char *path,
	       struct error **err)
{
	size_t first = first_file(files, c->piece->from_ms);
	int result = take_files(c, files, first, err);
	if (result < 0)
		return result;
	bool has_any = c->has_first && c->part->n_spans > 0;
	if (has_any && c->is_open)
		extend_span(c->part, c->piece->lives_ms < c->piece->to_ms ? c->piece->lives_ms
									  : c->piece->to_ms);
	if (has_any)
		take_part(c->about, c->part);
	name_gaps(c->about);
	result = target_open(&c->target, c->piece, path, err);
	if (result < 0)
		return result;
	result = write_about(&c->target, c->about, err);
	if (result == 0 && has_any)
		result = write_part(&c->target, c->part, err);
	c->is_writing = true;
	if (result == 0 && has_any)
		result = take_files(c, files, first, err);
	if (!has_any)
		schema_message_free(c->part);
	return target_close(&c->target, result);
}

int piece_cut(const char *directory, const struct piece *piece, const char *path,
	      struct error **err)
{
	struct recording_files files;
	struct cut c = {.piece = piece, .about = about_new(piece)};
	CLEANUP(error_freep) struct error *none = NULL;
	c.part = NEW(RecordedPart, recorded_part);
	c.part->zrms = mem_strdup(piece->zrms);
	(void)!recording_files_list(directory, &files, &none);
	int result = cut(&c, &files, path, err);
	recording_files_done(&files);
	schema_message_free(c.about);
	return result;
}

/* ---- several ---- */

static int read_about(struct segment_reader *reader, struct block *block,
		      Samoza__V1__RecordedAbout **ret, struct error **err)
{
	const void *data;
	size_t at = 0, size;
	uint64_t lost = 0;
	ProtobufCMessage *message = NULL;
	int result = segment_next(reader, block, &lost, err);
	if (result < 0)
		return result;
	if (result > 0 && block_next(block, &at, &data, &size) &&
	    schema_message_unpack(&samoza__v1__recording_entry__descriptor, data, size,
				  &message, NULL) == 0) {
		Samoza__V1__RecordingEntry *entry = (Samoza__V1__RecordingEntry *)message;
		if (entry->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_ABOUT) {
			*ret = (Samoza__V1__RecordedAbout *)schema_message_copy(
				&entry->about->base);
			schema_message_free(message);
			return 0;
		}
		schema_message_free(message);
	}
	return error_set(err, ERR_INVALID, "it does not say what it is a piece of");
}

int piece_about(const char *path, Samoza__V1__RecordedAbout **ret_about, struct error **err)
{
	struct segment_reader *reader = NULL;
	struct block block;
	int result = segment_open(path, &reader, err);
	if (result < 0)
		return result;
	block_init(&block);
	result = read_about(reader, &block, ret_about, err);
	block_done(&block);
	segment_reader_free(reader);
	return result < 0 ? error_wrap(err, "%s", path) : 0;
}

/* Its gaps follow from all parts. */
static int gather(char *const *paths, size_t count, Samoza__V1__RecordedAbout *to,
		  char **part_paths, struct error **err)
{
	for (size_t k = 0; k < count; k++) {
		Samoza__V1__RecordedAbout *about = NULL;
		int result = piece_about(paths[k], &about, err);
		if (result < 0)
			return result;
		if (about->n_parts > 0) { /* one at most: it was cut out of one directory */
			part_paths[to->n_parts] = paths[k];
			take_part(to, (Samoza__V1__RecordedPart *)schema_message_copy(
					      &about->parts[0]->base));
		}
		for (size_t n = 0; n < about->n_gaps; n++)
			if (about->gaps[n]->zrms != NULL)
				add_gap(to, about->gaps[n]->from_ms, about->gaps[n]->to_ms,
					about->gaps[n]->zrms, about->gaps[n]->why);
		schema_message_free(about);
	}
	return 0;
}

/* What a part has from the beginning of a span to that of the next one: a life, or what is left of it. */
struct run {
	const char *path;
	Samoza__V1__RecordedPart *part; /* borrowed */
	size_t span;
};

static int64_t begins_of(const struct run *run, size_t further)
{
	size_t span = run->span + further;
	return span < run->part->n_spans ? run->part->spans[span]->from_ms : INT64_MAX;
}

static int compare_runs(const void *pa, const void *pb)
{
	const struct run *a = pa, *b = pb;
	int64_t x = begins_of(a, 0), y = begins_of(b, 0);
	return (x > y) - (x < y);
}

static bool is_beginning(const struct block *block, int64_t ms)
{
	return block->head.begins && block->head.first_wall_ms == ms;
}

static int append_blocks(struct target *t, const struct run *run, struct segment_reader *reader,
			 struct block *block, struct error **err)
{
	bool is_there = false;
	uint64_t lost = 0, next = 0;
	for (int result; (result = segment_next(reader, block, &lost, err)) != 0;) {
		if (result < 0)
			return result;
		if (is_there && is_beginning(block, begins_of(run, 1)))
			break;
		if (!is_there && !is_beginning(block, begins_of(run, 0)))
			continue;
		t->next += is_there ? block->head.number - next : 0;
		is_there = true;
		next = block_next_number(&block->head);
		result = write_block(t, block, err);
		if (result < 0)
			return result;
	}
	return 0;
}

static int append(struct target *t, const struct run *run, struct error **err)
{
	struct segment_reader *reader = NULL;
	struct block block;
	Samoza__V1__RecordedPart part = *run->part;
	part.spans += run->span;
	part.n_spans = 1;
	int result = segment_open(run->path, &reader, err);
	if (result < 0)
		return result;
	block_init(&block);
	result = write_part(t, &part, err);
	if (result == 0)
		result = append_blocks(t, run, reader, &block, err);
	block_done(&block);
	segment_reader_free(reader);
	return result;
}

/* One life after the other, as they led. */
static int append_all(struct target *t, char *const *paths,
		      const Samoza__V1__RecordedAbout *about, struct error **err)
{
	VECTOR(struct run) runs = {0};
	int result = 0;
	for (size_t k = 0; k < about->n_parts; k++)
		for (size_t n = 0; n < about->parts[k]->n_spans; n++)
			vector_push(&runs, ((struct run){paths[k], about->parts[k], n}));
	if (runs.count > 1)
		qsort(runs.items, runs.count, sizeof(*runs.items), compare_runs);
	for (size_t k = 0; k < runs.count && result == 0; k++)
		result = append(t, &runs.items[k], err);
	vector_done(&runs);
	return result;
}

int piece_join(char *const *paths, size_t count, const struct piece *piece,
	       Samoza__V1__RecordedGap *const *gaps, size_t gap_count, const char *path,
	       struct error **err)
{
	struct target target = {0};
	Samoza__V1__RecordedAbout *about = about_new(piece);
	CLEANUP(freep) char **part_paths = mem_new_array(char *, count + 1);
	int result = gather(paths, count, about, part_paths, err);
	for (size_t k = 0; k < gap_count; k++)
		add_gap(about, gaps[k]->from_ms, gaps[k]->to_ms, gaps[k]->zrms, gaps[k]->why);
	name_gaps(about);
	if (result == 0)
		result = target_open(&target, piece, path, err);
	if (result == 0)
		result = write_about(&target, about, err);
	if (result == 0)
		result = append_all(&target, part_paths, about, err);
	schema_message_free(about);
	return target_close(&target, result);
}
