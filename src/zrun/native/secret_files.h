/*
 * Files with secrets, as the keeper writes them into their directory in memory (native_secrets.h).
 */
#ifndef SAMOZA_ZRUN_NATIVE_SECRET_FILES_H
#define SAMOZA_ZRUN_NATIVE_SECRET_FILES_H

#include <stddef.h>

/* "NAME\0" and the content: written beside, for secret_files_settle(). 0, or errno. */
int secret_file_write(int directory, const char *text, size_t size);
/* Names, each with its NUL: those that were written take their places, and what is not among them is removed. 0, or errno. */
int secret_files_settle(int directory, const char *names, size_t size);

#endif
