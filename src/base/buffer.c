#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

void buffer_done(struct buffer *b)
{
	free(b->data);
	*b = BUFFER_INIT(b->max);
}

void buffer_clear(struct buffer *b)
{
	b->size = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void *buffer_reserve(struct buffer *b, size_t size)
{
	size_t max =
		b->max < SIZE_MAX / 2 ? b->max : SIZE_MAX / 2; /* doubling stays in range */
	if (size > max || b->size > max - size)
		return NULL;
	size_t need = b->size + size + 1;
	if (need > b->capacity) {
		size_t capacity = b->capacity < 64 ? 64 : b->capacity;
		while (capacity < need)
			capacity *= 2;
		b->data = mem_resize(b->data, capacity, 1);
		b->capacity = capacity;
	}
	return b->data + b->size;
}

void buffer_grew(struct buffer *b, size_t size)
{
	PRE(b->size + size < b->capacity);
	b->size += size;
	b->data[b->size] = '\0';
}

int buffer_add(struct buffer *b, const void *data, size_t size)
{
	void *to = buffer_reserve(b, size);
	if (to == NULL)
		return -1;
	if (size > 0)
		memcpy(to, data, size);
	buffer_grew(b, size);
	return 0;
}

int buffer_add_string(struct buffer *b, const char *s)
{
	return buffer_add(b, s, strlen(s));
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = buffer_vprintf(b, format, args);
	va_end(args);
	return r;
}

int buffer_vprintf(struct buffer *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	/* First into what is free already: it mostly fits. */
	size_t room = b->capacity - b->size;
	int n = vsnprintf(room > 0 ? b->data + b->size : NULL, room, format, args);
	INVARIANT(n >= 0);
	void *to = buffer_reserve(b, (size_t)n);
	if (to != NULL && (size_t)n >= room)
		(void)vsnprintf(to, (size_t)n + 1, format, again);
	if (to != NULL)
		buffer_grew(b, (size_t)n);
	else if (room > 0)
		b->data[b->size] = '\0';
	va_end(again);
	return to != NULL ? 0 : -1;
}

void buffer_consume(struct buffer *b, size_t size)
{
	PRE(size <= b->size);
	if (size == 0)
		return;
	memmove(b->data, b->data + size, b->size - size);
	b->size -= size;
	b->data[b->size] = '\0';
}

char *buffer_steal(struct buffer *b)
{
	char *data = b->data != NULL ? b->data : mem_strdup("");
	*b = BUFFER_INIT(b->max);
	return data;
}
