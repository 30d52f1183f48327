#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void out_of_memory(size_t count, size_t size)
{
	fprintf(stderr, "out of memory: %zu times %zu bytes\n", count, size);
	abort();
}

void *mem_calloc(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory(count, size);
	return p;
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
	if (size == SIZE_MAX)
		out_of_memory(1, size);
	char *copy = mem_calloc(1, size + 1);
	if (size > 0)
		memcpy(copy, data, size);
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
