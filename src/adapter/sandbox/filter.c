#include "adapter/sandbox/filter.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapter/sandbox/filter_export.h"
#include "base/memory.h"

/* Needed by zrun and by libc under it once the guest runs. */
static const char *const allowed[] = {
	/* the socket of zhost and the descriptors that are open already */
	"read", "write", "pwrite64", "close", "recvfrom", "recvmsg", "sendto", "poll", "ppoll",
	"accept4", "fsync", "fdatasync",
	/* memory; mmap and mprotect only without PROT_EXEC, see below */
	"munmap", "madvise", "brk",
	/* time */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday",
	"setitimer", "sched_yield",
	/* signals: only returning from and masking them */
	"rt_sigreturn", "rt_sigprocmask", "rt_sigaction", "sigaltstack", "restart_syscall",
	/* the end, and what libc does by itself */
	"exit", "exit_group", "futex", "getrandom", "getpid", "gettid"};

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		/* Not on this architecture (poll on arm64): nothing to allow. */
		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

int filter_export(scmp_filter_ctx filter, void **ret_program, size_t *ret_size)
{
	CLEANUP(closep) int fd = (int)syscall(SYS_memfd_create, "filter", 1u /* CLOEXEC */);
	off_t size;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(filter, fd);
	if (r < 0)
		return r;
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0)
		return -EIO;
	*ret_program = mem_calloc(1, (size_t)size);
	*ret_size = (size_t)size;
	if (pread(fd, *ret_program, (size_t)size, 0) != size) {
		free(*ret_program);
		return -EIO;
	}
	return 0;
}

int sandbox_filter_new(void **ret_program, size_t *ret_size, struct error **err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter == NULL ? -ENOMEM : 0;

	/* A binary tree over the numbers. */
	if (r == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = add_rules(filter);
	if (r == 0)
		r = filter_export(filter, ret_program, ret_size);
	if (filter != NULL)
		seccomp_release(filter);
	if (r < 0)
		return error_set(err, ERR_UNSUPPORTED, "cannot compute the seccomp filter: %s",
				 strerror(-r));
	return 0;
}
