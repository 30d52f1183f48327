/*
 * Enclosing a tree of native processes, with libc alone: what stands around the recipes of a
 * NATIVE space. (A WebAssembly guest gets the narrower box of confine.h.)
 *
 *   enclose_fork    one process in namespaces of its own: processes, mounts, System V IPC
 *                   (as an ordinary user: after a user namespace)
 *   enclose_enter   in that process, before it runs anything foreign:
 *                     a new root: the system's directories and the package read only, the
 *                     own directories, an own /proc and small /dev; nothing else exists there;
 *                     an empty directory for secrets, in memory that is not swapped out
 *                     limits, Landlock, the unprivileged user, no capabilities, seccomp
 *
 * The network is the machine's: native spaces serve ports. A step that the kernel or container
 * does not allow is skipped and said through the callback; what stands comes back as bits
 * (enum confine_step). Without a mount namespace the directories keep their paths, and Landlock
 * and the file modes alone protect the rest. Single-threaded callers only.
 */
#ifndef SAMOZA_ADAPTER_SANDBOX_ENCLOSE_H
#define SAMOZA_ADAPTER_SANDBOX_ENCLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "adapter/sandbox/confine.h"

/* Where the directories are inside. */
#define ENCLOSE_PACKAGE		 "/samoza/package"
#define ENCLOSE_DATA		 "/samoza/data"
#define ENCLOSE_KEPT		 "/samoza/kept"
#define ENCLOSE_TMP		 "/tmp"
#define ENCLOSE_SECRETS		 "/samoza/secrets" /* in memory, read only */

#define ENCLOSE_NAMESPACE_PIDS	 (1u << 0)
#define ENCLOSE_NAMESPACE_MOUNTS (1u << 1)
#define ENCLOSE_NAMESPACE_USER	 (1u << 2)

struct enclosure {
	/* absolute, on the machine */
	const char *package, *data, *tmp;
	const char *kept;   /* a further directory of its own; NULL: none */
	const char *hidden; /* a directory to hide, wherever it is; NULL: none */
	uid_t uid;	    /* whom the processes run as, where the caller is root */
	gid_t gid;
	const void *filter; /* struct sock_filter array, filter_size bytes */
	size_t filter_size;
	bool without_namespaces;
	/* Device nodes for it, in its /dev, and the groups that it belongs to, where the caller is root. */
	const char *const *devices;
	unsigned device_count;
	const gid_t *groups;
	unsigned group_count;

	/* Filled in. */
	uint32_t namespaces; /* ENCLOSE_NAMESPACE_*: those that stand */
	int fork_errno;	     /* why some do not; 0 */
	bool has_root;	     /* ENCLOSE_PACKAGE and so on are the paths inside */
	int secrets_fd; /* ENCLOSE_SECRETS, to write into it; -1: there is none, as always without a root */
	struct confine confine;
};

/* As fork(): 0 in the child. Flushes nothing; the child is the first process of its
 * namespace, which ends with it. -1 with errno only when even a plain fork fails. */
pid_t enclose_fork(struct enclosure *e);
/* In the child. 0, or -1 (errno) when the processes would have stayed privileged or would see
 * what they must not: then run nothing. `note` and `data` of e->confine are set by the caller.
 * Leaves the process in its data directory. */
int enclose_enter(struct enclosure *e);

/* Whether the machine lets a process have files that are only in memory, and never swapped out, in a mount namespace of its own: a
 * child tries it. 0, or -1 with errno. */
int enclose_try_secrets(void);

#endif
