/*
 * How many random cases a test tries. With a sanitizer each takes some ten times as long, and what is looked for, memory
 * that is misused, shows in any of them: a fifth of the cases, and never fewer than one.
 */
#ifndef SAMOZA_TESTS_RANDOM_CASES_H
#define SAMOZA_TESTS_RANDOM_CASES_H

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* gcc */
#define HAS_SANITIZER 1
#endif

#ifdef HAS_SANITIZER
#define RANDOM_CASES(n) ((n) / 5 > 0 ? (n) / 5 : 1)
#else
#define RANDOM_CASES(n) (n)
#endif

#endif
