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

/* Writes the data section with its passive segments as they are and its active ones empty: what
 * these write goes to the image. One that ends beyond the initial memory traps at every start, also
 * when it is empty. */
static size_t rewrite_data(struct reader *r, uint64_t memory_size, uint8_t *to,
			   image_segments *segments)
{
	/* No segment becomes longer. */
	CLEANUP(freep) uint8_t *content = mem_calloc(r->end - r->at + 1, 1);
	uint32_t count = read_u32(r);
	size_t size = 0, at = 0;

	write_u32(content, &size, count);
	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		size_t start = r->at;
		uint32_t flags = read_u32(r), offset = 0, length;
		const uint8_t *bytes;

		if (flags == 2)
			(void)read_u32(r);
		if (flags != 1)
			offset = module_read_i32(r);
		length = read_u32(r);
		bytes = read_bytes(r, length);
		if (bytes == NULL)
			break;
		bool is_inside = (uint64_t)offset + length <= memory_size;
		if (flags == 1 || (!is_inside && length == 0)) {
			size = put(content, size, r->data + start, r->at - start);
		} else if (!is_inside) {
			size = put(content, size, trap, sizeof(trap));
		} else {
			size = put(content, size, nothing, sizeof(nothing));
			if (length > 0)
				vector_push(segments,
					    ((struct image_segment){offset, length, bytes}));
		}
	}
	to[at++] = SECTION_DATA;
	write_u32(to, &at, (uint32_t)size);
	return put(to, at, content, size);
}

/* The sections of `r` one by one to `out`; returns the size. */
static size_t rewrite_sections(struct reader *r, uint64_t memory_size, uint8_t *out,
			       image_segments *segments)
{
	size_t at = put(out, 0, r->data, r->at), end = r->end;

	while (r->result == 0 && r->at < end) {
		size_t start = r->at;
		uint8_t id = read_byte(r);
		uint32_t size = read_u32(r);
		struct reader inner = {
			.data = r->data, .at = r->at, .end = r->at + size, .err = r->err};

		if (read_bytes(r, size) == NULL)
			break;
		if (id == SECTION_EXPORT)
			at += module_rewrite_exports(&inner, out + at);
		else if (id == SECTION_DATA)
			at += rewrite_data(&inner, memory_size, out + at, segments);
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
	struct module_info info;

	PRE(size >= 8);
	memcpy(normal, data, size);
	int result = module_walk(normal, size, UINT64_MAX, normal, &info, err);
	if (result < 0)
		return result;
	size_t out_size = rewrite_sections(&r, (uint64_t)info.initial_pages * MODULE_PAGE, out,
					   &segments);
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
