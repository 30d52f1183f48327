#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "adapter/sandbox/filter.h"
#include "adapter/sandbox/filter_export.h"
#include "base/memory.h"

/* A program that serves a port needs none of them, and each is a way into the kernel or out of
 * the box. */
static const char *const denied[] = {
	/* mounts and roots */
	"mount", "umount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount",
	"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at",
	"name_to_handle_at", "quotactl", "quotactl_fd", "swapon", "swapoff",
	/* namespaces; clone is looked at below */
	"unshare", "setns",
	/* other processes */
	"ptrace", "process_vm_writev", "kcmp", "process_madvise",
	/* the kernel itself */
	"init_module", "finit_module", "delete_module", "create_module", "kexec_load",
	"kexec_file_load", "reboot", "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie",
	"fanotify_init", "syslog", "acct", "iopl", "ioperm", "vm86", "vm86old", "modify_ldt",
	"uselib", "nfsservctl", "vhangup", "_sysctl", "sysfs", "ustat",
	/* keys */
	"add_key", "request_key", "keyctl",
	/* clocks */
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime"};

/* The same, of what the keeper needs that connects for its programs. */
static const char *const denied_to_programs[] = {"process_vm_readv", "pidfd_getfd"};

/* With "not implemented" libc and databases fall back to what came before. */
static const char *const unknown[] = {"clone3", "io_uring_setup", "io_uring_enter",
				      "io_uring_register"};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static int deny(scmp_filter_ctx filter, const char *const *names, size_t count, int error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		/* Unknown to this libseccomp, or not on this architecture. */
		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), number,
					     0);
	}
	return r;
}

static int deny_namespaces(scmp_filter_ctx filter)
{
	static const unsigned flags[] = {CLONE_NEWUSER,	 CLONE_NEWPID, CLONE_NEWNS,
					 CLONE_NEWNET,	 CLONE_NEWIPC, CLONE_NEWUTS,
					 CLONE_NEWCGROUP};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(flags); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return r;
}

/* Every family between and beyond those allowed: a comparison cannot express "none of these". */
static int deny_families(scmp_filter_ctx filter)
{
	int r = 0, last = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++) {
		for (int f = i == 0 ? 0 : families[i - 1] + 1; r == 0 && f < families[i]; f++)
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
					     SCMP_SYS(socket), 1,
					     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)f));
		last = families[i];
	}
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_GT, (scmp_datum_t)last));
	return r;
}

/* Of netlink only routes and addresses, which getifaddrs() and resolvers read: the others are ways
 * to the firewall, to audit, to the sockets of other instances, and to little used parts of the
 * kernel. */
static int deny_netlink(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
				SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
				SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
}

static int filter_new(bool with_connects, void **ret_program, size_t *ret_size,
		      struct error **err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter == NULL ? -ENOMEM : 0;

	if (r == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = deny(filter, denied, ARRAY_SIZE(denied), EPERM);
	if (r == 0 && !with_connects)
		r = deny(filter, denied_to_programs, ARRAY_SIZE(denied_to_programs), EPERM);
	if (r == 0)
		r = deny(filter, unknown, ARRAY_SIZE(unknown), ENOSYS);
	if (r == 0)
		r = deny_namespaces(filter);
	if (r == 0)
		r = deny_families(filter);
	if (r == 0)
		r = deny_netlink(filter);
	if (r == 0)
		r = filter_export(filter, ret_program, ret_size);
	if (filter != NULL)
		seccomp_release(filter);
	if (r < 0)
		return error_set(err, ERR_UNSUPPORTED,
				 "cannot compute the seccomp filter of native spaces: %s",
				 strerror(-r));
	return 0;
}

int sandbox_native_filter_new(void **ret_program, size_t *ret_size, struct error **err)
{
	return filter_new(false, ret_program, ret_size, err);
}

int sandbox_connects_filter_new(void **ret_program, size_t *ret_size, struct error **err)
{
	return filter_new(true, ret_program, ret_size, err);
}
