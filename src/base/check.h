/*
 * Assertions that stay on in release builds. Bad input is never an assertion: these
 * catch our own mistakes, and a daemon that stops at once is better than one that goes
 * on with a broken state (what was acknowledged is durable, and it restarts).
 *
 *   PRE         what the caller promised
 *   POST        what this function promised
 *   INVARIANT   what holds between calls
 *   IMPOSSIBLE  a place that cannot be reached
 */
#ifndef SAMOZA_BASE_CHECK_H
#define SAMOZA_BASE_CHECK_H

#define PRE(cond)	CHECK_("precondition does not hold", cond)
#define POST(cond)	CHECK_("postcondition does not hold", cond)
#define INVARIANT(cond) CHECK_("invariant does not hold", cond)
#define IMPOSSIBLE(why) check_failed("impossible", why, __FILE__, __LINE__, __func__)

#define CHECK_(kind, cond)                                                       \
	do {                                                                     \
		if (__builtin_expect(!(cond), 0))                                \
			check_failed(kind, #cond, __FILE__, __LINE__, __func__); \
	} while (0)

/* Writes one line to standard error and aborts. */
__attribute__((noreturn, cold)) void check_failed(const char *kind, const char *what,
						  const char *file, int line,
						  const char *function);

#endif
