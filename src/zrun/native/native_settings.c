#include "zrun/native/native_settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "zrun/native/native_state.h"

const char *native_setting(const struct native *n, const char *name)
{
	const struct runner *i = n->instance;
	const char *value = strings_find(i->settings, i->request->settings_size, name);

	return value != NULL ? value : "";
}

uint64_t native_number(const struct native *n, const char *name)
{
	return strtoull(native_setting(n, name), NULL, 10);
}

void native_text(char *text, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, size, format, args);
	va_end(args);
}
