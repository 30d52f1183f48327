/*
 * The environment variables of recipes of NATIVE instances (docs/native-spaces.md):
 * identity, own exports, exports of the instances that they are inside of; and imports in the
 * form that zrun makes variables of (zrun/native/environment.h).
 */
#ifndef SAMOZA_ZHOST_ENVIRONMENT_VARIABLES_H
#define SAMOZA_ZHOST_ENVIRONMENT_VARIABLES_H

#include <stddef.h>

#include "base/error.h"
#include "base/vector.h"
#include "proto/wire.pb-c.h"

struct launch_variable;

struct variable {
	char *name; /* owned */
	char *value;
};
typedef VECTOR(struct variable) variable_vector;

/* Takes `name` over, copies the value. */
void variables_add(variable_vector *to, char *name, const char *value);
void variables_done(variable_vector *v);
/* The same array as a launch request takes it; borrowed. */
const struct launch_variable *variables_for_launch(const variable_vector *v);

/* SAMOZA_TOPOLOGY, _TOPOLOGY_ID, _SPACE, _INSTANCE, _EPOCH, _ZHOST */
void variables_identity(variable_vector *to, const Samoza__V1__InstanceKey *key,
			const Samoza__V1__InstanceSpec *spec, const char *zhost);
/* SAMOZA_EXPORT_name */
void variables_exports(variable_vector *to, Samoza__V1__Variable *const *exports, size_t n);
/* SAMOZA_ANCESTOR_space_name, and SAMOZA_ANCESTOR_space_PATH */
void variables_ancestor(variable_vector *to, const char *space, const char *path,
			Samoza__V1__Variable *const *exports, size_t n);
/* "IMPORT PATH VARIABLE" and its value; one with an empty VARIABLE for a provider that gives
 * none. Providers of one import follow each other. */
void variables_imports(variable_vector *to, Samoza__V1__Provider *const *providers, size_t n);

/* The text with each ${NAME} of an own export replaced by its value; others stay. The caller
 * frees. */
char *variables_replace(const char *text, Samoza__V1__Variable *const *exports, size_t n);
/* A port: the number itself, or the value of the export of that name. The caller frees. */
char *variables_port(const char *text, Samoza__V1__Variable *const *exports, size_t n);

#endif
