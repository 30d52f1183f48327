#include "zrms/secret/secret_passphrase.h"

#include <stdlib.h>
#include <unistd.h>

#include "adapter/backup/passphrase.h"
#include "base/str.h"

int secret_passphrase_find(char **ret_passphrase, struct error **err)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	*ret_passphrase = NULL;
	if (directory == NULL)
		return 0;
	CLEANUP(freep) char *path = str_printf("%s/secrets-passphrase", directory);
	return access(path, F_OK) < 0 ? 0 : passphrase_read(path, ret_passphrase, err);
}
