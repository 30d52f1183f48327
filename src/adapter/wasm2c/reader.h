/*
 * Reads the bytes of a module, never past their end. The first failure sticks: every later
 * read gives 0 and the error stays as it is, so that a run of reads is checked once.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_READER_H
#define SAMOZA_ADAPTER_WASM2C_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct reader {
	const uint8_t *data; /* the whole module, so that `at` is the offset in the file */
	size_t at;
	size_t end;
	struct error **err;
	int result; /* 0, or the error's code */
};

/* "byte 0x1f: FORMAT", unless something failed before; returns the code of the failure. */
int reader_fail(struct reader *r, enum error_code code, size_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

uint8_t read_byte(struct reader *r);
/* LEB128, at most 5 bytes, unused bits 0. */
uint32_t read_u32(struct reader *r);
/* Signed LEB128 of `bits` 32, 33 or 64; the value is dropped for 64. */
int64_t read_signed(struct reader *r, unsigned bits);
/* A number of items of at least `min_size` bytes each: refused where that cannot fit into
 * what is left, and over `max` (ERR_LIMIT). */
uint32_t read_count(struct reader *r, const char *what, uint32_t max, size_t min_size);
/* Borrowed; NULL after a failure. */
const uint8_t *read_bytes(struct reader *r, size_t size);
/* A name: 1 to MODULE_NAME_MAX characters from [A-Za-z0-9_.$-]. NULL after a failure. */
const char *read_name(struct reader *r, const char *what, uint32_t *ret_size);

/* The shortest form of a number, at to[*at]; moves *at on. */
void write_u32(uint8_t *to, size_t *at, uint32_t value);

#endif
