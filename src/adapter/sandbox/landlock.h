/*
 * Landlock's interface, own constants: the headers of Debian 12 know only the first ABI.
 */
#ifndef SAMOZA_ADAPTER_SANDBOX_LANDLOCK_H
#define SAMOZA_ADAPTER_SANDBOX_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LANDLOCK_CREATE_RULESET_VERSION_ (1u << 0)
#define LANDLOCK_RULE_PATH_BENEATH_	 1
#define LANDLOCK_FS_EXECUTE		 (1ull << 0)
#define LANDLOCK_FS_WRITE_FILE		 (1ull << 1)
#define LANDLOCK_FS_READ_FILE		 (1ull << 2)
#define LANDLOCK_FS_READ_DIR		 (1ull << 3)
#define LANDLOCK_FS_ABI1		 ((1ull << 13) - 1)
#define LANDLOCK_FS_REFER		 (1ull << 13) /* ABI 2 */
#define LANDLOCK_FS_TRUNCATE		 (1ull << 14) /* ABI 3 */
#define LANDLOCK_NET_TCP		 3ull	      /* ABI 4: bind, connect */
#define LANDLOCK_FS_IOCTL_DEV		 (1ull << 15) /* ABI 5 */
#define LANDLOCK_SCOPE_ALL		 3ull	      /* ABI 6: abstract sockets, signals */

/* What a rule for a file, not a directory, may allow. */
#define LANDLOCK_FS_OF_FILES                                                    \
	(LANDLOCK_FS_EXECUTE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE | \
	 LANDLOCK_FS_TRUNCATE | LANDLOCK_FS_IOCTL_DEV)

struct landlock_ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;	     /* ABI 6 */
};
struct landlock_path_beneath {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

/* The version of the kernel's interface, below 1 where there is none. */
static inline long landlock_abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION_);
}

/* All that this version can forbid. Returns the size of the struct that it knows. */
static inline size_t landlock_ruleset_for(long abi, struct landlock_ruleset *rules)
{
	*rules = (struct landlock_ruleset){.handled_access_fs = LANDLOCK_FS_ABI1};
	if (abi >= 2)
		rules->handled_access_fs |= LANDLOCK_FS_REFER;
	if (abi >= 3)
		rules->handled_access_fs |= LANDLOCK_FS_TRUNCATE;
	if (abi >= 4)
		rules->handled_access_net = LANDLOCK_NET_TCP;
	if (abi >= 5)
		rules->handled_access_fs |= LANDLOCK_FS_IOCTL_DEV;
	if (abi >= 6)
		rules->scoped = LANDLOCK_SCOPE_ALL;
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

#endif
