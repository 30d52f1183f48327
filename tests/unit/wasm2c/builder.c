#include "builder.h"

#include <string.h>

#include "base/memory.h"

static void byte(struct buffer *b, uint8_t value)
{
	(void)buffer_add(b, &value, 1);
}

void wasm_begin(struct buffer *b)
{
	(void)buffer_add(b, "\0asm\1\0\0", 8);
}

void wasm_u32(struct buffer *b, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		byte(b, (uint8_t)(value | 0x80));
	byte(b, (uint8_t)value);
}

void wasm_i32(struct buffer *b, uint32_t value)
{
	int32_t rest = (int32_t)value;

	for (; rest < -64 || rest > 63; rest >>= 7)
		byte(b, (uint8_t)(rest | 0x80));
	byte(b, (uint8_t)(rest & 0x7f));
}

void wasm_name(struct buffer *b, const char *name, size_t size)
{
	wasm_u32(b, (uint32_t)size);
	(void)buffer_add(b, name, size);
}

void wasm_section(struct buffer *b, uint8_t id, struct buffer *content)
{
	byte(b, id);
	wasm_u32(b, (uint32_t)content->size);
	(void)buffer_add(b, content->data, content->size);
	buffer_clear(content);
}

void wasm_types(struct buffer *b)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	(void)buffer_add(&c, "\1\x60\0\1\x7f", 5);
	wasm_section(b, 1, &c);
}

void wasm_function(struct buffer *b)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	(void)buffer_add(&c, "\1\0", 2);
	wasm_section(b, 3, &c);
}

void wasm_export(struct buffer *b, const char *name, size_t size, uint8_t kind, uint32_t index)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	byte(&c, 1);
	wasm_name(&c, name, size);
	byte(&c, kind);
	wasm_u32(&c, index);
	wasm_section(b, 7, &c);
}

void wasm_code(struct buffer *b, const void *body, size_t body_size)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	byte(&c, 1);
	wasm_u32(&c, (uint32_t)body_size);
	(void)buffer_add(&c, body, body_size);
	wasm_section(b, 10, &c);
}

void wasm_module(struct buffer *b, const void *body, size_t body_size)
{
	wasm_begin(b);
	wasm_types(b);
	wasm_function(b);
	wasm_export(b, "on_process", 10, 0, 0);
	wasm_code(b, body, body_size);
}

void wasm_data_module(struct buffer *b, uint32_t segments, uint32_t segment_size)
{
	CLEANUP(buffer_done) struct buffer c = BUFFER_INIT(BUILDER_MAX);

	wasm_begin(b);
	wasm_types(b);
	wasm_function(b);
	(void)buffer_add(&c, "\1\0", 2);
	wasm_u32(&c, 512);
	wasm_section(b, 5, &c);
	wasm_export(b, "on_process", 10, 0, 0);
	wasm_code(b, "\0\x41\0\x0b", 4);
	wasm_u32(&c, segments);
	for (uint32_t i = 0; i < segments; i++) {
		(void)buffer_add(&c, "\0\x41", 2);
		wasm_i32(&c, i * segment_size);
		(void)buffer_add(&c, "\x0b", 1);
		wasm_u32(&c, segment_size);
		memset(buffer_reserve(&c, segment_size), 'a' + (int)(i % 26), segment_size);
		buffer_grew(&c, segment_size);
	}
	wasm_section(b, 11, &c);
}
