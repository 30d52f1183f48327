#include "adapter/archive/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "base/vector.h"

#define PUBLIC_PREFIX "ed25519 "
#define SECRET_PREFIX "ed25519-secret "
#define KEY_FILE_MAX  4096u

struct trusted_key {
	uint8_t bytes[KEY_BYTES];
	char *name;    /* of its file; NULL */
	char *names;   /* NULL: all */
	char *refusal; /* NULL: it is trusted */
};

struct trust {
	VECTOR(struct trusted_key) keys;
};

static void start_sodium(void)
{
	INVARIANT(sodium_init() >= 0);
}

struct trust *trust_new(void)
{
	return mem_new(struct trust);
}

static void entry_clear(struct trusted_key *one)
{
	free(steal_ptr(&one->name));
	free(steal_ptr(&one->names));
	free(steal_ptr(&one->refusal));
}

void trust_free(struct trust *t)
{
	if (t == NULL)
		return;
	vector_for_each (&t->keys, key)
		entry_clear(key);
	vector_done(&t->keys);
	free(t);
}

static struct trusted_key *find(const struct trust *t, const uint8_t key[KEY_BYTES])
{
	vector_for_each (&t->keys, one)
		if (memcmp(one->bytes, key, KEY_BYTES) == 0)
			return one;
	return NULL;
}

/* `names` NULL: all. False: the key is there, and only one of the two is limited. */
static bool add_limited(struct trust *t, const uint8_t key[KEY_BYTES], const char *name,
			const char *names)
{
	struct trusted_key *before = find(t, key);
	if (before == NULL) {
		struct trusted_key *new = vector_add(&t->keys);
		memcpy(new->bytes, key, KEY_BYTES);
		new->name = mem_strdup(name);
		new->names = mem_strdup(names);
		return true;
	}
	if ((before->names != NULL) != (names != NULL))
		return false;
	if (names == NULL)
		return true;
	char *all = str_printf("%s,%s", before->names, names);
	free(before->names);
	before->names = all;
	return true;
}

void trust_add_key(struct trust *t, const uint8_t key[KEY_BYTES])
{
	PRE(find(t, key) == NULL || find(t, key)->names == NULL);
	(void)add_limited(t, key, NULL, NULL);
}

static struct trusted_key *put_key(struct trust *t, const uint8_t key[KEY_BYTES])
{
	struct trusted_key *one = find(t, key);
	if (one == NULL) {
		one = vector_add(&t->keys);
		memcpy(one->bytes, key, KEY_BYTES);
	}
	entry_clear(one);
	return one;
}

void trust_put_key(struct trust *t, const uint8_t key[KEY_BYTES], const char *names)
{
	put_key(t, key)->names = mem_strdup(names);
}

void trust_refuse_key(struct trust *t, const uint8_t key[KEY_BYTES], const char *why)
{
	put_key(t, key)->refusal = mem_strdup(why);
}

const char *trust_refusal(const struct trust *t, const uint8_t key[KEY_BYTES])
{
	const struct trusted_key *found = find(t, key);
	return found != NULL ? found->refusal : NULL;
}

struct trust_entry trust_at(const struct trust *t, unsigned index)
{
	PRE(index < t->keys.count);
	const struct trusted_key *one = &t->keys.items[index];
	return (struct trust_entry){one->bytes, one->name, one->names};
}

bool trust_has(const struct trust *t, const uint8_t key[KEY_BYTES])
{
	const struct trusted_key *found = find(t, key);
	return found != NULL && found->refusal == NULL;
}

const char *trust_names(const struct trust *t, const uint8_t key[KEY_BYTES])
{
	const struct trusted_key *found = find(t, key);
	PRE(found != NULL);
	return found->names;
}

unsigned trust_count(const struct trust *t)
{
	return (unsigned)t->keys.count;
}

void key_text(const uint8_t key[KEY_BYTES], char ret_text[KEY_TEXT_BYTES])
{
	start_sodium();
	(void)sodium_bin2base64(ret_text, KEY_TEXT_BYTES, key, KEY_BYTES,
				sodium_base64_VARIANT_ORIGINAL);
}

/* Exactly `size` bytes, in the one way that base64 writes them. */
static bool decode(const char *text, size_t text_size, uint8_t *out, size_t size)
{
	size_t decoded;
	const char *end;

	start_sodium();
	return sodium_base642bin(out, size, text, text_size, NULL, &decoded, &end,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       decoded == size && end == text + text_size;
}

/* ---- Files ---- */

/* Of "BASE64 topologies=shop-*,blog"; NULL: it says nothing of names. The caller frees. */
static char *names_after(const char *text)
{
	static const char word[] = "topologies=";

	text += strcspn(text, " \r\n");
	text += strspn(text, " ");
	if (!str_has_prefix(text, word))
		return NULL;
	text += sizeof(word) - 1;
	return mem_strndup(text, strcspn(text, " \r\n"));
}

/* Where a limit is meant that is not read, the key would be good for everything. */
static bool means_a_limit(const char *text, size_t size)
{
	return size >= KEY_FILE_MAX || strlen(text) < size ||
	       strcasestr(text, "topologies") != NULL;
}

int public_key_parse(const char *text, uint8_t ret_key[KEY_BYTES], char **ret_names,
		     struct error **err)
{
	uint8_t key[KEY_BYTES];
	size_t size = strlen(text), prefix = strlen(PUBLIC_PREFIX);
	if (size >= KEY_FILE_MAX || !str_has_prefix(text, PUBLIC_PREFIX) ||
	    !decode(text + prefix, strcspn(text + prefix, " \r\n"), key, KEY_BYTES))
		return error_set(err, ERR_INVALID,
				 "that is no public key: expected a line '%sBASE64'",
				 PUBLIC_PREFIX);
	char *names = names_after(text + prefix);
	if (names == NULL && means_a_limit(text, size))
		return error_set(err, ERR_INVALID,
				 "the limit of the key is not understood: expected "
				 "'%sBASE64 topologies=NAME,NAME'",
				 PUBLIC_PREFIX);
	memcpy(ret_key, key, KEY_BYTES);
	*ret_names = names;
	return 0;
}

/* "PREFIX BASE64[ comment]" on the first line. */
static int read_key_file(const char *path, const char *prefix, const char *what,
			 uint8_t out[32], char **ret_names, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[KEY_FILE_MAX + 1];
	size_t size = 0;
	ssize_t n = 0;

	if (fd < 0)
		return error_errno(err, "cannot read %s %s", what, path);
	while (size < KEY_FILE_MAX && (n = read(fd, text + size, KEY_FILE_MAX - size)) > 0)
		size += (size_t)n;
	if (n < 0)
		return error_errno(err, "cannot read %s %s", what, path);
	text[size] = '\0';
	const char *start = text + strlen(prefix);
	bool good = strncmp(text, prefix, strlen(prefix)) == 0 &&
		    decode(start, strcspn(start, " \r\n"), out, 32);
	bool is_clear = true;
	if (good && ret_names != NULL) {
		*ret_names = size < KEY_FILE_MAX ? names_after(start) : NULL;
		is_clear = *ret_names != NULL || !means_a_limit(text, size);
	}
	sodium_memzero(text, sizeof(text));
	if (!is_clear)
		return error_set(err, ERR_INVALID,
				 "the limit in %s is not understood: expected a line of %u "
				 "characters at most, '%sBASE64 topologies=NAME,NAME', or no "
				 "word 'topologies' anywhere in the file",
				 path, KEY_FILE_MAX - 1, prefix);
	if (!good)
		return error_set(err, ERR_INVALID, "%s is not a %s: expected a line '%sBASE64'",
				 path, what, prefix);
	return 0;
}

/* "team" of "/etc/keys/team.pub"; the caller frees. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t size = strlen(base);
	return mem_strndup(base, str_has_suffix(base, ".pub") ? size - 4 : size);
}

int trust_add_file(struct trust *t, const char *path, struct error **err)
{
	uint8_t key[KEY_BYTES];
	CLEANUP(freep) char *names = NULL;
	int r = read_key_file(path, PUBLIC_PREFIX, "public key", key, &names, err);

	if (r < 0)
		return r;
	CLEANUP(freep) char *name = name_of(path);
	if (!add_limited(t, key, name, names))
		return error_set(err, ERR_INVALID,
				 "the key in %s %s limited to topologies, and in another file "
				 "it %s: limit it in both, or remove one of them",
				 path, names != NULL ? "is" : "is not",
				 names != NULL ? "is not" : "is");
	return 0;
}

static int is_public(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_has_suffix(entry->d_name, ".pub");
}

int trust_add_directory(struct trust *t, const char *directory, struct error **err)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_public, alphasort);
	int r = 0;

	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return error_errno(err, "cannot read trust directory %s", directory);
	for (int i = 0; i < count; i++) {
		if (r == 0) {
			char *path = str_printf("%s/%s", directory, entries[i]->d_name);
			r = trust_add_file(t, path, err);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* ---- Secret keys ---- */

static int write_new(const char *path, const char *text, mode_t mode, struct error **err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	size_t size = strlen(text);

	if (fd < 0 && errno == EEXIST)
		return error_set(err, ERR_CONFLICT, "%s exists; it is not overwritten", path);
	if (fd < 0)
		return error_errno(err, "cannot write %s", path);
	bool good = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
	int code = good ? 0 : error_errno(err, "cannot write %s", path);
	if (close(fd) < 0 && code == 0)
		code = error_errno(err, "cannot write %s", path);
	if (code < 0)
		(void)unlink(path);
	return code;
}

int secret_key_create(const char *path, struct error **err)
{
	uint8_t seed[32], public_key[KEY_BYTES], both[crypto_sign_SECRETKEYBYTES];
	char seed_text[KEY_TEXT_BYTES], public_text[KEY_TEXT_BYTES];
	int r;

	start_sodium();
	randombytes_buf(seed, sizeof(seed));
	(void)crypto_sign_seed_keypair(public_key, both, seed);
	key_text(seed, seed_text);
	key_text(public_key, public_text);
	char *secret_line = str_printf(SECRET_PREFIX "%s\n", seed_text);
	char *public_line = str_printf(PUBLIC_PREFIX "%s\n", public_text);
	char *public_path = str_printf("%s.pub", path);
	r = write_new(path, secret_line, 0600, err);
	if (r == 0) {
		r = write_new(public_path, public_line, 0644, err);
		if (r < 0)
			(void)unlink(path);
	}
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(both, sizeof(both));
	sodium_memzero(seed_text, sizeof(seed_text));
	sodium_memzero(secret_line, strlen(secret_line));
	free(secret_line);
	free(public_line);
	free(public_path);
	return r;
}

int secret_key_load(const char *path, struct secret_key *ret_key, struct error **err)
{
	uint8_t both[crypto_sign_SECRETKEYBYTES];
	struct secret_key key;
	int r;

	start_sodium();
	r = read_key_file(path, SECRET_PREFIX, "secret key", key.seed, NULL, err);
	if (r < 0)
		return r;
	(void)crypto_sign_seed_keypair(key.public_key, both, key.seed);
	sodium_memzero(both, sizeof(both));
	*ret_key = key;
	secret_key_done(&key);
	return 0;
}

void secret_key_done(struct secret_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

void secret_key_sign(const struct secret_key *key, const void *data, size_t size,
		     char ret_signature[SIGNATURE_TEXT_BYTES])
{
	uint8_t both[crypto_sign_SECRETKEYBYTES], public_key[KEY_BYTES];
	uint8_t signature[SIGNATURE_BYTES];

	start_sodium();
	(void)crypto_sign_seed_keypair(public_key, both, key->seed);
	(void)crypto_sign_detached(signature, NULL, data, size, both);
	sodium_memzero(both, sizeof(both));
	(void)sodium_bin2base64(ret_signature, SIGNATURE_TEXT_BYTES, signature, SIGNATURE_BYTES,
				sodium_base64_VARIANT_ORIGINAL);
}

int signature_verify(const char *key, const char *signature, const void *data, size_t size,
		     uint8_t ret_key[KEY_BYTES], struct error **err)
{
	uint8_t key_bytes[KEY_BYTES], signature_bytes[SIGNATURE_BYTES];

	if (!decode(key, strlen(key), key_bytes, sizeof(key_bytes)))
		return error_set(err, ERR_INVALID,
				 "signature.publicKey is not the base64 of 32 bytes");
	if (!decode(signature, strlen(signature), signature_bytes, sizeof(signature_bytes)))
		return error_set(err, ERR_INVALID,
				 "signature.signature is not the base64 of 64 bytes");
	if (crypto_sign_verify_detached(signature_bytes, data, size, key_bytes) != 0)
		return error_set(err, ERR_DENIED,
				 "the signature is wrong: manifest.yaml is not what the key's "
				 "owner signed");
	memcpy(ret_key, key_bytes, KEY_BYTES);
	return 0;
}
