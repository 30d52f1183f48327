/*
 * Who may do what. Each request has a principal: a person, a program or a zhost that has shown a
 * credential. What it may do follows from its role, and from the names to which it is limited.
 *
 *                  viewer    operator    admin    zhost
 *   reads            x          x          x                of topologies that match its names
 *   topologies,                 x          x                of topologies that match its names
 *   their logs
 *   zhosts, users                          x
 *   a link                                 x         x      a zhost: under its own name
 *
 * Nothing here knows how a credential is shown: core/access/credentials.h finds whose it is.
 *
 * Source: [machines.people.users].
 */
#ifndef SAMOZA_CORE_ACCESS_ACCESS_H
#define SAMOZA_CORE_ACCESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

/* Values are in records on disk: append only. */
enum access_role {
	ACCESS_NOBODY = 0, /* also, of an operation: it is open to everybody */
	ACCESS_VIEWER = 1,
	ACCESS_OPERATOR = 2,
	ACCESS_ADMIN = 3,
	ACCESS_ZHOST = 4,
};

/* Borrowed by those who ask. */
struct principal {
	char *name; /* a person's or program's; of a zhost: the zhost's */
	enum access_role role;
	/* Patterns of names of topologies, of a viewer and an operator; `*` stands for any text.
	 * None: all. */
	char **topologies;
	size_t topology_count;
};

/* "viewer", ... */
const char *access_role_name(enum access_role role);
/* ACCESS_NOBODY: there is no such role, or none that a person may have. */
enum access_role access_role_of_person(const char *name);

/* Whether the role is enough for what needs `needed`. */
bool access_covers(enum access_role role, enum access_role needed);
/* Whether the principal is limited to some names. */
bool access_is_limited(const struct principal *p);
/* Whether topologies of that name exist for the principal. Zhosts: of none. */
bool access_sees(const struct principal *p, const char *topology_name);
/* `*` stands for any text, also none; everything else for itself. */
bool access_pattern_matches(const char *pattern, const char *text);
#define ACCESS_PATTERN_EXPECTED "1 to 64 characters of a-z, 0-9, '-' and '*'"
/* Of a topology's name: ACCESS_PATTERN_EXPECTED. */
bool access_pattern_is_valid(const char *pattern);

/* Whether every name that `inner` matches is matched by `outer`. */
bool access_pattern_covers(const char *outer, const char *inner);
/* Whether `p` may do all that somebody with that role and these patterns may (none: no name is left out). Zhosts: nothing. */
bool access_covers_grant(const struct principal *p, enum access_role role,
			 const char *const *topologies, size_t count);

/* "shop-*, blog"; the caller frees. */
char *access_names_text(const char *const *topologies, size_t count);

/* A copy of its own, with `access_principal_free()`. */
struct principal *access_principal_copy(const struct principal *p);
void access_principal_free(struct principal *p);

#endif
