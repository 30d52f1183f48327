#include "adapter/wasm2c/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

/* A run in the making. 64 bits: an end may be 4 GiB. */
struct span {
	uint64_t start, end;
	uint64_t filled; /* bytes of segments in it, counted again where they overlap */
	uint64_t gaps;	 /* zeros between them */
};

typedef VECTOR(struct span) spans;

/* A gap is filled with zeros where that costs no more than an entry, or all gaps are a small part
 * of the run: many small segments far apart must not become a large image. */
#define GAP_MIN	  64
#define GAP_SHARE 8

static bool is_long(const struct span *s)
{
	return s->end - s->start >= IMAGE_PAGE;
}

/* Where it ends once a long one consists of whole pages. */
static uint64_t span_end(const struct span *s)
{
	return is_long(s) ? (s->end + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE : s->end;
}

static uint64_t span_start(const struct span *s)
{
	return is_long(s) ? s->start / IMAGE_PAGE * IMAGE_PAGE : s->start;
}

static int compare_segments(const void *a, const void *b)
{
	const struct image_segment *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static uint64_t gap_before(const struct span *s, uint64_t at)
{
	uint64_t end = span_end(s);

	return at > end ? at - end : 0;
}

static bool is_near(const struct span *s, uint64_t at)
{
	uint64_t gap = gap_before(s, at);

	return gap <= GAP_MIN || s->gaps + gap <= s->filled / GAP_SHARE;
}

static void find_spans(spans *to, const struct image_segment *segments, size_t count)
{
	CLEANUP(freep)
	struct image_segment *sorted = mem_new_array(struct image_segment, count + 1);

	if (count > 0)
		memcpy(sorted, segments, count * sizeof(segments[0]));
	qsort(sorted, count, sizeof(sorted[0]), compare_segments);
	for (size_t i = 0; i < count; i++) {
		uint64_t start = sorted[i].at, end = start + sorted[i].size;
		struct span *last = to->count > 0 ? vector_last(to) : NULL;

		if (last == NULL || !is_near(last, start)) {
			vector_push(to, ((struct span){start, end, sorted[i].size, 0}));
			continue;
		}
		last->gaps += gap_before(last, start);
		if (end > last->end)
			last->end = end;
		last->filled += sorted[i].size;
	}
}

/* A long span that begins on the page on which those before it end takes them in. */
static void join_spans(spans *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct span joined = s->items[i];

		while (kept > 0 && span_end(&s->items[kept - 1]) > span_start(&joined)) {
			const struct span *before = &s->items[--kept];

			joined.start = before->start;
			if (before->end > joined.end)
				joined.end = before->end;
		}
		s->items[kept++] =
			(struct span){.start = span_start(&joined), .end = span_end(&joined)};
	}
	s->count = kept;
}

/* Mapped runs first, so that each begins at a page. */
static void lay_out(struct image *image, const spans *s, bool mapped)
{
	vector_for_each (s, span) {
		if (is_long(span) != mapped)
			continue;
		vector_push(&image->runs,
			    ((struct image_run){.at = (uint32_t)span->start,
						.size = (uint32_t)(span->end - span->start),
						.from = (uint32_t)image->size,
						.is_mapped = mapped}));
		image->size += span->end - span->start;
		INVARIANT(image->size <= UINT32_MAX);
	}
}

static struct image_run *find_run(const struct image *image, uint32_t at)
{
	struct image_run *found = NULL;

	/* Two ascending sequences: mapped runs, then the others. */
	for (int part = 0; part < 2 && found == NULL; part++) {
		size_t low = 0, high = image->runs.count;
		while (low < high) {
			size_t middle = (low + high) / 2;
			struct image_run *run = &image->runs.items[middle];
			bool is_before = part == 0 ? run->is_mapped && run->at <= at
						   : run->is_mapped || run->at <= at;
			if (is_before)
				low = middle + 1;
			else
				high = middle;
		}
		if (low > 0 && image->runs.items[low - 1].is_mapped == (part == 0) &&
		    at - image->runs.items[low - 1].at < image->runs.items[low - 1].size)
			found = &image->runs.items[low - 1];
	}
	return found;
}

void image_build(struct image *image, const struct image_segment *segments, size_t count)
{
	spans found = {0};

	*image = (struct image){0};
	find_spans(&found, segments, count);
	join_spans(&found);
	lay_out(image, &found, true);
	lay_out(image, &found, false);
	vector_done(&found);
	image->data = mem_calloc(image->size + 1, 1);
	for (size_t i = 0; i < count; i++) {
		const struct image_run *run = find_run(image, segments[i].at);

		INVARIANT(run != NULL &&
			  segments[i].size <= run->size - (segments[i].at - run->at));
		memcpy(image->data + run->from + (segments[i].at - run->at), segments[i].data,
		       segments[i].size);
	}
}

bool image_is_mapped(const struct image *image)
{
	return image->runs.count > 0 && image->runs.items[0].is_mapped;
}

void image_done(struct image *image)
{
	vector_done(&image->runs);
	free(image->data);
	*image = (struct image){0};
}
