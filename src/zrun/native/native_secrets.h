/*
 * Files with secrets of a NATIVE instance: in its own mount namespace, in memory (adapter/sandbox/enclose.h), written by its keeper,
 * which runs as their owner.
 *
 *   zrun                                              keeper
 *     | KEEPER_SECRET name, value --------------------> written beside: .NAME
 *     |<------------------------------- KEEPER_SECRET whether it could
 *     | (each of them)
 *     | KEEPER_SECRETS names -------------------------> each one renamed, what is not named removed
 *     |<------------------------------- KEEPER_SECRET whether it could
 *
 * So a program that reads one has either the whole one of before or the whole new one, and what cannot be written changes nothing.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_SECRETS_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

struct native;

/* Those that its imports name, and no others, are there. False with a text: they are as before. PRE: the keeper is ready. */
bool native_secrets_write(struct native *n, char *text, size_t size);

#endif
