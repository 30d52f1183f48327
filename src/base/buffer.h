/*
 * The growable buffer that all code uses. Each buffer has a maximum size, so input from a peer
 * cannot make it grow without bound: appending past the maximum fails and changes nothing.
 *
 *   CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(64 * 1024);
 *   if (buffer_add(&b, data, size) < 0) ...
 *
 * When `data` is not NULL, a NUL byte follows its `size` bytes.
 */
#ifndef SAMOZA_BASE_BUFFER_H
#define SAMOZA_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	size_t max;
};

#define BUFFER_INIT(max_bytes) ((struct buffer){.max = (max_bytes)})

void buffer_done(struct buffer *b);
/* Keeps the memory. */
void buffer_clear(struct buffer *b);
/* 0, or -1 if the result would exceed max. */
int buffer_add(struct buffer *b, const void *data, size_t size);
int buffer_add_string(struct buffer *b, const char *s);
int buffer_printf(struct buffer *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Reserves `size` bytes after the content and returns their address, or NULL if they would exceed
 * max. After writing, call buffer_grew() with the number of bytes written. */
void *buffer_reserve(struct buffer *b, size_t size);
void buffer_grew(struct buffer *b, size_t size);
/* Removes the first `size` bytes. */
void buffer_consume(struct buffer *b, size_t size);
/* Returns the content, which the caller frees, and empties the buffer. Never NULL: an empty buffer
 * returns "". */
char *buffer_steal(struct buffer *b);

#endif
