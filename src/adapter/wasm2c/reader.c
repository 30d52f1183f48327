#include "adapter/wasm2c/reader.h"

#include <inttypes.h>
#include <stdarg.h>

#include "adapter/wasm2c/module.h"
#include "base/memory.h"
#include "base/str.h"

int reader_fail(struct reader *r, enum error_code code, size_t offset, const char *format, ...)
{
	va_list args;

	if (r->result < 0)
		return r->result;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	r->result = error_set(r->err, code, "byte 0x%zx: %s", offset, text);
	r->at = r->end;
	return r->result;
}

uint8_t read_byte(struct reader *r)
{
	if (r->result < 0)
		return 0;
	if (r->at >= r->end) {
		reader_fail(r, ERR_INVALID, r->at, "ends too early");
		return 0;
	}
	return r->data[r->at++];
}

uint32_t read_u32(struct reader *r)
{
	size_t start = r->at;
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte = read_byte(r);

		if (shift == 28 && (byte & 0xf0) != 0)
			break;
		value |= (uint32_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return r->result < 0 ? 0 : value;
	}
	reader_fail(r, ERR_INVALID, start, "a number does not fit 32 bits");
	return 0;
}

int64_t read_signed(struct reader *r, unsigned bits)
{
	size_t start = r->at;
	uint64_t value = 0;

	for (unsigned shift = 0; shift < bits; shift += 7) {
		uint8_t byte = read_byte(r);

		if (shift + 7 >= bits) {
			/* The last byte: no continuation, and the bits beyond repeat the sign.
			 */
			unsigned used = bits - shift;
			uint8_t rest = (uint8_t)((byte & 0x7f) >> (used - 1));

			if ((byte & 0x80) != 0 || (rest != 0 && rest != (0x7f >> (used - 1))))
				break;
		}
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			if (shift + 7 < 64 && (byte & 0x40) != 0)
				value |= UINT64_MAX << (shift + 7);
			return r->result < 0 ? 0 : (int64_t)value;
		}
	}
	reader_fail(r, ERR_INVALID, start, "a number does not fit %u bits", bits);
	return 0;
}

uint32_t read_count(struct reader *r, const char *what, uint32_t max, size_t min_size)
{
	size_t start = r->at;
	uint32_t count = read_u32(r);

	if (r->result < 0)
		return 0;
	if (count > max) {
		reader_fail(r, ERR_LIMIT, start,
			    "%" PRIu32 " %s, at most %" PRIu32 " are allowed", count, what,
			    max);
		return 0;
	}
	if (count > (r->end - r->at) / min_size) {
		reader_fail(r, ERR_INVALID, start, "%s: what is left does not hold %" PRIu32,
			    what, count);
		return 0;
	}
	return count;
}

const uint8_t *read_bytes(struct reader *r, size_t size)
{
	const uint8_t *bytes = r->data + r->at;

	if (r->result < 0)
		return NULL;
	if (size > r->end - r->at) {
		reader_fail(r, ERR_INVALID, r->at, "ends too early: %zu more byte%s %s needed",
			    size, str_plural(size), str_are(size));
		return NULL;
	}
	r->at += size;
	return bytes;
}

static bool name_character(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '$' || c == '-';
}

const char *read_name(struct reader *r, const char *what, uint32_t *ret_size)
{
	size_t start = r->at;
	uint32_t size = read_u32(r);
	const uint8_t *bytes;

	if (r->result == 0 && (size == 0 || size > MODULE_NAME_MAX)) {
		reader_fail(r, size == 0 ? ERR_INVALID : ERR_LIMIT, start,
			    "%s has a name of %" PRIu32 " bytes, 1 to %u are allowed", what,
			    size, MODULE_NAME_MAX);
		return NULL;
	}
	bytes = read_bytes(r, size);
	if (bytes == NULL)
		return NULL;
	for (uint32_t i = 0; i < size; i++) {
		if (!name_character(bytes[i])) {
			reader_fail(r, ERR_INVALID, start,
				    "%s has a name with the byte 0x%02x after '%.*s'; names "
				    "are made of "
				    "[A-Za-z0-9_.$-]",
				    what, bytes[i], (int)(i > 60 ? 60 : i),
				    (const char *)bytes);
			return NULL;
		}
	}
	*ret_size = size;
	return (const char *)bytes;
}

void write_u32(uint8_t *to, size_t *at, uint32_t value)
{
	do {
		uint8_t byte = value & 0x7f;

		value >>= 7;
		to[(*at)++] = (uint8_t)(byte | (value != 0 ? 0x80 : 0));
	} while (value != 0);
}
