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
/* In the order of their bytes. */
void setting_references_sort(setting_references *references);

#endif
