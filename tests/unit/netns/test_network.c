/* Machines as network namespaces: made, made whole again, reached, removed. Skipped without root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/netns/network.h"
#include "base/str.h"

static struct network net;

static void make(void)
{
	struct error *err = NULL;

	if (network_make(&net, &err) < 0)
		fail_msg("%s", err->message);
}

static void add(const char *name, unsigned number)
{
	struct error *err = NULL;

	if (network_add(&net, name, number, &err) < 0)
		fail_msg("%s", err->message);
}

/* The exit status of a command of bash, in which $p begins the network's names, and $a is `address`. */
static int shell(const char *text, const char *address)
{
	CLEANUP(freep)
	char *line = str_printf("set -e; p=%s; a=%s; %s", net.prefix, address, text);
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		(void)execl("/bin/bash", "bash", "-c", line, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int set_up(void **state)
{
	char directory[64];

	(void)snprintf(directory, sizeof(directory), "/test/%d", (int)getpid());
	net = network_of(directory);
	return network_remove(&net, NULL);
}

static int tear_down(void **state)
{
	return network_remove(&net, NULL);
}

static void test_one_directory_has_one_network(void **state)
{
	struct network again, other = network_of("/two");

	again = network_of("/two");
	assert_string_equal(again.prefix, other.prefix);
	assert_memory_equal(again.subnet, other.subnet, 2);
	again = network_of("/one");
	assert_string_not_equal(again.prefix, other.prefix);
}

/* The first machine listens, and this machine and the second one reach it. */
static void test_machines_reach_each_other_and_this_one(void **state)
{
	CLEANUP(freep) char *alpha = network_address(&net, 1);

	make();
	add("alpha", 1);
	add("beta", 2);
	assert_true(network_exists(&net));
	assert_int_equal(
		shell("exec 3< <(ip netns exec $p-alpha python3 -c '"
		      "import socket; s = socket.create_server((\"'$a'\", 7)); print(1, "
		      "flush=True);"
		      "[s.accept()[0].sendall(b\"x\") for _ in range(2)]'); read -r line <&3; "
		      "c='import socket; s = socket.create_connection((\"'$a'\", 7), 5); "
		      "assert s.recv(1) == b\"x\"';"
		      "python3 -c \"$c\"; ip netns exec $p-beta python3 -c \"$c\"",
		      alpha),
		0);
}

static void test_what_is_there_is_left_alone_and_a_half_is_made_again(void **state)
{
	CLEANUP(freep) char *address = network_address(&net, 1);

	make();
	add("alpha", 1);
	assert_int_equal(shell("ip -n $p-alpha link add kept type veth peer name other", ""),
			 0);
	make();
	add("alpha", 1);
	assert_int_equal(shell("ip -n $p-alpha link show kept >/dev/null", ""), 0);
	assert_int_equal(shell("ip -n $p-alpha link delete eth0", ""), 0);
	add("alpha", 1);
	assert_int_equal(shell("ip -n $p-alpha address show dev eth0 | grep -q $a", address),
			 0);
	assert_int_equal(shell("ip link delete $p", ""), 0); /* the network is a half, too */
	make();
	add("alpha", 1);
	assert_int_equal(shell("ip -n $p-alpha address show dev eth0 | grep -q $a", address),
			 0);
}

static void test_addresses_of_another_network_are_not_taken(void **state)
{
	CLEANUP(freep) char *address = network_address(&net, 17);
	struct error *err = NULL;

	assert_int_equal(shell("ip link add $p-x type veth peer name $p-y; ip address add "
			       "$a/24 dev $p-x",
			       address),
			 0);
	assert_int_equal(network_make(&net, &err), ERR_CONFLICT);
	assert_non_null(strstr(err->message, "are in use on this machine"));
	error_free(err);
	assert_int_equal(shell("ip link delete $p-x", ""), 0);
	make();
}

static void test_nothing_is_left(void **state)
{
	make();
	add("alpha", 1);
	assert_int_equal(network_remove(&net, NULL), 0);
	assert_false(network_exists(&net));
	assert_int_not_equal(shell("ip link show $p 2>/dev/null", ""), 0);
	assert_int_not_equal(shell("ls /run/netns | grep -q $p", ""), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_directory_has_one_network),
		cmocka_unit_test_setup_teardown(test_machines_reach_each_other_and_this_one,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_there_is_left_alone_and_a_half_is_made_again, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_addresses_of_another_network_are_not_taken,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_left, set_up, tear_down),
	};
	struct error *err = NULL;

	if (network_check(&err) < 0) {
		(void)fprintf(stderr, "%s\n", err->message);
		error_free(err);
		return 77; /* skipped */
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
