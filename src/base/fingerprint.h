/*
 * A number of 64 bits for some bytes, the same on all machines and in all versions: to see that two things
 * differ. Quick, and no protection from anybody who wants them to have the same one.
 */
#ifndef SAMOZA_BASE_FINGERPRINT_H
#define SAMOZA_BASE_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FINGERPRINT_NONE UINT64_C(0xcbf29ce484222325)

static inline uint64_t fingerprint_word(uint64_t before, uint64_t word)
{
	uint64_t x = (before ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return x ^ (x >> 29);
}

/* Of what `before` is of, and of these bytes. The end of each part counts: "ab", "c" is not "a", "bc". */
static inline uint64_t fingerprint(uint64_t before, const void *data, size_t size)
{
	const uint8_t *at = data;
	size_t left = size;
	for (; left >= 8; at += 8, left -= 8) {
		uint64_t word = 0;
		for (unsigned k = 0; k < 8; k++)
			word |= (uint64_t)at[k] << (8 * k);
		before = fingerprint_word(before, word);
	}
	uint64_t rest = 0;
	for (size_t k = 0; k < left; k++)
		rest |= (uint64_t)at[k] << (8 * k);
	return fingerprint_word(fingerprint_word(before, rest), size);
}

/* NULL is not "". */
static inline uint64_t fingerprint_text(uint64_t before, const char *text)
{
	if (text == NULL)
		return fingerprint_word(before, UINT64_MAX);
	return fingerprint(before, text, strlen(text));
}

#endif
