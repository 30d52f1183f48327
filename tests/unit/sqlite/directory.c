#include "directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/str.h"

char *directory_new(void)
{
	char *path = mem_strdup("/tmp/samoza-sqlite-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

char *directory_file(const char *directory, const char *name)
{
	return str_printf("%s/%s", directory, name);
}

void directory_delete(const char *directory)
{
	DIR *dir = opendir(directory);
	assert_non_null(dir);
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	assert_int_equal(rmdir(directory), 0);
}

static void too_late(void *user)
{
	(void)user;
	fail_msg("nothing happened within ten seconds");
}

void loop_until(struct loop *loop, const bool *done)
{
	struct loop_timer *limit = loop_timer_new(loop, too_late, NULL);
	loop_timer_at(limit, loop_now(loop).mono_ms + 10000);
	while (!*done)
		(void)uv_run(loop_uv(loop), UV_RUN_ONCE);
	loop_timer_free(limit);
}
