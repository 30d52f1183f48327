#include "startz/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* Directory of this program. The caller frees; NULL: not known. */
static char *own_directory(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return mem_strdup(path);
}

int program_find(const char *directory, const char *name, char **ret_path, struct error **err)
{
	CLEANUP(freep)
	char *own = directory == NULL ? own_directory() : realpath(directory, NULL);
	CLEANUP(freep) char *path = NULL;

	if (own == NULL)
		return error_errno(err, "cannot find the directory of the programs");
	path = str_printf("%s/%s", own, name);
	if (access(path, X_OK) < 0)
		return error_errno(err, "cannot run %s", path);
	*ret_path = steal_ptr(&path);
	return 0;
}

static int record(void *user, struct error **err)
{
	return state_save(user, err);
}

int program_start(struct state *s, struct member *m, const struct process_plan *plan,
		  struct error **err)
{
	return process_start(plan, &m->process, record, s, err);
}
