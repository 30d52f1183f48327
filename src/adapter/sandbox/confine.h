/*
 * Confining a process, with libc alone: what zrun does to itself between its start and the
 * guest's first instruction. (The seccomp filter is computed elsewhere: filter.h.)
 *
 * Once per zygote, confine_prepare() makes what instances share: one user namespace, one
 * network namespace with nothing in it, one empty read-only directory that becomes their root.
 * Each instance then goes, in this order:
 *
 *   confine_begin      no new privileges, limits, no huge pages
 *   confine_enter      user, then network namespace, then a mount namespace of its own
 *   confine_landlock   no file but the module; no TCP, no signals and abstract sockets outward
 *   (load the module, which runs no code)
 *   confine_finish     empty root, unprivileged user, no capabilities, not dumpable
 *   confine_seccomp    the precomputed filter
 *
 * A step that this kernel or container does not allow is skipped, and reported through the
 * callback; what stands comes back as bits. Works as root (instances then run as the
 * unprivileged user) and as any other user. Single-threaded callers only.
 */
#ifndef SAMOZA_ADAPTER_SANDBOX_CONFINE_H
#define SAMOZA_ADAPTER_SANDBOX_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The same values as enum zrun_sandbox, which zrun checks. */
enum confine_step {
	CONFINE_SESSION = 1 << 0,
	CONFINE_NO_NEW_PRIVS = 1 << 1,
	CONFINE_LIMITS = 1 << 2,
	CONFINE_USER = 1 << 3,
	CONFINE_NETWORK = 1 << 4,
	CONFINE_MOUNT = 1 << 5,
	CONFINE_UNPRIVILEGED = 1 << 6,
	CONFINE_LANDLOCK = 1 << 7,
	CONFINE_SECCOMP = 1 << 8,
};

/* One line for the log: "no user namespace: Operation not permitted". */
typedef void confine_note_fn(void *data, const char *text);

struct confine_shared {
	int user_fd;	/* -1 where there is none */
	int network_fd; /* -1 */
	int root_fd;	/* empty directory, or -1 */
	uid_t uid;	/* what instances become; the caller's own when it is not root */
	gid_t gid;
	char missing[200]; /* why something is not there; "" otherwise */
};

/* `unprivileged_uid` is used where the caller is root (as user and as group). Never fails:
 * what cannot be made is -1, with the reason in `missing`. About 1 ms. */
void confine_prepare(struct confine_shared *shared, uid_t unprivileged_uid,
		     bool with_namespaces);

struct confine {
	const struct confine_shared *shared;
	uint32_t done; /* enum confine_step bits */
	confine_note_fn *note;
	void *data;
};

/* Says "WHAT: strerror(errno)". */
void confine_note(struct confine *c, const char *what);

/* data_bytes: RLIMIT_DATA, all private writable memory. */
void confine_begin(struct confine *c, uint64_t data_bytes);
void confine_enter(struct confine *c);
/* module_fd: the one file that may still be opened for reading. */
void confine_landlock(struct confine *c, int module_fd);
/* 0, or -1 (errno) when the process would have stayed root: then do not continue. */
int confine_finish(struct confine *c);
/* Also the ambient ones. 0, or -1 (errno). */
int confine_drop_capabilities(void);
/* program: struct sock_filter array, `size` bytes. */
void confine_seccomp(struct confine *c, const void *program, size_t size);

#endif
