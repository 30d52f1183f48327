/*
 * What clang's static analyzer reads before each file, since it sees one file at a time: a function
 * that reports an error returns a negative number, so the caller's out-parameters are not used.
 */
#include "base/error.h"

static inline __attribute__((unused)) int known_negative(int r)
{
	return r < 0 ? r : -1;
}

#define error_set(...)	 known_negative(error_set(__VA_ARGS__))
#define error_errno(...) known_negative(error_errno(__VA_ARGS__))
#define error_wrap(...)	 known_negative(error_wrap(__VA_ARGS__))
