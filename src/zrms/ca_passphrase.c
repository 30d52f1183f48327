#include "zrms/ca_passphrase.h"

#include <stdlib.h>
#include <unistd.h>

#include "adapter/backup/passphrase.h"
#include "base/str.h"
#include "zrms/settings.h"

int ca_passphrase_find(const struct settings *settings, char **ret_passphrase,
		       struct error **err)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	*ret_passphrase = NULL;
	if (settings->ca_passphrase_file != NULL)
		return passphrase_read(settings->ca_passphrase_file, ret_passphrase, err);
	if (directory == NULL)
		return 0;
	CLEANUP(freep) char *path = str_printf("%s/ca-passphrase", directory);
	return access(path, F_OK) < 0 ? 0 : passphrase_read(path, ret_passphrase, err);
}
