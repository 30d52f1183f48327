/*
 * The module that wasm2c gets: see module_rewrite().
 */
#include <string.h>

#include "adapter/wasm2c/module.h"
#include "adapter/wasm2c/module_private.h"
#include "adapter/wasm2c/module_sections.h"
#include "base/check.h"
#include "base/memory.h"

typedef VECTOR(struct image_segment) image_segments;

/* An active segment without a byte at offset 0, which writes nothing; and one that always traps. */
static const uint8_t nothing[] = {0, 0x41, 0, 0x0b, 0};
static const uint8_t trap[] = {0, 0x41, 0x7f, 0x0b, 1, 0};

static size_t put(uint8_t *to, size_t at, const uint8_t *data, size_t size)
{
	memcpy(to + at, data, size);
	return at + size;
}

/* So few segments stay where they are, in case code names them: they cost nothing. */
#define SEGMENTS_KEPT 64

/* One that is read, and where. */
struct segment {
	size_t start, end;
	uint32_t offset, length;
	const uint8_t *bytes;
	bool is_passive, is_inside;
};

static bool read_segment(struct reader *r, uint64_t memory_size, struct segment *s)
{
	*s = (struct segment){.start = r->at};
	uint32_t flags = read_u32(r);
	if (flags == 2)
		(void)read_u32(r);
	s->is_passive = flags == 1;
	if (!s->is_passive)
		s->offset = module_read_i32(r);
	s->length = read_u32(r);
	s->bytes = read_bytes(r, s->length);
	s->end = r->at;
	s->is_inside = (uint64_t)s->offset + s->length <= memory_size;
	return s->bytes != NULL;
}

/* What stands in the place of a segment. */
static size_t put_segment(uint8_t *to, size_t at, const struct reader *r,
			  const struct segment *s)
{
	if (s->is_passive || (!s->is_inside && s->length == 0))
		return put(to, at, r->data + s->start, s->end - s->start);
	return s->is_inside ? put(to, at, nothing, sizeof(nothing))
			    : put(to, at, trap, sizeof(trap));
}

/* Rewrites a data section with its passive segments as they are and its active ones empty: what
 * these write goes to the image. One that ends beyond the initial memory traps at every start, also
 * when it is empty. Of those after `named` only the first of these is left, since each costs the
 * compiler more than the one before. *ret_count: how many are left; the size of the content. */
static size_t rewrite_data(struct reader *r, uint64_t memory_size, uint32_t named,
			   uint8_t *content, uint32_t *ret_count, image_segments *segments)
{
	uint32_t count = read_u32(r), kept = 0;
	bool has_trap = false;
	struct segment s;
	size_t size = 0;

	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		if (!read_segment(r, memory_size, &s))
			break;
		if (!s.is_passive && s.is_inside && s.length > 0)
			vector_push(segments,
				    ((struct image_segment){s.offset, s.length, s.bytes}));
		bool is_trap = !s.is_passive && !s.is_inside;
		if (i >= named && i >= SEGMENTS_KEPT && (!is_trap || has_trap))
			continue;
		has_trap |= is_trap;
		size = put_segment(content, size, r, &s);
		kept++;
	}
	*ret_count = kept;
	return size;
}

/* The data section, and the section before the code that says how many segments it has. */
struct data_sections {
	uint8_t *content; /* NULL: there is none */
	size_t size;
	uint32_t count;
};

static struct reader section_reader(const struct reader *r, size_t at, uint32_t size)
{
	return (struct reader){.data = r->data, .at = at, .end = at + size, .err = r->err};
}

/* The data section comes after what announces its count. */
static void find_data(struct reader r, const struct module_info *info, struct data_sections *d,
		      image_segments *segments)
{
	while (r.result == 0 && r.at < r.end) {
		uint8_t id = read_byte(&r);
		uint32_t size = read_u32(&r);
		struct reader inner = section_reader(&r, r.at, size);

		if (read_bytes(&r, size) == NULL || id != SECTION_DATA)
			continue;
		/* No segment becomes longer. */
		d->content = mem_calloc(size + 1, 1);
		d->size = rewrite_data(&inner, (uint64_t)info->initial_pages * MODULE_PAGE,
				       info->data_named, d->content, &d->count, segments);
	}
}

static size_t put_section(uint8_t *to, uint8_t id, uint32_t count, const uint8_t *content,
			  size_t content_size)
{
	uint8_t number[5];
	size_t number_size = 0, at = 0;

	write_u32(number, &number_size, count);
	to[at++] = id;
	write_u32(to, &at, (uint32_t)(number_size + content_size));
	at = put(to, at, number, number_size);
	return content_size > 0 ? put(to, at, content, content_size) : at;
}

/* The sections of `r` one by one to `out`; returns the size. */
static size_t rewrite_sections(struct reader *r, const struct data_sections *d, uint8_t *out)
{
	size_t at = put(out, 0, r->data, r->at), end = r->end;

	while (r->result == 0 && r->at < end) {
		size_t start = r->at;
		uint8_t id = read_byte(r);
		uint32_t size = read_u32(r);
		struct reader inner = section_reader(r, r->at, size);

		if (read_bytes(r, size) == NULL)
			break;
		if (id == SECTION_EXPORT)
			at += module_rewrite_exports(&inner, out + at);
		else if (id == SECTION_DATA)
			at += put_section(out + at, id, d->count, d->content, d->size);
		else if (id == SECTION_DATA_COUNT && read_u32(&inner) != d->count)
			at += put_section(out + at, id, d->count, NULL, 0);
		else if (id != SECTION_CUSTOM)
			at = put(out, at, r->data + start, r->at - start);
		r->result = inner.result;
	}
	return at;
}

int module_rewrite(const uint8_t *data, size_t size, struct module_rewritten *ret,
		   struct error **err)
{
	CLEANUP(freep) uint8_t *normal = mem_calloc(size, 1);
	/* Every section is copied as it is or shrinks, but for the length of its size. */
	CLEANUP(freep) uint8_t *out = mem_calloc(size + 16, 1);
	struct reader r = {.data = normal, .at = 8, .end = size, .err = err};
	image_segments segments = {0};
	struct data_sections rewritten = {0};
	struct module_info info;

	PRE(size >= 8);
	memcpy(normal, data, size);
	int result = module_walk(normal, size, UINT64_MAX, normal, &info, err);
	if (result < 0)
		return result;
	find_data(r, &info, &rewritten, &segments);
	size_t out_size = rewrite_sections(&r, &rewritten, out);
	free(rewritten.content);
	if (r.result == 0) {
		*ret = (struct module_rewritten){.data = steal_ptr(&out), .size = out_size};
		image_build(&ret->image, segments.items, segments.count);
	}
	vector_done(&segments);
	return r.result;
}

void module_rewritten_done(struct module_rewritten *m)
{
	free(m->data);
	image_done(&m->image);
	*m = (struct module_rewritten){0};
}
