/* What is written is what was known at the fork, whatever its parent does meanwhile. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/snapshot/snapshot.h"
#include "base/memory.h"

struct known {
	char text[16];
	int fd; /* of the parent */
};

static int write_known(void *user, struct buffer *to, struct error **err)
{
	const struct known *k = user;
	(void)err;
	bool is_open = k->fd >= 0 && fcntl(k->fd, F_GETFD) >= 0;
	(void)buffer_printf(to, "%s%s", k->text, is_open ? " open" : "");
	return 0;
}

static int write_much(void *user, struct buffer *to, struct error **err)
{
	(void)user;
	(void)err;
	for (unsigned k = 0; k < 300000; k++)
		(void)buffer_printf(to, "%08u", k);
	return 0;
}

static int write_nothing(void *user, struct buffer *to, struct error **err)
{
	(void)user;
	(void)to;
	return error_set(err, ERR_INVALID, "nothing can be written");
}

static int die(void *user, struct buffer *to, struct error **err)
{
	(void)user;
	(void)to;
	(void)err;
	raise(SIGKILL);
	return 0;
}

static void it_is_of_the_moment_of_the_fork(void **state)
{
	(void)state;
	struct known k = {.text = "before", .fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	struct snapshot s;
	struct buffer b = {0};
	snapshot_take(write_known, &k, &s);
	strcpy(k.text, "after");
	assert_int_equal(snapshot_read(&s, &b, NULL), 0);
	assert_string_equal(b.data,
			    "before"); /* and its child has nothing of its descriptors */
	buffer_done(&b);
	close(k.fd);
}

static void large_ones_are_whole(void **state)
{
	(void)state;
	struct snapshot s;
	struct buffer b = {0};
	snapshot_take(write_much, NULL, &s);
	assert_int_equal(snapshot_read(&s, &b, NULL), 0);
	assert_int_equal(b.size, 2400000);
	assert_memory_equal(b.data + b.size - 8, "00299999", 8);
	buffer_done(&b);
}

static void a_child_that_fails_or_dies_is_an_error(void **state)
{
	(void)state;
	snapshot_write_fn *const fails[] = {write_nothing, die};
	for (size_t k = 0; k < 2; k++) {
		struct snapshot s;
		struct buffer b = {0};
		CLEANUP(error_freep) struct error *err = NULL;
		snapshot_take(fails[k], NULL, &s);
		assert_int_equal(snapshot_read(&s, &b, &err), ERR_UNAVAILABLE);
		assert_non_null(err);
		buffer_done(&b);
	}
}

/* As where SIGCHLD is ignored: nobody can say whether it has written everything. */
static void a_child_of_which_nothing_is_known_is_an_error(void **state)
{
	(void)state;
	struct known k = {.text = "before", .fd = -1};
	struct snapshot s;
	struct buffer b = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	snapshot_take(write_known, &k, &s);
	assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
	assert_int_equal(snapshot_read(&s, &b, &err), ERR_UNAVAILABLE);
	assert_non_null(err);
	buffer_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_of_the_moment_of_the_fork),
		cmocka_unit_test(large_ones_are_whole),
		cmocka_unit_test(a_child_that_fails_or_dies_is_an_error),
		cmocka_unit_test(a_child_of_which_nothing_is_known_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
