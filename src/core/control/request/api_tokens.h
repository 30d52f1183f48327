/*
 * Tokens with which instances ask zrms: of NATIVE spaces with the capability cluster.api.
 *
 *   copy placed ──► its zhost makes a token ──► API_TOKEN: hash ──► credential of the copy, durable
 *                                                                        │
 *                                               API_TOKEN_TAKEN ◄────────┘──► `start` begins
 *
 *   the copy has no process any longer, has gone, or its zhost is silent ──► the credential ends, in the same batch
 *
 * The token itself is on its zhost alone. What it may do stands in the topology (`api:`), which only somebody could submit
 * who may do as much (access_check.h). A further token of a copy takes the place of the one before, without a line in the audit:
 * nobody may more or less.
 *
 * Source: [machines.anonymous.native], [formats.topology.api].
 */
#ifndef SAMOZA_CORE_CONTROL_API_TOKENS_H
#define SAMOZA_CORE_CONTROL_API_TOKENS_H

#include "core/access/credentials.h"
#include "proto/wire.pb-c.h"

struct control;

/* The zhost of that link says which token a copy of its shows; it is answered. */
void api_token_take(struct control *c, uint64_t link_id, const Samoza__V1__ApiToken *token);
/* Ends those of copies that show theirs no longer: of the copies that have changed, or gone, in this batch. */
void api_tokens_settle(struct control *c);

#endif
