/*
 * The environment of recipes, out of what zhost hands over. Pure, libc only; the names are
 * documented in docs/native-spaces.md.
 *
 * A set of imports is a run of pairs of strings, each with its NUL: a name "IMPORT PATH
 * VARIABLE" and a value. Pairs of one provider follow each other, providers of one import too;
 * VARIABLE is empty in the one pair of a provider that exports nothing.
 *
 *   "database mysql-1 ip" "10.0.0.1"     SAMOZA_IMPORT_database_COUNT=2
 *   "database mysql-1 port" "20001"      SAMOZA_IMPORT_database_0_PATH=mysql-1
 *   "database mysql-2 ip" …              SAMOZA_IMPORT_database_0_ip=10.0.0.1   …
 */
#ifndef SAMOZA_ZRUN_NATIVE_ENVIRONMENT_H
#define SAMOZA_ZRUN_NATIVE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Strings one after the other, each with its NUL: as in a process's environment. */
struct strings {
	char *data;
	size_t size, capacity;
	unsigned count;
};

/* Appends "NAME=VALUE"; letters of the name that a shell does not take become '_'. Running out
 * of memory ends the process. */
void strings_add(struct strings *s, const char *name, const char *value);
/* Appends the text as it stands. */
void strings_add_text(struct strings *s, const char *text, size_t size);
void strings_done(struct strings *s);
/* The value of the string "NAME=…", or NULL. Borrowed. */
const char *strings_find(const char *data, size_t size, const char *name);

/* PREFIX_IMPORT_… of a set; prefix is "SAMOZA", or "SAMOZA_OLD" for the set before. */
void environment_imports(struct strings *to, const char *prefix, const char *set, size_t size);
/* `env` of the space, which stands among the imports (zhost/space/settings.h): NAME of each "@ env NAME", but for those that
 * are there already. */
void environment_settings(struct strings *to, const char *set, size_t size);
/* `env` or a file of `config` is another one. */
bool environment_settings_differ(const char *old_set, size_t old_size, const char *new_set,
				 size_t new_size);
/* There are files of `config`. */
bool environment_has_config(const char *set, size_t size);
/* SAMOZA_UPDATE_ADDED, _REMOVED, _CHANGED: providers as "IMPORT:PATH", with blanks between. */
void environment_changes(struct strings *to, const char *old_set, size_t old_size,
			 const char *new_set, size_t new_size);

#endif
