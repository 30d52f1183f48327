#include "adapter/sandbox/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void note(struct confine *c, const char *what)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	c->note(c->data, text);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit l = {.rlim_cur = value, .rlim_max = value};

	(void)setrlimit((__rlimit_resource_t)resource, &l);
}

void confine_begin(struct confine *c, uint64_t data_bytes)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		c->done |= CONFINE_NO_NEW_PRIVS;
	else
		note(c, "no_new_privs is not set");
	/* With huge pages "always" a few touched bytes would cost megabytes. */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, 16);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
	limit(RLIMIT_FSIZE, 1024 * 1024);
	limit(RLIMIT_DATA, data_bytes);
	c->done |= CONFINE_LIMITS;
}

void confine_enter(struct confine *c)
{
	const struct confine_shared *s = c->shared;

	if (geteuid() == 0 && setgroups(0, NULL) < 0)
		note(c, "supplementary groups stay");
	if (s->missing[0] != '\0')
		c->note(c->data, s->missing);
	if (s->user_fd >= 0) {
		if (setns(s->user_fd, CLONE_NEWUSER) == 0)
			c->done |= CONFINE_USER;
		else
			note(c, "no user namespace");
	}
	if (s->network_fd >= 0) {
		if (setns(s->network_fd, CLONE_NEWNET) == 0)
			c->done |= CONFINE_NETWORK;
		else
			note(c, "no network namespace");
	}
	if (s->root_fd >= 0) {
		if (unshare(CLONE_NEWNS) == 0)
			c->done |= CONFINE_MOUNT;
		else
			note(c, "no mount namespace");
	}
}

/* ---- Landlock: own constants, the headers of Debian 12 know only the first ABI ---------- */

#define LANDLOCK_CREATE_RULESET_VERSION_ (1u << 0)
#define LANDLOCK_RULE_PATH_BENEATH_	 1
#define LANDLOCK_FS_EXECUTE		 (1ull << 0)
#define LANDLOCK_FS_READ_FILE		 (1ull << 2)
#define LANDLOCK_FS_ABI1		 ((1ull << 13) - 1)
#define LANDLOCK_FS_REFER		 (1ull << 13) /* ABI 2 */
#define LANDLOCK_FS_TRUNCATE		 (1ull << 14) /* ABI 3 */
#define LANDLOCK_NET_TCP		 3ull	      /* ABI 4: bind, connect */
#define LANDLOCK_FS_IOCTL_DEV		 (1ull << 15) /* ABI 5 */
#define LANDLOCK_SCOPE_ALL		 3ull	      /* ABI 6: abstract sockets, signals */

struct landlock_ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;	     /* ABI 6 */
};
struct landlock_path_beneath {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

static size_t ruleset_for(long abi, struct landlock_ruleset *rules)
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

void confine_landlock(struct confine *c, int module_fd)
{
	static long abi; /* asked once per zygote */
	struct landlock_ruleset rules;
	struct landlock_path_beneath module = {
		.allowed_access = LANDLOCK_FS_READ_FILE | LANDLOCK_FS_EXECUTE,
		.parent_fd = module_fd,
	};
	int fd;

	if (abi == 0)
		abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			      LANDLOCK_CREATE_RULESET_VERSION_);
	if (abi < 0) {
		note(c, "no Landlock");
		abi = 0;
		return;
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, ruleset_for(abi, &rules), 0);
	if (fd < 0) {
		note(c, "no Landlock");
		return;
	}
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH_, &module, 0) < 0)
		note(c, "Landlock rule for the module");
	if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		c->done |= CONFINE_LANDLOCK;
	else
		note(c, "no Landlock");
	close(fd);
}

/* ---- the rest -------------------------------------------------------------------------- */

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}, {0}};

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &header, none);
}

int confine_finish(struct confine *c)
{
	const struct confine_shared *s = c->shared;

	if (s->root_fd >= 0 && (fchdir(s->root_fd) < 0 || chroot(".") < 0))
		note(c, "no empty root folder");
	/* Always: in a joined namespace ids that are not mapped look like the wanted ones. */
	if (setresgid(s->gid, s->gid, s->gid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0)
		return -1;
	if (drop_capabilities() < 0)
		return -1;
	if (geteuid() == 0) {
		errno = EPERM;
		return -1;
	}
	c->done |= CONFINE_UNPRIVILEGED;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		note(c, "stays dumpable");
	return 0;
}

void confine_seccomp(struct confine *c, const void *program, size_t size)
{
	struct sock_fprog filter = {
		.len = (unsigned short)(size / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)program,
	};

	if (program == NULL || size == 0) {
		c->note(c->data, "no seccomp filter was given");
		return;
	}
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0)
		c->done |= CONFINE_SECCOMP;
	else
		note(c, "no seccomp");
}
