/*
 * Numbers as files have them, alike in every locale.
 */
#ifndef SAMOZA_SCHEMA_NUMBER_H
#define SAMOZA_SCHEMA_NUMBER_H

#include <stdint.h>

/* Decimal digits after an optional sign. -1: it is none, or does not fit. */
int number_from_whole(const char *text, int64_t *ret_value);
/* Finite. -1: it is none. */
int number_from_text(const char *text, double *ret_value);
/* The shortest text that gives the same number again. */
void number_to_text(double value, char text[32]);

#endif
