/*
 * The start image of a module: what its active data segments write, as runs of bytes. It is linked
 * into the native code as it is, instead of being written as C text that takes seconds for each
 * MiB. zrun maps the long runs copy-on-write into the guest's memory and copies the short ones.
 *
 *   segments  [aaa]   [bbbb][c]                 [dddddddddd...]
 *   runs      [aaa]   [bbbbbc..]          |0000  dddddddddd...  0000|   whole pages: mapped
 */
#ifndef SAMOZA_ADAPTER_WASM2C_IMAGE_H
#define SAMOZA_ADAPTER_WASM2C_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"

/* A WebAssembly page, and not smaller than a page of any machine. */
#define IMAGE_PAGE 65536u

/* An active segment that lies within the initial memory. */
struct image_segment {
	uint32_t at, size;   /* in the guest's memory */
	const uint8_t *data; /* borrowed */
};

struct image_run {
	uint32_t at, size; /* in the guest's memory */
	uint32_t from;	   /* offset in `data` */
	bool is_mapped;	   /* at, size and from are multiples of IMAGE_PAGE */
};

struct image {
	VECTOR(struct image_run) runs; /* in the order of `from`; they do not overlap */
	uint8_t *data;
	size_t size;
};

/* Later segments overwrite earlier ones. */
void image_build(struct image *image, const struct image_segment *segments, size_t count);
bool image_is_mapped(const struct image *image);
void image_done(struct image *image);

#endif
