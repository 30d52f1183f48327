/*
 * A test of something that must end the program: it runs in a child process.
 */
#ifndef SAMOZA_TESTS_BASE_DIES_H
#define SAMOZA_TESTS_BASE_DIES_H

/* Runs `act` in a child, which must abort; what it wrote to standard error must contain
 * `expected`. */
void expect_abort(void (*act)(void), const char *expected);

#endif
