/*
 * The language of `env` and of the templates of `config`: text in which some things stand for others.
 *
 *   ${NAME}                 an export of the space
 *   ${imports.FROM.NAME}    a variable of an import: of its first provider that has it
 *   $${                     the text ${
 *   ${$}                    the text $, where one of these follows: values of parameters are written with it
 *
 * All else is text. (`${param.NAME}` is replaced earlier: parameter/parameters.h.) Who knows the values fills them in:
 * core/settings/settings.h. Source: [workloads.configuration].
 */
#ifndef SAMOZA_MODEL_SETTING_H
#define SAMOZA_MODEL_SETTING_H

#include <stdbool.h>
#include <stddef.h>

struct space;

#define SETTING_ENV_MAX_BYTES \
	((size_t)32 * 1024) /* names and values of a space, before they are filled in */
#define SETTING_TEMPLATE_MAX_BYTES  ((size_t)32 * 1024) /* one */
#define SETTING_TEMPLATES_MAX_BYTES ((size_t)64 * 1024) /* those of a space */
/* What comes out is at most so large, else the instance does not start: one value, one file, and all of an instance. */
#define SETTING_FILLED_MAX_BYTES     ((size_t)64 * 1024)
#define SETTING_FILLED_ALL_MAX_BYTES ((size_t)96 * 1024)

/* Variables of imports that env and config of a space refer to, and its secrets: of each one bit says whether it has a value
 * (core/settings/settings.h). */
#define SETTING_REFERENCES_MAX 63

/* In lists of what a space refers to: "secret:NAME". No import has such a name. */
#define SETTING_SECRET "secret:"

enum setting_kind {
	SETTING_END,
	SETTING_TEXT,
	SETTING_EXPORT, /* text: NAME */
	SETTING_IMPORT, /* text: FROM.NAME */
	SETTING_WRONG,	/* text: from `${` on */
};

struct setting_piece {
	enum setting_kind kind;
	const char *text; /* borrowed from what is read */
	size_t size;
	size_t dot; /* SETTING_IMPORT: where NAME's '.' is */
};

/* The piece at *at, which moves on. After the last, and after a wrong one, SETTING_END. */
struct setting_piece setting_next(const char **at);
/* What is wrong with a piece, for people; the caller frees. */
char *setting_wrong_text(const struct setting_piece *piece);

/* Its processes get env, config or secrets. */
bool space_has_settings(const struct space *s);

/* Another copy may have another value of that export: it is filled in when it starts. */
bool setting_is_filled(const struct space *s, const char *variable);

/* The value as text of this language, whatever stands around it: nothing of it is filled in. The caller frees. */
char *setting_quote(const char *value);

/* The instance cannot have a variable of that name from its package: zhost gives it a value. */
bool setting_is_reserved(const char *name);

#endif
