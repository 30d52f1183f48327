/*
 * A private directory for a test's files, and a loop that runs until something has happened.
 */
#ifndef TEST_SQLITE_FOLDER_H
#define TEST_SQLITE_FOLDER_H

#include <stdbool.h>

#include "adapter/uv/loop.h"

/* A new directory below /tmp; the caller frees the path. */
char *folder_new(void);
void folder_remove(const char *folder);
char *folder_file(const char *folder, const char *name);

/* Runs the loop until *done is true; fails the test after ten seconds. */
void loop_until(struct loop *loop, const bool *done);

#endif
