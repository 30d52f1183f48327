/* The C text that is compiled after wasm2c's output: see runtime/guest_module.h. */
#ifndef SAMOZA_ADAPTER_WASM2C_GLUE_H
#define SAMOZA_ADAPTER_WASM2C_GLUE_H

#include "adapter/wasm2c/module.h"
#include "base/buffer.h"

/* The files that stand beside the glue when it is compiled, by name. */
struct glue_file {
	const char *name;
	const unsigned char *content;
	size_t size;
};
extern const struct glue_file glue_files[2];

/* One translation unit: includes "space.c", defines its imports, includes the file "image", exports
 * the constant. */
void glue_write(struct buffer *out, const struct module_info *info, const struct image *image);

#endif
