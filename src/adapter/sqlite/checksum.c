#include "adapter/sqlite/checksum.h"

#include <string.h>

#include "base/check.h"

/* Least of BLAKE2b that libsodium gives; eight of its bytes are kept. */
#define HASH_BYTES crypto_generichash_BYTES_MIN

static void add(struct checksum *c, uint8_t type, const void *data, size_t size)
{
	uint8_t head[9] = {type};
	uint64_t length = size;
	for (size_t i = 1; i < sizeof(head); i++, length >>= 8)
		head[i] = (uint8_t)length;
	(void)crypto_generichash_update(&c->state, head, sizeof(head));
	if (size > 0)
		(void)crypto_generichash_update(&c->state, data, size);
}

void checksum_begin(struct checksum *c)
{
	(void)crypto_generichash_init(&c->state, NULL, 0, HASH_BYTES);
}

void checksum_add_int(struct checksum *c, int64_t value)
{
	uint8_t bytes[8];
	uint64_t rest = (uint64_t)value;
	for (size_t i = 0; i < sizeof(bytes); i++, rest >>= 8)
		bytes[i] = (uint8_t)rest;
	add(c, SQLITE_INTEGER, bytes, sizeof(bytes));
}

void checksum_add_text(struct checksum *c, const char *text)
{
	add(c, text != NULL ? SQLITE_TEXT : SQLITE_NULL, text, text != NULL ? strlen(text) : 0);
}

void checksum_add_blob(struct checksum *c, const void *data, size_t size)
{
	add(c, SQLITE_BLOB, data, size);
}

int64_t checksum_end(struct checksum *c)
{
	uint8_t hash[HASH_BYTES];
	uint64_t sum = 0;
	(void)crypto_generichash_final(&c->state, hash, sizeof(hash));
	for (size_t i = 0; i < sizeof(sum); i++)
		sum = sum << 8 | hash[i];
	return (int64_t)sum;
}

static void add_value(struct checksum *c, sqlite3_value *value)
{
	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		checksum_add_int(c, sqlite3_value_int64(value));
		return;
	case SQLITE_NULL:
		checksum_add_text(c, NULL);
		return;
	case SQLITE_TEXT: {
		const unsigned char *text = sqlite3_value_text(value);
		add(c, SQLITE_TEXT, text, (size_t)sqlite3_value_bytes(value));
		return;
	}
	default: { /* our columns hold no floating point: a damaged one counts by its bytes */
		const void *blob = sqlite3_value_blob(value);
		add(c, (uint8_t)sqlite3_value_type(value), blob,
		    (size_t)sqlite3_value_bytes(value));
		return;
	}
	}
}

static void sql_checksum(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct checksum c;
	checksum_begin(&c);
	for (int i = 0; i < count; i++)
		add_value(&c, values[i]);
	sqlite3_result_int64(context, checksum_end(&c));
}

int checksum_register(sqlite3 *handle)
{
	return sqlite3_create_function_v2(handle, "checksum", -1,
					  SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
					  sql_checksum, NULL, NULL, NULL);
}
