#include "adapter/token/token.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

#define PREFIX_SIZE    5
#define RANDOM_SIZE    32
#define ENCODED_SIZE   43
#define TOKEN_SIZE     (PREFIX_SIZE + ENCODED_SIZE)
#define BASE64_VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

_Static_assert(TOKEN_HASH_SIZE == crypto_generichash_BYTES, "the usual size of the hash");

static void start_sodium(void)
{
	int r = sodium_init();
	INVARIANT(r >= 0);
}

char *token_new(const char *prefix)
{
	uint8_t random[RANDOM_SIZE];
	char encoded[ENCODED_SIZE + 1];
	PRE(strlen(prefix) == PREFIX_SIZE);
	start_sodium();
	randombytes_buf(random, sizeof(random));
	(void)sodium_bin2base64(encoded, sizeof(encoded), random, sizeof(random),
				BASE64_VARIANT);
	char *token = str_printf("%s%s", prefix, encoded);
	sodium_memzero(random, sizeof(random));
	sodium_memzero(encoded, sizeof(encoded));
	return token;
}

void token_free(char *token)
{
	if (token != NULL)
		sodium_memzero(token, strlen(token));
	free(token);
}

bool token_is_well_formed(const char *text)
{
	return token_has_form(text, TOKEN_OF_PERSON) || token_has_form(text, TOKEN_OF_ZHOST);
}

bool token_has_form(const char *text, const char *prefix)
{
	return strlen(text) == TOKEN_SIZE && str_has_prefix(text, prefix) &&
	       strspn(text + PREFIX_SIZE, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					  "0123456789-_") == ENCODED_SIZE;
}

void token_hash(const char *token, uint8_t ret_hash[TOKEN_HASH_SIZE])
{
	start_sodium();
	(void)crypto_generichash(ret_hash, TOKEN_HASH_SIZE, (const uint8_t *)token,
				 strlen(token), NULL, 0);
}

bool token_hashes_are_equal(const uint8_t a[TOKEN_HASH_SIZE], const uint8_t b[TOKEN_HASH_SIZE])
{
	return sodium_memcmp(a, b, TOKEN_HASH_SIZE) == 0;
}

/* ---- files ---- */

static int make_directory(const char *path, struct error **err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return error_errno(err, "cannot make the directory %s", path);
}

static int sync_directory(const char *path, struct error **err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd >= 0 && fsync(fd) == 0 ? 0 : error_errno(err, "cannot write to %s", path);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int write_whole(const char *path, const char *token, struct error **err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, "cannot write %s", path);
	size_t size = strlen(token);
	bool good = fchmod(fd, 0600) == 0 && write(fd, token, size) == (ssize_t)size &&
		    write(fd, "\n", 1) == 1 && fsync(fd) == 0;
	int r = good ? 0 : error_errno(err, "cannot write %s", path);
	if (close(fd) < 0 && r == 0)
		r = error_errno(err, "cannot write %s", path);
	return r;
}

int token_write(const char *path, const char *token, struct error **err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep)
	char *directory =
		slash != NULL ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
	CLEANUP(freep) char *temporary = str_printf("%s.new", path);
	int r = make_directory(directory, err);
	if (r == 0)
		r = write_whole(temporary, token, err);
	if (r == 0 && rename(temporary, path) < 0)
		r = error_errno(err, "cannot write %s", path);
	if (r == 0)
		return sync_directory(directory, err);
	(void)unlink(temporary);
	return r;
}

static int check_file(int fd, const char *path, struct error **err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_INVALID, "%s is no file", path);
	if ((st.st_mode & 077) != 0)
		return error_set(
			err, ERR_DENIED,
			"%s can be read by others: a token is for its owner only; chmod "
			"600 it, and make another token if somebody may have seen this one",
			path);
	return 0;
}

int token_read(const char *path, char **ret_token, struct error **err)
{
	char text[TOKEN_SIZE + 3] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERR_NOT_FOUND, "there is no file %s", path);
	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	int r = check_file(fd, path, err);
	ssize_t n = r == 0 ? read(fd, text, sizeof(text) - 1) : -1;
	(void)close(fd);
	if (r < 0)
		return r;
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (token_is_well_formed(text))
		*ret_token = mem_strdup(text);
	else
		r = error_set(
			err, ERR_INVALID,
			"%s holds no token: expected one line with smzu_ and 43 characters",
			path);
	sodium_memzero(text, sizeof(text));
	return r;
}
