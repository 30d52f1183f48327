/*
 * Assertions that stay on in release builds. They catch our own mistakes; bad input is never an
 * assertion. A daemon that stops at once is better than one that continues with a broken state:
 * everything it acknowledged is durable, and it can restart.
 *
 *   PRE         what the caller guarantees
 *   POST        what this function guarantees
 *   INVARIANT   what holds between calls
 *   IMPOSSIBLE  code that cannot be reached
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

/* Called before the process aborts, in the thread that does; it must not fail a check. NULL: nothing. */
void check_before_abort(void (*fn)(void));

/* Writes one line to standard error and aborts. */
__attribute__((noreturn, cold)) void check_failed(const char *kind, const char *what,
						  const char *file, int line,
						  const char *function);

#endif
