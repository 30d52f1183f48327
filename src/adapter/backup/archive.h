/*
 * What a backup holds: files, with a checksum after each and one over all at the end.
 *
 *   samoza-backup 1
 *   META NAME VALUE                     what it is of, for people and for the restore
 *   FILE SIZE PATH ⏎ bytes ⏎ SUM SHA256
 *   …
 *   END FILES SHA256                    of all lines before, without the bytes
 *
 * Paths are relative, of names without control characters, and never lead upwards. What comes after END is
 * refused, and so is an archive without it.
 */
#ifndef SAMOZA_ADAPTER_BACKUP_ARCHIVE_H
#define SAMOZA_ADAPTER_BACKUP_ARCHIVE_H

#include <stdint.h>

#include "adapter/backup/seal.h"

struct archive_writer;

/* `seal` is borrowed, and to be finished by the caller. */
struct archive_writer *archive_writer_new(struct seal_writer *seal);
void archive_writer_free(struct archive_writer *writer);
int archive_meta(struct archive_writer *writer, const char *name, const char *value,
		 struct error **err) must_check;
/* All of the file that `fd` is open on, under that path. ERR_STALE: it changed meanwhile. */
int archive_file(struct archive_writer *writer, const char *path, int fd,
		 struct error **err) must_check;
int archive_end(struct archive_writer *writer, struct error **err) must_check;

/* What is in it. */
struct archive_contents {
	uint64_t files, bytes;
	char version[64], created[64]; /* META of these names; "" for none */
};

/* Reads all of it into `directory`, which is empty, and checks everything; files are 0600, directories
 * 0700, all of it synced. ERR_INVALID: it is no backup, was cut, or is damaged: then the caller removes what
 * was written. */
int archive_extract(struct seal_reader *seal, int directory,
		    struct archive_contents *ret_contents, struct error **err) must_check;

#endif
