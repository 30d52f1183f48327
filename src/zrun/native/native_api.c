#include "zrun/native/native_api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zrun/native/native_settings.h"
#include "zrun/native/native_state.h"

#define DIRECTORY ".samoza"

/* A new file in the place of one that may be there. 0, or -1 (errno). */
static int write_file(int directory, const char *name, mode_t mode, const char *content,
		      const struct native *n)
{
	size_t size = strlen(content);
	int fd, r = 0, saved;

	if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return -1;
	if (write(fd, content, size) != (ssize_t)size || fchmod(fd, mode) < 0 ||
	    (n->is_root && fchown(fd, n->enclosure.uid, n->enclosure.gid) < 0))
		r = -1;
	saved = errno;
	close(fd);
	if (r < 0)
		(void)unlinkat(directory, name, 0);
	errno = saved;
	return r;
}

static int write_all(const struct native *n, int directory)
{
	const char *authorities = native_setting(n, "api_authorities");
	char line[256];

	(void)snprintf(line, sizeof(line), "%s\n", native_setting(n, "api_token"));
	if (write_file(directory, strchr(NATIVE_API_TOKEN, '/') + 1, 0400, line, n) < 0)
		return -1;
	explicit_bzero(line, sizeof(line));
	return authorities[0] == '\0'
		       ? 0
		       : write_file(directory, strchr(NATIVE_API_AUTHORITIES, '/') + 1, 0444,
				    authorities, n);
}

bool native_api_write(const struct native *n, char *text, size_t size)
{
	int package, directory = -1, r = -1;

	if (native_setting(n, "api_token")[0] == '\0')
		return true;
	package = open(n->enclosure.package, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (package >= 0 && (mkdirat(package, DIRECTORY, 0755) == 0 || errno == EEXIST))
		directory = openat(package, DIRECTORY,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory >= 0 && fchmod(directory, 0755) == 0) /* whatever the umask is */
		r = write_all(n, directory);
	if (r < 0)
		native_text(text, size, "cannot write its token: %s", strerror(errno));
	if (directory >= 0)
		close(directory);
	if (package >= 0)
		close(package);
	return r == 0;
}
