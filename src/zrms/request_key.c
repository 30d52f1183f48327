#include "zrms/request_key.h"

#include <sodium.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/idempotency_keys.h"
#include "zrms/zrms.h"

_Static_assert(IDEMPOTENCY_REQUEST_SIZE == crypto_hash_sha256_BYTES,
	       "what the core compares is a SHA-256");
_Static_assert(IDEMPOTENCY_REQUEST_SIZE == SECRET_MARK_BYTES, "or a mark instead");

struct request_key {
	UT_hash_handle hh;
	struct zrms *zrms;
	char *id; /* "PRINCIPAL/KEY" */
	const char *text;
	crypto_hash_sha256_state hash; /* of method, target and body so far */
	bool is_secret; /* what can be guessed from the hash of its body is nobody's */
	uint8_t request[crypto_hash_sha256_BYTES];
};

/* As the draft of the IETF has it, between quotes, or without. NULL: it is none. The caller frees. */
static char *key_of(const char *header)
{
	size_t size = strlen(header);
	bool is_quoted = size >= 2 && header[0] == '"' && header[size - 1] == '"';
	CLEANUP(freep)
	char *key = is_quoted ? mem_strndup(header + 1, size - 2) : mem_strdup(header);
	return idempotency_key_is_valid(key) ? steal_ptr(&key) : NULL;
}

static struct request_key *key_new(struct asker *asker, const struct http_request *request,
				   const struct http_route *route, const char *text)
{
	struct request_key *key = mem_new(struct request_key);
	CLEANUP(freep)
	char *first = str_printf("%s %s\n", http_method(request), http_raw_target(request));
	key->zrms = asker->zrms;
	key->is_secret = route->is_secret;
	key->id = str_printf("%s/%s", asker->principal->name, text);
	key->text = key->id + strlen(asker->principal->name) + 1;
	(void)crypto_hash_sha256_init(&key->hash);
	(void)crypto_hash_sha256_update(&key->hash, (const unsigned char *)first,
					strlen(first));
	HASH_ADD_KEYPTR(hh, key->zrms->request_keys, key->id, strlen(key->id), key);
	return key;
}

void request_key_free(struct request_key *key)
{
	if (key == NULL)
		return;
	HASH_DEL(key->zrms->request_keys, key);
	free(key->id);
	free(key);
}

static struct http_refusal at_work(struct asker *asker, struct http_request *request)
{
	asker->is_change = false; /* it is in the audit when it is done */
	http_add_header(request, "Retry-After", "1");
	return (struct http_refusal){
		.status = 409,
		.code = "conflict",
		.message = mem_strdup("a request with this " REQUEST_KEY_HEADER
				      " is at work: ask again when it is done")};
}

struct http_refusal request_key_admit(struct asker *asker, struct http_request *request,
				      const struct http_route *route)
{
	struct request_key *other = NULL;
	const char *header = http_header(request, REQUEST_KEY_HEADER);
	if (header == NULL || str_equal(route->method, "GET") || asker->principal == NULL ||
	    asker->principal->role == ACCESS_ZHOST)
		return (struct http_refusal){0};
	CLEANUP(freep) char *text = key_of(header);
	if (text == NULL)
		return (struct http_refusal){
			.status = 400,
			.code = "invalid",
			.message = mem_strdup(REQUEST_KEY_HEADER
					      ": expected 1 to 128 printable characters of "
					      "ASCII without blanks, such as a UUID")};
	CLEANUP(freep) char *id = str_printf("%s/%s", asker->principal->name, text);
	HASH_FIND_STR(asker->zrms->request_keys, id, other);
	if (other != NULL)
		return at_work(asker, request);
	asker->key = key_new(asker, request, route, text);
	return (struct http_refusal){0};
}

void request_key_body(void *context, struct http_request *request, const void *data,
		      size_t size)
{
	struct asker *asker = http_user(request);
	(void)context;
	if (asker != NULL && asker->key != NULL)
		(void)crypto_hash_sha256_update(&asker->key->hash, data, size);
}

/* The hash of a short value could be guessed at: it is kept in a form that says nothing without the key of secrets. */
static void hash_hide(struct request_key *key)
{
	const struct secret_vault *vault = key->zrms->vault;
	uint8_t mark[SECRET_MARK_BYTES] = {0};
	if (vault != NULL && vault->keys != NULL) /* otherwise it is refused */
		secret_keys_mark(vault->keys, "idempotency", key->request, sizeof(key->request),
				 mark);
	memcpy(key->request, mark, sizeof(key->request));
}

void request_key_ask(struct asker *asker, struct control_input *input)
{
	struct request_key *key = asker->key;
	if (key == NULL)
		return;
	crypto_hash_sha256_state hash = key->hash; /* it may be asked for again */
	(void)crypto_hash_sha256_final(&hash, key->request);
	if (key->is_secret)
		hash_hide(key);
	input->key.text = key->text;
	input->key.request = key->request;
}

bool request_key_is_known(const struct asker *asker)
{
	return asker->key != NULL &&
	       control_has_answered(asker->zrms->control, asker->principal->name,
				    asker->key->text, loop_now(&asker->zrms->loop).wall_ms);
}
