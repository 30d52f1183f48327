#include "adapter/etcd/keys.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

/* ---- keys ---- */

bytes etcd_key_text(const char *text)
{
	return (bytes){.len = strlen(text), .data = mem_memdup(text, strlen(text))};
}

static bytes take_text(char *text)
{
	return (bytes){.len = strlen(text), .data = (uint8_t *)text};
}

bytes key_record(enum record_kind kind, const char *id)
{
	return take_text(str_printf(KEY_RECORD "%02d/%s", (int)kind, id));
}

bytes key_seq(const char *prefix, uint64_t seq)
{
	return take_text(str_printf("%s%020" PRIu64, prefix, seq));
}

bytes key_copy(bytes key)
{
	return (bytes){.len = key.len, .data = mem_memdup(key.data, key.len)};
}

/* PREFIX, owner with its '/' as 1, `rest`. */
static bytes owner_key(const char *prefix, const char *owner, size_t owner_size,
		       const void *rest, size_t size)
{
	size_t n = strlen(prefix);
	bytes key = {.len = n + owner_size + size};
	key.data = mem_calloc(1, key.len + 1);
	memcpy(key.data, prefix, n);
	for (size_t i = 0; i < owner_size; i++)
		key.data[n + i] = owner[i] == '/' ? 1 : (uint8_t)owner[i];
	if (size > 0)
		memcpy(key.data + n + owner_size, rest, size);
	return key;
}

bytes key_data(const char *owner, const void *key, size_t size)
{
	size_t owner_size = strlen(owner);
	return owner_key(KEY_DATA, owner, owner_size + 1, key, size); /* its NUL, too */
}

bytes key_use(const char *owner)
{
	/* With the NUL byte of data's keys, so that owners have the same order. */
	return owner_key(KEY_USE, owner, strlen(owner) + 1, NULL, 0);
}

void key_owners(const char *prefix, const char *owner, bytes *ret_from, bytes *ret_to)
{
	size_t size = strlen(owner);
	if (size > 0 && owner[size - 1] == '/')
		size--;
	*ret_from = owner_key(prefix, owner, size, "\0", 1);
	*ret_to = owner_key(prefix, owner, size, "\2", 1);
}

bytes key_after(bytes key)
{
	bytes after = {.len = key.len + 1, .data = mem_calloc(1, key.len + 2)};
	memcpy(after.data, key.data, key.len);
	return after;
}

bytes key_end(bytes prefix)
{
	bytes end = key_copy(prefix);
	while (end.len > 0 && end.data[end.len - 1] == 0xff)
		end.len--;
	if (end.len == 0) /* to the end of all keys */
		return (bytes){.len = 1, .data = mem_calloc(1, 2)};
	end.data[end.len - 1]++;
	return end;
}

int key_compare(bytes a, bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n > 0 ? memcmp(a.data, b.data, n) : 0;
	if (r != 0)
		return r;
	return a.len < b.len ? -1 : a.len > b.len;
}

/* ---- what they say ---- */

static bool has_prefix(bytes key, const char *prefix)
{
	size_t n = strlen(prefix);
	return key.len >= n && memcmp(key.data, prefix, n) == 0;
}

bool key_is_record(bytes key, enum record_kind *ret_kind, char **ret_id)
{
	size_t n = strlen(KEY_RECORD);
	if (!has_prefix(key, KEY_RECORD) || key.len < n + 3 || key.data[n + 2] != '/')
		return false;
	char kind[3] = {(char)key.data[n], (char)key.data[n + 1], '\0'};
	uint64_t number = 0;
	if (str_to_u64(kind, &number) < 0)
		return false;
	*ret_kind = (enum record_kind)number;
	*ret_id = mem_strndup((const char *)key.data + n + 3, key.len - n - 3);
	return true;
}

bool key_is_seq(bytes key, const char *prefix, uint64_t *ret_seq)
{
	size_t n = strlen(prefix);
	if (!has_prefix(key, prefix) || key.len != n + 20)
		return false;
	CLEANUP(freep) char *text = mem_strndup((const char *)key.data + n, 20);
	return str_to_u64(text, ret_seq) == 0;
}

static char *owner_read(const uint8_t *from, size_t size)
{
	char *owner = mem_strndup((const char *)from, size);
	for (char *c = owner; *c != '\0'; c++)
		if (*c == 1)
			*c = '/';
	return owner;
}

bool key_is_data(bytes key, char **ret_owner, bytes *ret_key)
{
	size_t n = strlen(KEY_DATA);
	if (!has_prefix(key, KEY_DATA))
		return false;
	const uint8_t *nul = memchr(key.data + n, 0, key.len - n);
	if (nul == NULL)
		return false;
	size_t size = (size_t)(nul - key.data) - n;
	*ret_owner = owner_read(key.data + n, size);
	*ret_key = (bytes){.len = key.len - n - size - 1, .data = key.data + n + size + 1};
	return true;
}

char *key_owner_of_use(bytes key)
{
	size_t n = strlen(KEY_USE);
	PRE(has_prefix(key, KEY_USE));
	return owner_read(key.data + n, key.len - n);
}

/* ---- values ---- */

static uint64_t sum_of(bytes key, const void *data, size_t size)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	crypto_generichash_state state;
	uint8_t length[8]; /* big endian, on every machine */
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)key.len >> (56 - 8 * i));
	(void)crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	(void)crypto_generichash_update(&state, length, sizeof(length));
	(void)crypto_generichash_update(&state, key.data, key.len);
	if (size > 0)
		(void)crypto_generichash_update(&state, data, size);
	(void)crypto_generichash_final(&state, hash, sizeof(hash));
	uint64_t sum = 0;
	for (size_t i = 0; i < SUM_BYTES; i++)
		sum = sum << 8 | hash[i];
	return sum;
}

bytes value_pack(bytes key, const void *data, size_t size, uint64_t *ret_sum)
{
	uint64_t sum = sum_of(key, data, size);
	bytes packed = {.len = SUM_BYTES + size, .data = mem_calloc(1, SUM_BYTES + size + 1)};
	for (size_t i = 0; i < SUM_BYTES; i++)
		packed.data[i] = (uint8_t)(sum >> (56 - 8 * i));
	if (size > 0)
		memcpy(packed.data + SUM_BYTES, data, size);
	*ret_sum = sum;
	return packed;
}

bool value_unpack(bytes key, bytes packed, bytes *ret_value, uint64_t *ret_sum)
{
	uint64_t sum = 0;
	if (packed.len < SUM_BYTES)
		return false;
	for (size_t i = 0; i < SUM_BYTES; i++)
		sum = sum << 8 | packed.data[i];
	const bytes value = {.len = packed.len - SUM_BYTES, .data = packed.data + SUM_BYTES};
	if (sum != sum_of(key, value.data, value.len))
		return false;
	*ret_value = value;
	*ret_sum = sum;
	return true;
}
