#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

static int error_vset(struct error **err, enum error_code code, const char *format,
		      va_list args) __attribute__((format(printf, 3, 0)));

static int error_vset(struct error **err, enum error_code code, const char *format,
		      va_list args)
{
	if (err == NULL)
		return code;
	PRE(*err == NULL);
	struct error *error = mem_new(struct error);
	error->code = code;
	error->message = str_vprintf(format, args);
	*err = error;
	return code;
}

int error_set(struct error **err, enum error_code code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)error_vset(err, code, format, args);
	va_end(args);
	return code;
}

int error_set_at(struct error **err, enum error_code code, const char *file, unsigned line,
		 unsigned column, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)error_vset(err, code, format, args);
	va_end(args);
	if (err != NULL) {
		(*err)->file = mem_strdup(file);
		(*err)->line = line;
		(*err)->column = column;
	}
	return code;
}

static enum error_code code_of_errno(int number)
{
	switch (number) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_IO;
	}
}

int error_errno(struct error **err, const char *format, ...)
{
	int number = errno;
	enum error_code code = code_of_errno(number);
	va_list args;
	va_start(args, format);
	(void)error_vset(err, code, format, args);
	va_end(args);
	if (err != NULL) {
		char *whole = str_printf("%s: %s", (*err)->message, strerror(number));
		free((*err)->message);
		(*err)->message = whole;
	}
	return code;
}

int error_wrap(struct error **err, const char *format, ...)
{
	if (err == NULL || *err == NULL)
		return ERR_IO;
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *context = str_vprintf(format, args);
	va_end(args);
	char *whole = str_printf("%s: %s", context, (*err)->message);
	free((*err)->message);
	(*err)->message = whole;
	return (*err)->code;
}

int error_move(struct error **err, struct error *from)
{
	PRE(from != NULL);
	enum error_code code = from->code;
	if (err == NULL) {
		error_free(from);
	} else {
		PRE(*err == NULL);
		*err = from;
	}
	return code;
}

char *error_text(const struct error *error)
{
	if (error->file == NULL)
		return mem_strdup(error->message);
	if (error->line == 0)
		return str_printf("%s: %s", error->file, error->message);
	return str_printf("%s:%u:%u: %s", error->file, error->line, error->column,
			  error->message);
}

const char *error_code_name(enum error_code code)
{
	switch (code) {
	case ERR_INVALID:
		return "invalid";
	case ERR_NOT_FOUND:
		return "not-found";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_DENIED:
		return "denied";
	case ERR_LIMIT:
		return "limit";
	case ERR_IO:
		return "io";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_UNAVAILABLE:
		return "unavailable";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_STALE:
		return "stale";
	}
	return "unknown";
}

void error_free(struct error *error)
{
	if (error == NULL)
		return;
	free(error->message);
	free(error->file);
	free(error);
}

void error_freep(struct error **err)
{
	error_free(*err);
}
