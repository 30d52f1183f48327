#include "mex/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

int scratch_new(char **ret_folder, struct error **err)
{
	const char *temporary = getenv("TMPDIR");
	char *folder = str_printf(
		"%s/mex-XXXXXX", temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
	if (mkdtemp(folder) == NULL) {
		int r = error_errno(err, "cannot make a temporary directory %s", folder);
		free(folder);
		return r;
	}
	*ret_folder = folder;
	return 0;
}

void scratch_free(char *folder)
{
	if (folder == NULL)
		return;
	DIR *d = opendir(folder);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (!str_equal(e->d_name, ".") && !str_equal(e->d_name, ".."))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(folder);
	free(folder);
}

void scratch_freep(char **folder)
{
	scratch_free(*folder);
}
