#include "adapter/backup/passphrase.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PASSPHRASE_MAX = 1024, PASSPHRASE_MIN = 8 };

int passphrase_read(const char *file, char **ret_passphrase, struct error **err)
{
	char line[PASSPHRASE_MAX];
	FILE *in = fopen(file, "re");
	if (in == NULL)
		return error_errno(err, "cannot read %s", file);
	bool any = fgets(line, sizeof(line), in) != NULL;
	(void)fclose(in);
	line[any ? strcspn(line, "\r\n") : 0] = '\0';
	int r = 0;
	if (strlen(line) < PASSPHRASE_MIN)
		r = error_set(err, ERR_INVALID,
			      "%s: the first line is the passphrase, and has at least %d bytes",
			      file, PASSPHRASE_MIN);
	else
		*ret_passphrase = mem_strdup(line);
	sodium_memzero(line, sizeof(line));
	return r;
}

void passphrase_free(char *passphrase)
{
	if (passphrase != NULL)
		sodium_memzero(passphrase, strlen(passphrase));
	free(passphrase);
}

void passphrase_freep(char **passphrase)
{
	passphrase_free(*passphrase);
}
