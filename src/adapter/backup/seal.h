/*
 * A file that is written and read once, from its beginning to its end: as it is, or sealed with a
 * passphrase.
 *
 *   MAGIC  salt  header │ chunk │ chunk │ … │ last chunk          sealed: each of 64 KiB, and 17 bytes
 *
 * Sealed with the secretstream of libsodium (XChaCha20-Poly1305), the key by Argon2id. A chunk that is
 * missing, added, changed or moved is noticed, and so is a missing end.
 */
#ifndef SAMOZA_ADAPTER_BACKUP_SEAL_H
#define SAMOZA_ADAPTER_BACKUP_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct seal_writer;
struct seal_reader;

/* `fd` is borrowed. `passphrase` NULL: as it is. ERR_LIMIT: no memory for the key (64 MiB). */
int seal_writer_new(int fd, const char *passphrase, struct seal_writer **ret_writer,
		    struct error **err) must_check;
int seal_write(struct seal_writer *writer, const void *data, size_t size,
	       struct error **err) must_check;
/* After the last byte; syncs the file. */
int seal_finish(struct seal_writer *writer, struct error **err) must_check;
void seal_writer_free(struct seal_writer *writer);

/* ERR_DENIED: it is sealed, and `passphrase` is NULL, or it is not the one. */
int seal_reader_new(int fd, const char *passphrase, struct seal_reader **ret_reader,
		    struct error **err) must_check;
/* *ret_got: as much as there is, at most `size`; 0: the end. ERR_INVALID: it was cut or changed. */
int seal_read(struct seal_reader *reader, void *data, size_t size, size_t *ret_got,
	      struct error **err) must_check;
void seal_reader_free(struct seal_reader *reader);

#endif
