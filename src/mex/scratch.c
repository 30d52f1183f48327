#include "mex/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

int scratch_new(char **ret_directory, struct error **err)
{
	const char *temporary = getenv("TMPDIR");
	char *directory = str_printf(
		"%s/mex-XXXXXX", temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
	if (mkdtemp(directory) == NULL) {
		int r = error_errno(err, "cannot make a temporary directory %s", directory);
		free(directory);
		return r;
	}
	*ret_directory = directory;
	return 0;
}

void scratch_free(char *directory)
{
	if (directory == NULL)
		return;
	DIR *d = opendir(directory);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (!str_equal(e->d_name, ".") && !str_equal(e->d_name, ".."))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(directory);
	free(directory);
}

void scratch_freep(char **directory)
{
	scratch_free(*directory);
}
