/*
 * How wide text is on a terminal, and where its lines end: between words.
 */
#ifndef SAMOZA_ADAPTER_TERMINAL_TERMINAL_H
#define SAMOZA_ADAPTER_TERMINAL_TERMINAL_H

#include <stddef.h>

/* Columns that a text takes. */
size_t terminal_width(const char *text);
/* Of the terminal that `fd` is; 0: it is none. */
size_t terminal_columns(int fd);
/* `text` with a new line before each word for which `columns` are too few; what is not the first line begins
 * with `indent` spaces, or none where they are half of the columns. Spaces between words stay. 0 columns:
 * the text as it is. The caller frees. */
char *terminal_break(const char *text, size_t columns, size_t indent);

#endif
