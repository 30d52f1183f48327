/*
 * Which secrets a NATIVE instance is given, by its set of imports, and as what.
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_SECRET_USES_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_SECRET_USES_H

#include <stdbool.h>

#include "zrun/native/environment.h"

struct native;
struct keeper_event;

/* A use of a secret. Borrowed from the set. */
struct native_secret_use {
	const char *name; /* of the variable, or file */
	const char *key;  /* of runner/secret_set.h */
};

/* The next one of that kind (SECRET_FILE, SECRET_ENV) at *at, which moves on; false at the end. */
bool native_secret_use_next(const char *kind, const char **at, const char *until,
			    struct native_secret_use *ret);
/* Whether it has files. */
bool native_secret_files_any(const struct native *n);
/* Adds variables of secrets. */
void native_secret_environment(const struct native *n, struct strings *to);
/* What the keeper has answered to the last order of native_secrets.c. */
void native_secret_event(struct native *n, const struct keeper_event *event);

#endif
