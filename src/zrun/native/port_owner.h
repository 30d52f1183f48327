/*
 * Whose port it is: that something answers on a port does not say that this instance does. Out of
 * /proc: the sockets that listen on the port, and who has them open.
 */
#ifndef SAMOZA_ZRUN_NATIVE_PORT_OWNER_H
#define SAMOZA_ZRUN_NATIVE_PORT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum port_owner {
	PORT_UNKNOWN, /* /proc does not say */
	PORT_OWN,
	PORT_FOREIGN, /* or nothing listens on it */
};

/* Whether `root` or a process below it, but for those of `without` and below, listens on this TCP port. `is_own_user`: no other instance
 * runs as this user; then a socket of this user counts where the descriptors of some process cannot
 * be read. */
enum port_owner port_owner(uint16_t port, pid_t root, const pid_t *without,
			   size_t without_count, bool is_own_user);

/* Who listens on it, as far as the caller may know: "python3 (process 1234)", "a program of user 33".
 * *ret_socket: its socket, by which it is recognised. False: nobody, or /proc does not say. */
bool port_user(uint16_t port, char *text, size_t size, unsigned long *ret_socket);
/* Whether that socket still listens on it. */
bool port_has_socket(uint16_t port, unsigned long socket);

#endif
