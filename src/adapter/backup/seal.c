#include "adapter/backup/seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define MAGIC	   "samoza-sealed 1\n"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define CHUNK	   ((size_t)64 * 1024)
#define SEALED	   (CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES)

/* What stands before the chunks. */
struct seal_head {
	unsigned char salt[crypto_pwhash_SALTBYTES];
	unsigned char header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
};

struct seal_writer {
	int fd;
	bool is_sealed;
	crypto_secretstream_xchacha20poly1305_state state;
	size_t have;
	unsigned char plain[CHUNK], sealed[SEALED];
};

struct seal_reader {
	int fd;
	bool is_sealed, at_end;
	crypto_secretstream_xchacha20poly1305_state state;
	size_t have, used; /* of `plain` */
	unsigned char plain[SEALED], sealed[SEALED];
};

static int key_of(const char *passphrase, const unsigned char *salt,
		  unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES],
		  struct error **err)
{
	if (crypto_pwhash(key, crypto_secretstream_xchacha20poly1305_KEYBYTES, passphrase,
			  strlen(passphrase), salt, crypto_pwhash_OPSLIMIT_INTERACTIVE,
			  crypto_pwhash_MEMLIMIT_INTERACTIVE,
			  crypto_pwhash_ALG_ARGON2ID13) == 0)
		return 0;
	return error_set(err, ERR_LIMIT, "there is no memory to make a key of the passphrase");
}

/* ---- writing ---- */

static int write_all(int fd, const void *data, size_t size, struct error **err)
{
	const char *at = data;
	while (size > 0) {
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot write the backup");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int begin_sealed(struct seal_writer *w, const char *passphrase, struct error **err)
{
	struct seal_head head;
	unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	randombytes_buf(head.salt, sizeof(head.salt));
	int r = key_of(passphrase, head.salt, key, err);
	if (r < 0)
		return r;
	(void)crypto_secretstream_xchacha20poly1305_init_push(&w->state, head.header, key);
	sodium_memzero(key, sizeof(key));
	r = write_all(w->fd, MAGIC, MAGIC_SIZE, err);
	return r == 0 ? write_all(w->fd, &head, sizeof(head), err) : r;
}

int seal_writer_new(int fd, const char *passphrase, struct seal_writer **ret_writer,
		    struct error **err)
{
	struct seal_writer *w = mem_new(struct seal_writer);
	w->fd = fd;
	w->is_sealed = passphrase != NULL;
	int r = w->is_sealed ? begin_sealed(w, passphrase, err) : 0;
	if (r < 0)
		seal_writer_free(w);
	else
		*ret_writer = w;
	return r;
}

static int push(struct seal_writer *w, unsigned char tag, struct error **err)
{
	unsigned long long size = 0;
	if (!w->is_sealed)
		return write_all(w->fd, w->plain, w->have, err);
	(void)crypto_secretstream_xchacha20poly1305_push(&w->state, w->sealed, &size, w->plain,
							 w->have, NULL, 0, tag);
	return write_all(w->fd, w->sealed, (size_t)size, err);
}

int seal_write(struct seal_writer *w, const void *data, size_t size, struct error **err)
{
	const unsigned char *at = data;
	while (size > 0) {
		if (w->have == CHUNK) {
			int r = push(w, 0, err);
			if (r < 0)
				return r;
			w->have = 0;
		}
		size_t n = CHUNK - w->have < size ? CHUNK - w->have : size;
		memcpy(w->plain + w->have, at, n);
		w->have += n;
		at += n;
		size -= n;
	}
	return 0;
}

int seal_finish(struct seal_writer *w, struct error **err)
{
	int r = push(w, crypto_secretstream_xchacha20poly1305_TAG_FINAL, err);
	/* A pipe cannot be synced, and need not. */
	if (r == 0 && fsync(w->fd) < 0 && errno != EINVAL && errno != EROFS)
		r = error_errno(err, "cannot write the backup");
	return r;
}

void seal_writer_free(struct seal_writer *w)
{
	if (w == NULL)
		return;
	sodium_memzero(w, sizeof(*w));
	free(w);
}

/* ---- reading ---- */

/* Less than asked for only at the end of the file. */
static int read_all(int fd, void *data, size_t size, size_t *ret_got, struct error **err)
{
	size_t have = 0;
	while (have < size) {
		ssize_t n = read(fd, (char *)data + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read the backup");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*ret_got = have;
	return 0;
}

static int open_sealed(struct seal_reader *r, const char *passphrase, struct error **err)
{
	struct seal_head head;
	unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	size_t got = 0;
	if (passphrase == NULL)
		return error_set(err, ERR_DENIED,
				 "the backup is sealed: give its passphrase, with "
				 "--passphrase-file");
	int result = read_all(r->fd, &head, sizeof(head), &got, err);
	if (result == 0 && got < sizeof(head))
		result = error_set(err, ERR_INVALID, "the backup ends too early: it was cut");
	if (result == 0)
		result = key_of(passphrase, head.salt, key, err);
	if (result < 0)
		return result;
	if (crypto_secretstream_xchacha20poly1305_init_pull(&r->state, head.header, key) != 0)
		result = error_set(err, ERR_INVALID, "the backup is damaged at its beginning");
	sodium_memzero(key, sizeof(key));
	return result;
}

static int pull(struct seal_reader *r, bool is_first, struct error **err)
{
	unsigned long long size = 0;
	unsigned char tag = 0;
	size_t got = 0;
	int result = read_all(r->fd, r->sealed, SEALED, &got, err);
	if (result < 0)
		return result;
	if (got == 0)
		return error_set(err, ERR_INVALID, "the backup ends too early: it was cut");
	if (crypto_secretstream_xchacha20poly1305_pull(&r->state, r->plain, &size, &tag,
						       r->sealed, got, NULL, 0) != 0)
		return is_first ? error_set(err, ERR_DENIED,
					    "the passphrase is not that of this backup, or its "
					    "beginning is damaged")
				: error_set(err, ERR_INVALID,
					    "the backup was cut, or is damaged");
	r->have = (size_t)size;
	r->used = 0;
	r->at_end = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return 0;
}

int seal_reader_new(int fd, const char *passphrase, struct seal_reader **ret_reader,
		    struct error **err)
{
	struct seal_reader *r = mem_new(struct seal_reader);
	size_t got = 0;
	r->fd = fd;
	int result = read_all(fd, r->plain, MAGIC_SIZE, &got, err);
	r->is_sealed =
		result == 0 && got == MAGIC_SIZE && memcmp(r->plain, MAGIC, MAGIC_SIZE) == 0;
	if (r->is_sealed) {
		result = open_sealed(r, passphrase, err);
		if (result == 0)
			result = pull(r, true, err);
	} else {
		r->have = got;
	}
	if (result < 0)
		seal_reader_free(r);
	else
		*ret_reader = r;
	return result;
}

int seal_read(struct seal_reader *r, void *data, size_t size, size_t *ret_got,
	      struct error **err)
{
	int result = 0;
	if (r->used == r->have && r->is_sealed && !r->at_end)
		result = pull(r, false, err);
	if (r->used == r->have && !r->is_sealed) {
		r->used = 0;
		result = read_all(r->fd, r->plain, CHUNK, &r->have, err);
	}
	if (result < 0)
		return result;
	size_t n = r->have - r->used < size ? r->have - r->used : size;
	memcpy(data, r->plain + r->used, n);
	r->used += n;
	*ret_got = n;
	return 0;
}

void seal_reader_free(struct seal_reader *r)
{
	if (r == NULL)
		return;
	sodium_memzero(r, sizeof(*r));
	free(r);
}
