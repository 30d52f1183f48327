/*
 * Whether a keeper can connect in place of its programs on this machine (zrun/native/connects.h), tried by doing each step of it
 * in a process of its own.
 */
#ifndef SAMOZA_ZHOST_NATIVE_CONNECTS_PROBE_H
#define SAMOZA_ZHOST_NATIVE_CONNECTS_PROBE_H

/* NULL: it can. Else what is missing, as a constant text. */
const char *connects_probe(void);

#endif
