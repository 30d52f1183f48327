#include "zsim/fuzz/life/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

/* Without "-1" at the ends of its parts. What is on each zhost, and inside of that, has one name. */
static void normalise(char *path)
{
	char *to = path;
	bool is_each = false;
	for (const char *from = path; *from != '\0';) {
		size_t left = strcspn(from, "/#");
		size_t length = left;
		is_each = is_each || memchr(from, '@', left) != NULL;
		if (!is_each && length > 2 && strncmp(from + length - 2, "-1", 2) == 0)
			length -= 2;
		memmove(to, from, length);
		to += length;
		from += left;
		if (*from != '\0')
			*to++ = *from++;
	}
	*to = '\0';
}

char *names_slot(const char *path)
{
	char *slot = mem_strdup(path);
	normalise(slot);
	return slot;
}

#define DIGITS_MAX 20 /* of UINT64_MAX */

/* "TOPOLOGY/PATH" and room for more. */
static char *joined(const char *topology, const char *path, size_t room)
{
	char *name = mem_new_array(char, strlen(topology) + 1 + strlen(path) + room + 1);
	char *end = stpcpy(name, topology);
	*end++ = '/';
	stpcpy(end, path);
	return name;
}

char *names_instance(const char *topology, const char *path)
{
	char *name = joined(topology, path, 0);
	normalise(name);
	return name;
}

char *names_copy(const char *topology, const char *path, uint64_t epoch)
{
	char digits[DIGITS_MAX + 1] = "";
	char *first = digits + DIGITS_MAX;
	do {
		*--first = (char)('0' + epoch % 10);
		epoch /= 10;
	} while (epoch > 0);
	char *name = joined(topology, path, 1 + DIGITS_MAX);
	normalise(name);
	char *end = name + strlen(name);
	*end++ = '#';
	memcpy(end, first, strlen(first) + 1);
	return name;
}

bool names_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL || strcmp(a, b) == 0)
		return a == b || (a != NULL && b != NULL);
	CLEANUP(freep) char *one = names_slot(a);
	CLEANUP(freep) char *other = names_slot(b);
	return strcmp(one, other) == 0;
}

bool names_same_root(const char *path, const char *root)
{
	CLEANUP(freep) char *own = mem_strndup(path, strcspn(path, "/"));
	return names_same(own, root);
}

int names_find(const struct topology *t, const char *path)
{
	int found = topology_find_instance(t, path);
	for (unsigned k = 0; found < 0 && k < t->instance_count; k++)
		if (names_same(t->instances[k].path, path))
			found = (int)k;
	return found;
}
