/*
 * The one growable buffer. Every buffer has a maximum, so that nothing a peer sends can
 * make it grow for ever: appending past it fails and leaves the content as it was.
 *
 *   CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(64 * 1024);
 *   if (buffer_add(&b, data, size) < 0) ...
 *
 * `data` is followed by a NUL byte whenever it is not NULL.
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
/* 0, or -1 when size would pass max. */
int buffer_add(struct buffer *b, const void *data, size_t size);
int buffer_add_string(struct buffer *b, const char *s);
int buffer_printf(struct buffer *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Room for `size` more bytes: returns where to write them (then buffer_grew()), or NULL. */
void *buffer_reserve(struct buffer *b, size_t size);
void buffer_grew(struct buffer *b, size_t size);
/* Drops the first `size` bytes. */
void buffer_consume(struct buffer *b, size_t size);
/* Hands the memory over (never NULL: an empty buffer gives ""), leaves the buffer empty. */
char *buffer_steal(struct buffer *b);

#endif
