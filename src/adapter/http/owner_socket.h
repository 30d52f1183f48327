/*
 * A Unix socket for the owner: processes of the user that runs this program, and root's.
 *
 * The file has mode 0600, and the kernel says who has connected (SO_PEERCRED). A program that was confined after
 * the owner had started it, as one of a NATIVE space that runs as the same user, is not the owner: it cannot gain
 * privileges (no_new_privs, which nothing takes back), where this program can. And it is not where this program is: its
 * mount or user namespace is another. Where this program cannot gain privileges itself, that alone tells them apart.
 *
 * Source: [machines.anonymous.loopback].
 */
#ifndef SAMOZA_ADAPTER_HTTP_OWNER_SOCKET_H
#define SAMOZA_ADAPTER_HTTP_OWNER_SOCKET_H

#include <stdbool.h>

#include "base/error.h"

/* What http_peer() says of its peers. */
#define OWNER_SOCKET_ADDRESS "socket"

/* A socket that listens. What is left there from an earlier run is removed, so the caller must be the only one that
 * uses `path`, which may be longer than a socket's address. */
int owner_socket_listen(const char *path, int *ret_fd, struct error **err) must_check;
/* Whether the peer of this connected socket is the owner. */
bool owner_socket_admits(int fd);

#endif
