#include "adapter/pki/token.h"

#include <sodium.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

#define FORM	    "smz2.ID.SECRET.PIN.ADDRESS.SUM"
#define JOIN_PREFIX "smz2"
#define USER_PREFIX "smzu_" /* adapter/token */

enum {
	VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
	ADDRESS_MAX = 261,
	PARTS = 6,
	SUM_BYTES = 3
};

/* No I, l, o, 0, 1: an id is also read aloud. */
static const char id_letters[] = "abcdefghjkmnpqrstuvwxyz23456789";

static void sodium_begin(void)
{
	int r = sodium_init();
	INVARIANT(r >= 0);
}

static struct token_hash hash_of(const uint8_t secret[TOKEN_SECRET_BYTES])
{
	struct token_hash hash;
	int r = crypto_generichash(hash.bytes, sizeof(hash.bytes), secret, TOKEN_SECRET_BYTES,
				   NULL, 0);
	INVARIANT(r == 0);
	return hash;
}

/* ---- base64url ---- */

static void encoded_add(struct buffer *to, const void *data, size_t size)
{
	char text[sodium_base64_ENCODED_LEN(ADDRESS_MAX, VARIANT)];
	PRE(size <= ADDRESS_MAX);
	(void)sodium_bin2base64(text, sizeof(text), data, size, VARIANT);
	int r = buffer_add_string(to, text);
	INVARIANT(r == 0);
	sodium_memzero(text, sizeof(text));
}

/* libsodium 1.0.18 takes some bytes beyond ASCII for letters. */
static bool is_base64url(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') ||
		      (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= '0' && text[i] <= '9') || text[i] == '-' || text[i] == '_'))
			return false;
	return true;
}

/* Returns whether all of it is base64url of at most `max` bytes. */
static bool decode(const char *text, size_t size, void *to, size_t max, size_t *ret_size)
{
	const char *end = NULL;
	return is_base64url(text, size) &&
	       sodium_base642bin(to, max, text, size, NULL, ret_size, &end, VARIANT) == 0 &&
	       end == text + size;
}

static bool decode_exactly(const char *text, size_t size, void *to, size_t wanted)
{
	size_t n = 0;
	return decode(text, size, to, wanted, &n) && n == wanted;
}

/* ---- the sum ---- */

/* Of all that comes before its dot. */
static void sum_of(const char *text, size_t size, uint8_t to[SUM_BYTES])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	int r = crypto_hash_sha256(hash, (const uint8_t *)text, size);
	INVARIANT(r == 0);
	memcpy(to, hash, SUM_BYTES);
	sodium_memzero(hash, sizeof(hash));
}

/* ---- addresses ---- */

static bool port_is_good(const char *text)
{
	uint64_t port;
	return strlen(text) <= 5 && str_to_u64(text, &port) == 0 && port > 0 && port <= 65535;
}

/* "HOST:PORT", "[ADDRESS]:PORT": only what can be in one, and no more. */
static bool address_is_good(const char *address)
{
	static const char of_host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";
	const char *colon = strrchr(address, ':');
	size_t size = colon != NULL ? (size_t)(colon - address) : 0;
	if (size == 0 || strlen(address) > ADDRESS_MAX || !port_is_good(colon + 1))
		return false;
	if (address[0] == '[')
		return size > 2 && address[size - 1] == ']' &&
		       strspn(address + 1, "0123456789abcdefABCDEF:.") == size - 2;
	return strspn(address, of_host) == size;
}

/* ---- making ---- */

static void id_draw(char id[TOKEN_ID_TEXT + 1])
{
	for (size_t i = 0; i < TOKEN_ID_TEXT; i++)
		id[i] = id_letters[randombytes_uniform(sizeof(id_letters) - 1)];
	id[TOKEN_ID_TEXT] = '\0';
}

int join_token_new(const struct pki_pin *pins, size_t pin_count, const char *const *addresses,
		   size_t address_count, struct join_token *ret_token, struct error **err)
{
	if (pin_count == 0 || pin_count > TOKEN_PINS_MAX || address_count == 0 ||
	    address_count > TOKEN_ADDRESSES_MAX)
		return error_set(err, ERR_INVALID,
				 "a token has 1 to %d pins and 1 to %d addresses",
				 TOKEN_PINS_MAX, TOKEN_ADDRESSES_MAX);
	for (size_t i = 0; i < address_count; i++)
		if (!address_is_good(addresses[i]))
			return error_set(err, ERR_INVALID,
					 "'%s' is not an address: expected HOST:PORT",
					 addresses[i]);
	sodium_begin();
	struct join_token token = {.pin_count = pin_count, .address_count = address_count};
	id_draw(token.id);
	randombytes_buf(token.secret, sizeof(token.secret));
	memcpy(token.pins, pins, pin_count * sizeof(*pins));
	for (size_t i = 0; i < address_count; i++)
		token.addresses[i] = mem_strdup(addresses[i]);
	*ret_token = token;
	return 0;
}

char *join_token_write(const struct join_token *token)
{
	struct buffer text = BUFFER_INIT(JOIN_TOKEN_TEXT_MAX);
	int r = buffer_printf(&text, JOIN_PREFIX ".%s.", token->id);
	INVARIANT(r == 0);
	encoded_add(&text, token->secret, sizeof(token->secret));
	for (size_t i = 0; i < token->pin_count; i++) {
		(void)buffer_add_string(&text, i > 0 ? "+" : ".");
		encoded_add(&text, token->pins[i].bytes, sizeof(token->pins[i].bytes));
	}
	for (size_t i = 0; i < token->address_count; i++) {
		(void)buffer_add_string(&text, i > 0 ? "," : ".");
		encoded_add(&text, token->addresses[i], strlen(token->addresses[i]));
	}
	uint8_t sum[SUM_BYTES];
	sum_of(text.data, text.size, sum);
	(void)buffer_add_string(&text, ".");
	encoded_add(&text, sum, sizeof(sum));
	return buffer_steal(&text);
}

void join_token_done(struct join_token *token)
{
	for (size_t i = 0; i < token->address_count; i++)
		free(token->addresses[i]);
	sodium_memzero(token, sizeof(*token));
}

struct token_hash join_token_hash(const struct join_token *token)
{
	return hash_of(token->secret);
}

char *join_token_secret(const struct join_token *token)
{
	struct buffer text = BUFFER_INIT(TOKEN_SECRET_TEXT + 1);
	encoded_add(&text, token->secret, sizeof(token->secret));
	return buffer_steal(&text);
}

int join_token_secret_hash(const char *secret, struct token_hash *ret_hash, struct error **err)
{
	uint8_t bytes[TOKEN_SECRET_BYTES];
	sodium_begin();
	if (!decode_exactly(secret, strlen(secret), bytes, sizeof(bytes)))
		return error_set(err, ERR_INVALID,
				 "the secret of a join token has %d characters of base64url",
				 TOKEN_SECRET_TEXT);
	*ret_hash = hash_of(bytes);
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}

/* ---- reading ---- */

struct part {
	const char *text;
	size_t size;
};

static int broken(struct error **err, const char *which)
{
	return error_set(err, ERR_INVALID,
			 "the join token is damaged in its %s: copy the whole word as it was "
			 "printed",
			 which);
}

/* What is not even the beginning of one. */
static int prefix_check(const struct part *first, struct error **err)
{
	if (first->size == strlen(JOIN_PREFIX) &&
	    memcmp(first->text, JOIN_PREFIX, first->size) == 0)
		return 0;
	if (first->size >= strlen(USER_PREFIX) &&
	    memcmp(first->text, USER_PREFIX, strlen(USER_PREFIX)) == 0)
		return error_set(err, ERR_INVALID,
				 "this is the token of a user, not one to join with: make one "
				 "with cluster token create");
	if (first->size > 3 && first->size < 8 && memcmp(first->text, "smz", 3) == 0 &&
	    strspn(first->text + 3, "0123456789") == first->size - 3)
		return error_set(
			err, ERR_UNSUPPORTED,
			"the join token is of another version: install the version that "
			"made it, or make one with this one");
	return error_set(err, ERR_INVALID, "this is not a join token: expected " FORM);
}

static int parts_take(const char *text, size_t size, struct part parts[PARTS],
		      struct error **err)
{
	size_t count = 0;
	const char *at = text, *end = text + size, *dot = text;
	while (count < PARTS && dot != NULL) {
		dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot != NULL ? dot : end;
		parts[count++] = (struct part){at, (size_t)(stop - at)};
		at = dot != NULL ? dot + 1 : end;
	}
	/* First of all: another version may have other parts. */
	int r = prefix_check(&parts[0], err);
	if (r == 0 && dot != NULL)
		r = broken(err, "end");
	if (r == 0 && count < PARTS)
		r = error_set(
			err, ERR_INVALID,
			"the join token is not whole, it has %zu of %d parts: copy the whole "
			"word as it was printed; expected %s, and there is no form without a "
			"pin",
			count, PARTS, FORM);
	return r;
}

/* The next of `list`, which it shortens. An empty item is one. */
static struct part item_take(struct part *list, char separator)
{
	const char *at = memchr(list->text, separator, list->size);
	struct part item = {list->text, at != NULL ? (size_t)(at - list->text) : list->size};
	size_t used = at != NULL ? item.size + 1 : item.size;
	*list = (struct part){at != NULL ? list->text + used : NULL, list->size - used};
	return item;
}

static int id_read(const struct part *part, struct join_token *token, struct error **err)
{
	if (part->size != TOKEN_ID_TEXT)
		return broken(err, "id");
	for (size_t i = 0; i < part->size; i++)
		if (memchr(id_letters, part->text[i], sizeof(id_letters) - 1) == NULL)
			return broken(err, "id");
	memcpy(token->id, part->text, part->size);
	return 0;
}

static int pins_read(struct part part, struct join_token *token, struct error **err)
{
	while (part.text != NULL) {
		const struct part item = item_take(&part, '+');
		if (token->pin_count >= TOKEN_PINS_MAX ||
		    !decode_exactly(item.text, item.size, token->pins[token->pin_count].bytes,
				    PKI_PIN_BYTES))
			return broken(err, "pins");
		token->pin_count++;
	}
	return 0;
}

static int addresses_read(struct part part, struct join_token *token, struct error **err)
{
	while (part.text != NULL) {
		const struct part item = item_take(&part, ',');
		char address[ADDRESS_MAX + 1];
		size_t size = 0;
		if (token->address_count >= TOKEN_ADDRESSES_MAX ||
		    !decode(item.text, item.size, address, ADDRESS_MAX, &size) ||
		    memchr(address, '\0', size) != NULL)
			return broken(err, "addresses");
		address[size] = '\0';
		if (!address_is_good(address))
			return broken(err, "addresses");
		token->addresses[token->address_count++] = mem_strdup(address);
	}
	return 0;
}

/* A word that lost letters, or got others, may have parts that are good all the same: 7331 becomes 733. */
static int sum_check(const char *text, const struct part *part, struct error **err)
{
	uint8_t given[SUM_BYTES], sum[SUM_BYTES];
	sum_of(text, (size_t)(part->text - 1 - text), sum);
	if (decode_exactly(part->text, part->size, given, sizeof(given)) &&
	    memcmp(given, sum, sizeof(sum)) == 0)
		return 0;
	return error_set(err, ERR_INVALID,
			 "the join token is not whole, its sum is another: copy the whole word "
			 "as it was printed");
}

int join_token_read(const char *text, struct join_token *ret_token, struct error **err)
{
	static const char blank[] = " \t\r\n";
	text += strspn(text, blank);
	size_t size = strlen(text);
	while (size > 0 && strchr(blank, text[size - 1]) != NULL)
		size--;
	if (size > JOIN_TOKEN_TEXT_MAX)
		return error_set(err, ERR_INVALID,
				 "this is not a join token: it is longer than one");
	sodium_begin();
	struct part parts[PARTS];
	CLEANUP(join_token_done) struct join_token token = {0};
	int r = parts_take(text, size, parts, err);
	if (r == 0)
		r = id_read(&parts[1], &token, err);
	if (r == 0 &&
	    !decode_exactly(parts[2].text, parts[2].size, token.secret, sizeof(token.secret)))
		r = broken(err, "secret");
	if (r == 0)
		r = pins_read(parts[3], &token, err);
	if (r == 0)
		r = addresses_read(parts[4], &token, err);
	if (r == 0)
		r = sum_check(text, &parts[5], err);
	if (r < 0)
		return r;
	*ret_token = token;
	token = (struct join_token){0};
	return 0;
}
