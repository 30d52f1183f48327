#include "adapter/http/owner_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/memory.h"
#include "base/str.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

enum { BACKLOG = 64 };

/* ---- listening ---- */

/* The directory is named by its descriptor: its path may be longer than a socket's address. */
static int address_in(int directory, const char *name, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
			 "/proc/self/fd/%d/%s", directory, name);
	if (n > 0 && (size_t)n < sizeof(ret_address->sun_path))
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int owner_socket_listen(const char *path, int *ret_fd, struct error **err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep)
	char *above =
		slash != NULL ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	CLEANUP(closep) int directory = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	/* The file gets this mode when it is made: there is no moment at which others may connect. */
	bool good = directory >= 0 && fd >= 0 && fchmod(fd, 0600) == 0 &&
		    address_in(directory, slash != NULL ? slash + 1 : path, &address) == 0 &&
		    (unlink(path) == 0 || errno == ENOENT) &&
		    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		    listen(fd, BACKLOG) == 0;
	if (!good)
		return error_errno(err, "cannot listen on %s", path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ---- who has connected ---- */

/* Whether that process cannot gain privileges; also where nothing can be found out about it. */
static bool is_confined(pid_t pid)
{
	char path[40], line[256];
	bool confined = true;
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	FILE *file = pid > 0 ? fopen(path, "re") : NULL;
	if (file == NULL)
		return true;
	while (fgets(line, sizeof(line), file) != NULL)
		if (str_has_prefix(line, "NoNewPrivs:"))
			confined = strchr(line, '1') != NULL;
	(void)fclose(file);
	return confined;
}

static bool shares_namespace(pid_t pid, const char *kind)
{
	char path[48], own[64], other[64];
	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	ssize_t own_size = readlink(path, own, sizeof(own));
	(void)snprintf(path, sizeof(path), "/proc/%ld/ns/%s", (long)pid, kind);
	ssize_t size = readlink(path, other, sizeof(other));
	return size > 0 && (size_t)size < sizeof(other) && size == own_size &&
	       memcmp(own, other, (size_t)size) == 0;
}

/* Whether that process sees the files and the users that this one does; no, also where nothing can be found out about
 * it. */
static bool is_beside_us(pid_t pid)
{
	return pid > 0 && shares_namespace(pid, "mnt") && shares_namespace(pid, "user");
}

/* Whether the process that connected has ended, and its number may mean another one. A kernel that cannot say so
 * leaves the number alone. */
static bool has_ended(int peer)
{
	int pidfd = -1;
	socklen_t size = sizeof(pidfd);
	if (getsockopt(peer, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0)
		return errno != ENOPROTOOPT;
	struct pollfd poll_it = {.fd = pidfd, .events = POLLIN};
	bool ended = poll(&poll_it, 1, 0) != 0;
	(void)close(pidfd);
	return ended;
}

bool owner_socket_admits(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return false;
	if (who.uid == 0)
		return true;
	if (who.uid != geteuid())
		return false;
	bool are_we_confined = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	return is_beside_us(who.pid) && (are_we_confined || !is_confined(who.pid)) &&
	       !has_ended(fd);
}
