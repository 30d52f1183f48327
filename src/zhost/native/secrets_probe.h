/*
 * Whether instances here can be given secrets: that a process can have files which are in memory alone, and not swapped out
 * (adapter/sandbox/enclose.h). A zhost that cannot says so in HELLO, and no space with secrets is placed there.
 */
#ifndef SAMOZA_ZHOST_NATIVE_SECRETS_PROBE_H
#define SAMOZA_ZHOST_NATIVE_SECRETS_PROBE_H

#include <stdbool.h>

/* Tries it in a child; what is missing is in the log. */
bool secrets_probe(void);

#endif
