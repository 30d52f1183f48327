/* The passphrase of a backup, from a file. */
#ifndef SAMOZA_ADAPTER_BACKUP_PASSPHRASE_H
#define SAMOZA_ADAPTER_BACKUP_PASSPHRASE_H

#include "base/error.h"

/* Its first line, at least 8 bytes; passphrase_free(). ERR_INVALID: it is shorter. */
int passphrase_read(const char *file, char **ret_passphrase, struct error **err) must_check;
/* Wipes it. NULL is fine. */
void passphrase_free(char *passphrase);
void passphrase_freep(char **passphrase);

#endif
