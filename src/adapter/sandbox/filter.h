/*
 * The seccomp filter of instances, computed beforehand by zhost (libseccomp) and handed to
 * zrun as a blob, so that zrun needs no more than libc. Everything that is not on the list
 * fails with EPERM; system calls of another architecture end the process. No way to open a
 * file, make a socket or a process, send a signal, or make memory executable is on it.
 */
#ifndef SAMOZA_ADAPTER_SANDBOX_FILTER_H
#define SAMOZA_ADAPTER_SANDBOX_FILTER_H

#include <stddef.h>

#include "base/error.h"

/* An array of struct sock_filter; *ret_size in bytes. The caller frees. */
int must_check sandbox_filter_new(void **ret_program, size_t *ret_size, struct error **err);

/* For recipes of NATIVE spaces, which are programs of any kind: everything is allowed but
 * mounts, namespaces, tracing, kernel modules, keys, clocks, io_uring, and sockets other than
 * Unix, IP and NETLINK_ROUTE. */
int must_check sandbox_native_filter_new(void **ret_program, size_t *ret_size,
					 struct error **err);
/* The same for a keeper that connects in place of its programs (zrun/native/connects.h): it may take their sockets and read
 * what they pass, until it forbids that to them. */
int must_check sandbox_connects_filter_new(void **ret_program, size_t *ret_size,
					   struct error **err);

#endif
