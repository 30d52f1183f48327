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

#include "adapter/sandbox/landlock.h"

void confine_note(struct confine *c, const char *what)
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
		confine_note(c, "no_new_privs is not set");
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
		confine_note(c, "supplementary groups stay");
	if (s->missing[0] != '\0')
		c->note(c->data, s->missing);
	if (s->user_fd >= 0) {
		if (setns(s->user_fd, CLONE_NEWUSER) == 0)
			c->done |= CONFINE_USER;
		else
			confine_note(c, "no user namespace");
	}
	if (s->network_fd >= 0) {
		if (setns(s->network_fd, CLONE_NEWNET) == 0)
			c->done |= CONFINE_NETWORK;
		else
			confine_note(c, "no network namespace");
	}
	if (s->root_fd >= 0) {
		if (unshare(CLONE_NEWNS) == 0)
			c->done |= CONFINE_MOUNT;
		else
			confine_note(c, "no mount namespace");
	}
}

/* ---- Landlock ------------------------------------------------------------------------- */

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
		abi = landlock_abi();
	if (abi < 0) {
		confine_note(c, "no Landlock");
		abi = 0;
		return;
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
			  landlock_ruleset_for(abi, &rules), 0);
	if (fd < 0) {
		confine_note(c, "no Landlock");
		return;
	}
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH_, &module, 0) < 0)
		confine_note(c, "Landlock rule for the module");
	if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		c->done |= CONFINE_LANDLOCK;
	else
		confine_note(c, "no Landlock");
	close(fd);
}

/* ---- the rest -------------------------------------------------------------------------- */

int confine_drop_capabilities(void)
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
		confine_note(c, "no empty root directory");
	/* Always: in a joined namespace ids that are not mapped look like the wanted ones. */
	if (setresgid(s->gid, s->gid, s->gid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0)
		return -1;
	if (confine_drop_capabilities() < 0)
		return -1;
	if (geteuid() == 0) {
		errno = EPERM;
		return -1;
	}
	c->done |= CONFINE_UNPRIVILEGED;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		confine_note(c, "stays dumpable");
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
		confine_note(c, "no seccomp");
}
