/*
 * Text from anywhere, made fit for a person's terminal and for one-line logs: no control
 * characters, no line ends, no invalid UTF-8, nothing that hides or turns text (bidirectional
 * controls, line and paragraph separators). What is not fit becomes \n, \t, \r, \xNN or
 * \u{NNNN}.
 */
#ifndef SAMOZA_BASE_TEXT_H
#define SAMOZA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The character at `s`, of which `size` bytes are there (at least 1): its length and code
 * point, or 1 and the byte with *ret_valid false. */
size_t text_next(const char *s, size_t size, uint32_t *ret_code, bool *ret_valid);

/* Whether a code point may be shown as it is. */
bool text_is_printable(uint32_t code);

/* Appends `size` bytes made fit; stops where the buffer is full. */
void text_escape_n(struct buffer *out, const char *s, size_t size);
void text_escape(struct buffer *out, const char *s);
/* The same as a new string; NULL gives NULL. The caller frees. */
char *text_escaped(const char *s);

/* As a value in a log: as it is where it is plain, otherwise in "..." with \" and \\. */
void text_quote(struct buffer *out, const char *s);

#endif
