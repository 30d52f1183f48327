/*
 * What zhost asked for.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_SETTINGS_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

struct native;

/* The value of a setting, "" for none. */
const char *native_setting(const struct native *n, const char *name);
uint64_t native_number(const struct native *n, const char *name);
/* snprintf() for messages, which may be cut. */
void native_text(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
