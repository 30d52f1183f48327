#include "core/access/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

static const char *const role_names[] = {
	[ACCESS_NOBODY] = "nobody", [ACCESS_VIEWER] = "viewer", [ACCESS_OPERATOR] = "operator",
	[ACCESS_ADMIN] = "admin",   [ACCESS_ZHOST] = "zhost",
};

const char *access_role_name(enum access_role role)
{
	return role_names[role];
}

enum access_role access_role_of_person(const char *name)
{
	for (enum access_role role = ACCESS_VIEWER; role <= ACCESS_ADMIN; role++)
		if (str_equal(role_names[role], name))
			return role;
	return ACCESS_NOBODY;
}

bool access_covers(enum access_role role, enum access_role needed)
{
	if (needed == ACCESS_NOBODY)
		return true;
	if (role == ACCESS_ADMIN)
		return true;
	if (needed == ACCESS_ZHOST || role == ACCESS_ZHOST)
		return role == needed;
	return role >= needed;
}

bool access_is_limited(const struct principal *p)
{
	return p->role == ACCESS_ZHOST || (p->role != ACCESS_ADMIN && p->topology_count > 0);
}

bool access_sees(const struct principal *p, const char *topology_name)
{
	if (p->role == ACCESS_NOBODY || p->role == ACCESS_ZHOST)
		return false;
	if (!access_is_limited(p))
		return true;
	for (size_t k = 0; k < p->topology_count; k++)
		if (access_pattern_matches(p->topologies[k], topology_name))
			return true;
	return false;
}

/* Greedy with one point to return to: the last star takes one character more. */
bool access_pattern_matches(const char *pattern, const char *text)
{
	const char *after_star = NULL, *taken = NULL;
	while (*text != '\0') {
		if (*pattern == '*') {
			after_star = ++pattern;
			taken = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (after_star != NULL) {
			pattern = after_star;
			text = ++taken;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* A star of `inner` stands for what may be any text, and is matched by a star alone. */
bool access_pattern_covers(const char *outer, const char *inner)
{
	return access_pattern_matches(outer, inner);
}

bool access_covers_grant(const struct principal *p, enum access_role role,
			 const char *const *topologies, size_t count)
{
	if (p->role == ACCESS_ZHOST || !access_covers(p->role, role))
		return false;
	if (!access_is_limited(p))
		return true;
	for (size_t k = 0; k < count; k++) {
		bool is_covered = false;
		for (size_t i = 0; i < p->topology_count && !is_covered; i++)
			is_covered = access_pattern_covers(p->topologies[i], topologies[k]);
		if (!is_covered)
			return false;
	}
	return count > 0;
}

char *access_names_text(const char *const *topologies, size_t count)
{
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(SIZE_MAX);
	for (size_t k = 0; k < count; k++)
		(void)!buffer_printf(&out, "%s%s", k > 0 ? ", " : "", topologies[k]);
	return count > 0 ? buffer_steal(&out) : mem_strdup("");
}

#define PATTERN_MAX 64

bool access_pattern_is_valid(const char *pattern)
{
	size_t size = strlen(pattern);
	return size > 0 && size <= PATTERN_MAX &&
	       strspn(pattern, "abcdefghijklmnopqrstuvwxyz0123456789-*") == size;
}

struct principal *access_principal_copy(const struct principal *p)
{
	struct principal *copy = mem_new(struct principal);
	copy->name = mem_strdup(p->name);
	copy->role = p->role;
	copy->topologies = mem_new_array(char *, p->topology_count);
	for (; copy->topology_count < p->topology_count; copy->topology_count++)
		copy->topologies[copy->topology_count] =
			mem_strdup(p->topologies[copy->topology_count]);
	return copy;
}

void access_principal_free(struct principal *p)
{
	if (p == NULL)
		return;
	for (size_t k = 0; k < p->topology_count; k++)
		free(p->topologies[k]);
	free(p->topologies);
	free(p->name);
	free(p);
}
