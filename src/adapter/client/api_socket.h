/*
 * unix:PATH of api.h: the socket that zrms has in its directory for its own user and root.
 */
#ifndef SAMOZA_ADAPTER_CLIENT_API_SOCKET_H
#define SAMOZA_ADAPTER_CLIENT_API_SOCKET_H

#include "base/error.h"

#define API_SOCKET "unix:"

struct api_socket;

/* Nothing need listen there yet. ERR_INVALID: no path; its directory is not there. */
int api_socket_new(const char *path, struct api_socket **ret_socket,
		   struct error **err) must_check;
void api_socket_free(struct api_socket *socket);
/* Fits into a socket's address, however long the path is. Borrowed. */
const char *api_socket_path(const struct api_socket *socket);

#endif
