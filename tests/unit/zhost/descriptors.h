/* Descriptors run out, for tests. */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_DESCRIPTORS_H
#define SAMOZA_TESTS_UNIT_ZHOST_DESCRIPTORS_H

#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

/* From now on only `count` descriptors can be opened; -1: as many as before. */
static inline void set_descriptors(int count)
{
	static rlim_t before;
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (count >= 0) {
		int next = dup(STDERR_FILENO); /* the lowest that is free */
		assert_true(next >= 0);
		(void)close(next);
		before = limit.rlim_cur;
		limit.rlim_cur = (rlim_t)(next + count);
	} else {
		limit.rlim_cur = before;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

#endif
