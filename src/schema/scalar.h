/*
 * Scalars between text and C, alike in YAML and JSON and in every locale. Private to
 * src/schema.
 */
#ifndef SAMOZA_SCHEMA_SCALAR_H
#define SAMOZA_SCHEMA_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "schema/node.h"

enum scalar_result {
	SCALAR_OK = 0,
	SCALAR_NOT_ONE = -1,	  /* does not look like one */
	SCALAR_OUT_OF_RANGE = -2, /* does, but does not fit */
};

/* Nothing, ~ or null, unquoted. */
bool scalar_is_null(const struct node *node);
enum scalar_result scalar_to_bool(const struct node *node, bool *ret);
/* Decimal. */
enum scalar_result scalar_to_i64(const struct node *node, int64_t *ret);
enum scalar_result scalar_to_u64(const struct node *node, uint64_t *ret);
/* Finite. */
enum scalar_result scalar_to_double(const struct node *node, double *ret);

/* The shortest text that gives the same number again: at most 32 bytes with the NUL. */
void double_to_text(double value, char text[32]);

/* RFC 4648 with padding. */
int base64_add(struct buffer *out, const uint8_t *data, size_t size);
/* The caller frees *ret_data (never NULL on success). */
enum scalar_result base64_decode(const char *text, size_t size, uint8_t **ret_data,
				 size_t *ret_size);

#endif
