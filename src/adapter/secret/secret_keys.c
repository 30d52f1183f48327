#include "adapter/secret/secret_keys.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

#define MAGIC	     "samoza-secret-keys 1\n"
#define MAGIC_SEALED "samoza-secret-keys 1 sealed\n"
#define KEY_BYTES    crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define VARIANT	     sodium_base64_VARIANT_ORIGINAL

_Static_assert(SECRET_OVERHEAD == NONCE_BYTES + TAG_BYTES,
	       "what a value gets when it is sealed");

struct secret_key {
	char id[SECRET_KEY_ID_CHARS + 1];
	uint64_t made_ms; /* wall clock, and later than that of those that were there */
	unsigned char bytes[KEY_BYTES];
};

struct secret_keys {
	size_t count;
	struct secret_key items[SECRET_KEYS_MAX]; /* the newest first */
};

/* ---- memory ---- */

void secret_wipe(void *data, size_t size)
{
	if (data != NULL)
		sodium_memzero(data, size);
}

void secret_text_freep(char **text)
{
	if (*text != NULL)
		secret_wipe(*text, strlen(*text));
	free(*text);
}

/* In pages of its own: neither swapped out, as far as the limit of locked memory allows, nor in a core dump. */
static struct secret_keys *keys_alloc(void)
{
	struct secret_keys *keys = sodium_malloc(sizeof(*keys));
	if (keys == NULL)
		IMPOSSIBLE("there is no memory for the keys of secrets");
	sodium_memzero(keys, sizeof(*keys));
	return keys;
}

void secret_keys_free(struct secret_keys *keys)
{
	sodium_free(keys); /* wipes it */
}

void secret_keys_freep(struct secret_keys **keys)
{
	secret_keys_free(*keys);
}

/* ---- keys ---- */

static void begin(void)
{
	if (sodium_init() < 0)
		IMPOSSIBLE("libsodium finds no random numbers");
}

static uint64_t now_ms(void)
{
	struct timespec now = {0};
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void draw(struct secret_key *key, uint64_t after_ms)
{
	unsigned char id[SECRET_KEY_ID_CHARS / 2];
	begin();
	key->made_ms = now_ms() > after_ms ? now_ms() : after_ms + 1;
	randombytes_buf(id, sizeof(id));
	(void)sodium_bin2hex(key->id, sizeof(key->id), id, sizeof(id));
	randombytes_buf(key->bytes, sizeof(key->bytes));
}

struct secret_keys *secret_keys_new(void)
{
	begin();
	struct secret_keys *keys = keys_alloc();
	draw(&keys->items[0], 0);
	keys->count = 1;
	return keys;
}

static const struct secret_key *find(const struct secret_keys *keys, const char *id)
{
	for (size_t k = 0; k < keys->count; k++)
		if (str_equal(keys->items[k].id, id))
			return &keys->items[k];
	return NULL;
}

/* Room at the front. */
/* In its place: the newest first, and of two that are as old that which is there. PRE: there is room. */
static void insert(struct secret_keys *keys, const struct secret_key *key)
{
	size_t at = 0;
	PRE(keys->count < SECRET_KEYS_MAX);
	while (at < keys->count && keys->items[at].made_ms >= key->made_ms)
		at++;
	memmove(&keys->items[at + 1], &keys->items[at],
		(keys->count - at) * sizeof(keys->items[0]));
	keys->items[at] = *key;
	keys->count++;
}

void secret_keys_add(struct secret_keys *keys)
{
	struct secret_key key = {0};
	draw(&key, keys->count > 0 ? keys->items[0].made_ms : 0);
	insert(keys, &key);
	secret_wipe(&key, sizeof(key));
}

static void remove_at(struct secret_keys *keys, size_t at)
{
	keys->count--;
	memmove(&keys->items[at], &keys->items[at + 1],
		(keys->count - at) * sizeof(keys->items[0]));
	secret_wipe(&keys->items[keys->count], sizeof(keys->items[0]));
}

bool secret_keys_drop(struct secret_keys *keys, const char *id)
{
	for (size_t k = 0; k < keys->count; k++)
		if (str_equal(keys->items[k].id, id)) {
			remove_at(keys, k);
			return true;
		}
	return false;
}

bool secret_keys_has(const struct secret_keys *keys, const char *id)
{
	return find(keys, id) != NULL;
}

bool secret_keys_take(struct secret_keys *keys, const struct secret_keys *from, const char *id)
{
	const struct secret_key *key = find(from, id);
	if (key == NULL || secret_keys_has(keys, id) || keys->count == SECRET_KEYS_MAX)
		return false;
	insert(keys, key);
	return true;
}

bool secret_keys_unite(struct secret_keys *keys, const struct secret_keys *from)
{
	bool fits = true;
	for (size_t at = 0; at < from->count; at++) {
		const char *id = from->items[at].id;
		fits &= secret_keys_has(keys, id) || secret_keys_take(keys, from, id);
	}
	return fits;
}

bool secret_keys_has_all(const struct secret_keys *keys, const struct secret_keys *of)
{
	for (size_t at = 0; at < of->count; at++)
		if (!secret_keys_has(keys, of->items[at].id))
			return false;
	return true;
}

struct secret_keys *secret_keys_copy(const struct secret_keys *keys)
{
	struct secret_keys *copy = keys_alloc();
	*copy = *keys;
	return copy;
}

void secret_keys_mark(const struct secret_keys *keys, const char *use, const void *data,
		      size_t size, uint8_t ret_mark[SECRET_MARK_BYTES])
{
	unsigned char key[SECRET_MARK_BYTES];
	PRE(keys->count > 0);
	(void)crypto_generichash(key, sizeof(key), (const unsigned char *)use, strlen(use),
				 keys->items[0].bytes, KEY_BYTES);
	(void)crypto_generichash(ret_mark, SECRET_MARK_BYTES, data, size, key, sizeof(key));
	secret_wipe(key, sizeof(key));
}

size_t secret_keys_count(const struct secret_keys *keys)
{
	return keys->count;
}

const char *secret_keys_id(const struct secret_keys *keys, size_t at)
{
	PRE(at < keys->count);
	return keys->items[at].id;
}

/* ---- the file ---- */

static void add_bytes(struct buffer *b, const void *data, size_t size)
{
	size_t length = sodium_base64_encoded_len(size, VARIANT);
	CLEANUP(secret_text_freep) char *text = mem_calloc(length, 1);
	(void)sodium_bin2base64(text, length, data, size, VARIANT);
	(void)buffer_add_string(b, text);
}

/* Of exactly that size, at the beginning of *at, which moves past it. */
static bool take_bytes(const char **at, const char *end, void *to, size_t size)
{
	const char *after = NULL;
	size_t got = 0;
	if (sodium_base642bin(to, size, *at, (size_t)(end - *at), NULL, &got, &after,
			      VARIANT) != 0 ||
	    got != size)
		return false;
	*at = after;
	return true;
}

static bool take_char(const char **at, const char *end, char expected)
{
	if (*at == end || **at != expected)
		return false;
	(*at)++;
	return true;
}

/* Digits, without an overflow: up to the year 33658. */
static bool take_number(const char **at, const char *end, uint64_t *to)
{
	const char *from = *at;
	*to = 0;
	while (*at < end && **at >= '0' && **at <= '9' && *at - from < 15)
		*to = *to * 10 + (uint64_t)(*(*at)++ - '0');
	return *at > from;
}

static char *lines_of(const struct secret_keys *keys)
{
	struct buffer b = BUFFER_INIT(4096);
	for (size_t k = 0; k < keys->count; k++) {
		(void)buffer_printf(&b, "%s ", keys->items[k].id);
		add_bytes(&b, keys->items[k].bytes, KEY_BYTES);
		(void)buffer_printf(&b, " %" PRIu64 "\n", keys->items[k].made_ms);
	}
	return buffer_steal(&b);
}

static int key_of(const char *passphrase, const unsigned char *salt,
		  unsigned char key[KEY_BYTES], struct error **err)
{
	if (crypto_pwhash(key, KEY_BYTES, passphrase, strlen(passphrase), salt,
			  crypto_pwhash_OPSLIMIT_INTERACTIVE,
			  crypto_pwhash_MEMLIMIT_INTERACTIVE,
			  crypto_pwhash_ALG_ARGON2ID13) == 0)
		return 0;
	return error_set(err, ERR_LIMIT, "there is no memory to make a key of the passphrase");
}

static int add_sealed(struct buffer *b, const char *lines, const char *passphrase,
		      struct error **err)
{
	unsigned char salt[crypto_pwhash_SALTBYTES], nonce[NONCE_BYTES], key[KEY_BYTES];
	size_t size = strlen(lines);
	unsigned long long sealed_size = 0;
	randombytes_buf(salt, sizeof(salt));
	randombytes_buf(nonce, sizeof(nonce));
	int r = key_of(passphrase, salt, key, err);
	if (r < 0)
		return r;
	CLEANUP(freep) unsigned char *sealed = mem_calloc(size + TAG_BYTES, 1);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		sealed, &sealed_size, (const unsigned char *)lines, size,
		(const unsigned char *)MAGIC_SEALED, strlen(MAGIC_SEALED), NULL, nonce, key);
	secret_wipe(key, sizeof(key));
	add_bytes(b, salt, sizeof(salt));
	(void)buffer_add_string(b, " ");
	add_bytes(b, nonce, sizeof(nonce));
	(void)buffer_add_string(b, " ");
	add_bytes(b, sealed, (size_t)sealed_size);
	(void)buffer_add_string(b, "\n");
	return 0;
}

int secret_keys_write(const struct secret_keys *keys, const char *passphrase, char **ret_text,
		      struct error **err)
{
	struct buffer b = BUFFER_INIT(16384);
	CLEANUP(secret_text_freep) char *lines = lines_of(keys);
	int r = 0;
	begin();
	(void)buffer_add_string(&b, passphrase != NULL ? MAGIC_SEALED : MAGIC);
	if (passphrase != NULL)
		r = add_sealed(&b, lines, passphrase, err);
	else
		(void)buffer_add_string(&b, lines);
	if (r == 0)
		*ret_text = buffer_steal(&b);
	else
		buffer_done(&b);
	return r;
}

/* *at moves past it only where it is a whole one. */
static bool read_line(const char **at, const char *end, struct secret_key *key)
{
	const char *from = *at;
	for (size_t k = 0; k < SECRET_KEY_ID_CHARS; k++) {
		if (from == end || *from == '\0' || strchr("0123456789abcdef", *from) == NULL)
			return false;
		key->id[k] = *from++;
	}
	if (!take_char(&from, end, ' ') || !take_bytes(&from, end, key->bytes, KEY_BYTES) ||
	    !take_char(&from, end, ' ') || !take_number(&from, end, &key->made_ms) ||
	    !take_char(&from, end, '\n'))
		return false;
	*at = from;
	return true;
}

static int read_lines(const char *at, const char *end, struct secret_keys **ret_keys,
		      struct error **err)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = keys_alloc();
	struct secret_key key = {0};
	while (at < end && keys->count < SECRET_KEYS_MAX && read_line(&at, end, &key))
		if (!secret_keys_has(keys, key.id))
			insert(keys, &key);
	secret_wipe(&key, sizeof(key));
	if (at != end || keys->count == 0)
		return error_set(
			err, ERR_INVALID,
			"it is no file of keys for secrets: restore it from a backup, or "
			"copy it from another zrms of the cluster");
	*ret_keys = steal_ptr(&keys);
	return 0;
}

static int read_sealed(const char *at, const char *end, const char *passphrase,
		       struct secret_keys **ret_keys, struct error **err)
{
	unsigned char salt[crypto_pwhash_SALTBYTES], nonce[NONCE_BYTES], key[KEY_BYTES];
	size_t room = (size_t)(end - at), got = 0;
	unsigned long long size = 0;
	CLEANUP(freep) unsigned char *sealed = mem_calloc(room + 1, 1);
	const char *after = NULL;
	bool is_one = take_bytes(&at, end, salt, sizeof(salt)) && take_char(&at, end, ' ') &&
		      take_bytes(&at, end, nonce, sizeof(nonce)) && take_char(&at, end, ' ') &&
		      sodium_base642bin(sealed, room, at, (size_t)(end - at), NULL, &got,
					&after, VARIANT) == 0 &&
		      got > TAG_BYTES && take_char(&after, end, '\n') && after == end;
	if (!is_one)
		return error_set(
			err, ERR_INVALID,
			"it is no file of keys for secrets: restore it from a backup, or "
			"copy it from another zrms of the cluster");
	if (passphrase == NULL)
		return error_set(err, ERR_DENIED,
				 "it is sealed with a passphrase, and none was given");
	int r = key_of(passphrase, salt, key, err);
	if (r < 0)
		return r;
	CLEANUP(secret_text_freep) char *lines = mem_calloc(got + 1, 1);
	bool opens = crypto_aead_xchacha20poly1305_ietf_decrypt(
			     (unsigned char *)lines, &size, NULL, sealed, got,
			     (const unsigned char *)MAGIC_SEALED, strlen(MAGIC_SEALED), nonce,
			     key) == 0;
	secret_wipe(key, sizeof(key));
	if (!opens)
		return error_set(err, ERR_DENIED,
				 "it is sealed with another passphrase than the one that was "
				 "given");
	return read_lines(lines, lines + size, ret_keys, err);
}

int secret_keys_read(const char *text, size_t size, const char *passphrase,
		     struct secret_keys **ret_keys, struct error **err)
{
	const char *end = text + size;
	begin();
	if (size >= strlen(MAGIC_SEALED) &&
	    memcmp(text, MAGIC_SEALED, strlen(MAGIC_SEALED)) == 0)
		return read_sealed(text + strlen(MAGIC_SEALED), end, passphrase, ret_keys, err);
	if (size >= strlen(MAGIC) && memcmp(text, MAGIC, strlen(MAGIC)) == 0)
		return read_lines(text + strlen(MAGIC), end, ret_keys, err);
	return error_set(err, ERR_INVALID,
			 "it is no file of keys for secrets: restore it from a backup, or copy "
			 "it from another zrms of the cluster");
}

/* ---- values ---- */

/* Each part with its end, so that no two labels have the same. The caller frees. */
static unsigned char *additional_data(const struct secret_label *label, size_t *ret_size)
{
	struct buffer b = BUFFER_INIT(4096);
	uint8_t number[8];
	for (unsigned k = 0; k < sizeof(number); k++)
		number[k] = (uint8_t)(label->number >> (8 * k));
	(void)buffer_add(&b, "samoza-secret 1", sizeof("samoza-secret 1"));
	(void)buffer_add(&b, label->name, strlen(label->name) + 1);
	(void)buffer_add(&b, label->topologies, strlen(label->topologies) + 1);
	(void)buffer_add(&b, number, sizeof(number));
	*ret_size = b.size;
	return (unsigned char *)buffer_steal(&b);
}

uint8_t *secret_seal(const struct secret_keys *keys, const struct secret_label *label,
		     const void *value, size_t size, size_t *ret_size)
{
	size_t data_size = 0;
	unsigned long long sealed_size = 0;
	CLEANUP(freep) unsigned char *data = additional_data(label, &data_size);
	uint8_t *sealed = mem_calloc(size + SECRET_OVERHEAD, 1);
	begin();
	randombytes_buf(sealed, NONCE_BYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, &sealed_size,
							 value, size, data, data_size, NULL,
							 sealed, keys->items[0].bytes);
	*ret_size = NONCE_BYTES + (size_t)sealed_size;
	return sealed;
}

int secret_open(const struct secret_keys *keys, const char *id,
		const struct secret_label *label, const void *sealed, size_t size,
		char **ret_value, size_t *ret_size, struct error **err)
{
	const struct secret_key *key = find(keys, id);
	size_t data_size = 0;
	unsigned long long value_size = 0;
	if (key == NULL)
		return error_set(err, ERR_NOT_FOUND,
				 "the secret %s is sealed with key %s, which is not on this "
				 "machine: copy the file of keys from another zrms of the "
				 "cluster, or set the secret again",
				 label->name, id);
	if (size < SECRET_OVERHEAD)
		return error_set(err, ERR_INVALID, "what is stored of the secret %s was cut",
				 label->name);
	CLEANUP(freep) unsigned char *data = additional_data(label, &data_size);
	char *value = mem_calloc(size - SECRET_OVERHEAD + 1, 1);
	begin();
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    (unsigned char *)value, &value_size, NULL,
		    (const unsigned char *)sealed + NONCE_BYTES, size - NONCE_BYTES, data,
		    data_size, sealed, key->bytes) != 0) {
		free(value);
		return error_set(
			err, ERR_INVALID,
			"what is stored of the secret %s was changed, or is of another "
			"name, pattern or version: set it again",
			label->name);
	}
	*ret_value = value;
	*ret_size = (size_t)value_size;
	return 0;
}
