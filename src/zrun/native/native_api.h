/*
 * What an instance with the capability cluster.api needs to ask zrms, in its package's directory, which is read only inside:
 *
 *   .samoza/token         for its user alone (0400); another one with each start
 *   .samoza/authorities   whom it is to believe, where zrms is reached with TLS
 *
 * and in the environment of its programs SAMOZA_API_URL, SAMOZA_API_TOKEN_FILE and SAMOZA_API_CA_FILE.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_API_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_API_H

#include <stdbool.h>
#include <stddef.h>

struct native;

#define NATIVE_API_TOKEN       ".samoza/token"
#define NATIVE_API_AUTHORITIES ".samoza/authorities"

/* Before anything of a start runs, with the rights that zrun has then. False with a text: it cannot. */
bool native_api_write(const struct native *n, char *text, size_t size);

#endif
