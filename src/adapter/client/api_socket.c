#include "adapter/client/api_socket.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/memory.h"
#include "base/str.h"

struct api_socket {
	int directory; /* -1: the path is short enough */
	char *path;
};

int api_socket_new(const char *path, struct api_socket **ret_socket, struct error **err)
{
	const struct sockaddr_un *longest = NULL;
	const char *slash = strrchr(path, '/');
	CLEANUP(closep) int directory = -1;
	struct api_socket *socket;

	if (path[0] == '\0')
		return error_set(err, ERR_INVALID,
				 "'unix:' names no socket: expected unix:DIR/api.sock, where "
				 "DIR is the directory of zrms");
	if (strlen(path) >= sizeof(longest->sun_path) && slash != NULL) {
		CLEANUP(freep) char *above = mem_strndup(path, (size_t)(slash - path) + 1);
		directory = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (directory < 0)
			return error_errno(err, "cannot reach zrms at unix:%s", path);
	}
	socket = mem_new(struct api_socket);
	socket->path = directory >= 0 ? str_printf("/proc/self/fd/%d/%s", directory, slash + 1)
				      : mem_strdup(path);
	socket->directory = directory;
	directory = -1;
	*ret_socket = socket;
	return 0;
}

void api_socket_free(struct api_socket *socket)
{
	if (socket == NULL)
		return;
	if (socket->directory >= 0)
		(void)close(socket->directory);
	free(socket->path);
	free(socket);
}

const char *api_socket_path(const struct api_socket *socket)
{
	return socket->path;
}
