/*
 * Whether what a text refers to is there: for values of `env`, and for templates of `config`, which are read when the topology is
 * compiled already.
 */
#ifndef SAMOZA_MODEL_COMPILE_SETTINGS_H
#define SAMOZA_MODEL_COMPILE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vector.h"
#include "model/topology.h"

typedef VECTOR(char *) setting_references; /* "FROM.NAME", owned */

void setting_references_done(setting_references *references);
/* Calls `wrong` for each thing that stands for nothing: `offset` is that of its piece in the text. Adds what it refers to of
 * imports, once. */
void setting_check(const struct topology *t, const struct space *s, const char *text,
		   void (*wrong)(void *user, size_t offset, const char *why), void *user,
		   setting_references *references);
/* What the env and config of each space refer to, by its index; borrowed. */
struct setting_names {
	const char *const *env, *const *config;
	size_t env_count, config_count;
};
/* New copies of the unit of a space make new copies of what that space refers to, and those of the unit, for ever: what they refer
 * to is filled in at each start, and all have `reload: restart`. */
enum setting_circle {
	SETTING_NO_CIRCLE,
	SETTING_CIRCLE,
	SETTING_CIRCLE_INSIDE, /* within the unit, which starts before the former one stops */
};
enum setting_circle setting_circle_of(const struct topology *t,
				      const struct setting_names *names, unsigned space);
/* For people, with what to do; the caller frees. PRE: there is one. */
char *setting_circle_text(const struct topology *t, unsigned space, enum setting_circle circle);
/* In the order of their bytes. */
void setting_references_sort(setting_references *references);

#endif
