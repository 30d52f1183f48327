/*
 * A private directory for a test's files, and a loop that runs until something has happened.
 */
#ifndef TEST_SQLITE_DIRECTORY_H
#define TEST_SQLITE_DIRECTORY_H

#include <stdbool.h>

#include "adapter/uv/loop.h"

/* A new directory below /tmp; the caller frees the path. */
char *directory_new(void);
void directory_delete(const char *directory);
char *directory_file(const char *directory, const char *name);

/* Runs the loop until *done is true; fails the test after ten seconds. */
void loop_until(struct loop *loop, const bool *done);

#endif
