/*
 * Strings: formatting, comparing, parsing. The caller frees returned strings.
 */
#ifndef SAMOZA_BASE_STR_H
#define SAMOZA_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

char *str_printf(const char *format, ...)
	__attribute__((format(printf, 1, 2), returns_nonnull));
char *str_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static inline bool str_is_empty(const char *s)
{
	return s == NULL || s[0] == '\0';
}
/* NULL is equal only to NULL. */
bool str_equal(const char *a, const char *b);
/* Like strcmp(); NULL sorts first. */
int str_compare(const char *a, const char *b);
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

/* `s` must consist of decimal digits only (for i64 after an optional '-') and be in range. 0, or
 * -1 with *ret_value untouched. */
int str_to_u64(const char *s, uint64_t *ret_value);
int str_to_i64(const char *s, int64_t *ret_value);

/* "s", or "" for 1: "%u zhost%s". */
const char *str_plural(uint64_t count);
/* "are", or "is" for 1: "%u of %u zhosts %s cordoned". */
const char *str_are(uint64_t count);

/* Edit distance, for "did you mean" hints. Takes time len(a) * len(b): use it for short names. */
unsigned str_distance(const char *a, const char *b);

/* 64-bit FNV-1a, the same on all machines and in all versions. */
uint64_t str_hash(const char *s);

#endif
