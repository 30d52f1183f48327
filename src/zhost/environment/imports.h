/*
 * The imports of an instance as its process gets them: with a start, and with each update.
 *
 *   WebAssembly   "NAME.VARIABLE" and "PATH.VARIABLE": by the import's name (of its first
 *                 provider) and by each provider's path
 *   recipes       "IMPORT PATH VARIABLE", of which zrun makes environment variables
 *                 (zrun/native/environment.h)
 */
#ifndef SAMOZA_ZHOST_ENVIRONMENT_IMPORTS_H
#define SAMOZA_ZHOST_ENVIRONMENT_IMPORTS_H

#include <stddef.h>

#include "base/vector.h"
#include "proto/wire.pb-c.h"

struct import_value {
	char *name; /* owned */
	char *value;
};
typedef VECTOR(struct import_value) import_vector;

void imports_done(import_vector *imports);

/* Appends the values of the providers in one of the two forms. */
void imports_for_guest(import_vector *to, Samoza__V1__Provider *const *providers, size_t n);
void imports_for_recipes(import_vector *to, Samoza__V1__Provider *const *providers, size_t n);

#endif
