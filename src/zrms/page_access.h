/*
 * Who may see the pages of a space with `access: token`: zedge asks for each secret that somebody shows, and is told yes
 * or no. It tells hashes only, so zrms and its store see no secret of a page, and a zhost none of zrms.
 *
 *   browser ── code ──► zedge ── PAGE_ASK: hash of the code, hash of the session to be ──► sign-in, durable ─┐
 *                         ◄───────────────────────────── PAGE_ANSWER: granted, for 12 h ◄────────────────────┘
 *   browser ── cookie ──► zedge ── PAGE_ASK: hash ──► a session for this page? ──────────► PAGE_ANSWER
 *   program ── Bearer ──► zedge ── PAGE_ASK: hash ──► a viewer who sees the topology? ───► PAGE_ANSWER
 *
 * Tokens of operators and administrators are for zrms alone: they come to a page with a code.
 *
 * Source: [machines.transport.zedge], [formats.topology.access].
 */
#ifndef SAMOZA_ZRMS_PAGE_ACCESS_H
#define SAMOZA_ZRMS_PAGE_ACCESS_H

#include <stdint.h>

#include "proto/wire.pb-c.h"

struct zrms;

/* Of links_listener. `zhost`: whose link it is. */
void page_access_ask(struct zrms *zrms, uint64_t link_id, const char *zhost,
		     const Samoza__V1__PageAsk *ask);

#endif
