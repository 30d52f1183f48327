/* adapter/uv/loop.h: what the system refuses when a loop is made is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <string.h>

#include "adapter/uv/loop.h"

static int poll_init_result;
int __real_uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
int __wrap_uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);

int __wrap_uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd)
{
	return poll_init_result != 0 ? poll_init_result : __real_uv_poll_init(loop, handle, fd);
}

static unsigned descriptors(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static void a_loop_that_cannot_watch_for_a_resume_is_not_made(void **state)
{
	struct loop loop;
	CLEANUP(error_freep) struct error *err = NULL;
	/* libuv keeps some from the first loop on. */
	assert_int_equal(loop_init(&loop, NULL), 0);
	loop_done(&loop);
	unsigned before = descriptors();
	poll_init_result = UV_ENOMEM;
	assert_int_equal(loop_init(&loop, &err), ERR_IO);
	assert_non_null(strstr(err->message, "not enough memory"));
	poll_init_result = 0;
	assert_int_equal(descriptors(), before);
	assert_int_equal(loop_init(&loop, NULL), 0);
	loop_done(&loop);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_that_cannot_watch_for_a_resume_is_not_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
