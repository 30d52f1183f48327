/*
 * Makes text from any source safe for a terminal and for a log of one line per entry: no control
 * characters, line ends or invalid UTF-8, and no characters that hide or reverse text
 * (bidirectional controls, line and paragraph separators). They become \n, \t, \r, \xNN or
 * \u{NNNN}.
 */
#ifndef SAMOZA_BASE_TEXT_H
#define SAMOZA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Decodes the character at `s`, which has `size` bytes (at least 1): returns its length and sets
 * its code point. Where it is not UTF-8: returns 1, and *ret_code is the byte. */
size_t text_next(const char *s, size_t size, uint32_t *ret_code, bool *ret_valid);

/* Whether a code point may be shown unescaped. */
bool text_is_printable(uint32_t code);

/* Appends `size` bytes, escaped; stops when the buffer is full, never inside a character. */
void text_escape_n(struct buffer *out, const char *s, size_t size);
void text_escape(struct buffer *out, const char *s);
/* Returns a new string, or NULL for NULL. The caller frees. */
char *text_escaped(const char *s);

/* Appends a value for a log: unchanged if it is plain, otherwise in "..." with \" and \\. */
void text_quote(struct buffer *out, const char *s);

#endif
