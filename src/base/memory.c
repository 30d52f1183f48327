#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void out_of_memory(size_t count, size_t size)
{
	fprintf(stderr, "out of memory: %zu times %zu bytes\n", count, size);
	abort();
}

/* So much malloc() takes from what was freed last, without a search; calloc() of glibc before 2.41 does not. */
#define SMALL_BYTES 1024

/* Not inlined: of malloc() and memset() the compiler would make calloc() again. */
static __attribute__((noinline)) void *allocate(size_t bytes)
{
	return malloc(bytes > 0 ? bytes : 1);
}

void *mem_calloc(size_t count, size_t size)
{
	size_t bytes = 0;
	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory(count, size);
	void *p = bytes <= SMALL_BYTES ? allocate(bytes) : calloc(1, bytes);
	if (p == NULL)
		out_of_memory(count, size);
	return bytes <= SMALL_BYTES ? memset(p, 0, bytes) : p;
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
	if (count == 0 || size == 0) {
		free(ptr);
		return NULL;
	}
	void *p = reallocarray(ptr, count, size);
	if (p == NULL)
		out_of_memory(count, size);
	return p;
}

char *mem_strdup(const char *s)
{
	return s != NULL ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
	return s != NULL ? mem_memdup(s, strnlen(s, n)) : NULL;
}

void *mem_memdup(const void *data, size_t size)
{
	char *copy = size < SIZE_MAX ? malloc(size + 1) : NULL;
	if (copy == NULL)
		out_of_memory(1, size);
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

void closep(const int *fd)
{
	if (*fd < 0)
		return;
	int saved = errno;
	(void)close(*fd);
	errno = saved;
}
