/* adapter/sandbox/native_filter.c: which sockets recipes can make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/sandbox/filter.h"

static struct sock_fprog program;

static int load(void **state)
{
	void *filter = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(sandbox_native_filter_new(&filter, &size, NULL), 0);
	program = (struct sock_fprog){
		.len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = filter};
	return 0;
}

static int unload(void **state)
{
	(void)state;
	free(program.filter);
	return 0;
}

/* The errno of a call below the filter; 0: it is done. Registers as wide as they are. */
static int call_errno(const struct sock_fprog *filter, long number, long first, long second,
		      long third)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) < 0)
			_exit(255);
		_exit(syscall(number, first, second, third) >= 0 ? 0 : errno);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int socket_errno(long family, long type, long protocol)
{
	return call_errno(&program, SYS_socket, family, type, protocol);
}

static void of_netlink_only_routes_are_there(void **state)
{
	(void)state;
	assert_int_equal(socket_errno(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
	assert_int_equal(socket_errno(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE), 0);
	for (int protocol = NETLINK_ROUTE + 1; protocol <= NETLINK_SMC + 1; protocol++)
		assert_int_equal(socket_errno(AF_NETLINK, SOCK_RAW, protocol), EPROTONOSUPPORT);
}

/* The kernel takes 32 bits of a register of 64. */
static void wide_registers_do_not_pass_the_filter(void **state)
{
	const long high = 1l << 32;

	(void)state;
	assert_int_not_equal(socket_errno(AF_NETLINK | high, SOCK_RAW, NETLINK_SOCK_DIAG), 0);
	assert_int_not_equal(socket_errno(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG | high), 0);
	assert_int_not_equal(socket_errno(AF_VSOCK | high, SOCK_STREAM, 0), 0);
}

static void only_unix_ip_and_netlink_are_families(void **state)
{
	(void)state;
	for (int family = 0; family <= AF_MAX; family++) {
		bool may = family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
			   family == AF_NETLINK;
		int type = family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM;

		assert_int_equal(socket_errno(family, type, 0), may ? 0 : EAFNOSUPPORT);
	}
}

/* Its keeper may take sockets of its programs, and does not let them do so. */
static void only_a_keeper_that_connects_takes_descriptors_of_others(void **state)
{
	void *filter = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(call_errno(&program, SYS_pidfd_getfd, -1, 0, 0), EPERM);
	assert_int_equal(call_errno(&program, SYS_process_vm_readv, 1, 0, 0), EPERM);
	assert_int_equal(sandbox_connects_filter_new(&filter, &size, NULL), 0);
	struct sock_fprog keeper = {.len = (unsigned short)(size / sizeof(struct sock_filter)),
				    .filter = filter};
	assert_int_equal(call_errno(&keeper, SYS_pidfd_getfd, -1, 0, 0), EBADF);
	assert_int_equal(call_errno(&keeper, SYS_ptrace, 0, 0, 0), EPERM);
	assert_int_equal(call_errno(&keeper, SYS_socket, AF_VSOCK, SOCK_STREAM, 0),
			 EAFNOSUPPORT);
	free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_netlink_only_routes_are_there),
		cmocka_unit_test(wide_registers_do_not_pass_the_filter),
		cmocka_unit_test(only_unix_ip_and_netlink_are_families),
		cmocka_unit_test(only_a_keeper_that_connects_takes_descriptors_of_others),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
