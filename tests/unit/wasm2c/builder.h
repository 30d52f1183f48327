/* Modules made byte by byte, for tests: also those that no tool would write. */
#ifndef SAMOZA_TESTS_WASM_BUILDER_H
#define SAMOZA_TESTS_WASM_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define BUILDER_MAX (64u * 1024 * 1024)

/* The eight bytes that every module begins with. */
void wasm_begin(struct buffer *b);
void wasm_u32(struct buffer *b, uint32_t value);
/* As the operand of i32.const. */
void wasm_i32(struct buffer *b, uint32_t value);
void wasm_name(struct buffer *b, const char *name, size_t size);
/* A section whose content is in `content`, which is emptied. */
void wasm_section(struct buffer *b, uint8_t id, struct buffer *content);
/* "()->i32" as type 0 and one function 0 of it, exported as on_process, with this body
 * (locals and instructions, without its size). */
void wasm_module(struct buffer *b, const void *body, size_t body_size);
/* The same with 512 pages of memory and data in so many segments of that size. */
void wasm_data_module(struct buffer *b, uint32_t segments, uint32_t segment_size);
/* The parts of it: type section; function section; export of function 0; code. */
void wasm_types(struct buffer *b);
void wasm_function(struct buffer *b);
void wasm_export(struct buffer *b, const char *name, size_t size, uint8_t kind, uint32_t index);
void wasm_code(struct buffer *b, const void *body, size_t body_size);

#endif
